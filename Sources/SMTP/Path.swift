import Mail

/// The path of MAIL or RCPT as it stands in the line (RFC 5321 §4.1.2), and what follows it.
struct PathText {
    /// Between the angle brackets, without a source route. Empty for `<>`.
    let mailbox: ArraySlice<UInt8>
    /// Parameters.
    let rest: ArraySlice<UInt8>

    /// From the argument of MAIL or RCPT. `keyword` is `FROM:` or `TO:`. nil for what is no path at all.
    init?(_ argument: ArraySlice<UInt8>, keyword: StaticString) {
        guard argument.hasPrefix(word: keyword) else { return nil }
        // RFC 5321 §3.3 forbids a space behind the colon; too many clients send one.
        let text = argument.dropFirst(keyword.utf8CodeUnitCount).trimmed
        guard let first = text.first else { return nil }
        // An address without angle brackets is what people type, and what Postfix takes.
        let isBracketed = first == UInt8(ascii: "<")
        let inner = isBracketed ? text.dropFirst() : text
        guard let end = Self.end(of: inner, isBracketed: isBracketed) else { return nil }
        rest = isBracketed ? inner[(end + 1)...] : inner[end...]
        if let next = rest.first, !next.isWhiteSpace { return nil }
        guard let mailbox = Self.withoutRoute(inner[..<end]) else { return nil }
        self.mailbox = mailbox
    }

    /// Where the path ends: at `>`, or at white space, outside of a quoted string.
    private static func end(of text: ArraySlice<UInt8>, isBracketed: Bool) -> Int? {
        var isQuoted = false
        var index = text.startIndex
        while index < text.endIndex {
            switch text[index] {
            case UInt8(ascii: "\\") where isQuoted: index += 1
            case UInt8(ascii: "\""): isQuoted.toggle()
            case UInt8(ascii: ">") where isBracketed && !isQuoted: return index
            case let byte where byte.isWhiteSpace && !isBracketed && !isQuoted: return index
            default: break
            }
            index += 1
        }
        return isBracketed || isQuoted ? nil : text.endIndex
    }

    /// RFC 5321 §4.1.1.3 and appendix C: a source route is accepted and ignored.
    private static func withoutRoute(_ path: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard path.first == UInt8(ascii: "@") else { return path }
        guard let colon = path.firstIndex(of: UInt8(ascii: ":")) else { return nil }
        let hosts = path[..<colon].split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
        guard hosts.allSatisfy({ $0.first == UInt8(ascii: "@") && $0.count > 1 }) else { return nil }
        return path[(colon + 1)...]
    }

    var isASCII: Bool { mailbox.allSatisfy { $0 < 0x80 } }

    func reversePath() throws(SyntaxRefusal) -> ReversePath {
        if mailbox.isEmpty { return .null }
        do {
            return .mailbox(try Address(parsing: mailbox, allowUTF8: true, localPartLimit: Address.generatedLocalPartLimit))
        } catch {
            // RFC 3463 §3.2: X.1.7, bad sender's mailbox address syntax.
            throw SyntaxRefusal(Reply(501, "5.1.7", "Bad sender address syntax"), "the sender's address is malformed: \(shown)")
        }
    }

    func forwardPath() throws(SyntaxRefusal) -> ForwardPath {
        // RFC 5321 §4.5.1: postmaster needs no domain, in any letter case.
        if mailbox.isWord("POSTMASTER") { return .postmaster }
        do {
            return .mailbox(try Address(parsing: mailbox, allowUTF8: true))
        } catch {
            // RFC 3463 §3.2: X.1.3, bad destination mailbox address syntax.
            throw SyntaxRefusal(Reply(501, "5.1.3", "Bad recipient address syntax"), "the recipient's address is malformed: \(shown)")
        }
    }

    /// For the trace: people should see what came.
    private var shown: String { String(decoding: mailbox.prefix(320), as: UTF8.self) }
}
