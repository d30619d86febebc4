import Mail
import MailTesting
import Testing

@testable import IMAP

struct SearchEvaluationTests {
    private static let mime = Array(
        """
        From: =?iso-8859-1?Q?Jos=E9_Mu=F1oz?= <jose@a.test>\r
        To: friends: bea@b.test, "Carl, C" <carl@c.test>;\r
        Cc: <ana (Ana)@ (home) d.test>, "e f"@e.test\r
        Subject: =?utf-8?B?w4FyYm9s?= y\r
         cielo\r
        Date: Sat, 24 Mar 2007 23:30:00 -0800\r
        X-Empty:\r
        MIME-Version: 1.0\r
        Content-Type: multipart/mixed; boundary=x\r
        \r
        --x\r
        Content-Type: text/plain; charset=iso-8859-1\r
        Content-Transfer-Encoding: quoted-printable\r
        \r
        El ni=F1o com=\r
        i=F3 pan\r
        --x\r
        Content-Type: text/html; charset=utf-8; name=letter.html\r
        Content-Transfer-Encoding: base64\r
        \r
        w4ltb3Rpb24gw6AgUGFyaXM=\r
        --x\r
        Content-Type: image/png\r
        Content-Transfer-Encoding: base64\r
        \r
        c2VjcmV0\r
        --x\r
        Content-Type: message/rfc822\r
        \r
        Subject: within\r
        \r
        Deep text\r
        --x--\r

        """.utf8)

    private func row(_ bytes: [UInt8], prefix: [UInt8] = [], flags: Flags = Flags()) -> (MessageRow, [UInt8]) {
        let summary = MessageSummary.summarise(bytes.span)
        let body = BodyReference(id: 1, length: bytes.count, prefix: prefix)
        return (
            MessageRow(
                uid: 7, modSeq: 1, flags: flags, internalDate: InternalDate(seconds: 1_174_807_800, zoneMinutes: -480), size: body.size,
                envelope: summary.envelope, structure: summary.structure, body: body), prefix + bytes
        )
    }

    private func matches(_ text: String, _ message: (MessageRow, [UInt8]), piece: Int = 65_536) throws -> Bool {
        var reader = CommandReader(Array(" \(text)".utf8))
        let program = SearchProgram(try reader.search(isUID: false, limits: Limits()).key)
        return program.matches(message.0) { range in
            program.needs == .row ? [] : Array(message.1[range.lowerBound..<min(range.upperBound, range.lowerBound + piece)])
        }
    }

    @Test(arguments: [
        ("FROM josé", true), ("FROM JOSÉ", true), ("FROM \"josé muñoz\"", true), ("FROM jose@A.TEST", true), ("FROM pepe", false),
        ("TO carl@c", true), ("TO friends", true), ("CC bea", false), ("CC ana@d.test", true), ("CC \"e f@e.test\"", true),
        ("TO ana@d.test", false), ("SUBJECT ÁRBOL", true), ("SUBJECT \"árbol y cielo\"", true),
        ("SUBJECT arbol", false), ("SUBJECT \"\"", true), ("HEADER x-empty \"\"", true), ("HEADER x-none \"\"", false),
        ("NOT HEADER x-none \"\"", true), ("HEADER X-Trace yes", true), ("BODY \"niño comió\"", true), ("BODY NIÑO", true),
        ("BODY =F1", false), ("BODY \"émotion à paris\"", true), ("BODY secret", false), ("BODY within", true),
        ("BODY \"deep TEXT\"", true),
        ("BODY jose", false), ("TEXT jose@a", true), ("TEXT letter.html", true), ("BODY letter.html", false), ("TEXT within", true),
        ("TEXT \"subject: árbol\"", true), ("BODY \"\"", true), ("SENTON 24-Mar-2007", true), ("SENTON 25-Mar-2007", false),
        ("SENTBEFORE 25-Mar-2007", true), ("SENTSINCE 25-Mar-2007", false), ("SENTSINCE 24-Mar-2007", true), ("ON 24-Mar-2007", true),
        ("BEFORE 24-Mar-2007", false), ("SINCE 24-Mar-2007", true), ("SINCE 25-Mar-2007", false), ("LARGER 10", true),
        ("SMALLER 10", false),
        ("SEEN", true), ("UNSEEN", false), ("KEYWORD $FORWARDED", true), ("UNKEYWORD $forwarded", false), ("OR UNSEEN BODY pan", true),
        ("OR UNSEEN BODY none", false), ("NOT (SEEN BODY none)", true), ("SEEN FROM josé BODY pan", true), ("DELETED BODY pan", false),
    ])
    func `finds`(_ text: String, _ expected: Bool) throws {
        let message = row(Self.mime, prefix: Array("X-Trace: yes\r\n".utf8), flags: Flags(.seen, keywords: ["$Forwarded"]))
        #expect(try matches(text, message) == expected)
        #expect(try matches(text, message, piece: 7) == expected)
    }

