import Mail
import Testing

@testable import Store

struct MailboxesTests {
    @Test func createListDelete() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        try await store.create(user, "Trabajo/2026/Enero")
        let created = try await store.status(user, "Trabajo/2026/Enero")
        await #expect(throws: StoreFailure.alreadyExists) { try await store.create(user, "Trabajo/2026/Enero") }
        let names = try await store.mailboxes(user)
        #expect(names.first { $0.name == "Trabajo" }?.exists == false)
        #expect(names.first { $0.name == "Trabajo/2026/Enero" }?.exists == true)
        try await store.delete(user, "Trabajo/2026/Enero")
        await #expect(throws: StoreFailure.nonExistent) { try await store.delete(user, "Trabajo/2026/Enero") }
        await #expect(throws: StoreFailure.notAllowed) { try await store.delete(user, "inbox") }
        try await store.create(user, "Trabajo/2026/Enero")
        #expect(try await store.status(user, "Trabajo/2026/Enero").uidValidity > created.uidValidity)
        for name in ["", "/", "a//b", "a/", "x\u{7}", String(repeating: "x", count: 1_001)] {
            await #expect(throws: StoreFailure.invalid("mailbox name")) { try await store.create(user, name) }
        }
        #expect(try await store.verify().problems == [])
        await store.close()
    }

    @Test func renameTakesWhatLiesBelow() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        for name in ["a", "a/b", "a/b/c", "ab", "z"] { try await store.create(user, name) }
        let before = try await store.status(user, "a/b")
        try await store.rename(user, from: "a", to: "n/m")
        #expect(try await store.status(user, "n/m/b") == before)
        let names = try await store.mailboxes(user).filter(\.exists).map(\.name)
        #expect(names.filter { $0.hasPrefix("n") || $0.hasPrefix("a") } == ["ab", "n/m", "n/m/b", "n/m/b/c"])
        await #expect(throws: StoreFailure.notAllowed) { try await store.rename(user, from: "n/m", to: "n/m/x") }
        await #expect(throws: StoreFailure.alreadyExists) { try await store.rename(user, from: "n/m", to: "z") }
        await #expect(throws: StoreFailure.nonExistent) { try await store.rename(user, from: "nada", to: "y") }
        // A name below the new one is taken: nothing changes.
        try await store.create(user, "q/b")
        await #expect(throws: StoreFailure.alreadyExists) { try await store.rename(user, from: "n/m", to: "q") }
        #expect(try await store.status(user, "n/m/b") == before)
        await store.close()
    }

    /// RFC 3501 §2.3.1.1: under one name, UIDVALIDITY only grows.
    @Test func renamedToAFormerName() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        for name in ["viejo", "viejo/abajo", "nuevo"] { try await store.create(user, name) }
        let newer = try await store.status(user, "nuevo")
        try await store.delete(user, "nuevo")
        try await store.rename(user, from: "viejo", to: "nuevo")
        let renamed = try await store.status(user, "nuevo")
        #expect(renamed.uidValidity > newer.uidValidity)
        // And back: what has this name now had it before.
        try await store.rename(user, from: "nuevo", to: "viejo")
        try await store.rename(user, from: "viejo", to: "nuevo")
        #expect(try await store.status(user, "nuevo").uidValidity >= renamed.uidValidity)
        try await store.create(user, "otro")
        let other = try await store.status(user, "otro")
        try await store.rename(user, from: "otro", to: "otra")
        #expect(try await store.status(user, "otra") == other)
        #expect(try await store.verify().problems == [])
        await store.close()
    }

    @Test func aStandardNameHasItsUseAgain() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        func use(_ name: String) async throws -> String? { try await store.mailboxes(user).first { $0.name == name }?.specialUse }
        try await store.delete(user, "Junk")
        try await store.create(user, "Junk")
        #expect(try await use("Junk") == "\\Junk")
        try await store.rename(user, from: "Sent", to: "Enviados")
        try await store.create(user, "Sent")
        #expect(try await use("Sent") == nil)
        #expect(try await use("Enviados") == "\\Sent")
        try await store.create(user, "Normal")
        #expect(try await use("Normal") == nil)
        await store.close()
    }

    @Test func renamedInboxStaysEmpty() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        for number in 0..<3 { try await store.deliver("Subject: \(number)\r\n\r\n", to: [user]) }
        let inbox = try await store.status(user, "INBOX")
        try await store.rename(user, from: "INBOX", to: "Viejo")
        let after = try await store.status(user, "INBOX")
        #expect(after.id == inbox.id && after.uidValidity == inbox.uidValidity && after.uidNext == 4 && after.messages == 0)
        let old = try await store.status(user, "Viejo")
        #expect(old.messages == 3 && old.uidValidity > inbox.uidValidity && old.unseen == 3)
        #expect(try await store.changes(inbox.id, since: inbox.highestModSeq, uidNext: 4, claimsRecent: false).expunged == UIDSet(1...3))
        #expect(try await store.text(try await store.rows(old.id)[2]) == "Subject: 2\r\n\r\n")
        try await store.deliver("Subject: 3\r\n\r\n", to: [user])
        #expect(try await store.verify(deep: true).problems == [])
        await store.close()
    }

    @Test func subscriptionsGoByName() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        try await store.setSubscribed(user, "Nunca", true)
        try await store.setSubscribed(user, "Nunca", true)
        try await store.setSubscribed(user, "Junk", false)
        let names = try await store.mailboxes(user)
        #expect(names.first { $0.name == "Nunca" }?.exists == false)
        #expect(names.first { $0.name == "Nunca" }?.isSubscribed == true)
        #expect(names.first { $0.name == "Junk" }?.isSubscribed == false)
        #expect(names.first { $0.name == "INBOX" }?.isSubscribed == true)
        await store.close()
    }
}

