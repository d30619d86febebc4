import CArchive
import Filter
import Foundation

@testable import Archives

/// Archives made here: by libarchive's writer, and by hand where it has none.
enum Samples {
    struct Member {
        var name: String
        var content: [UInt8]

        init(_ name: String, _ content: [UInt8] = Array("hello".utf8)) {
            self.name = name
            self.content = content
        }
    }

    /// `format` and `filter` as libarchive names them: `zip`, `7zip`, `gnutar`, `newc`, `iso9660`, `arbsd`, `xar`; `gzip`, `bzip2`, `xz`…
    static func archive(
        _ members: [Member], format: String = "zip", filter: String? = nil, options: String? = nil, password: String? = nil
    ) -> [UInt8] {
        let locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nil)
        let previous = uselocale(locale)
        defer {
            uselocale(previous)
            freelocale(locale)
        }
        guard let archive = archive_write_new() else { return [] }
        defer { archive_write_free(archive) }
        archive_write_set_format_by_name(archive, format)
        if let filter { archive_write_add_filter_by_name(archive, filter) }
        archive_write_set_bytes_per_block(archive, 0)
        if let options { archive_write_set_options(archive, options) }
        if let password {
            archive_write_set_options(archive, "zip:encryption=aes256")
            archive_write_set_passphrase(archive, password)
        }
        let size = members.reduce(4 << 20) { $0 + $1.content.count + 4096 + 4 * $1.name.utf8.count }
        var used = 0
        let output = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            archive_write_open_memory(archive, buffer.baseAddress, buffer.count, &used)
            for member in members {
                guard let entry = archive_entry_new() else { continue }
                let isDirectory = member.name.hasSuffix("/")
                archive_entry_set_pathname_utf8(entry, member.name)
                archive_entry_set_filetype(entry, isDirectory ? 0o040000 : 0o100000)
                archive_entry_set_perm(entry, 0o644)
                if format != "raw" { archive_entry_set_size(entry, Int64(member.content.count)) }
                archive_write_header(archive, entry)
                if !isDirectory, !member.content.isEmpty { archive_write_data(archive, member.content, member.content.count) }
                archive_entry_free(entry)
            }
            archive_write_close(archive)
            count = used
        }
        return output
    }

    /// One file compressed, without an archive around it.
    static func compressed(_ content: [UInt8], _ filter: String) -> [UInt8] {
        archive([Member("data", content)], format: "raw", filter: filter)
    }

    static func file(_ name: String) throws -> [UInt8] {
        try Array(Data(contentsOf: URL(fileURLWithPath: "/usr/share/clamav-testfiles/" + name)))
    }

    static func little(_ value: Int, _ bytes: Int) -> [UInt8] { (0..<bytes).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }

    static func crc32(_ bytes: some Sequence<UInt8>) -> Int {
        var crc: UInt32 = 0xFFFF_FFFF
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 != 0 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
        }
        return Int(~crc)
    }

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
