/// MAIL and RCPT as they go to a server, with what it announced.
enum EnvelopeCommand {
    static func mail(_ message: OutgoingMessage, _ peer: PeerExtensions, needsUTF8: Bool) -> String {
        var line = "MAIL FROM:<\(message.sender)>"
        // RFC 1870 §6.
        if peer.size { line += " SIZE=\(message.size)" }
        // RFC 6152 §3. A server that does not offer it gets eight bits all the same. The RFC wants the content converted or returned;
        // conversion breaks signatures, and every server in use hands on eight bits, whether it says so or not.
        if message.isEightBit, peer.eightBitMIME { line += " BODY=8BITMIME" }
        // RFC 6531 §3.4.
        if needsUTF8 { line += " SMTPUTF8" }
        // RFC 8689 §2.
        if message.requiresTLS, peer.requireTLS { line += " REQUIRETLS" }
        guard peer.dsn else { return line }
        // RFC 3461 §4.3, §4.4.
        switch message.ret {
        case .full: line += " RET=FULL"
        case .headers: line += " RET=HDRS"
        case nil: break
        }
        if let id = message.envelopeID { line += " ENVID=\(XText.encode(id))" }
        return line
    }

    static func recipient(_ recipient: OutgoingMessage.Recipient, _ peer: PeerExtensions, needsUTF8: Bool) -> String {
        var line = "RCPT TO:<\(recipient.address)>"
        guard peer.dsn else { return line }
        // RFC 3461 §4.1.
        if let notify = recipient.parameters.notify { line += " NOTIFY=\(words(notify))" }
        // RFC 3461 §4.2, RFC 6533 §3.
        if let original = recipient.parameters.original, original.type.utf8.allSatisfy(isAtom), !original.type.isEmpty {
            let isUTF8 = original.type.lowercased() == "utf-8" || !original.address.utf8.allSatisfy { $0 < 0x80 }
            line +=
                isUTF8
                ? " ORCPT=utf-8;\(XText.encodeUTF8Address(original.address, asciiOnly: !needsUTF8))"
                : " ORCPT=\(original.type);\(XText.encode(original.address))"
        }
        return line
    }

    private static func words(_ notify: RecipientParameters.Notify) -> String {
        var words: [String] = []
        if notify.contains(.success) { words.append("SUCCESS") }
        if notify.contains(.failure) { words.append("FAILURE") }
        if notify.contains(.delay) { words.append("DELAY") }
        return words.isEmpty ? "NEVER" : words.joined(separator: ",")
    }

    private static func isAtom(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"): true
        default: false
        }
    }
}

extension OutgoingMessage {
    /// RFC 6531 §3.2, or an address that can't be said otherwise.
    var isUTF8: Bool { needsUTF8 || !sender.isASCII || recipients.contains { !$0.address.isASCII } }
}

extension String {
    fileprivate var isASCII: Bool { utf8.allSatisfy { $0 < 0x80 } }

    /// Whether it stays within one command, whoever wrote it.
    var isOneLine: Bool { utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F } }
}
