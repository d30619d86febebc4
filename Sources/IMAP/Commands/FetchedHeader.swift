import Mail

/// A header that HEADER.FIELDS selects from: read once and parsed once for all items of a row.
struct FetchedHeader {
    /// Where it lies in the concatenation.
    let range: Range<Int>
    private let bytes: [UInt8]
    private let fields: [Field]

    /// Offsets fit: a header has at most `Limits.header` bytes and what was put in front of it.
    private struct Field {
        let key: UInt64
        let start: UInt32
        let nameEnd: UInt32
        let end: UInt32
    }

    init(range: Range<Int>, bytes: [UInt8]) {
        self.range = range
        self.bytes = bytes
        fields = bytes.withUnsafeBufferPointer { buffer in
            HeaderSection(parsing: buffer).fields.map {
                Field(
                    key: Self.key(buffer[$0.name]), start: UInt32(clamping: $0.range.lowerBound),
                    nameEnd: UInt32(clamping: $0.name.upperBound), end: UInt32(clamping: $0.range.upperBound))
            }
        }
    }

    /// The fields named so (or all others), as they stand there, and the empty line (RFC 3501 §6.4.5). `names` in capitals.
    /// One look at each field, however many names there are.
    func selecting(_ names: [[UInt8]], isInverted: Bool) -> [UInt8] {
        var wanted: [UInt64: [UInt8]] = [:]
        for name in names { wanted[Self.key(name)] = name }
        // What most fields fail at costs no look into the table.
        let mask = wanted.keys.reduce(0) { $0 | Self.bit($1) }
        var selected: [UInt8] = []
        bytes.withUnsafeBufferPointer { buffer in
            for field in fields {
                var isNamed = false
                if mask & Self.bit(field.key) != 0, let name = wanted[field.key] {
                    let own = buffer[Int(field.start)..<Int(field.nameEnd)]
                    isNamed = own.count == name.count && zip(name, own).allSatisfy { $0 == upperCased($1) }
                }
                guard isNamed != isInverted else { continue }
                selected.append(contentsOf: buffer[Int(field.start)..<Int(field.end)])
                if selected.last != 0x0A { selected.append(contentsOf: [0x0D, 0x0A]) }
            }
        }
        selected.append(0x0D)
        selected.append(0x0A)
        return selected
    }

    private static let seed = UInt64.random(in: 0...UInt64.max)

    // FNV-1a of the name in capitals.
    private static func key(_ name: some Sequence<UInt8>) -> UInt64 {
        name.reduce(seed) { ($0 ^ UInt64(upperCased($1))) &* 0x0100_0000_01B3 }
    }

    private static func bit(_ key: UInt64) -> UInt64 { 1 << (key >> 58) }
}
