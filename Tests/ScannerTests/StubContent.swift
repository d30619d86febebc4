import CClamAV
import Filter
import Synchronization

@testable import Scanner

/// A message in memory.
struct MemoryContent: InspectedContent {
    let bytes: [UInt8]
    let digest: [UInt8]

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        digest = [UInt8](unsafeUninitializedCapacity: 32) { sum, count in
            var length: UInt32 = 0
            _ = cl_sha256(bytes, bytes.count, sum.baseAddress, &length)
            count = Int(length)
        }
    }

    init(_ text: String) { self.init(Array(text.utf8)) }

    var count: Int { bytes.count }

    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result { try bytes.withUnsafeBytes(body) }
}

/// Collects what is called from elsewhere.
final class Log: Sendable {
    private let list = Mutex<[String]>([])
    var lines: [String] { list.withLock { $0 } }
    func add(_ line: String) { list.withLock { $0.append(line) } }
}

/// Whether something becomes true within some seconds.
func eventually(_ condition: () async -> Bool) async -> Bool {
    for _ in 0..<1_000 {
        if await condition() { return true }
        try? await Task.sleep(for: .milliseconds(10))
    }
    return false
}
