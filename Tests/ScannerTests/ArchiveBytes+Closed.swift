import MailTesting

/// Archives that libclamav does not open, or not as it should.
extension ArchiveBytes {
    /// Stored, unless `method` says otherwise.
    /// `system`: 2 is Windows, 3 Unix, whose modes are attributes.
    static func rar4(
        _ name: String, _ bytes: [UInt8], encrypted: Bool = false, method: UInt8 = 0x30, attributes: Int = 0o100644, system: UInt8 = 3
    ) -> [UInt8] {
        func block(_ body: [UInt8]) -> [UInt8] { little(Int(crc32(body)) & 0xffff, 2) + body }
        let name = Array(name.utf8)
        var file: [UInt8] = [0x74] + little(encrypted ? 0x8004 : 0x8000, 2) + little(32 + name.count, 2)
        file += little(bytes.count, 4) + little(bytes.count, 4) + [system] + little(Int(crc32(bytes)), 4) + [0, 0, 0x21, 0x50, 20, method]
        file += little(name.count, 2) + little(attributes, 4) + name
        return Array("Rar!\u{1a}\u{7}\0".utf8) + block([0x73, 0, 0, 13, 0, 0, 0, 0, 0, 0, 0]) + block(file) + bytes
            + block([0x7b, 0, 0x40, 7, 0])
    }

    /// `system`: 0 is Windows, 1 Unix.
    static func rar5(_ name: String, _ bytes: [UInt8], attributes: Int = 0, system: UInt8 = 1) -> [UInt8] {
        func number(_ value: Int) -> [UInt8] {
            value < 0x80 ? [UInt8(value)] : [UInt8(value & 0x7f | 0x80)] + number(value >> 7)
        }
        func block(_ body: [UInt8]) -> [UInt8] {
            let sized = number(body.count) + body
            return little(Int(crc32(sized)), 4) + sized
        }
        let name = Array(name.utf8)
        var file: [UInt8] = [2, 2] + number(bytes.count) + [4] + number(bytes.count) + number(attributes) + little(Int(crc32(bytes)), 4)
        file += [0, system] + number(name.count) + name
        return Array("Rar!\u{1a}\u{7}\u{1}\0".utf8) + block([1, 0, 0]) + block(file) + bytes + block([5, 0, 0])
    }

    static func tnef(_ attachments: [(name: String, bytes: [UInt8])]) -> [UInt8] {
        func attribute(_ level: UInt8, _ key: Int, _ bytes: [UInt8]) -> [UInt8] {
            [level] + little(key, 4) + little(bytes.count, 4) + bytes + little(bytes.reduce(0) { $0 + Int($1) }, 2)
        }
        return little(0x223e_9f78, 4) + [1, 0] + attribute(1, 0x0008_9006, little(0x10000, 4))
            + attachments.flatMap { name, bytes in
                attribute(2, 0x0006_9002, [1, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0])
                    + attribute(2, 0x0001_8010, Array(name.utf8) + [0]) + attribute(2, 0x0006_800f, bytes)
            }
    }

    /// One frame of raw blocks (RFC 8878 §3.1.1), under 64 KiB.
    static func zstd(_ bytes: [UInt8]) -> [UInt8] {
        // The content's size in four bytes, and no window beside it.
        [0x28, 0xb5, 0x2f, 0xfd, 0xa0] + little(bytes.count, 4) + little(bytes.count << 3 | 1, 3) + bytes
    }

    /// Blocks of one byte that is repeated.
    static func zstdZeros(_ count: Int) -> [UInt8] {
        let sizes = stride(from: 0, to: count, by: 1 << 16).map { min(1 << 16, count - $0) }
        return [0x28, 0xb5, 0x2f, 0xfd, 0x80, 0x50] + little(count, 4)
            + sizes.enumerated().flatMap { little($1 << 3 | 2 | ($0 + 1 == sizes.count ? 1 : 0), 3) + [0] }
    }

    static func ar(_ name: String, _ bytes: [UInt8], mode: String = "100644") -> [UInt8] {
        func field(_ text: String, _ width: Int) -> String { text + String(repeating: " ", count: width - text.utf8.count) }
        let head = field(name + "/", 16) + field("0", 12) + field("0", 6) + field("0", 6) + field(mode, 8) + field("\(bytes.count)", 10)
        return Array(("!<arch>\n" + head + "`\n").utf8) + bytes + (bytes.count % 2 == 0 ? [] : [0x0a])
    }
}

/// Packed in ways that libclamav has no reader for, or not for all of them.
extension ArchiveBytes {
    /// A zip archive whose member was packed already (APPNOTE 4.4.5: the method).
    static func zip(_ name: String, _ bytes: [UInt8], method: Int, packed: [UInt8], mode: Int = 0) -> [UInt8] {
        let common =
            little(63, 2) + little(0, 2) + little(method, 2) + little(0, 4) + little(Int(crc32(bytes)), 4) + little(packed.count, 4)
            + little(bytes.count, 4) + little(name.utf8.count, 2) + little(0, 2)
        let file = little(0x0403_4b50, 4) + common + Array(name.utf8) + packed
        let directory =
            little(0x0201_4b50, 4) + [63, mode == 0 ? 0 : 3] + common + little(0, 6) + little(mode << 16, 4) + little(0, 4)
            + Array(name.utf8)
        return file + directory + little(0x0605_4b50, 4) + little(0, 4) + little(1, 2) + little(1, 2) + little(directory.count, 4)
            + little(file.count, 4) + little(0, 2)
    }

    /// With LZMA: the stream's properties stand behind a version and their size (APPNOTE 5.8.8).
    static func zipLZMA(_ name: String, _ bytes: [UInt8], mode: Int = 0) -> [UInt8] {
        let alone = Samples.compressed(bytes, "lzma")
        return zip(name, bytes, method: 14, packed: [9, 20, 5, 0] + alone.prefix(5) + alone.dropFirst(13), mode: mode)
    }
}
