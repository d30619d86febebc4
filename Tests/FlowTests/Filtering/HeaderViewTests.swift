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
}
