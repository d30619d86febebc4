import Mail

/// The message that tells the administrator that a user has reached the limit of a day.
struct LimitNotice: Sendable {
    var login: String
    var limit: Int
    var hostname: String
    var queueID: String
    var date: InternalDate
    /// A `report-language`.
    var language: String

    /// `words`: a text for people, in a language.
    func message(_ words: (Reason, String) -> String) -> [UInt8] {
        let subject = words(Reason("notice.limit.subject", ["login": login]), language)
        var text: [UInt8] = Array("From: MAILER-DAEMON@\(hostname)\r\nTo: postmaster@\(hostname)\r\nSubject: ".utf8)
        text += EncodedWord.encode(subject)
        // RFC 3834 §5: nobody answers it by himself.
        text += Array(
            """
            \r
            Date: \(MailDate.format(seconds: date.seconds, zoneMinutes: date.zoneMinutes))\r
            Message-ID: <\(queueID)@\(hostname)>\r
            Auto-Submitted: auto-generated\r
            MIME-Version: 1.0\r
            Content-Type: text/plain; charset=UTF-8\r
            Content-Transfer-Encoding: quoted-printable\r
            \r

            """.utf8)
        let day = MailDate.format(seconds: date.seconds).split(separator: " ").prefix(4).joined(separator: " ")
        let body = ["notice.limit.what", "notice.limit.why", "notice.limit.where"].map { key in
            words(Reason(key, ["login": login, "limit": "\(limit)", "day": day]), language) + "\r\n"
        }
        return text + QuotedPrintable.encode(Array(body.joined(separator: "\r\n").utf8)[...])
    }
}
