import Mail

/// A command line without its CRLF, cut at its first space.
struct CommandLine {
    let verb: ArraySlice<UInt8>
    /// Without the white space around it.
    let argument: ArraySlice<UInt8>

    init(_ line: ArraySlice<UInt8>) {
        // RFC 5321 §4.1.1: trailing white space is tolerated; leading white space is what some clients send.
        let line = line.trimmed
        let end = line.firstIndex { $0.isWhiteSpace } ?? line.endIndex
        verb = line[..<end]
        argument = line[end...].trimmed
    }

    /// The verb for the trace: in capitals, shortened, printable.
    var name: String {
        String(
            decoding: verb.prefix(20).map { (0x61...0x7A).contains($0) ? $0 & 0xDF : ((0x21...0x7E).contains($0) ? $0 : 0x3F) },
            as: UTF8.self)
    }
}

extension UInt8 {
    var isWhiteSpace: Bool { self == 0x20 || self == 0x09 }
    var isDigit: Bool { (0x30...0x39).contains(self) }
    /// Letters in capitals; nothing else changes.
    var capital: UInt8 { (0x61...0x7A).contains(self) ? self & 0xDF : self }
}

extension ArraySlice<UInt8> {
    /// Whether it begins with an ASCII word, letter case aside. `word` is in capitals.
    func hasPrefix(word: StaticString) -> Bool {
        guard count >= word.utf8CodeUnitCount else { return false }
        return word.withUTF8Buffer { buffer in zip(self, buffer).allSatisfy { $0.capital == $1 } }
    }

    func isWord(_ word: StaticString) -> Bool { count == word.utf8CodeUnitCount && hasPrefix(word: word) }

    /// A number in decimal digits. nil for anything else; `Int.max` for what is larger than that.
    var decimal: Int? {
        guard !isEmpty, count <= 40 else { return nil }
        var value = 0
        for byte in self {
            guard byte.isDigit else { return nil }
            let (product, tooLarge) = value.multipliedReportingOverflow(by: 10)
            let (sum, stillTooLarge) = product.addingReportingOverflow(Int(byte & 0x0F))
            value = tooLarge || stillTooLarge || value == Int.max ? Int.max : sum
        }
        return value
    }
}

/// A command that is not as its grammar says: the reply, and the words for the trace.
struct SyntaxRefusal: Error, Equatable {
    let reply: Reply
    let reason: String

    init(_ reply: Reply, _ reason: String) {
        self.reply = reply
        self.reason = reason
    }
}