    @Test(arguments: [("utf-8", "SENTON 24-Mar-2007"), ("utf-8", "SUBJECT x")])
    func `absent fields match nothing`(_ charset: String, _ text: String) throws {
        #expect(try matches(text, row(Array("\r\nbody".utf8))) == false)
    }

    /// A match across the windows in which a large part is looked at, and none where there is none.
    @Test func `large parts`() throws {
        let line = String(repeating: "0123456789", count: 7) + "\r\n"
        let filler = String(repeating: line, count: SearchEvaluation.window / line.utf8.count)
        for shift in 0..<12 {
            let body = "Subject: x\r\n\r\n" + filler + String(repeating: " ", count: shift) + "nee\u{E9}dle\r\n" + filler
            let message = row(Array(body.utf8))
            #expect(try matches("BODY neeÉdle", message))
            #expect(try !matches("BODY needle", message))
        }
        let oneLine = row(Array(("Subject: x\r\n\r\n" + String(repeating: "ab", count: SearchEvaluation.window) + "c").utf8))
        #expect(try matches("BODY ababababc", oneLine))
    }

    /// The answer of a cancelled evaluation is false, also behind NOT; nothing is read any more.
    @Test(arguments: ["BODY needle", "NOT BODY needle", "NOT (TEXT a HEADER x y)", "OR NOT HEADER x-none z ALL BODY c"], 1...3)
    func `stops when it is told to`(_ text: String, _ patience: Int) throws {
        var reader = CommandReader(Array(" \(text)".utf8))
        let program = SearchProgram(try reader.search(isUID: false, limits: Limits()).key)
        let message = row(Array("Subject: x\r\n\r\n".utf8) + [UInt8](repeating: 0x78, count: 4 << 20))
        var asked = 0
        var reads = 0
        let isMatch = program.matches(
            message.0,
            isCancelled: {
                asked += 1
                return asked >= patience
            },
            read: { range in
                reads += 1
                return Array(message.1[range])
            })
        #expect(!isMatch || asked < patience)
        #expect(reads < patience)
    }

    @Test(arguments: [
        ("ÁÉÍÑÜ", "áéíñü"), ("ΣΑΣ", "σας"), ("МОСКВА Ё", "москва ё"), ("Ḁ Ệ", "ḁ ệ"), ("µ", "μ"), ("Ā", "ā"), ("Ÿ", "ÿ"), ("ABC[", "abc["),
    ])
    func `case does not count`(_ upper: String, _ lower: String) {
        #expect(CaseFolding.fold(Array(upper.utf8)) == CaseFolding.fold(Array(lower.utf8)))
        #expect(SearchText(upper).occurs(in: "x" + lower + "y"))
    }

    @Test(arguments: [
        ("aab", "aaab", true), ("abab", "abaabab", true), ("abac", "ababac", true), ("aaa", "aabaab", false), ("", "x", true),
        ("x", "", false),
    ])
    func `substrings`(_ wanted: String, _ text: String, _ expected: Bool) {
        #expect(SearchText(wanted).occurs(in: text) == expected)
    }

    @Test func `cheap keys come first, and sets need no message`() throws {
        var reader = CommandReader(Array(" BODY x SEEN UID 5:9 FROM y 2".utf8))
        let arguments = try reader.search(isUID: false, limits: Limits())
        let selected = Selected(
            id: MailboxID(1), uidValidity: 1, uidNext: 11, highestModSeq: 1, uids: UIDSet(4...10), recentFrom: nil, firstUnseen: nil,
            keywords: [])
        let (candidates, key) = arguments.key.resolved(View(selected, isReadOnly: false)).narrowed(UIDSet(4...10))
        #expect(candidates == UIDSet(5...5))
        let program = SearchProgram(try #require(key))
        #expect(program.needs == .body)
        #expect(program.key == .and([.flag(.seen), .header(Array("FROM".utf8), SearchText("y")), .body(SearchText("x"))]))
    }
}
