/// Small files that unpack to large ones.
package enum Bomb {
    /// Zeros under deflate's fixed code: 13 bits say 258 of them. `count` is rounded to what is near.
    package static func deflated(zeros count: Int) -> (bytes: [UInt8], count: Int) {
        var bits: [UInt8] = [1, 1, 0] + [0, 0, 1, 1, 0, 0, 0, 0]
        let match: [UInt8] = [1, 1, 0, 0, 0, 1, 0, 1] + [0, 0, 0, 0, 0]
        for _ in 0..<24 { bits += match }
        func bytes(_ bits: some Collection<UInt8>) -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: (bits.count + 7) / 8)
            for (place, bit) in bits.enumerated() { bytes[place / 8] |= bit << UInt8(place % 8) }
            return bytes
        }
        // Eight of them are 13 whole bytes.
        let start = bytes(bits.prefix(16)), period = Array(bytes(bits.prefix(16 + 104)).suffix(13))
        let periods = count / (258 * 8)
        var output = start
        output.reserveCapacity(periods * 13 + 8)
        for _ in 0..<periods { output += period }
        // The first two bytes end in the beginning of a match's code: with zeros behind it, that of 115. Seven more end the block.
        return (output + [0, 0, 0], 1 + 258 * 8 * periods + 115)
    }

    package static func gzip(zeros count: Int) -> [UInt8] {
        let (packed, count) = deflated(zeros: count)
        return [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3] + packed + Samples.little(Int(CRC32.of([], zeros: count)), 4) + Samples.little(count, 4)
    }

    /// One frame of blocks that repeat one byte.
    package static func zstd(zeros count: Int) -> [UInt8] {
        let block = 1 << 17
        var file: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0, 0x38]
        for start in stride(from: 0, to: count, by: block) {
            let size = min(block, count - start)
            file += Samples.little(size << 3 | 2 | (start + size == count ? 1 : 0), 3) + [0]
        }
        return file
    }

    /// Members that share their bytes, after David Fifield ("A better zip bomb", 2019): the data of each begin with the next one's header,
    /// quoted in a stored block, and go on as that one's data.
    package static func overlapping(members: Int, kernel: Int, suffix: String) -> [UInt8] {
        let (packed, count) = deflated(zeros: kernel)
        var quoted: [UInt8] = []
        var directory: [UInt8] = []
        var headers: [[UInt8]] = []
        // From the last one on.
        for number in (0..<members).reversed() {
            let name = Array("\(1_000_000 + number)\(suffix)".utf8)
            let fields: [UInt8] =
                [20, 0, 0, 0, 8, 0, 0, 0, 0x21, 0x50] + Samples.little(Int(CRC32.of(quoted, zeros: count)), 4)
                + Samples.little(packed.count + quoted.count + 5 * headers.count, 4) + Samples.little(count + quoted.count, 4)
                + Samples.little(name.count, 2) + [
                    0, 0,
                ]
            let header = [0x50, 0x4B, 3, 4] + fields + name
            headers.append(header)
            quoted = header + quoted
            let offset = number * (header.count + 5)
            directory =
                [0x50, 0x4B, 1, 2, 20, 0] + fields + [UInt8](repeating: 0, count: 10) + Samples.little(offset, 4) + name + directory
        }
        var file: [UInt8] = []
        for (place, header) in headers.reversed().enumerated() {
            if place > 0 { file += [0] + Samples.little(header.count, 2) + Samples.little(~header.count & 0xFFFF, 2) }
            file += header
        }
        file += packed
        return file + directory + [0x50, 0x4B, 5, 6, 0, 0, 0, 0] + Samples.little(members, 2) + Samples.little(members, 2)
            + Samples.little(directory.count, 4)
            + Samples.little(file.count, 4) + [0, 0]
    }

    /// A header of a tar archive that claims any size, in octal digits or in base 256, and says nothing else.
    package static func tar(_ name: String, size: [UInt8]) -> [UInt8] {
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ bytes: some Collection<UInt8>, at offset: Int) { header.replaceSubrange(offset..<offset + bytes.count, with: bytes) }
        put(name.utf8, at: 0)
        put("0000644".utf8, at: 100)
        put(size, at: 124)
        put("00000000000".utf8, at: 136)
        put("        0".utf8, at: 148)
        put("ustar\u{0}00".utf8, at: 257)
        let sum = String(header.reduce(0) { $0 + Int($1) }, radix: 8)
        put((String(repeating: "0", count: 6 - sum.utf8.count) + sum + "\u{0} ").utf8, at: 148)
        return header
    }

    /// Multiparts in one another, and something small in the innermost.
    package static func multiparts(deep count: Int) -> String {
        var text = ""
        for level in 0..<count { text += "Content-Type: multipart/mixed; boundary=b\(level)\r\n\r\n--b\(level)\r\n" }
        text += "Content-Type: application/octet-stream; name=a.exe\r\n\r\nMZ\r\n"
        for level in (0..<count).reversed() { text += "--b\(level)--\r\n" }
        return text
    }

    package static func parts(_ count: Int) -> String {
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
            + (0..<count).map { "--b\r\nContent-Type: application/octet-stream; name=\($0).txt\r\n\r\n\($0)\r\n" }.joined() + "--b--\r\n"
    }
}
