import Mail
import Testing

@testable import Store

@Suite struct FlagSearchTests {
    @Test func masksAreExact() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        var all: [SystemFlags] = []
        for raw in UInt8(0)..<32 {
            let flags = SystemFlags(rawValue: raw)
            let spool = store.spool()
            try spool.append(Array("Subject: \(raw)\r\n\r\n".utf8))
            _ = try await store.append(
                user: user, mailbox: "INBOX", flags: Flags(flags), date: InternalDate(seconds: 1), spool: spool, envelope: [], structure: [])
            all.append(flags)
        }
        let inbox = try await store.select(user, "INBOX", readOnly: true)
        let masks: [(SystemFlags, SystemFlags)] = [
            ([], .seen), (.seen, []), (.flagged, .deleted), ([], [.seen, .deleted]), ([.draft, .flagged], .seen), ([], []),
        ]
        for (with, without) in masks {
            let expected = all.enumerated().filter { $1.isSuperset(of: with) && $1.isDisjoint(with: without) }.map { UID($0.offset + 1) }
            let found = try await store.uids(inbox.id, inbox.uids, with: with, without: without)
            #expect(Array(found) == expected, "with \(with.rawValue), without \(without.rawValue)")
        }
        let part = try await store.uids(inbox.id, UIDSet([3...5, 9...9]), with: [], without: .seen)
        #expect(part.description == "3:5")
        #expect(try await store.verify().isClean)
        await store.close()
    }
}
