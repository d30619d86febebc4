import Testing

@testable import IMAP

struct MailboxPatternTests {
    @Test(arguments: [
        ("*", "a/b/c", true), ("%", "a", true), ("%", "a/b", false), ("%/%", "a/b", true), ("%/%", "a", false), ("a*c", "abc", true),
        ("a*c", "a/b/c", true), ("a%c", "a/c", false), ("a%c", "abbc", true), ("", "", true), ("", "a", false), ("*%", "a/b", true),
        ("%*", "a/b", true), ("**a", "a/a", true), ("%%", "abc", true), ("a/%", "a/", true), ("*test*", "x/test3/y", true),
        ("%3/%4", "x3/y4", true), ("%3/%4", "x3/z/y4", false), ("inbox", "INBOX", true), ("iNbOx/s*", "INBOX/Sub", true),
        ("inbo%", "INBOX", true), ("Sent", "sent", false), ("*b*b*b", "ababab", true), ("*b*b*b", "abab", false), ("%b*d", "ab/c/d", true),
    ])
    func `matches`(_ pattern: String, _ name: String, _ expected: Bool) {
        #expect(MailboxPatterns(Array(pattern.utf8))?.matches(Array(name.utf8)) == expected)
    }

    @Test func `crosses words of bits`() {
        let long = String(repeating: "a", count: 63)
        for tail in ["", "b", "bc"] {
            let name = Array((long + tail + "/x").utf8)
            #expect(MailboxPatterns(Array((long + tail + "%*").utf8))?.matches(name) == true)
            #expect(MailboxPatterns(Array((long + tail + "%").utf8))?.matches(name) == false)
            #expect(MailboxPatterns(Array((long + tail + "/%x").utf8))?.matches(name) == true)
            #expect(MailboxPatterns(Array(("%" + tail + "/*x").utf8))?.matches(name) == true)
        }
    }

    /// Backtracking would take longer than the universe has.
    @Test func `many wildcards are linear`() {
        let pattern = Array(String(repeating: "*a%a", count: 200).utf8) + [0x62]
        #expect(MailboxPatterns(pattern)?.matches([UInt8](repeating: 0x61, count: 1_000)) == false)
        #expect(MailboxPatterns([UInt8](repeating: 0x61, count: MailboxPattern.maximumLength + 1)) == nil)
    }
}
