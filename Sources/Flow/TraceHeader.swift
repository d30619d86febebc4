package import Dialogue
package import Mail
package import SMTP

/// The header fields that stand before a message as delivered (RFC 5321 §4.4): Return-Path, Delivered-To, Received. They
/// differ by recipient, so they are the recipient's prefix and never part of the stored original.
package struct TraceHeader: Sendable {
    package var hostname: String
    package var connection: Connection
    package var greeting: String
    package var transmissionType: String
    package var reversePath: ReversePath
    package var queueID: String
    /// When the message arrived.
    package var date: InternalDate

    package init(
        hostname: String, connection: Connection, greeting: String, transmissionType: String, reversePath: ReversePath, queueID: String,
        date: InternalDate
    ) {
        self.hostname = hostname
        self.connection = connection
        self.greeting = greeting
        self.transmissionType = transmissionType
        self.reversePath = reversePath
        self.queueID = queueID
        self.date = date
    }

    /// The prefix for one mailbox. `originalRecipient` is the address that RCPT gave; `fields` are those of the checks.
    package func prefix(deliveredTo user: String, originalRecipient: String, fields: [UInt8] = []) -> [UInt8] {
        Array("Return-Path: \(path)\r\nDelivered-To: \(user)\r\n".utf8) + fields + Array(received(for: originalRecipient).utf8)
    }

    /// The prefix of a message that goes on to another server: Received only, since Return-Path is the last one's to write
    /// (RFC 5321 §4.4). `forwardedFor`: the address whose forwarding it is, written down so that it can't come back there unnoticed.
    package func relayPrefix(originalRecipient: String?, forwardedFor: String? = nil, fields: [UInt8] = []) -> [UInt8] {
        Array((forwardedFor.map { "Delivered-To: \($0)\r\n" } ?? "").utf8) + fields + Array(received(for: originalRecipient).utf8)
    }

    private var path: String {
        switch reversePath {
        case .null: "<>"
        case .mailbox(let address): "<\(address)>"
        }
    }

    private func received(for recipient: String?) -> String {
        let literal = connection.peerAddress.contains(":") ? "IPv6:\(connection.peerAddress)" : connection.peerAddress
        // As Postfix tells it. Who has logged in is nobody's business but ours.
        let encryption = connection.tls.map { "\t(using \($0.version) with cipher \($0.cipher) (\($0.bits) bits))\r\n" } ?? ""
        let clause = recipient.map { "for <\($0)>" } ?? "(several recipients)"
        return """
            Received: from \(greetingWord) ([\(literal)])\r
            \(encryption)\tby \(hostname) with \(transmissionType) id \(queueID)\r
            \t\(clause); \(MailDate.format(seconds: date.seconds, zoneMinutes: date.zoneMinutes))\r

            """
    }

    /// What the peer called itself goes into a header field: only what can stand there as an atom or a literal. Whatever
    /// else it said becomes `unknown`.
    private var greetingWord: String {
        let isPlain = greeting.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: ":"), UInt8(ascii: "["), UInt8(ascii: "]"), 0x80...:
                true
            default: false
            }
        }
        return isPlain && !greeting.isEmpty && greeting.utf8.count <= 255 ? greeting : "unknown"
    }
}
