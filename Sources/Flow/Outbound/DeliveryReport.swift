import Mail
package import SMTP

/// A delivery status notification (RFC 3464) as a message of its own.
package struct DeliveryReport: Sendable {
    /// RFC 3464 §2.3.3.
    package enum Action: String, Sendable, Comparable {
        case failed, delayed, relayed, expanded, delivered

        package static func < (left: Action, right: Action) -> Bool { left.rank < right.rank }
        private var rank: Int { [.failed, .delayed, .relayed, .expanded, .delivered].firstIndex(of: self) ?? 0 }
    }

    package struct Recipient: Sendable {
        package var address: String
        /// RFC 3461 ORCPT.
        package var originalType: String?
        package var originalAddress: String?
        package var forwardedFor: String?
        package var action: Action
        package var status: EnhancedStatus
        package var host: String
        package var reply: Reply?
        /// In words, where nobody answered.
        package var detail: String
        /// What it means: `Reason.stored`.
        package var reason: String
        /// Seconds since 1970; 0: not known.
        package var lastAttempt: Int64
        package var retryUntil: Int64

        package init(
            address: String, originalType: String? = nil, originalAddress: String? = nil, forwardedFor: String? = nil, action: Action,
            status: EnhancedStatus, host: String = "", reply: Reply? = nil, detail: String = "", reason: String = "",
            lastAttempt: Int64 = 0, retryUntil: Int64 = 0
        ) {
            self.address = address
            self.originalType = originalType
            self.originalAddress = originalAddress
            self.forwardedFor = forwardedFor
            self.action = action
            self.status = status
            self.host = host
            self.reply = reply
            self.detail = detail
            self.reason = reason
            self.lastAttempt = lastAttempt
            self.retryUntil = retryUntil
        }
    }

    package enum Original: Sendable {
        case full([UInt8])
        case headers([UInt8])
    }

    /// Finds words: language (`en`, `es`), key, values.
    package typealias Words = @Sendable (String, String, [(String, String)]) -> String

    /// A-label.
    package var hostname: String
    package var queueID: String
    /// The report's own.
    package var reportID: String
    /// To whom.
    package var sender: String
    package var envelopeID: String?
    /// When the message came, and now; seconds since 1970.
    package var arrival: Int64
    package var now: Int64
    package var language: String
    package var recipients: [Recipient]
    package var original: Original
    /// RFC 6533: addresses or header fields in UTF-8.
    package var isInternational: Bool

    package init(
        hostname: String, queueID: String, reportID: String, sender: String, envelopeID: String? = nil, arrival: Int64, now: Int64,
        language: String, recipients: [Recipient], original: Original, isInternational: Bool = false
    ) {
        self.hostname = hostname
        self.queueID = queueID
        self.reportID = reportID
        self.sender = sender
        self.envelopeID = envelopeID
        self.arrival = arrival
        self.now = now
        self.language = language
        self.recipients = recipients
        self.original = original
        self.isInternational = isInternational
    }

    /// Whether `bytes` has octets above 127: only the returned message can.
    package var isEightBit: Bool { isInternational || originalBytes.contains { $0 >= 0x80 } }

    private var originalBytes: [UInt8] {
        switch original {
        case .full(let bytes), .headers(let bytes): bytes
        }
    }

    /// The whole message. Lines end in CRLF.
    package func bytes(_ words: Words) -> [UInt8] {
        let boundary = "=_\(reportID)"
        let worst = recipients.map(\.action).min() ?? .failed
        var text = """
            From: MAILER-DAEMON@\(hostname)
            To: <\(sender)>
            Subject: \(encodedWord(words(language, "report.subject.\(worst.rawValue)", [])))
            Date: \(MailDate.format(seconds: now))
            Message-ID: <\(reportID)@\(hostname)>
            Auto-Submitted: auto-replied
            MIME-Version: 1.0
            Content-Type: multipart/report; report-type=delivery-status;
            \tboundary="\(boundary)"\(isEightBit ? "\nContent-Transfer-Encoding: 8bit" : "")

            --\(boundary)
            Content-Type: text/plain; charset=utf-8
            Content-Language: \(language)
            Content-Transfer-Encoding: quoted-printable


            """
        text += quotedPrintable(humanPart(words))
        // RFC 6533 §4.
        let isGlobal = isInternational
        text += """

            --\(boundary)
            Content-Type: message/\(isGlobal ? "global-delivery-status" : "delivery-status")\(isGlobal ? "\nContent-Transfer-Encoding: 8bit" : "")

            \(machinePart)
            --\(boundary)

            """
        let isBinary = originalBytes.contains { $0 >= 0x80 }
        switch original {
        case .full: text += "Content-Type: message/\(isGlobal ? "global" : "rfc822")\n"
        case .headers: text += "Content-Type: \(isGlobal ? "message/global-headers" : "text/rfc822-headers")\n"
        }
        if isBinary { text += "Content-Transfer-Encoding: 8bit\n" }
        text += "\n"
        var bytes = crlf(text)
        bytes += originalBytes
        bytes += Array("\r\n--\(boundary)--\r\n".utf8)
        return bytes
    }

    // MARK: For people

    private func humanPart(_ words: Words) -> String {
        var text = words(language, "report.opening", [("host", hostname)]) + "\n"
        for action in [Action.failed, .delayed, .relayed, .expanded, .delivered] {
            let those = recipients.filter { $0.action == action }
            if those.isEmpty { continue }
            text += "\n" + words(language, "report.\(action.rawValue)", []) + "\n"
            for recipient in those { text += "\n" + paragraph(recipient, words) }
        }
        return text + "\n" + words(language, "report.closing", [("id", queueID)]) + "\n"
    }

    private func paragraph(_ recipient: Recipient, _ words: Words) -> String {
        var text = "  <\(recipient.address)>\n"
        if let address = recipient.forwardedFor { text += "    " + words(language, "report.forwarded", [("address", address)]) + "\n" }
        if !recipient.reason.isEmpty {
            let reason = Reason(stored: recipient.reason)
            text += "    " + words(language, reason.key, reason.values.map { ($0.name, $0.value) } + [("detail", recipient.detail)]) + "\n"
        }
        if let reply = recipient.reply {
            text += "    " + words(language, "report.answer", [("host", recipient.host)]) + "\n"
            for line in reply.lines { text += "      \(reply.code) \(reply.enhanced.map { "\($0) " } ?? "")\(plain(line))\n" }
        } else if !recipient.detail.isEmpty {
            text += "    \(plain(recipient.host.isEmpty ? recipient.detail : "\(recipient.host): \(recipient.detail)"))\n"
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
            // RFC 3464 §2.3.1; RFC 6533 §3 where it is not ASCII.
            if let type = recipient.originalType, let address = recipient.originalAddress {
                text += "Original-Recipient: \(plain(type)); \(plain(address))\n"
            } else if let address = recipient.forwardedFor {
                text += "Original-Recipient: \(type(address)); \(plain(address))\n"
            }
            text += "Final-Recipient: \(type(recipient.address)); \(plain(recipient.address))\n"
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

    private func type(_ address: String) -> String { address.utf8.allSatisfy { $0 < 0x80 } ? "rfc822" : "utf-8" }

    /// What others said, fit for one line: no controls, no more than a header field's line may have; ASCII unless the report is not.
    private func plain(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            if result.utf8.count >= 900 { break }
            switch scalar.value {
            case 0..<0x20, 0x7F: result += " "
            case 0x80...: result.unicodeScalars.append(isInternational ? scalar : "?")
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// RFC 2047 §4.1 where it must be.
    private func encodedWord(_ text: String) -> String {
        guard !text.utf8.allSatisfy({ $0 < 0x80 }) else { return text }
        return "=?utf-8?B?" + String(decoding: Base64.encode(text.utf8), as: UTF8.self) + "?="
    }
}

private func crlf(_ text: String) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count + 64)
    for byte in text.utf8 {
        if byte == 0x0A { bytes.append(0x0D) }
        if byte != 0x0D { bytes.append(byte) }
    }
    return bytes
}

/// RFC 2045 §6.7, line by line.
private func quotedPrintable(_ text: String) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var output: [UInt8] = []
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
        var width = 0
        let bytes = Array(line.utf8)
        for (index, byte) in bytes.enumerated() {
            let isLast = index == bytes.count - 1
            let isPlain = (0x21...0x7E).contains(byte) && byte != 0x3D || byte == 0x20 && !isLast
            let piece = isPlain ? [byte] : [0x3D, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            if width + piece.count > 75 {
                output += [0x3D, 0x0A]
                width = 0
            }
            output += piece
            width += piece.count
        }
        output.append(0x0A)
    }
    output.removeLast()
    return String(decoding: output, as: UTF8.self)
}
