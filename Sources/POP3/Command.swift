/// A command line, parsed (RFC 1939 §3: keyword and arguments, letter case of the keyword aside).
enum Command: Equatable {
    case user(String)
    case pass([UInt8])
    case capa, stat, noop, rset, quit, stls
    /// RFC 5034 §4; without a mechanism: which are there?
    case auth(mechanism: String?, initial: [UInt8]?)
    case list(Int?)
    case uidl(Int?)
    case retr(Int)
    case dele(Int)
    case top(Int, lines: Int)
    /// The keyword is known, the arguments are not as they should be.
    case malformed
    case unknown

    /// `line` is without its line end.
    init(_ line: ArraySlice<UInt8>) {
        let end = line.firstIndex(of: 0x20) ?? line.endIndex
        let argument = line[end...].dropFirst()
        let words = argument.split(separator: 0x20)
        let number = words.first.flatMap { Self.number($0) }
        switch Self.keyword(line[..<end]) {
        case "USER":
            // The name may hold anything but a space around it: names of users are whole addresses.
            let name = String(validating: argument.drop { $0 == 0x20 }, as: UTF8.self)
            self = name.map { $0.isEmpty ? .malformed : .user($0) } ?? .malformed
        // RFC 1939 §7: PASS has one argument, so spaces are part of the password.
        case "PASS": self = argument.isEmpty ? .malformed : .pass(Array(argument))
        case "CAPA": self = words.isEmpty ? .capa : .malformed
        case "STAT": self = words.isEmpty ? .stat : .malformed
        case "NOOP": self = words.isEmpty ? .noop : .malformed
        case "RSET": self = words.isEmpty ? .rset : .malformed
        case "QUIT": self = words.isEmpty ? .quit : .malformed
        case "STLS": self = words.isEmpty ? .stls : .malformed
        case "AUTH":
            let name = words.first.map { String(decoding: $0.prefix(64).map(Self.capital), as: UTF8.self) }
            self = words.count <= 2 ? .auth(mechanism: name, initial: words.count == 2 ? Array(words[1]) : nil) : .malformed
        case "LIST": self = words.isEmpty || (words.count == 1 && number != nil) ? .list(number) : .malformed
        case "UIDL": self = words.isEmpty || (words.count == 1 && number != nil) ? .uidl(number) : .malformed
        case "RETR": self = words.count == 1 ? number.map { .retr($0) } ?? .malformed : .malformed
        case "DELE": self = words.count == 1 ? number.map { .dele($0) } ?? .malformed : .malformed
        case "TOP":
            guard words.count == 2, let number, let lines = Self.number(words[1]) else {
                self = .malformed
                return
            }
            self = .top(number, lines: lines)
        default: self = .unknown
        }
    }

    private static func keyword(_ bytes: ArraySlice<UInt8>) -> String {
        guard bytes.count <= 4 else { return "" }
        return String(decoding: bytes.map(capital), as: UTF8.self)
    }

    private static func capital(_ byte: UInt8) -> UInt8 { (0x61...0x7A).contains(byte) ? byte & 0xDF : byte }

    /// Decimal digits; a number that is too large for anything becomes `Int.max`.
    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        var value = 0
        for digit in digits {
            guard (0x30...0x39).contains(digit) else { return nil }
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            value = overflow || product > Int.max - 9 ? Int.max : product + Int(digit & 0x0F)
        }
        return digits.isEmpty ? nil : value
    }
}
