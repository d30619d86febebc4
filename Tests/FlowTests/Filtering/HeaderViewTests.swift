import Testing

@testable import Flow

struct HeaderViewTests {
    private func view(_ text: String) -> HeaderView { Array(text.utf8).withUnsafeBufferPointer { HeaderView(reading: $0) } }

    private func seen(_ text: String, tag: String) -> String {
        let seen = view(text).seen(tag: tag)
        return String(decoding: seen.head + Array(text.utf8.dropFirst(seen.hidden?.upperBound ?? 0)), as: UTF8.self)
    }

    @Test(arguments: [
        ("Subject: a\r\n\r\nb", "Subject: T a\r\n\r\nb"),
        ("From: x\r\nsubject:a\r\nTo: y\r\n\r\nb", "From: x\r\nSubject: T a\r\nTo: y\r\n\r\nb"),
        ("Subject:\r\n\r\nb", "Subject: T\r\n\r\nb"),
        ("From: x\r\n\r\nb", "Subject: T\r\nFrom: x\r\n\r\nb"),
        // Not twice.
        ("Subject: T a\r\n\r\nb", "Subject: T a\r\n\r\nb"),
        // Both of two.
        ("Subject: a\r\nSubject: b\r\n\r\n", "Subject: T a\r\nSubject: T b\r\n\r\n"),
        ("Subject: a\r\n\tc\r\n\r\nb", "Subject: T a\r\n\tc\r\n\r\nb"),
        ("Subject: =?utf-8?q?=C3=B1?=\r\n\r\n", "Subject: T =?utf-8?q?=C3=B1?=\r\n\r\n"),
        ("X-Spam-A: 1\r\nSubject: a\r\nX-Spam-B: 2\r\n\r\nb", "Subject: T a\r\n\r\nb"),
    ])
    func tagged(_ text: String, _ expected: String) {
        #expect(seen(text, tag: "T") == expected)
    }

    @Test func nothingToChange() {
        let seen = view("Subject: a\r\n\r\nb").seen(tag: "")
        #expect(seen == HeaderView.Seen())
    }

    @Test func aLongSubjectIsFolded() {
        let long = String(repeating: "x", count: 900)
        #expect(seen("Subject: \(long)\r\n\r\n", tag: "***SPAM***") == "Subject: ***SPAM***\r\n \(long)\r\n\r\n")
    }

    /// A tag in another script is encoded.
    @Test func aForeignTag() {
        #expect(seen("Subject: a\r\n\r\n", tag: "¡BASURA!").hasPrefix("Subject: =?"))
    }

    /// The index holds no megabytes for each recipient.
    @Test func aHugeHeader() {
        let filler = (0..<1_000).map { "X-\($0): \(String(repeating: "y", count: 20))\r\n" }.joined()
        let text = "Subject: a\r\n\(filler)X-Spam-Flag: NO\r\nTo: z\r\n\r\nb"
        #expect(!view(text).isTooDeep)
        #expect(seen(text, tag: "T") == "Subject: T a\r\n\(filler)To: z\r\n\r\nb")
        let many = Array(text.utf8).withUnsafeBufferPointer { HeaderView(reading: $0, recipients: 100) }
        #expect(many.isTooDeep)
        let deep = Array("\(filler)Subject: a\r\n\r\nb".utf8)
        let untagged = deep.withUnsafeBufferPointer { HeaderView(reading: $0, recipients: 100) }
        #expect(untagged.seen(tag: "T") == HeaderView.Seen())
    }

    /// Names of ours, whole or by their beginning, and what only looks like one.
    @Test func whichAreForged() {
        let ours = [
            "X-Spam-Flag", "x-spam-a", "X-BUZON-Alert", "X-Amavis-Alert", "X-Virus-Scanned", "x-quarantine-ID", "X-Quarantine-Release",
        ]
        let others = [
            "X-Spam", "X-Spammer", "X-Virus-Scanned-By", "X-Quarantine-Ideas", "X-Quarantine-Released", "Spam-Flag", "XX-Spam-Flag",
            "X-Virus",
        ]
        for name in ours { #expect(seen("\(name): 1\r\nTo: z\r\n\r\n", tag: "") == "To: z\r\n\r\n", "\(name)") }
        for name in others { #expect(view("\(name): 1\r\nTo: z\r\n\r\n").seen(tag: "") == HeaderView.Seen(), "\(name)") }
    }

    /// ENVELOPE tells of a subject that only the tag made, and is no megabyte for each of many.
    @Test func envelopes() {
        let added = view("From: x@y.test\r\n\r\nb").seen(tag: "T")
        #expect(String(decoding: added.envelope, as: UTF8.self).contains("\"T\""))
        let addresses = (0..<1_000).map { "a\($0)@x.test" }.joined(separator: ", ")
        let text = Array("Subject: a\r\nTo: \(addresses)\r\n\r\nb".utf8)
        let alone = text.withUnsafeBufferPointer { HeaderView(reading: $0) }.seen(tag: "T")
        #expect(String(decoding: alone.envelope, as: UTF8.self).contains("\"T a\""))
        let many = text.withUnsafeBufferPointer { HeaderView(reading: $0, recipients: 100) }
        #expect(many.seen(tag: "T") == HeaderView.Seen())
    }
}