struct SelectionTests {
    @Test func recentIsClaimedOnce() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        try await store.deliver("a", to: [user])
        try await store.deliver("b", to: [user])
        #expect(try await store.status(user, "INBOX").recent == 2)
        #expect(try await store.select(user, "inbox", readOnly: true).recentFrom == 1)
        let first = try await store.select(user, "INBOX", readOnly: false)
        #expect(first.recentFrom == 1)
        #expect(first.uids == UIDSet(1...2) && first.firstUnseen == 1 && first.uidNext == 3)
        #expect(try await store.select(user, "INBOX", readOnly: false).recentFrom == nil)
        #expect(try await store.status(user, "INBOX").recent == 0)
        try await store.deliver("c", to: [user])
        let changes = try await store.changes(first.id, since: first.highestModSeq, uidNext: 3, claimsRecent: true)
        #expect(changes.arrived == UIDSet(3...3) && changes.recentFrom == 3 && changes.uidNext == 4)
        let other = try await store.changes(first.id, since: first.highestModSeq, uidNext: 3, claimsRecent: true)
        #expect(other.arrived == UIDSet(3...3) && other.recentFrom == nil)
        #expect(try await store.changes(first.id, since: changes.highestModSeq, uidNext: 4, claimsRecent: true).arrived.isEmpty)
        #expect(try await store.verify().problems == [])
        await store.close()
    }

    @Test func flagsExpungeCopyMove() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        for number in 1...6 { try await store.deliver("Subject: \(number)\r\n\r\n", to: [user]) }
        let box = try await store.select(user, "INBOX", readOnly: false)
        let stored = try await store.store(box.id, UIDSet(2...4), .add, Flags([.seen, .deleted], keywords: ["$Hot", "blau"]))
        #expect(stored.changes.map(\.uid) == [2, 3, 4])
        #expect(stored.changes.allSatisfy { $0.modSeq == stored.modSeq })
        #expect(try await store.status(user, "INBOX").unseen == 3)
        let again = try await store.store(box.id, UIDSet(1...4), .add, Flags([.seen]))
        #expect(again.changes.map(\.modSeq) == [again.modSeq, stored.modSeq, stored.modSeq, stored.modSeq])
        #expect(try await store.select(user, "INBOX", readOnly: true).keywords == ["$Hot", "blau"])
        #expect(try await store.select(user, "INBOX", readOnly: true).firstUnseen == 5)
        let same = try await store.store(box.id, UIDSet(1...1), .remove, Flags(keywords: ["nada"]))
        #expect(same.modSeq == again.modSeq)
        let changes = try await store.changes(box.id, since: box.highestModSeq, uidNext: 7, claimsRecent: false)
        #expect(changes.flagged.map(\.uid) == [1, 2, 3, 4])
        #expect(changes.flagged[1].flags == Flags([.seen, .deleted], keywords: ["$Hot", "blau"]))
        let copied = try await store.copy(box.id, UIDSet(2...3), user: user, to: "Archive", isMove: false)
        #expect(copied.sources == UIDSet(2...3) && copied.destinations == UIDSet(1...2))
        let archive = try await store.status(user, "Archive")
        #expect(archive.messages == 2 && archive.unseen == 0 && archive.uidValidity == copied.uidValidity)
        #expect(try await store.rows(archive.id)[0].flags.contains(keyword: "$HOT"))
        let moved = try await store.copy(box.id, UIDSet(uids: [1, 5]), user: user, to: "Trash", isMove: true)
        #expect(moved.sources == UIDSet(uids: [1, 5]) && moved.destinations == UIDSet(1...2))
        await #expect(throws: StoreFailure.nonExistent) {
            try await store.copy(box.id, UIDSet(2...2), user: user, to: "Nada", isMove: false)
        }
        let partly = try await store.expunge(box.id, UIDSet(1...3))
        #expect(partly.expunged == UIDSet(2...3))
        let rest = try await store.expunge(box.id, nil)
        #expect(rest.expunged == UIDSet(4...4))
        #expect(try await store.expunge(box.id, nil).expunged.isEmpty)
        let end = try await store.changes(box.id, since: box.highestModSeq, uidNext: 7, claimsRecent: false)
        #expect(end.expunged == UIDSet(1...5) && end.arrived.isEmpty && end.flagged.isEmpty)
        let archived = try await store.rows(archive.id)
        #expect(try await store.text(archived[1]) == "Subject: 3\r\n\r\n")
        let report = try await store.verify(deep: true)
        #expect(report.problems == [])
        // 4 went for good: 2 and 3 live on in Archive, 1 and 5 in Trash, 6 in INBOX.
        #expect(report.bodies == 5)
        await store.close()
    }

    @Test func movedWithinTheSameMailbox() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        try await store.deliver("x", to: [user])
        let inbox = try await store.inbox(user)
        let moved = try await store.copy(inbox, UIDSet(1...1), user: user, to: "INBOX", isMove: true)
        #expect(moved.destinations == UIDSet(2...2))
        #expect(try await store.rows(inbox).map(\.uid) == [2])
        #expect(try await store.verify().problems == [])
        await store.close()
    }

    @Test func pagesAndFields() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<600 { group.addTask { try await store.deliver("\(number)", to: [user], prefix: "P: \(number)\r\n") } }
            try await group.waitForAll()
        }
        let inbox = try await store.inbox(user)
        #expect(try await store.rows(inbox).count == 256)
        var seen: [UID] = []
        try await store.forEachRow(in: inbox, UIDSet(1...UID.max), .size) { row in
            #expect(row.body.prefix.isEmpty && row.envelope.isEmpty && row.structure.isEmpty)
            seen.append(row.uid)
            return true
        }
        #expect(seen == Array(1...600))
        let some = try await store.messages(inbox, UIDSet(uids: [3, 5, 599, 700]), [.envelope])
        #expect(some.map(\.uid) == [3, 5, 599])
        #expect(some[0].envelope == Array("(env)".utf8) && some[0].structure.isEmpty)
        #expect(try await store.messages(inbox, UIDSet(), .size).isEmpty)
        await store.close()
    }

    @Test func wakesComeAfterTheCommit() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        let inbox = try await store.inbox(user)
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        let wake = store.subscribe(inbox) { continuation.yield() }
        try await store.deliver("x", to: [user])
        var iterator = stream.makeAsyncIterator()
        await iterator.next()
        #expect(try await store.status(user, "INBOX").messages == 1)
        wake.cancel()
        #expect(store.wakes.add(inbox.rawValue, {}) == 2)
        await store.close()
    }
}

