import Glibc

/// How much memory there is, and how much is ours.
struct MemoryGauge: Sendable {
    /// Bytes that this process may still take.
    var available: @Sendable () -> Int
    /// Bytes of this process that are in memory.
    var resident: @Sendable () -> Int

    static let system = MemoryGauge(available: { min(machine(), group()) }, resident: residentSize)

    /// Bytes of address space.
    static func size() -> Int { pages(0) }

    private static func residentSize() -> Int { pages(1) }

    private static func pages(_ field: Int) -> Int {
        let fields = contents("/proc/self/statm").split(separator: " ")
        return fields.count > field ? (Int(fields[field]) ?? 0) * Int(sysconf(CInt(_SC_PAGESIZE))) : 0
    }

    /// `MemAvailable`.
    static func machine() -> Int {
        for line in contents("/proc/meminfo").split(separator: "\n") where line.hasPrefix("MemAvailable:") {
            return line.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 << 10 } ?? .max
        }
        return .max
    }

    /// What the control groups around this process leave.
    private static func group() -> Int {
        guard let line = contents("/proc/self/cgroup").split(separator: "\n").first(where: { $0.hasPrefix("0::/") }) else { return .max }
        var path = "/sys/fs/cgroup" + line.dropFirst(3)
        var least = Int.max
        while path.utf8.count > "/sys/fs/cgroup".utf8.count {
            if let most = number(path + "/memory.max"), let used = number(path + "/memory.current") {
                // Pages of files go when memory is needed.
                let pages = contents(path + "/memory.stat").split(separator: "\n").first { $0.hasPrefix("inactive_file ") }
                let reclaimable = pages.flatMap { Int($0.dropFirst("inactive_file ".count)) } ?? 0
                least = min(least, max(0, most - used + reclaimable))
            }
            guard let slash = path.lastIndex(of: "/") else { break }
            path = String(path[..<slash])
        }
        return least
    }

    private static func number(_ path: String) -> Int? { Int(contents(path).prefix { $0 != "\n" }) }

    private static func contents(_ path: String) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 16_384)
        let count = read(descriptor, &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }
}
