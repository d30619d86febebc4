/// Archives that hold themselves, byte for byte: whoever opens what he finds never comes to an end.
///
/// After the construction that Russ Cox describes ("Zip Files All The Way Down", 2010). Deflate is read as a language of two words: `L` puts
/// out the bytes behind it (a stored block), `R` puts out again what was put out last (matches under the fixed code).
/// A program of them prints its own text, with a header before it and a trailer behind. The checksum of the whole stands in the
/// whole: CRC-32 is linear, so it is found by solving 32 equations.
package enum Quine {
    /// A file whose unpacked content is this file.
    package static func gzip() -> [UInt8]? {
        file { sum, size, length in
            // With the name that is kept.
            let name = [UInt8](repeating: UInt8(ascii: "r"), count: length) + Array(".gz\0".utf8)
            return ([0x1F, 0x8B, 8, 8, 0, 0, 0, 0, 0, 3] + name, Samples.little(Int(sum), 4) + Samples.little(size, 4))
        }
    }

    /// An archive whose one member is this archive.
    package static func zip() -> [UInt8]? {
        file { sum, size, length in
            let name = [UInt8](repeating: UInt8(ascii: "r"), count: length) + Array(".zip".utf8)
            let header = 30 + name.count
            let trailer = 46 + name.count + 22
            let fields: [UInt8] =
                [20, 0, 0, 0, 8, 0, 0, 0, 0x21, 0x50] + Samples.little(Int(sum), 4) + Samples.little(size - header - trailer, 4)
                + Samples.little(size, 4)
                + Samples.little(name.count, 2) + [0, 0]
            let central = [0x50, 0x4B, 1, 2, 20, 0] + fields + [UInt8](repeating: 0, count: 14) + name
            let end =
                [0x50, 0x4B, 5, 6, 0, 0, 0, 0, 1, 0, 1, 0] + Samples.little(central.count, 4) + Samples.little(size - trailer, 4) + [0, 0]
            return ([0x50, 0x4B, 3, 4] + fields + name, central + end)
        }
    }

    /// Head and tail around the compressed data, for a checksum, the whole's size, and a length of its name.
    private typealias Frame = (_ sum: UInt32, _ size: Int, _ length: Int) -> (head: [UInt8], tail: [UInt8])

    private static func file(_ frame: Frame) -> [UInt8]? {
        for length in 1...100 {
            guard let size = program({ frame(0, 0, length) })?.count else { continue }
            if let whole = solved({ sum in program { frame(sum, size, length) } ?? [] }) { return whole }
        }
        return nil
    }

    // MARK: The program

    /// Bytes of a repeat of head and first word, and of one that repeats the 24 bytes of four words around it.
    private static let (wide, narrow, words) = (9, 7, 24)

    /// Nil where there is no repeat of just these lengths.
    private static func program(_ frame: () -> (head: [UInt8], tail: [UInt8])) -> [UInt8]? {
        let (head, tail) = frame()
        let end: [UInt8] = [1, 0, 0, 0xFF, 0xFF] + tail
        guard let first = again(head.count + 5, in: wide), let middle = again(words, in: narrow),
            let last = (5...30).lazy.compactMap({ again($0 + end.count, in: $0) }).first
        else { return nil }
        let (open, wideLiteral, five, literal) = (say(head.count + 5), say(wide), say(5), say(words))
        let close = say(last.count + end.count)
        var text = head + open + head + open + first + wideLiteral + first + five + wideLiteral
        text += literal + first + five + wideLiteral + literal + middle
        text += literal + middle + literal + middle + literal + middle
        // Two words that say nothing, in six bytes: an empty block of the fixed code, and a stored one behind it.
        let nothing: [UInt8] = [0x02, 0, 0, 0, 0xFF, 0xFF]
        text += literal + middle + nothing + nothing + close + middle + nothing + nothing + close
        return text + last + end + last + end
    }

    private static func say(_ count: Int) -> [UInt8] { [0] + Samples.little(count, 2) + Samples.little(~count & 0xFFFF, 2) }

    /// The last `count` bytes once more, in a text of just `width` bytes: one to four matches, and empty blocks.
    private static func again(_ count: Int, in width: Int) -> [UInt8]? {
        guard let lengths = split(count, bits: width * 8 - 10, distance: distance(count).bits, matches: 4) else { return nil }
        var bits = Bits()
        bits.put(0b010, 3)
        for length in lengths {
            bits.match(length)
            bits.match(distance: count)
        }
        bits.put(0, 7)
        while bits.count < width * 8 { bits.put(0b010, 10) }
        return bits.bytes
    }

    /// Lengths of matches whose codes leave a multiple of ten bits for empty blocks.
    private static func split(_ count: Int, bits: Int, distance: Int, matches: Int) -> [Int]? {
        if count == 0 { return bits % 10 == 0 ? [] : nil }
        guard matches > 0, count >= 3 else { return nil }
        for length in (3...min(count, 114)).reversed() where 7 + extra(length).bits + distance <= bits {
            let left = bits - 7 - extra(length).bits - distance
            if let rest = split(count - length, bits: left, distance: distance, matches: matches - 1) { return [length] + rest }
        }
        return nil
    }

    /// Code, extra bits and their value of a length up to 114.
    fileprivate static func extra(_ length: Int) -> (code: Int, bits: Int, value: Int) {
        if length <= 10 { return (length - 2, 0, 0) }
        var (code, bits, start) = (9, 1, 11)
        while true {
            for _ in 0..<4 {
                if length < start + 1 << bits { return (code, bits, length - start) }
                start += 1 << bits
                code += 1
            }
            bits += 1
        }
    }

    fileprivate static func distance(_ count: Int) -> (code: Int, extra: Int, value: Int, bits: Int) {
        if count <= 4 { return (count - 1, 0, 0, 5) }
        var (code, extra, start) = (4, 1, 5)
        while true {
            for _ in 0..<2 {
                if count < start + 1 << extra { return (code, extra, count - start, 5 + extra) }
                start += 1 << extra
                code += 1
            }
            extra += 1
        }
    }

    // MARK: The checksum

    /// The file that has its own checksum in it; nil where none does.
    private static func solved(_ file: (UInt32) -> [UInt8]) -> [UInt8]? {
        let base = CRC32.of(file(0))
        // sum = base ^ (what its bits change): each equation's coefficients, its bit of `base` at 32.
        let columns = (0..<32).map { bit -> UInt32 in CRC32.of(file(1 << bit)) ^ base ^ (1 << bit) }
        var rows: [UInt64] = []
        for row in 0..<32 {
            var equation = UInt64(base >> row & 1) << 32
            for (column, bits) in columns.enumerated() { equation |= UInt64(bits >> row & 1) << column }
            rows.append(equation)
        }
        for column in 0..<32 {
            guard let pivot = (column..<32).first(where: { rows[$0] >> column & 1 == 1 }) else { return nil }
            rows.swapAt(column, pivot)
            for row in 0..<32 where row != column && rows[row] >> column & 1 == 1 { rows[row] ^= rows[column] }
        }
        var sum: UInt32 = 0
        for (bit, row) in rows.enumerated() { sum |= UInt32(truncatingIfNeeded: row >> 32) << bit }
        return file(sum)
    }
}

/// Bits from the lowest on, as deflate has them; codes from their highest.
private struct Bits {
    private(set) var bytes: [UInt8] = []
    private(set) var count = 0

    mutating func put(_ value: Int, _ width: Int) {
        for bit in 0..<width {
            if count % 8 == 0 { bytes.append(0) }
            bytes[count / 8] |= UInt8(value >> bit & 1) << UInt8(count % 8)
            count += 1
        }
    }

    private mutating func code(_ value: Int, _ width: Int) { for bit in (0..<width).reversed() { put(value >> bit & 1, 1) } }

    mutating func match(_ length: Int) {
        let (code, bits, value) = Quine.extra(length)
        self.code(code, 7)
        put(value, bits)
    }

    mutating func match(distance: Int) {
        let (code, extra, value, _) = Quine.distance(distance)
        self.code(code, 5)
        put(value, extra)
    }
}
