import Foundation
import Glibc

/// Debian's nsd on a loopback port, with a signed root of its own above the zones: ldns-keygen and ldns-signzone make keys and
/// signatures. A resolver that gets `forwarder` and `trustAnchor` and no other ones learns everything from here.
package final class ZoneServer {
    package struct Failure: Error {
        package let text: String
    }

    package let port: UInt16
    /// DS of the root.
    package let trustAnchor: String
    package var forwarder: String { "127.0.0.1@\(port)" }
    private let directory: URL
    private let process: ChildProcess

    package init(_ zones: [TestZone]) throws {
        directory = FileManager.default.temporaryDirectory.appendingPathComponent("buzon-zones-\(UUID().uuidString)")
        port = try Self.freePort()
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        var root = TestZone(".", [])
        for (index, zone) in zones.enumerated() {
            root.records.append("\(zone.name) NS ns.invalid.")
            root.records += try Self.publish(zone, "zone\(index)", in: directory).map { [$0] } ?? []
        }
        trustAnchor = try Self.publish(root, "root", in: directory) ?? ""
        let names = zones.enumerated().map { ($1.name, "zone\($0)") } + [(".", "root")]
        try Self.configuration(port, directory.path, names)
            .write(to: directory.appendingPathComponent("nsd.conf"), atomically: true, encoding: .utf8)
        guard let process = ChildProcess(["/usr/sbin/nsd", "-d", "-c", "nsd.conf"], directory: directory.path) else {
            throw Failure(text: "nsd does not start")
        }
        self.process = process
        for _ in 0..<500 where process.isRunning {
            if Self.takesConnections(port) { return }
            usleep(10_000)
        }
        throw Failure(text: "nsd does not serve")
    }

    deinit {
        process.end()
        try? FileManager.default.removeItem(at: directory)
    }

    /// Writes the zone's file. Answers its DS, nil when it is not signed.
    private static func publish(_ zone: TestZone, _ file: String, in directory: URL) throws -> String? {
        let place = directory.appendingPathComponent(file)
        try zone.file.write(to: place, atomically: true, encoding: .utf8)
        guard zone.isSigned else { return nil }
        let keys = directory.appendingPathComponent(file + ".keys")
        try FileManager.default.createDirectory(at: keys, withIntermediateDirectories: true)
        try run(["/usr/bin/ldns-keygen", "-a", "ECDSAP256SHA256", "-k", zone.name], in: keys)
        let names = try FileManager.default.contentsOfDirectory(atPath: keys.path)
        guard let key = names.first(where: { $0.hasSuffix(".ds") })?.dropLast(3) else { throw Failure(text: "no key: \(names)") }
        try run(["/usr/bin/ldns-signzone", "-o", zone.name, "-f", file + ".signed", file, keys.path + "/" + key], in: directory)
        var text = try String(contentsOf: directory.appendingPathComponent(file + ".signed"), encoding: .utf8)
        for (old, new) in zone.forgeries {
            guard text.contains(old) else { throw Failure(text: "\(old) is not in \(zone.name)") }
            text = text.replacingOccurrences(of: old, with: new)
        }
        try text.write(to: place, atomically: true, encoding: .utf8)
        return try String(contentsOf: keys.appendingPathComponent(key + ".ds"), encoding: .utf8)
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private static func run(_ arguments: [String], in directory: URL) throws {
        guard let process = ChildProcess(arguments, directory: directory.path), process.wait(seconds: 30) == 0 else {
            let output = try? String(contentsOf: directory.appendingPathComponent("output"), encoding: .utf8)
            throw Failure(text: "\(arguments): \(output ?? "")")
        }
    }

    private static func configuration(_ port: UInt16, _ directory: String, _ zones: [(name: String, file: String)]) -> String {
        let server = """
            server:
                ip-address: 127.0.0.1@\(port)
                username: ""
                zonesdir: "\(directory)"
                pidfile: ""
                database: ""
                logfile: "\(directory)/log"
                xfrdfile: "\(directory)/xfrd"
                zonelistfile: "\(directory)/list"
                xfrdir: "\(directory)"
                server-count: 1
            remote-control:
                control-enable: no

            """
        return zones.reduce(server) { $0 + "zone:\n    name: \"\($1.name)\"\n    zonefile: \"\($1.file)\"\n" }
    }

    private static func freePort() throws -> UInt16 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = loopback(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) | getsockname(descriptor, $0, &length) }
        }
        guard status == 0 else { throw Failure(text: "no free port") }
        return UInt16(bigEndian: address.sin_port)
    }

    private static func takesConnections(_ port: UInt16) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = loopback(port)
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    private static func loopback(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        return address
    }
}
