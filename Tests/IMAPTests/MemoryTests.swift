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
        _ input: String, limits: Limits = Limits(), keep: Bool = true, _ answer: (Question) -> Answer
    ) -> Heard {
        var session = MailboxSession(connection: .from(loopback: true), configuration: Configuration(hostname: "mail.test", limits: limits))
        var heard = Heard()
        var rest = Array(input.utf8)[...]
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
