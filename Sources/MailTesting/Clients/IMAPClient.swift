/// A small IMAP client for tests: sends commands with literals, reads whole replies, keeps nothing else in mind
/// than the capabilities and the replies that came early.
package final class IMAPClient {
    /// A piece of a command.
    package enum Fragment: Sendable, Equatable, ExpressibleByStringLiteral, ExpressibleByStringInterpolation {
        case text([UInt8])
        case literal([UInt8])
        /// RFC 3516 §4.4: `~{n}`, may hold NUL.
        case literal8([UInt8])

        package init(stringLiteral value: String) { self = .text(Array(value.utf8)) }
    }

    /// The answer to one command: what came before its tagged reply, and that reply.
    package struct Completion: Sendable {
        package let untagged: [IMAPReply]
        package let tagged: IMAPReply

        package var isOK: Bool { tagged.isOK }
        /// The untagged replies of this name.
        package func replies(_ name: String) -> [IMAPReply] { untagged.filter { $0.name == name } }
    }

    package let connection: LineConnection
    package private(set) var greeting: IMAPReply
    /// As the server last announced them, uppercased; empty until it did.
    package private(set) var capabilities: Set<String> = []
    private var early: [IMAPReply] = []
    private var commands = 0

    /// Connects and reads the greeting, whatever it says.
    package init(host: String = "127.0.0.1", port: UInt16, timeout: Int = 30) throws(ClientError) {
        connection = try LineConnection(host: host, port: port, timeout: timeout)
        greeting = try Self.read(from: connection)
        note(greeting)
    }

    // MARK: one reply, one command

    /// The next reply of any kind.
    package func nextReply() throws(ClientError) -> IMAPReply {
        if !early.isEmpty { return early.removeFirst() }
        let reply = try Self.read(from: connection)
        note(reply)
        return reply
    }

    /// A tag not yet used on this connection.
    package func nextTag() -> String {
        commands += 1
        return "c\(commands)"
    }

    /// Sends a command without waiting for its end. Literals go at once where LITERAL+ or LITERAL- (RFC 7888) allows,
    /// else after the server's `+`; what comes meanwhile is kept for `nextReply`. False when the server refused a literal.
    @discardableResult
    package func send(_ fragments: [Fragment], tag: String) throws(ClientError) -> Bool {
        var unsent = Array((tag + " ").utf8)
        for fragment in fragments {
            let (mark, bytes): (String, [UInt8])
            switch fragment {
            case .text(let text):
                unsent += text
                continue
            case .literal(let octets): (mark, bytes) = ("{", octets)
            case .literal8(let octets): (mark, bytes) = ("~{", octets)
            }
            let atOnce = capabilities.contains("LITERAL+") || (capabilities.contains("LITERAL-") && bytes.count <= 4096)
            unsent += Array("\(mark)\(bytes.count)\(atOnce ? "+" : "")}\r\n".utf8)
            if !atOnce {
                try connection.send(unsent)
                unsent = []
                guard try awaitContinuation(of: tag) else { return false }
            }
            unsent += bytes
        }
        try connection.send(unsent + [0x0D, 0x0A])
        return true
    }

    /// Sends a command and reads up to its tagged reply.
    package func command(_ fragments: Fragment...) throws(ClientError) -> Completion {
        let tag = nextTag()
        try send(fragments, tag: tag)
        return try completion(of: tag)
    }

    /// Reads up to the tagged reply of a command sent before.
    package func completion(of tag: String) throws(ClientError) -> Completion {
        var untagged: [IMAPReply] = []
        while true {
            let reply = try nextReply()
            switch reply.kind {
            case .untagged: untagged.append(reply)
            case .tagged(tag): return Completion(untagged: untagged, tagged: reply)
            case .tagged(let other): throw connection.error(.malformed("a reply for \(other), expected one for \(tag)"))
            case .continuation: throw connection.error(.malformed("a continuation that nobody waits for"))
            }
        }
    }

    /// A command that must be answered OK.
    @discardableResult
    package func succeed(_ fragments: Fragment...) throws(ClientError) -> Completion {
        let tag = nextTag()
        try send(fragments, tag: tag)
        let completion = try completion(of: tag)
        guard completion.isOK else { throw connection.error(.refused("\(completion.tagged)")) }
        return completion
    }

    // MARK: what tests need often

    package func login(_ name: String, _ password: String) throws(ClientError) {
        try succeed("LOGIN \(Self.quoted(name)) \(Self.quoted(password))")
    }

    /// AUTHENTICATE PLAIN with an initial response (RFC 4959 §3, RFC 4616 §2).
    package func authenticate(_ name: String, _ password: String) throws(ClientError) -> Completion {
        try command(.text(Array("AUTHENTICATE PLAIN \(PlainMessage.base64(name, password))".utf8)))
    }

    /// SELECT; the number of messages.
    @discardableResult
    package func select(_ mailbox: String) throws(ClientError) -> Int {
        try succeed("SELECT \(Self.quoted(mailbox))").replies("EXISTS").last?.number ?? 0
    }

    /// APPEND; `options` stands between mailbox and literal, e.g. `(\Seen)`.
    @discardableResult
    package func append(_ message: [UInt8], to mailbox: String, options: String = "") throws(ClientError) -> Completion {
        try succeed("APPEND \(Self.quoted(mailbox)) \(options.isEmpty ? "" : options + " ")", .literal(message))
    }

    /// FETCH BODY.PEEK[section] of one message; its octets.
    package func body(of number: Int, section: String = "") throws(ClientError) -> [UInt8] {
        let completion = try succeed("FETCH \(number) BODY.PEEK[\(section)]")
        for reply in completion.replies("FETCH") where reply.number == number {
            // The name of a section with a list in it is several tokens; its last one ends in ] or in <n>.
            let items = (reply.arguments.first?.elements ?? []).drop { !($0.text?.uppercased().hasPrefix("BODY[") ?? false) }
            let value = items.drop { !($0.bytes?.contains(0x5D) ?? false) }.dropFirst().first
            if let value, let bytes = value.bytes, !value.isNil { return bytes }
        }
        throw connection.error(.malformed("no BODY[\(section)] of \(number)"))
    }

    /// IDLE, up to the `+`; the tag to give to `done`.
    package func idle() throws(ClientError) -> String {
        let tag = nextTag()
        try connection.send(line: tag + " IDLE")
        guard try awaitContinuation(of: tag) else { throw connection.error(.refused("IDLE")) }
        return tag
    }

    /// DONE; what was told while idling and not read yet, and the end.
    package func done(_ tag: String) throws(ClientError) -> Completion {
        try connection.send(line: "DONE")
        return try completion(of: tag)
    }

    /// LOGOUT: BYE, then OK, then the server closes without another word (RFC 3501 §6.1.3).
    package func logout() throws(ClientError) {
        let completion = try succeed("LOGOUT")
        guard completion.replies("BYE").count == 1 else { throw connection.error(.malformed("LOGOUT without BYE")) }
        guard try connection.readToEnd().isEmpty else { throw connection.error(.malformed("words after LOGOUT")) }
        connection.close()
    }

    /// A quoted string; only for text without line ends.
    package static func quoted(_ text: String) -> String {
        "\"" + text.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : String($0) }.joined() + "\""
    }

    // MARK: reading

    private func awaitContinuation(of tag: String) throws(ClientError) -> Bool {
        while true {
            let reply = try Self.read(from: connection)
            note(reply)
            if reply.kind == .continuation { return true }
            early.append(reply)
            if reply.kind == .tagged(tag) { return false }
        }
    }

    /// Capabilities come untagged, and as a code of the greeting and of LOGIN's end.
    private func note(_ reply: IMAPReply) {
        let words: [Substring]
        if reply.kind == .untagged, reply.name == "CAPABILITY" {
            words = String(decoding: reply.raw, as: UTF8.self).split(separator: " ")
        } else if let code = reply.code, code.uppercased().hasPrefix("CAPABILITY ") {
            words = code.split(separator: " ")
        } else {
            return
        }
        capabilities = Set(words.dropFirst().map { $0.uppercased() })
    }

    private static func read(from connection: LineConnection) throws(ClientError) -> IMAPReply {
        var line = try connection.readLine()
        var bytes = line
        // Human text may end in something that looks like a literal.
        let isText = line.first == 0x2B || IMAPTokenizer.isStatus(Array(line.drop { $0 != 0x20 }.dropFirst()))
        while !isText, let size = announcedLiteral(at: line) {
            guard size <= LineConnection.Limits.block - bytes.count else { throw connection.error(.tooLong) }
            bytes += [0x0D, 0x0A]
            bytes += try connection.read(exactly: size)
            line = try connection.readLine()
            bytes += line
        }
        do {
            return try IMAPReply(bytes)
        } catch {
            throw connection.error(.malformed("\(error.what) at octet \(error.offset) of: \(ConversationLog.printable(bytes))"))
        }
    }

    /// The n of a line that ends in `{n}`.
    private static func announcedLiteral(at line: [UInt8]) -> Int? {
        guard line.last == 0x7D, let open = line.lastIndex(of: 0x7B), open > 0, [0x20, 0x28, 0x7E].contains(line[open - 1]) else {
            return nil
        }
        let digits = line[(open + 1)..<(line.count - 1)]
        guard !digits.isEmpty, digits.count < 10, digits.allSatisfy({ 0x30...0x39 ~= $0 }) else { return nil }
        return digits.reduce(0) { $0 * 10 + Int($1 & 15) }
    }
}
