/// Why a command is not executed: BAD or NO, and what is said with it.
enum CommandError: Error, Equatable {
    /// RFC 3501 §7.1.3.
    case bad(String)
    /// RFC 3501 §7.1.2.
    case no(Refusal)
}

/// Reads one assembled command: its line and its literals, announcements included, without the last line end.
struct CommandReader {
    let bytes: [UInt8]
    var index = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { index >= bytes.count }
    var current: UInt8? { index < bytes.count ? bytes[index] : nil }

    mutating func skip(_ byte: UInt8) -> Bool {
        guard index < bytes.count, bytes[index] == byte else { return false }
        index += 1
        return true
    }

    mutating func expect(_ byte: UInt8) throws(CommandError) {
        guard skip(byte) else { throw .bad(isAtEnd ? "Missing arguments" : "Unexpected character in arguments") }
    }

    mutating func space() throws(CommandError) {
        try expect(0x20)
        // Clients that send two spaces exist; nothing else can be meant.
        while skip(0x20) {}
    }

    mutating func end() throws(CommandError) {
        while skip(0x20) {}
        guard isAtEnd else { throw .bad("Too many arguments") }
    }

    /// Whether the rest begins with this word, whatever its case; consumed if so. `word` is in capitals.
    mutating func skip(word: StaticString) -> Bool {
        let length = word.utf8CodeUnitCount
        guard bytes.count - index >= length else { return false }
        for place in 0..<length where upperCased(bytes[index + place]) != word.utf8Start[place] { return false }
        index += length
        return true
    }

    private mutating func run(_ isMember: (UInt8) -> Bool) -> ArraySlice<UInt8> {
        let start = index
        while index < bytes.count, isMember(bytes[index]) { index += 1 }
        return bytes[start..<index]
    }

    mutating func tag() -> ArraySlice<UInt8>? {
        let start = index
        let tag = run { isAStringByte($0) && $0 != 0x2B }
        guard !tag.isEmpty, tag.count <= 256, index == bytes.count || bytes[index] == 0x20 else {
            index = start
            return nil
        }
        return tag
    }

    mutating func atom() throws(CommandError) -> ArraySlice<UInt8> {
        let atom = run(isAtomByte)
        if atom.isEmpty { throw .bad("Atom expected") }
        return atom
    }

    /// An atom in capitals, for names of commands and items.
    mutating func keyword() throws(CommandError) -> String {
        let atom = try atom()
        return String(decoding: atom.map(upperCased), as: UTF8.self)
    }

    mutating func number() throws(CommandError) -> UInt32 {
        let digits = run { $0 >= 0x30 && $0 <= 0x39 }
        guard !digits.isEmpty else { throw .bad("Number expected") }
        var value: UInt64 = 0
        for digit in digits {
            value = value * 10 + UInt64(digit - 0x30)
            if value > UInt64(UInt32.max) { throw .bad("Number too large") }
        }
        return UInt32(value)
    }

    /// RFC 3501 §9 `astring`.
    mutating func astring() throws(CommandError) -> [UInt8] {
        if let string = try string() { return string }
        let atom = run(isAStringByte)
        if atom.isEmpty { throw .bad(isAtEnd ? "Missing arguments" : "String expected") }
        return Array(atom)
    }

    /// RFC 3501 §9 `list-mailbox`.
    mutating func listMailbox() throws(CommandError) -> [UInt8] {
        if let string = try string() { return string }
        let atom = run { isAStringByte($0) || $0 == 0x25 || $0 == 0x2A }
        if atom.isEmpty { throw .bad("Mailbox pattern expected") }
        return Array(atom)
    }

    /// RFC 3501 §9 `nstring`; nil for NIL.
    mutating func nstring() throws(CommandError) -> [UInt8]? {
        if let string = try string() { return string }
        if skip(word: "NIL") { return nil }
        throw .bad("String expected")
    }

    /// RFC 3501 §9 `string`: quoted or a literal. Nil when the rest begins with neither.
    mutating func string() throws(CommandError) -> [UInt8]? {
        switch current {
        case 0x22: return try quoted()
        case 0x7B: return try literal()
        default: return nil
        }
    }

    mutating func quoted() throws(CommandError) -> [UInt8] {
        try expect(0x22)
        var text: [UInt8] = []
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            switch byte {
            case 0x22: return text
            case 0x5C:
                guard index < bytes.count, bytes[index] == 0x22 || bytes[index] == 0x5C else {
                    throw .bad("Only quotes and backslashes are escaped in quoted strings")
                }
                text.append(bytes[index])
                index += 1
            case 0x00, 0x0A, 0x0D: throw .bad("Line end in a quoted string")
            default: text.append(byte)
            }
        }
        throw .bad("Quoted string without an end")
    }

    private mutating func literal() throws(CommandError) -> [UInt8] {
        try expect(0x7B)
        let length = Int(try number())
        _ = skip(0x2B)
        try expect(0x7D)
        _ = skip(0x0D)
        try expect(0x0A)
        guard length <= bytes.count - index else { throw .bad("Literal cut short") }
        defer { index += length }
        let text = Array(bytes[index..<index + length])
        // RFC 3501 §4.3: CHAR8 excludes NUL.
        if text.contains(0) { throw .bad("NUL in a literal") }
        return text
    }
}

func upperCased(_ byte: UInt8) -> UInt8 { byte >= 0x61 && byte <= 0x7A ? byte - 0x20 : byte }

func lowerCased(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5A ? byte + 0x20 : byte }

/// RFC 3501 §9 `ATOM-CHAR`.
func isAtomByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0...0x20, 0x7F...0xFF: false
    case 0x28, 0x29, 0x7B, 0x25, 0x2A, 0x22, 0x5C, 0x5D: false
    default: true
    }
}

/// RFC 3501 §9 `ASTRING-CHAR`; bytes of UTF-8 are let through, since clients send them in names.
func isAStringByte(_ byte: UInt8) -> Bool { byte == 0x5D || byte >= 0x80 || isAtomByte(byte) }
