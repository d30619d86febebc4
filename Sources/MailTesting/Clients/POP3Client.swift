/// A small POP3 client for tests (RFC 1939).
package final class POP3Client {
    package struct Reply: Sendable, Equatable, CustomStringConvertible {
        package let isOK: Bool
        /// What follows `+OK ` or `-ERR `.
        package let text: String

        package init(isOK: Bool, text: String) {
            self.isOK = isOK
            self.text = text
        }

        package var description: String { (isOK ? "+OK " : "-ERR ") + text }
    }

    package let connection: LineConnection
    package let greeting: Reply

    /// Connects and reads the greeting, whatever it says.
    package init(host: String = "127.0.0.1", port: UInt16, timeout: Int = 30) throws(ClientError) {
        connection = try LineConnection(host: host, port: port, timeout: timeout)
        greeting = try Self.readReply(from: connection)
    }

    package func command(_ line: String) throws(ClientError) -> Reply {
        try connection.send(line: line)
        return try readReply()
    }

    package func readReply() throws(ClientError) -> Reply { try Self.readReply(from: connection) }

    /// USER and PASS; the reply that refuses, or the one to PASS.
    package func login(_ name: String, _ password: String) throws(ClientError) -> Reply {
        let user = try command("USER \(name)")
        return user.isOK ? try command("PASS \(password)") : user
    }

    /// AUTH PLAIN with an initial response (RFC 5034 §4, RFC 4616 §2).
    package func authenticate(_ name: String, _ password: String) throws(ClientError) -> Reply {
        try command("AUTH PLAIN \(PlainMessage.base64(name, password))")
    }

    /// A command with a multi-line answer: the lines with dot-stuffing undone; refused ones throw.
    package func lines(_ line: String) throws(ClientError) -> [[UInt8]] {
        try succeed(line)
        var lines: [[UInt8]] = []
        while true {
            let line = try connection.readLine()
            guard line.first == 0x2E else {
                lines.append(line)
                continue
            }
            if line.count == 1 { return lines }
            lines.append(Array(line.dropFirst()))
        }
    }

    /// RETR: the message's octets, a CRLF behind each line.
    package func retrieve(_ number: Int) throws(ClientError) -> [UInt8] {
        var message: [UInt8] = []
        for line in try lines("RETR \(number)") {
            message += line
            message += [0x0D, 0x0A]
        }
        return message
    }

    /// STAT: messages and octets.
    package func stat() throws(ClientError) -> (messages: Int, octets: Int) {
        let text = try succeed("STAT").text
        let numbers = text.split(separator: " ").prefix(2).compactMap { Int($0) }
        guard numbers.count == 2 else { throw connection.error(.malformed("STAT: \(text)")) }
        return (numbers[0], numbers[1])
    }

    /// UIDL: the unique id of each message number.
    package func uniqueIDs() throws(ClientError) -> [Int: String] {
        var ids: [Int: String] = [:]
        for line in try lines("UIDL") {
            let words = String(decoding: line, as: UTF8.self).split(separator: " ")
            guard words.count == 2, let number = Int(words[0]) else { throw connection.error(.malformed("UIDL")) }
            ids[number] = String(words[1])
        }
        return ids
    }

    /// QUIT; the server must then close without another word.
    package func quit() throws(ClientError) {
        try succeed("QUIT")
        guard try connection.readToEnd().isEmpty else { throw connection.error(.malformed("words after QUIT")) }
        connection.close()
    }

    /// A command that must be answered +OK.
    @discardableResult
    package func succeed(_ line: String) throws(ClientError) -> Reply {
        let reply = try command(line)
        guard reply.isOK else { throw connection.error(.refused("\(line): \(reply)")) }
        return reply
    }

    private static func readReply(from connection: LineConnection) throws(ClientError) -> Reply {
        let line = String(decoding: try connection.readLine(), as: UTF8.self)
        for (indicator, isOK) in [("+OK", true), ("-ERR", false)] where line == indicator || line.hasPrefix(indicator + " ") {
            return Reply(isOK: isOK, text: String(line.dropFirst(indicator.count + 1)))
        }
        throw connection.error(.malformed("no POP3 reply: \(line)"))
    }
}
