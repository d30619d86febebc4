import Dialogue
import IMAP
import Mail
import MailTesting
import Testing

struct SessionFuzzTests {
    /// What the clients of the dialogs say, and a few lines that go everywhere at once.
    private static func seeds() throws -> [[UInt8]] {
        let login = Array("a LOGIN usuario@virtual.test secreto\r\nb SELECT INBOX\r\n".utf8)
        let dialogs = try Dialog.all(beside: #filePath).map { $0.blocks.flatMap(\.input) }
        let lines = try TestFiles.contents(of: "Seeds", beside: #filePath, suffix: ".seed").map(\.bytes)
        return dialogs + (dialogs + lines).map { login + $0 }
    }

    @Test func `nothing breaks a session`() throws {
        let limits = Self.limits
        var mailboxes = filledMailboxes("mime")
        let fuzzer = SessionFuzzer<MailboxSession>(
            seeds: try Self.seeds(),
            session: { random in
                mailboxes = filledMailboxes("mime")
                return MailboxSession(
                    connection: .from(loopback: random.next(below: 20) > 0),
                    configuration: Configuration(
                        hostname: "mail.test", limits: limits, offersTLS: random.next(below: 4) > 0, authentication: .tested))
            },
            answer: { question, random in
                switch random.next(below: 40) {
                case 0: Self.nonsense(&random)
                case 1:
                    if case .changes = question { .changes(Self.changes(&random)) } else { mailboxes.answer(question) }
                default: mailboxes.answer(question)
                }
            },
            heldBytes: { $0.heldBytes },
            // A command, what one read brings, replies up to a piece, and one row on top of them.
            maximumHeldBytes: limits.command + limits.literal + 2 * MailboxSession.maximumReceive + 2 * limits.reply)
        #expect(fuzzer.run().complaint == nil)
    }

    private static var limits: Limits {
        var limits = Limits()
        limits.command = 8_192
        limits.unauthenticatedCommand = 2_048
        limits.literal = 4_096
        limits.drainedLiteral = 50_000
        limits.reply = 4_096
        return limits
    }

    private static func set(_ random: inout SplitMix) -> UIDSet {
        UIDSet(
            (0..<random.next(below: 4)).map { _ in
                let low = UID(1 + random.next(below: 12))
                return low...(low + UID(random.next(below: 4)))
            })
    }

    private static func changes(_ random: inout SplitMix) -> Changes {
        Changes(
            highestModSeq: ModSeq(random.next(below: 9)), uidNext: UID(random.next(below: 9)), expunged: set(&random),
            arrived: set(&random),
            flagged: set(&random).map { FlagChange(uid: $0, flags: Flags(.seen, keywords: ["k\($0)"]), modSeq: 9) },
            recentFrom: random.next(below: 2) == 0 ? nil : UID(random.next(below: 9)), isGone: random.next(below: 50) == 0)
    }

    private static func nonsense(_ random: inout SplitMix) -> Answer {
        switch random.next(below: 9) {
        case 0: .accepted
        case 1: .refused(Refusal(code: nil, "no\r\nña"))
        case 2: .bytes([UInt8](repeating: 0x0A, count: random.next(below: 100)))
        case 3: .uids(set(&random))
        case 4: .stored(set(&random).map { FlagChange(uid: $0, flags: Flags(), modSeq: 3) }, 3)
        case 5: .expunged(set(&random), 4)
        case 6: .messages([])
        case 7: .copied(Copied(uidValidity: 1, sources: set(&random), destinations: set(&random), sourceModSeq: 1))
        default: MailboxSession.failure
        }
    }
}
