import Filter
import Foundation
import MailTesting

@testable import Archives

/// By hand, where libarchive has no writer.
extension Samples {
    static func file(_ name: String) throws -> [UInt8] {
        try Array(Data(contentsOf: URL(fileURLWithPath: "/usr/share/clamav-testfiles/" + name)))
    }

    static func crc32(_ bytes: some Sequence<UInt8>) -> Int { Int(CRC32.of(bytes)) }

    static func crc16(_ bytes: some Sequence<UInt8>) -> Int {
        var crc: UInt16 = 0
        for byte in bytes {
            crc ^= UInt16(byte)
            for _ in 0..<8 { crc = crc & 1 != 0 ? crc >> 1 ^ 0xA001 : crc >> 1 }
        }
        return Int(crc)
    }

    /// A program as far as its first bytes go.
    static let program: [UInt8] = {
        var bytes: [UInt8] = Array("MZ".utf8) + [UInt8](repeating: 0, count: 58) + little(64, 4)
        bytes += Array("PE\0\0".utf8) + [0x4C, 0x01] + [UInt8](repeating: 0, count: 40)
        return bytes
    }()
}

/// Takes all files, and reads every byte of them.
final class Taken: FileTaker {
    /// Their sizes.
    private(set) var files: [Int] = []
    private(set) var large: [Fingerprint] = []
    private var sum = 0
    let isOver = false

    func take(_ file: UnsafeRawBufferPointer, isMessage: Bool) {
        files.append(file.count)
        for byte in file { sum &+= Int(byte) }
    }

    func take(large file: Fingerprint) { large.append(file) }
}

/// What a walk said.
struct Walked: Equatable {
    var parts: [NamedPart] = []
    var finding = NameWalk.Finding()

    var titles: [String] { parts.map(\.title) }
    var names: [String] { parts.map(\.name) }
    func kind(_ name: String) -> String? { parts.first { $0.name == name }?.kind?.rawValue }
}

func walk(_ message: [UInt8], _ limits: NameWalk.Limits = NameWalk.Limits()) -> Walked {
    var walked = Walked()
    walked.finding = message.withUnsafeBytes { NameWalk(limits).walk($0) { walked.parts.append($0) } }
    return walked
}

func walk(_ message: String) -> Walked { walk(Array(message.utf8)) }

func walk(file: [UInt8], _ name: String, _ limits: NameWalk.Limits = NameWalk.Limits()) -> Walked {
    var walked = Walked()
    walked.finding = file.withUnsafeBytes { NameWalk(limits).walk(file: $0, named: name) { walked.parts.append($0) } }
    return walked
}
