/// A small SMTP client for tests: says exactly what it is told, and shows exactly what came back.
package final class SMTPClient {
    /// One reply, all lines of it (RFC 5321 §4.2).
    package struct Reply: Sendable, Equatable, CustomStringConvertible {
        package let code: Int
        /// The texts behind the code, one for each line.
        package let lines: [String]

        package init(code: Int, lines: [String]) {
            self.code = code
            self.lines = lines
        }

        package var isPositive: Bool { code < 400 }
        /// Like `5.1.1` when the first line's text begins with an enhanced status code (RFC 2034).
        package var enhanced: String? {
            guard let word = lines.first?.split(separator: " ", maxSplits: 1).first else { return nil }
            let numbers = word.split(separator: ".", omittingEmptySubsequences: false)
            return numbers.count == 3 && numbers.allSatisfy({ UInt($0) != nil }) ? String(word) : nil
        }
        package var description: String { lines.map { "\(code) \($0)" }.joined(separator: "\n") }
    }

    package let connection: LineConnection
    package let greeting: Reply

    /// Connects and reads the greeting, whatever its code.
    package init(host: String = "127.0.0.1", port: UInt16, timeout: Int = 30) throws(ClientError) {
        connection = try LineConnection(host: host, port: port, timeout: timeout)
        greeting = try Self.readReply(from: connection)
    }

    package func command(_ line: String) throws(ClientError) -> Reply {
        try connection.send(line: line)
        return try readReply()
    }

    package func readReply() throws(ClientError) -> Reply { try Self.readReply(from: connection) }

    /// EHLO; the keywords announced, uppercased, with their parameters.
    package func ehlo(_ name: String = "client.test") throws(ClientError) -> [String: String] {
        let reply = try expect(250, try command("EHLO \(name)"))
        var keywords: [String: String] = [:]
        for line in reply.lines.dropFirst() {
            let words = line.split(separator: " ", maxSplits: 1)
            if let keyword = words.first { keywords[keyword.uppercased()] = words.count > 1 ? String(words[1]) : "" }
        }
        return keywords
    }

    /// AUTH PLAIN with an initial response (RFC 4954 §4, RFC 4616 §2), whatever the server announced.
    package func authenticate(_ name: String, _ password: String) throws(ClientError) -> Reply {
        try command("AUTH PLAIN \(PlainMessage.base64(name, password))")
    }

    /// MAIL, RCPT for each, DATA with dot-stuffing. Ends with the first reply that is not positive, or the one to the message.
    package func submit(from: String, to recipients: [String], message: [UInt8], parameters: String = "") throws(ClientError) -> Reply {
        let mail = try command("MAIL FROM:<\(from)>" + (parameters.isEmpty ? "" : " " + parameters))
        guard mail.isPositive else { return mail }
        for recipient in recipients {
            let reply = try command("RCPT TO:<\(recipient)>")
            guard reply.isPositive else { return reply }
        }
        return try data(message)
    }

    /// DATA, the message with dot-stuffing, and the end mark. A message that does not end in CRLF gets one.
    package func data(_ message: [UInt8]) throws(ClientError) -> Reply {
        let go = try command("DATA")
        guard go.code == 354 else { return go }
        try connection.send(Self.stuffed(message))
        return try readReply()
    }

    /// BDAT with these octets (RFC 3030).
    package func bdat(_ chunk: [UInt8], last: Bool) throws(ClientError) -> Reply {
        try connection.send(Array("BDAT \(chunk.count)\(last ? " LAST" : "")\r\n".utf8) + chunk)
        return try readReply()
    }

    /// QUIT; the server must then close without another word.
    package func quit() throws(ClientError) {
        try expect(221, try command("QUIT"))
        guard try connection.readToEnd().isEmpty else { throw connection.error(.malformed("words after 221")) }
        connection.close()
    }

    @discardableResult
    package func expect(_ code: Int, _ reply: Reply) throws(ClientError) -> Reply {
        guard reply.code == code else { throw connection.error(.refused("expected \(code), got \(reply)")) }
        return reply
    }

    /// RFC 5321 §4.5.2: a dot before each line that begins with one, then CRLF.CRLF.
    package static func stuffed(_ message: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(message.count + message.count / 64 + 8)
        var atLineStart = true
        for byte in message {
            if atLineStart, byte == 0x2E { result.append(0x2E) }
            result.append(byte)
            atLineStart = byte == 0x0A
        }
        if !atLineStart { result += [0x0D, 0x0A] }
        return result + [0x2E, 0x0D, 0x0A]
    }

    private static func readReply(from connection: LineConnection) throws(ClientError) -> Reply {
        var lines: [String] = []
        var code: Int?
        while true {
            let line = String(decoding: try connection.readLine(), as: UTF8.self)
            let digits = line.prefix(3)
            let separator = line.dropFirst(3).first
            guard digits.count == 3, let number = Int(digits), (200..<600).contains(number),
                separator == nil || separator == " " || separator == "-",
                code == nil || code == number
            else { throw connection.error(.malformed("no SMTP reply: \(line)")) }
            code = number
            lines.append(String(line.dropFirst(4)))
            if separator != "-" { return Reply(code: number, lines: lines) }
        }
    }
}
