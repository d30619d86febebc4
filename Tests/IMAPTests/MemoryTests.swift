import Dialogue
import IMAP
import Mail
import Testing

/// What large mailboxes and messages may cost: pages and pieces, never the whole.
struct MemoryTests {
    private struct Heard {
        var said: [UInt8] = []
        var bytes = 0
        var largestReply = 0
        var largestHeld = 0
        var largestBody = 0
        var questions: [Question] = []
        var isClosed = false
    }

    private func converse(
        _ input: String, limits: Limits = Limits(), maximumMessageSize: Int = 52_428_800, keep: Bool = true,
        _ answer: (Question) -> Answer
    ) -> Heard {
        converse(bytes: Array(input.utf8), limits: limits, maximumMessageSize: maximumMessageSize, keep: keep, answer)
    }

    private func converse(
        bytes: [UInt8], limits: Limits = Limits(), maximumMessageSize: Int = 52_428_800, keep: Bool = true,
        _ answer: (Question) -> Answer
    ) -> Heard {
        var session = MailboxSession(
            connection: .from(loopback: true),
            configuration: Configuration(hostname: "mail.test", limits: limits, maximumMessageSize: maximumMessageSize))
        var heard = Heard()
        var rest = bytes[...]
        while true {
            switch session.next() {
            case .reply(let reply):
                heard.bytes += reply.count
                heard.largestReply = max(heard.largestReply, reply.count)
                if keep { heard.said += reply }
            case .ask(let question):
                heard.questions.append(question)
                session.resume(answer(question))
            case .body(let piece): heard.largestBody = max(heard.largestBody, piece.count)
            case .needInput:
                if rest.isEmpty {
                    session.receiveEnd()
                } else {
                    let piece = Array(rest.prefix(MailboxSession.maximumReceive))
                    rest = rest.dropFirst(MailboxSession.maximumReceive)
                    session.receive(piece.span)
                }
            case .startTLS: session.secured(TLSFacts(version: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384", bits: 256))
            case .close:
                heard.isClosed = true
                return heard
            }
            heard.largestHeld = max(heard.largestHeld, session.heldBytes)
        }
    }

    private func selected(_ uids: UIDSet) -> Answer {
        .selected(
            Selected(
                id: MailboxID(1), uidValidity: 1, uidNext: 1, highestModSeq: 1, uids: uids, recentFrom: nil, firstUnseen: nil, keywords: [])
        )
    }

    private let nothingNew = Answer.changes(Changes(highestModSeq: 1, uidNext: 1))

    private func message(_ bytes: [UInt8]) -> MessageRow {
        let summary = MessageSummary.summarise(bytes.span)
        return MessageRow(
            uid: 1, modSeq: 1, flags: Flags(), internalDate: InternalDate(seconds: 0), size: bytes.count, envelope: summary.envelope,
            structure: summary.structure, body: BodyReference(id: 1, length: bytes.count))
    }

    private func row(_ uid: UID, size: Int) -> MessageRow {
        MessageRow(
            uid: uid, modSeq: 1, flags: Flags(), internalDate: InternalDate(seconds: 0), size: size, envelope: Array("(NIL)".utf8),
            structure: [], body: BodyReference(id: Int64(uid), length: size))
    }

    private let start = "a LOGIN u p\r\nb EXAMINE INBOX\r\n"

    @Test func `a body of 50 MiB leaves in pieces`() {
        let size = 50 << 20
        let heard = converse(start + "c FETCH 1 BODY[]\r\n", keep: false) { question in
            switch question {
            case .select: selected(UIDSet(1...1))
            case .messages: .messages([row(1, size: size)])
            case .read(_, let range): .bytes([UInt8](repeating: 0x78, count: range.count))
            case .changes: nothingNew
            default: .accepted
            }
        }
        #expect(heard.bytes > size && heard.bytes < size + 2_000)
        #expect(heard.largestReply <= 65_536)
        #expect(heard.largestHeld < 300_000)
    }

    @Test func `a hundred thousand rows leave in pieces`() {
        let heard = converse(start + "c FETCH 1:* ENVELOPE\r\nd UID SEARCH ALL\r\n", keep: false) { question in
            switch question {
            case .select: selected(UIDSet(1...100_000))
            case .messages(_, let set, let fields):
                fields == .envelope && set.count <= 256 ? .messages(set.map { row($0, size: 1) }) : .refused(Refusal("too much"))
            case .changes: nothingNew
            default: .accepted
            }
        }
        #expect(heard.largestReply <= 65_536)
        #expect(heard.largestHeld < 300_000)
        #expect(heard.bytes > 100_000 * 20)
    }

    @Test func `expunges and flags of a large mailbox leave in pieces`() {
        let heard = converse(start + "c NOOP\r\n", keep: false) { question in
            switch question {
            case .select: selected(UIDSet(1...100_000))
            case .changes:
                .changes(
                    Changes(
                        highestModSeq: 2, uidNext: 1, expunged: UIDSet(1...50_000),
                        flagged: (50_001...100_000).map { FlagChange(uid: $0, flags: Flags(.seen), modSeq: 2) }))
            default: .accepted
            }
        }
        #expect(heard.largestReply <= 65_536)
        #expect(heard.largestHeld < 300_000)
        #expect(heard.bytes > 50_000 * 30)
    }

    /// One answer is one item's, however many items look into the same header.
    @Test func `a large header for every item leaves in pieces`() {
        let bytes = Array((String(repeating: "a:\r\n", count: 30_000) + "\r\nbody").utf8)
        let message = message(bytes)
        let items = String(repeating: "BODY.PEEK[HEADER.FIELDS.NOT (x)] ", count: 30)
        let heard = converse(start + "c FETCH 1 (\(items))\r\n", keep: false) { question in
            switch question {
            case .select: selected(UIDSet(1...1))
            case .messages: .messages([message])
            case .read(_, let range): .bytes(Array(bytes[range]))
            case .changes: nothingNew
            default: .accepted
            }
        }
        #expect(heard.bytes > 30 * 115_000)
        #expect(heard.largestHeld < 600_000)
        // Read once for all of them.
        #expect(heard.questions.count { if case .read = $0 { true } else { false } } < 10)
    }

    @Test func `structures of many parts leave in pieces`() {
        let parts = String(repeating: "--x\r\n\r\n\r\n", count: 9_000)
        let message = message(Array(("Content-Type: multipart/mixed; boundary=x\r\n\r\n" + parts + "--x--\r\n").utf8))
        let one = converse(start + "c FETCH 1 BODYSTRUCTURE\r\n", keep: false) { fetchAnswer($0, message) }
        let many = converse(start + "c FETCH 1 (\(String(repeating: "BODYSTRUCTURE ", count: 20)))\r\n", keep: false) {
            fetchAnswer($0, message)
        }
        #expect(one.bytes > 400_000 && many.bytes > 19 * one.bytes)
        #expect(many.largestHeld < 2 * one.bytes)
    }

    private func fetchAnswer(_ question: Question, _ message: MessageRow) -> Answer {
        switch question {
        case .select: selected(UIDSet(1...1))
        case .messages: .messages([message])
        case .changes: nothingNew
        default: .accepted
        }
    }

    @Test func `what STORE says of many keywords leaves in pieces`() {
        let flags = Flags(keywords: (0..<100).map { "k\($0)" + String(repeating: "x", count: 100) })
        let heard = converse("a LOGIN u p\r\nb SELECT INBOX\r\nc STORE 1:2000 +FLAGS (x)\r\n", keep: false) { question in
            switch question {
            case .select: selected(UIDSet(1...2_000))
            case .store(_, let set, _, _): .stored(set.map { FlagChange(uid: $0, flags: flags, modSeq: 2) }, 2)
            case .changes: nothingNew
            default: .accepted
            }
        }
        #expect(heard.bytes > 2_000 * 10_000)
        #expect(heard.largestHeld < 300_000)
    }

    /// Another session has deleted the mailbox, whatever the outside calls that.
    @Test(arguments: ["FETCH 1:2 FLAGS", "FETCH 1 BODY[]", "UID STORE 1 FLAGS ()", "SEARCH BODY x", "NOOP"], [true, false])
    func `the selected mailbox is gone`(_ command: String, _ isRefused: Bool) {
        let gone = Answer.refused(Refusal(code: "NONEXISTENT", "No such mailbox"))
        let heard = converse("a LOGIN u p\r\nb SELECT INBOX\r\nc \(command)\r\nd NOOP\r\n") { question in
            switch question {
            case .select: selected(UIDSet(1...2))
            case .changes: isRefused ? gone : .changes(Changes(highestModSeq: 1, uidNext: 1, isGone: true))
            case .messages: isRefused ? gone : .messages([])
            case .search: isRefused ? gone : .uids(UIDSet())
            case .store: isRefused ? gone : .stored([], 1)
            default: .accepted
            }
        }
        #expect(String(decoding: heard.said, as: UTF8.self).hasSuffix("* BYE The selected mailbox was deleted\r\n"))
        #expect(heard.isClosed)
    }

    private static func many(_ word: String, _ count: Int) -> String { repeatElement(word, count: count).joined(separator: " ") }

    private static let keywords = (0...Flags.maximumKeywords).map { "k\($0)" }.joined(separator: " ")

    @Test(arguments: [
        ("SEARCH \(many("BODY x", 32))", "OK"), ("SEARCH \(many("BODY x", 16)) \(many("TEXT x", 17))", "NO [LIMIT]"),
        ("SEARCH \(many("FROM x", 128))", "OK"), ("SEARCH \(many("FROM x", 128)) HEADER a b", "NO [LIMIT]"),
        ("SEARCH \(many("1:*", 16))", "OK"), ("SEARCH \(many("1:*", 16)) UID 1", "NO [LIMIT]"),
        ("SEARCH BODY \"\u{FF}\"", "OK"), ("SEARCH CHARSET UTF-8 TEXT \"\u{FF}\"", "OK"),
        ("FETCH 1 (\(many("BODY.PEEK[HEADER.FIELDS (\(many("a", 250)))]", 2)))", "OK"),
        ("FETCH 1 (\(many("BODY.PEEK[HEADER.FIELDS (\(many("a", 167)))]", 3)))", "NO [LIMIT]"),
        ("STORE 1 FLAGS (\(keywords.dropFirst(3)))", "OK"), ("STORE 1 FLAGS (\(keywords))", "NO [LIMIT]"),
        ("STORE 1 -FLAGS.SILENT \(keywords)", "NO [LIMIT]"), ("APPEND INBOX (\(keywords)) {1+}\r\nx", "NO [LIMIT]"),
        ("APPEND INBOX {1001+}\r\n\(String(repeating: "x", count: 1_001))", "NO [TOOBIG]"), ("APPEND INBOX {1001}", "NO [TOOBIG]"),
        ("APPEND INBOX {1000+}\r\n\(String(repeating: "x", count: 1_000))", "OK [APPENDUID 1 1]"),
    ])
    func `what one command may ask for`(_ command: String, _ expected: String) {
        let heard = converse("a LOGIN u p\r\nb SELECT INBOX\r\nc \(command)\r\n", maximumMessageSize: 1_000) { question in
            switch question {
            case .select: selected(UIDSet(1...1))
            case .messages: .messages([row(1, size: 1)])
            case .search(_, let set, _): .uids(set)
            case .store: .stored([FlagChange(uid: 1, flags: Flags(), modSeq: 1)], 1)
            case .changes: nothingNew
            case .append: .appended(uidValidity: 1, uid: 1)
            default: .accepted
            }
        }
        #expect(String(decoding: heard.said, as: UTF8.self).contains("\r\nc \(expected) "))
    }

    @Test(arguments: ["SEARCH BODY \"", "SEARCH CHARSET utf-8 SUBJECT \"", "UID SEARCH NOT HEADER x \""])
    func `a search string that is no UTF-8`(_ command: String) {
        let input = Array("a LOGIN u p\r\nb SELECT INBOX\r\nc \(command)".utf8) + [0x61, 0xFF, 0x22, 0x0D, 0x0A]
        let heard = converse(bytes: input) { question in
            switch question {
            case .select: selected(UIDSet(1...1))
            case .changes: nothingNew
            default: .accepted
            }
        }
        #expect(String(decoding: heard.said, as: UTF8.self).contains("\r\nc BAD Invalid UTF-8 in a search string\r\n"))
    }

    /// Linear in the command, and one copy of it.
    @Test func `a command of nothing but literals`() {
        let heard = converse("a LOGIN u p\r\nb " + String(repeating: "{0+}\r\n", count: 30_000) + "\r\n") { _ in .accepted }
        #expect(String(decoding: heard.said, as: UTF8.self).hasSuffix("b BAD Atom expected\r\n"))
        #expect(heard.largestHeld < 500_000)
    }

    @Test func `a message streams through`() {
        let size = 10 << 20
        let heard = converse("a LOGIN u p\r\nb APPEND INBOX {\(size)+}\r\n" + String(repeating: "x", count: size) + "\r\n") { question in
            if case .append = question { .appended(uidValidity: 1, uid: 1) } else { .accepted }
        }
        #expect(String(decoding: heard.said, as: UTF8.self).hasSuffix("b OK [APPENDUID 1 1] APPEND completed\r\n"))
        #expect(heard.largestBody <= 65_536)
        #expect(heard.largestHeld < 300_000)
    }

    /// The length of a literal has been said: only the end of the connection says that the rest is missing.
    @Test(arguments: [0, 1, 2])
    func `a body that cannot be read`(_ failing: Int) {
        var reads = 0
        let heard = converse(start + "c FETCH 1:2 BODY.PEEK[]\r\n") { question in
            switch question {
            case .select: return selected(UIDSet(1...2))
            case .messages: return .messages([row(1, size: 100_000), row(2, size: 10)])
            case .read(_, let range):
                reads += 1
                return reads == failing + 1 ? MailboxSession.failure : .bytes([UInt8](repeating: 0x78, count: range.count))
            case .changes: return nothingNew
            default: return .accepted
            }
        }
        let said = String(decoding: heard.said, as: UTF8.self)
        #expect(heard.isClosed)
        switch failing {
        case 0: #expect(said.contains("* 1 FETCH (BODY[] NIL)\r\n* 2 FETCH (BODY[] {10}") && said.contains("c NO [UNAVAILABLE]"))
        case 1: #expect(!said.contains("\r\nc ") && said.hasSuffix("x"))
        default: #expect(said.contains("* 2 FETCH (BODY[] NIL)\r\n") && said.contains("c NO [UNAVAILABLE]"))
        }
        #expect(heard.questions.contains { if case .deselect = $0 { true } else { false } })
    }

    @Test func `storing a large set is cut, copying is not`() {
        var limits = Limits()
        limits.storePage = 10
        let heard = converse("a LOGIN u p\r\nb SELECT INBOX\r\nc STORE 1:25 FLAGS.SILENT ()\r\nd COPY 1:25 x\r\n", limits: limits) {
            question in
            switch question {
            case .select: selected(UIDSet(1...25))
            case .store(_, let set, _, _): .stored(set.map { FlagChange(uid: $0, flags: Flags(), modSeq: 2) }, 2)
            case .changes: nothingNew
            case .copy(_, let set, _, _): .copied(Copied(uidValidity: 1, sources: set, destinations: set, sourceModSeq: 1))
            default: .accepted
            }
        }
        #expect(heard.questions.count { if case .store = $0 { true } else { false } } == 3)
        #expect(String(decoding: heard.said, as: UTF8.self).contains("d OK [COPYUID 1 1:25 1:25]"))
    }
}
