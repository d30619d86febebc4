/// A file's name as rules meet it: what hides it from a reader is taken away.
///
/// Folders before it, letters' case, full-width letters, characters that nobody sees (U+202E turns the direction: `photo\u{202E}gpj.exe`), and
/// the blanks, dots and controls at its end that Windows drops. UTF-8.
package struct PlainName: Sendable, Hashable {
    package let bytes: ArraySlice<UInt8>

    /// Names are compared by so many bytes at both ends; no file system keeps longer ones.
    private static let end = 256

    /// The name, and what other readers make of it: up to a NUL, up to the colon of a stream (`a.exe:x`, `a.txt:b.exe`).
    package static func readings(of name: String) -> [PlainName] {
        var utf8 = Array(name.utf8)
        if utf8.count > 8 * end { utf8 = Array(utf8.prefix(4 * end)) + utf8.suffix(4 * end) }
        let isPlain = utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F }
        let folded = isPlain ? utf8.map(lowercase) : fold(String(decoding: utf8, as: UTF8.self))
        let whole = base(folded[...])
        var readings = [PlainName(whole)]
        if !isPlain, let null = utf8.firstIndex(of: 0) {
            readings.append(PlainName(base(fold(String(decoding: utf8[..<null], as: UTF8.self))[...])))
        }
        if let colon = whole.firstIndex(of: UInt8(ascii: ":")) { readings.append(PlainName(whole[..<colon])) }
        return readings
    }

    package init(_ name: String) { self = Self.readings(of: name)[0] }

    private init(_ base: ArraySlice<UInt8>) {
        var base = base
        while let last = base.last, last <= 0x20 || last == UInt8(ascii: ".") || last == UInt8(ascii: "\"") { base.removeLast() }
        while let first = base.first, first <= 0x20 || first == UInt8(ascii: "\"") { base.removeFirst() }
        bytes = base.count > 2 * Self.end ? (base.prefix(Self.end) + base.suffix(Self.end))[...] : base
    }

    /// What stands behind the last dot; empty without one.
    package var suffix: ArraySlice<UInt8> {
        guard let dot = bytes.lastIndex(of: UInt8(ascii: ".")) else { return [] }
        return Self.trimmed(bytes[(dot + 1)...])
    }

    package var suffixText: String { String(decoding: suffix, as: UTF8.self) }

    /// Whether there is a dot before the last one.
    package var hasTwoSuffixes: Bool {
        guard let dot = bytes.lastIndex(of: UInt8(ascii: ".")) else { return false }
        return bytes[..<dot].contains(UInt8(ascii: "."))
    }

    /// `a. exe` is opened as `a.exe` by none, and shown as such by many.
    private static func trimmed(_ suffix: ArraySlice<UInt8>) -> ArraySlice<UInt8> { suffix.drop { $0 == 0x20 } }

    private static func base(_ name: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var name = name
        while let last = name.last, last == UInt8(ascii: "/") || last == UInt8(ascii: "\\") { name.removeLast() }
        guard let slash = name.lastIndex(where: { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") }) else { return name }
        return name[(slash + 1)...]
    }

    private static func lowercase(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte | 0x20 : byte }

    private static func fold(_ name: String) -> [UInt8] {
        var scalars = String.UnicodeScalarView()
        for scalar in name.unicodeScalars {
            switch scalar.value {
            // Full-width forms; U+FF01 to U+FF5E are those of ASCII.
            case 0xFF01...0xFF5E: scalars.append(Unicode.Scalar(UInt8(scalar.value - 0xFEE0)))
            // What looks like a full stop, and IDNA's.
            case 0x2024, 0xFE52, 0x3002, 0xFF61, 0x06D4, 0xA4F8: scalars.append(".")
            case 0x00A0, 0x2000...0x200A, 0x202F, 0x205F, 0x3000, 0x2028, 0x2029, 0x2800, 0x3164, 0xFFA0, 0x115F, 0x1160:
                scalars.append(" ")
            case 0xFE00...0xFE0F, 0x034F, 0xE0100...0xE01EF: break
            default:
                switch scalar.properties.generalCategory {
                case .control, .format: break
                default: scalars.append(scalar)
                }
            }
        }
        return Array(String(scalars).lowercased().utf8)
    }
}
