import Mail
import SMTP

/// The report as a message: a part for people, a part for programs, and what is given back of the original (RFC 3464 §2).
extension DeliveryReport {
    /// Lines end in CRLF.
    package func bytes(_ words: Words) -> [UInt8] {
        let boundary = "=_\(reportID)"
        let returned = returnedPart
        let isEightBit = needsUTF8 || returned.bytes.contains { $0 >= 0x80 }
        let worst = recipients.map(\.action).min() ?? .failed
        var bytes = lines("From: MAILER-DAEMON@\(hostname)\nTo: <\(sender)>\nSubject: ")
        bytes += EncodedWord.encode(words(languages.first ?? "en", "report.subject.\(worst.rawValue)", []))
        // RFC 3834 §5: nobody answers it by himself.
        bytes += lines(
            """

            Date: \(MailDate.format(seconds: now))
            Message-ID: <\(reportID)@\(hostname)>
            Auto-Submitted: auto-replied
            MIME-Version: 1.0
            Content-Type: multipart/report; report-type=delivery-status;
            \tboundary="\(boundary)"\(isEightBit ? "\nContent-Transfer-Encoding: 8bit" : "")

            --\(boundary)
            Content-Type: text/plain; charset=utf-8
            Content-Language: \(languages.joined(separator: ", "))
            Content-Transfer-Encoding: quoted-printable


            """)
        bytes += QuotedPrintable.encode(Array(humanPart(words).utf8)[...])
        // RFC 6533 §4.
        bytes += lines(
            """

            --\(boundary)
            Content-Type: message/\(needsUTF8 ? "global-delivery-status\nContent-Transfer-Encoding: 8bit" : "delivery-status")

            \(machinePart)
            --\(boundary)
            Content-Type: \(returned.type)\(returned.encoding.map { "\nContent-Transfer-Encoding: \($0)" } ?? "")


            """)
        return bytes + returned.bytes + lines("\n--\(boundary)--\n")
    }

    private var returnedPart: (type: String, encoding: String?, bytes: [UInt8]) {
        let type =
            switch original {
            case .full: isInternational ? "message/global" : "message/rfc822"
            case .headers: isInternational ? "message/global-headers" : "text/rfc822-headers"
            }
        let bytes = original.bytes
        guard bytes.contains(where: { $0 >= 0x80 }) else { return (type, nil, bytes) }
        // RFC 6532 §3.7: message/global may be encoded; message/rfc822 may not (RFC 2046 §5.2.1).
        guard isInternational, !needsUTF8 else { return (type, "8bit", bytes) }
        return (type, "base64", Base64.encode(bytes, lineLength: 76))
    }

    // MARK: For people

    private func humanPart(_ words: Words) -> String {
        languages.map { humanPart($0, words) }.joined(separator: "\n" + String(repeating: "-", count: 40) + "\n\n")
    }

    private func humanPart(_ language: String, _ words: Words) -> String {
        var text = words(language, "report.opening", [("host", hostname)]) + "\n"
        for action in [Action.failed, .delayed, .relayed, .expanded, .delivered] {
            let those = recipients.filter { $0.action == action }
            if those.isEmpty { continue }
            text += "\n" + words(language, "report.\(action.rawValue)", []) + "\n"
            for recipient in those { text += "\n" + paragraph(recipient, language, words) }
        }
        return text + "\n" + words(language, "report.closing", [("id", queueID)]) + "\n"
    }

    private func paragraph(_ recipient: Recipient, _ language: String, _ words: Words) -> String {
        var text = "  <\(oneLine(recipient.address))>\n"
        if let address = recipient.forwardedFor { text += "    " + words(language, "report.forwarded", [("address", address)]) + "\n" }
        if !recipient.reason.isEmpty {
            let reason = Reason(stored: recipient.reason)
            text += "    " + words(language, reason.key, reason.values.map { ($0.name, $0.value) } + [("detail", recipient.detail)]) + "\n"
        }
        if let reply = recipient.reply {
            text += "    " + words(language, "report.answer", [("host", recipient.host)]) + "\n"
            for line in reply.lines { text += "      \(reply.code) \(reply.enhanced.map { "\($0) " } ?? "")\(oneLine(line))\n" }
        } else if !recipient.detail.isEmpty {
            text += "    \(oneLine(recipient.host.isEmpty ? recipient.detail : "\(recipient.host): \(recipient.detail)"))\n"
        }
        if recipient.retryUntil > 0 {
            text += "    " + words(language, "report.until", [("time", MailDate.format(seconds: recipient.retryUntil))]) + "\n"
        }
        return text
    }

    // MARK: For programs

    private var machinePart: String {
        // RFC 3464 §2.2
        var text = "Reporting-MTA: dns; \(hostname)\nX-Buzon-Queue-ID: \(queueID)\n"
        if let envelopeID { text += "Original-Envelope-Id: \(plain(envelopeID))\n" }
        text += "Arrival-Date: \(MailDate.format(seconds: arrival))\n"
        for recipient in recipients {
            text += "\n"
            // RFC 3464 §2.3.1
            if let type = recipient.originalType, let address = recipient.originalAddress {
                text += "Original-Recipient: \(typed(address, plain(type)))\n"
            } else if let address = recipient.forwardedFor {
                text += "Original-Recipient: \(typed(address))\n"
            }
            text += "Final-Recipient: \(typed(recipient.address))\n"
            text += "Action: \(recipient.action.rawValue)\nStatus: \(recipient.status)\n"
            if !recipient.host.isEmpty { text += "Remote-MTA: dns; \(plain(recipient.host))\n" }
            if let reply = recipient.reply { text += "Diagnostic-Code: smtp; \(plain(reply.line))\n" }
            if recipient.lastAttempt > 0 { text += "Last-Attempt-Date: \(MailDate.format(seconds: recipient.lastAttempt))\n" }
            if recipient.action == .delayed, recipient.retryUntil > 0 {
                text += "Will-Retry-Until: \(MailDate.format(seconds: recipient.retryUntil))\n"
            }
        }
        return text
    }

    /// RFC 6533 §3: an address in UTF-8 has a type of its own, and a form in ASCII where the report is ASCII.
    private func typed(_ address: String, _ type: String = "rfc822") -> String {
        let isASCII = address.utf8.allSatisfy { $0 < 0x80 }
        guard !isASCII || type.asciiLowercased == "utf-8" else { return "\(type); \(plain(address))" }
        return "utf-8; " + (needsUTF8 ? plain(address) : plain(XText.encodeUTF8Address(address, asciiOnly: true)))
    }

    /// For one line of a part that is ASCII unless the report is not.
    private func plain(_ text: String) -> String {
        let line = oneLine(text)
        return needsUTF8
            ? line : String(decoding: line.unicodeScalars.map { $0.isASCII ? UInt8($0.value) : UInt8(ascii: "?") }, as: UTF8.self)
    }

    /// What others said, fit for one line: no controls, no more than a header field's line may have.
    private func oneLine(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars.prefix(900) {
            if result.utf8.count >= 900 { break }
            result.unicodeScalars.append(scalar.value < 0x20 || scalar.value == 0x7F ? " " : scalar)
        }
        return result
    }
}

/// Text with LF as octets with CRLF, whatever CR stood there.
private func lines(_ text: String) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count + 64)
    for byte in text.utf8 {
        if byte == 0x0A { bytes.append(0x0D) }
        if byte != 0x0D { bytes.append(byte) }
    }
    return bytes
}
