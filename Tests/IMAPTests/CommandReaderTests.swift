import IMAP
import Mail
import Testing

@testable import IMAP

struct CommandReaderTests {
    @Test(arguments: [
        ("1", 9, "1"), ("2:4,7", 9, "2:4,7"), ("*", 9, "9"), ("7:*", 5, "5:7"), ("*:3", 9, "3:9"), ("4:2,3,1", 9, "1:4"),
        ("4294967295", 9, "4294967295"),
    ])
    func `sequence sets`(_ text: String, _ largest: UInt32, _ expected: String) throws {
        var reader = CommandReader(Array(text.utf8))
        let set = try reader.sequenceSet()
        #expect(reader.isAtEnd)
        #expect(set.resolved(largest: largest).description == expected)
    }

    @Test(arguments: ["", "0", "1,", "1:", ":1", "1::2", "4294967296", "a", "1:0", "99999999999999999999999999"])
    func `no sequence sets`(_ text: String) {
        #expect(throws: CommandError.self) {
            var reader = CommandReader(Array(text.utf8))
            _ = try reader.sequenceSet()
            try reader.end()
        }
    }

    @Test(arguments: [
        ("atom", "atom"), ("\"a b\"", "a b"), ("\"a\\\"\\\\\"", "a\"\\"), ("{3}\r\na\"b", "a\"b"), ("{3+}\r\nabc", "abc"), ("\"\"", ""),
        ("a]b", "a]b"), ("\"ñ\"", "ñ"), ("{2}\nab", "ab"), ("NIL", "NIL"),
    ])
    func `strings`(_ text: String, _ expected: String) throws {
        var reader = CommandReader(Array(text.utf8))
        #expect(try reader.astring() == Array(expected.utf8))
        #expect(reader.isAtEnd)
    }

    @Test(arguments: ["", "\"abc", "\"a\\b\"", "{5}\r\nabc", "{a}\r\n", "{}\r\n", "(", "%", "{1}\r\n\0", "{99999999999}\r\na"])
    func `no strings`(_ text: String) {
        #expect(throws: CommandError.self) {
            var reader = CommandReader(Array(text.utf8))
            _ = try reader.astring()
        }
    }

    @Test(arguments: [
        ("LOGIN {5}", 5, true), ("LOGIN {5+}", 5, false), ("{0}", 0, true), ("{99999999999999999999999}", Int.max, true),
    ])
    func `announcements`(_ line: String, _ size: Int, _ isSynchronising: Bool) {
        let announcement = LiteralAnnouncement(endOf: Array(line.utf8)[...])
        #expect(announcement?.size == size)
        #expect(announcement?.isSynchronising == isSynchronising)
    }

    @Test(arguments: ["{}", "{+}", "{5", "5}", "{-5}", "{5}x", "", "}", "+}"])
    func `no announcements`(_ line: String) {
        #expect(LiteralAnnouncement(endOf: Array(line.utf8)[...]) == nil)
    }

    @Test(arguments: [
        ("BODY[]", "BODY[]", false), ("body.peek[1.2.header]", "BODY[1.2.HEADER]", true), ("BODY[1.MIME]", "BODY[1.MIME]", false),
        ("BODY[TEXT]<3.4>", "BODY[TEXT]<3>", false), ("BODY[HEADER.FIELDS (a \"b c\")]", "BODY[HEADER.FIELDS (a \"b c\")]", false),
        ("BODY.PEEK[3.HEADER.FIELDS.NOT ({1}\r\nx)]<0.1>", "BODY[3.HEADER.FIELDS.NOT (x)]<0>", true), ("RFC822", "RFC822", false),
        ("RFC822.HEADER", "RFC822.HEADER", true), ("BODY[1]", "BODY[1]", false),
    ])
    func `sections`(_ text: String, _ label: String, _ isPeek: Bool) throws {
        var reader = CommandReader(Array(" 1 \(text)".utf8))
        let items = try reader.fetch(isUID: false, limits: Limits()).items
        guard case .section(let section)? = items.first else { Issue.record("no section"); return }
        #expect(String(decoding: section.label, as: UTF8.self) == label)
        #expect(section.isPeek == isPeek)
    }

    @Test(arguments: [
        "BODY[MIME]", "BODY[0]", "BODY[1.]", "BODY[1", "BODY[]<0.0>", "BODY[]<1>", "BODY[1TEXT]", "BODY[.TEXT]", "BODY[HEADER.FIELDS]",
        "BODY[HEADER.FIELDS ()]", "()", "(ALL)", "FLAGS UID", "", "BODY.PEEK", "(FLAGS", "BODY[99999999999]",
        "BODY[" + String(repeating: "1.", count: 200) + "1]",
    ])
    func `no fetch items`(_ text: String) {
        #expect(throws: CommandError.self) {
            var reader = CommandReader(Array(" 1 \(text)".utf8))
            _ = try reader.fetch(isUID: false, limits: Limits())
        }
    }

    @Test(arguments: [
        "ALL", "1:3,5", "(1 2)", "NOT (SEEN)", "OR SEEN (DELETED NEW)", "HEADER X \"\"", "SINCE 1-Feb-2020", "SINCE \"01-feb-2020\"",
        "CHARSET utf-8 TEXT ñ", "UID *", "KEYWORD $x UNKEYWORD y", "( ALL )", "NOT NOT NOT SEEN", "OR OR SEEN NEW OLD",
    ])
    func `searches`(_ text: String) throws {
        var reader = CommandReader(Array(" \(text)".utf8))
        _ = try reader.search(isUID: false, limits: Limits())
    }

    @Test(arguments: [
        "", "()", "(", "ALL)", "OR SEEN", "NOT", "SINCE 30-Feb-2020", "SINCE yesterday", "LARGER x", "LARGER 4294967296", "CHARSET",
        "SEENNEW",
        "HEADER X", "UID", "1,", "SEEN,NEW", String(repeating: "(", count: 60) + "ALL" + String(repeating: ")", count: 60),
        String(repeating: "NOT ", count: 10_000) + "SEEN", String(repeating: "SEEN ", count: 2_000) + "SEEN",
    ])
    func `no searches`(_ text: String) {
        #expect(throws: CommandError.self) {
            var reader = CommandReader(Array(" \(text)".utf8))
            _ = try reader.search(isUID: false, limits: Limits())
        }
    }
}