struct MaildropTests {
    @Test func lockedListedEmptied() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        for number in 1...3 { try await store.deliver("Subject: \(number)\r\n\r\n", to: [user], prefix: "P: x\r\n") }
        let drop = try await store.openMaildrop(user)
        await #expect(throws: StoreFailure.inUse) { try await store.openMaildrop(user) }
        #expect(drop.messages.map(\.uid) == [1, 2, 3])
        #expect(Set(drop.messages.map(\.uniqueID)).count == 3)
        #expect(drop.messages[0].body.size == 6 + 14)
        #expect(try await store.read(drop.messages[1].body, 0..<100) == Array("P: x\r\nSubject: 2\r\n\r\n".utf8))
        try await store.deliver("Subject: 4\r\n\r\n", to: [user])
        try await drop.update(delete: UIDSet(uids: [1, 3]))
        drop.release()
        let second = try await store.openMaildrop(user)
        #expect(second.messages.map(\.uid) == [2, 4])
        #expect(second.messages[0] == drop.messages[1])
        // A second release of the first one does not open the second one's lock.
        drop.release()
        await #expect(throws: StoreFailure.inUse) { try await store.openMaildrop(user) }
        second.release()
        #expect(try await store.verify(deep: true).problems == [])
        await store.close()
    }
}
