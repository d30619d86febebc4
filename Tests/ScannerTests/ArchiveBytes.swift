import MailTesting

/// Archives of the plainest kind: nothing is compressed.
enum ArchiveBytes {
    static func zip(_ members: [(name: String, bytes: [UInt8])], encrypted: Bool = false) -> [UInt8] {
        var file: [UInt8] = []
        var directory: [UInt8] = []
        for (name, bytes) in members {
            let offset = file.count
            let name = Array(name.utf8)
            let common =
                little(20, 2) + little(encrypted ? 1 : 0, 2) + little(0, 2) + little(0, 4) + little(Int(crc32(bytes)), 4)
                + little(bytes.count, 4) + little(bytes.count, 4) + little(name.count, 2) + little(0, 2)
            file += little(0x0403_4b50, 4) + common + name + bytes
            directory += little(0x0201_4b50, 4) + little(20, 2) + common + little(0, 2) + little(0, 2) + little(0, 2)
            directory += little(0, 4) + little(offset, 4) + name
        }
        let start = file.count
        return file + directory + little(0x0605_4b50, 4) + little(0, 4) + little(members.count, 2) + little(members.count, 2)
            + little(directory.count, 4) + little(start, 4) + little(0, 2)
    }

    static func tar(_ name: String, _ bytes: [UInt8]) -> [UInt8] {
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, at offset: Int) { header.replaceSubrange(offset..<offset + text.utf8.count, with: text.utf8) }
        func octal(_ number: Int, _ width: Int) -> String {
            let digits = String(number, radix: 8)
            return String(repeating: "0", count: width - digits.count) + digits
        }
        put(name, at: 0)
        put("0000644", at: 100)
        put("0000000", at: 108)
        put("0000000", at: 116)
        put(octal(bytes.count, 11), at: 124)
        put("00000000000", at: 136)
        put("        0", at: 148)
        put("ustar\u{0}00", at: 257)
        put(octal(header.reduce(0) { $0 + Int($1) }, 6) + "\u{0} ", at: 148)
        return header + bytes + [UInt8](repeating: 0, count: (512 - bytes.count % 512) % 512 + 1024)
    }

    /// One stored block for each 65,535 bytes (RFC 1951 §3.2.4) in a gzip member (RFC 1952 §2.3).
    static func gzip(_ bytes: [UInt8]) -> [UInt8] {
        var file: [UInt8] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]
        var rest = bytes[...]
        repeat {
            let block = rest.prefix(65_535)
            rest = rest.dropFirst(65_535)
            file += [rest.isEmpty ? 1 : 0] + little(block.count, 2) + little(~block.count & 0xffff, 2) + block
        } while !rest.isEmpty
        return file + little(Int(crc32(bytes)), 4) + little(bytes.count, 4)
    }

    static func little(_ number: Int, _ width: Int) -> [UInt8] { Samples.little(number, width) }

    static func crc32(_ bytes: [UInt8]) -> UInt32 { CRC32.of(bytes) }
}
