import FoundationEssentials
import Testing

@testable import Scanner

struct WorkTableTests {
    let folder: TemporaryFolder
    private let a = [UInt8](repeating: 1, count: 32)
    private let b = [UInt8](repeating: 2, count: 32)

    init() throws { folder = try TemporaryFolder() }

    /// As the next process finds it.
    private func open(now: Int = 1_000_000) throws -> WorkTable { try WorkTable(path: folder.path + "/work", now: now) }

    private func slot(_ entry: WorkTable.Entry) throws -> WorkTable.Slot {
        guard case .admitted(let slot) = entry else { throw Unexpected() }
        return slot
    }

    private func isCrowded(_ entry: WorkTable.Entry) -> Bool {
        if case .crowded = entry { true } else { false }
    }

    private func isLater(_ entry: WorkTable.Entry) -> Bool {
        if case .later = entry { true } else { false }
    }

    @Test func `two deaths make poison, one does not`() throws {
        _ = try slot(open().begin(a, now: 1_000_000))
        let second = try open()
        #expect(!second.isPoisoned(a, now: 1_000_000))
        _ = try slot(second.begin(a, now: 1_000_000))
        let third = try open()
        #expect(third.isPoisoned(a, now: 1_000_000))
        guard case .poisoned = third.begin(a, now: 1_000_000) else { throw Unexpected() }
        _ = try slot(third.begin(b, now: 1_000_000))
    }

    @Test func `an end that is no death leaves nothing`() throws {
        let first = try open()
        _ = try slot(first.begin(a, now: 1_000_000))
        let second = try open()
        second.end(try slot(second.begin(a, now: 1_000_000)))
        // A shutdown.
        let third = try open()
        _ = try slot(third.begin(a, now: 1_000_000))
        third.close()
        let fourth = try open()
        _ = try slot(fourth.begin(a, now: 1_000_000))
        #expect(try !open().isPoisoned(a, now: 1_000_000))
        #expect(try !open().isPoisoned(a, now: 1_000_000))
    }

    @Test func `a suspect is looked at alone`() throws {
        let first = try open()
        _ = try slot(first.begin(a, now: 1_000_000))
        let second = try open()
        let other = try slot(second.begin(b, now: 1_000_000))
        #expect(isLater(second.begin(a, now: 1_000_000)))
        // From now on it is next.
        #expect(isLater(second.begin(b, now: 1_000_000)))
        second.end(other)
        #expect(isLater(second.begin(b, now: 1_000_000)))
        let suspect = try slot(second.begin(a, now: 1_000_000))
        #expect(isLater(second.begin(b, now: 1_000_000)))
        second.end(suspect)
        second.end(try slot(second.begin(b, now: 1_000_000)))
    }

    @Test func `a suspect that does not wait any more lets others go on`() throws {
        let first = try open()
        _ = try slot(first.begin(a, now: 1_000_000))
        let second = try open()
        _ = try slot(second.begin(b, now: 1_000_000))
        #expect(isLater(second.begin(a, now: 1_000_000)))
        second.renounce(a)
        _ = try slot(second.begin(b, now: 1_000_000))
        // What is broken off keeps its death.
        let third = try open()
        let suspect = try slot(third.begin(a, now: 1_000_000))
        third.leave(suspect)
        #expect(third.isSuspect(a, now: 1_000_000) && !third.isPoisoned(a, now: 1_000_000))
    }

    @Test func `one crash with the same message twice at hand is one death, and takes one slot`() throws {
        let table = try open()
        for _ in 0..<2 * WorkTable.slots {
            let slots = [try slot(table.begin(a, now: 1_000_000)), try slot(table.begin(a, now: 1_000_000))]
            for slot in slots { table.died(slot, now: 1_000_000) }
            #expect(!table.isPoisoned(a, now: 1_000_000))
            table.end(try slot(table.begin(a, now: 1_000_000)))
        }
        #expect(!table.isSuspect(a, now: 1_000_000))
    }

    @Test func `what never ends is to blame for a restart, and keeps no suspect waiting`() throws {
        let first = try open()
        let slot = try slot(first.begin(a, now: 1_000_000))
        first.overdue(a)
        first.close(now: 1_000_000)
        let second = try open()
        _ = try self.slot(second.begin(a, now: 1_000_000))
        second.overdue(a)
        _ = try self.slot(second.begin(b, now: 1_000_000))
        second.close(now: 1_000_000)
        #expect(try open().isPoisoned(a, now: 1_000_000))
        #expect(try !open().isPoisoned(b, now: 1_000_000))
        // One that comes back after all is not.
        let third = try open()
        third.end(slot)
    }

    @Test func `what hangs keeps no suspect waiting, and is not begun again beside itself`() throws {
        _ = try slot(open().begin(a, now: 1_000_000))
        let table = try open()
        _ = try slot(table.begin(b, now: 1_000_000))
        #expect(isLater(table.begin(a, now: 1_000_000)))
        table.overdue(b)
        let suspect = try slot(table.begin(a, now: 1_000_000))
        table.overdue(a)
        #expect(isCrowded(table.begin(a, now: 1_000_000)))
        #expect(table.inWork == 0)
        table.end(suspect)
        #expect(!table.isSuspect(a, now: 1_000_000))
    }

    @Test func `marks expire`() throws {
        for _ in 0..<2 { _ = try slot(open().begin(a, now: 1_000_000)) }
        #expect(try open().isPoisoned(a, now: 1_000_000))
        let later = 1_000_000 + WorkTable.lifetime + 1
        #expect(try !open(now: later).isPoisoned(a, now: later))
    }

    @Test func `the table is bounded, and the oldest mark goes first`() throws {
        let table = try open()
        for index in 0..<WorkTable.slots {
            _ = try slot(table.begin([UInt8(index & 255), UInt8(index >> 8)] + a.dropFirst(2), now: 1_000_000 + index))
        }
        #expect(isCrowded(table.begin(b, now: 1_000_000)))
        let next = try open(now: 1_000_000)
        next.end(try slot(next.begin(b, now: 2_000_000)))
    }

    @Test func `a damaged or foreign file is begun anew`() throws {
        try folder.write("work", [UInt8](repeating: 0x41, count: 300_000))
        let table = try open()
        #expect(!table.isPoisoned(a, now: 1_000_000))
        _ = try slot(table.begin(a, now: 1_000_000))
    }
}
