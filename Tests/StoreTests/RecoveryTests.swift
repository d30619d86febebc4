import Glibc
import Mail
import Testing

@testable import Store

struct RecoveryTests {
    /// The directory as it is at each step of a delivery, copied: what a process that is killed there leaves behind.
    @Test(arguments: Writer.Step.allCases) func killedAt(step: Writer.Step) async throws {
        let scratch = Scratch()
        let (store, user, arm) = try await scratch.populated(copiedAt: step)
        try await store.deliver("Subject: first\r\n\r\n", to: [user])
        arm()
        try await store.deliver("Subject: second\r\n\r\n", to: [user])
        await store.close()
        var options = MailStore.Options(createsDirectory: false)
        options.keepsHouse = false
        let killed = try await MailStore.open(directory: scratch.path + "/killed", options: options)
        let count = try await killed.status(user, "INBOX").messages
        #expect(count == (step == .committed ? 2 : 1))
        var report = try await killed.verify(deep: true)
        #expect(report.problems == [])
        // What was appended and not committed stays, as bytes that nothing refers to.
        #expect(report.notes.map(\.code) == (step == .begin || step == .committed ? [] : ["recoverable"]))
        // Its identity is never given again.
        try await killed.deliver("Subject: third\r\n\r\n", to: [user])
        let rows = try await killed.rows(try await killed.inbox(user))
        #expect(Set(rows.map(\.body.id)).count == rows.count)
        #expect(try await killed.text(rows[rows.count - 1]) == "Subject: third\r\n\r\n")
        report = try await killed.verify(deep: true)
        #expect(report.problems == [])
        await killed.close()
    }

    /// The very first start was killed in its first transaction: half a page and a journal that is still to be rolled back.
    @Test func killedAtTheFirstStart() async throws {
        let scratch = Scratch()
        mkdir(scratch.path + "/data", 0o700)
        let result = scratch.sqlite3(
            """
            PRAGMA cache_size = 2;
            BEGIN;
            CREATE TABLE half (x);
            INSERT INTO half VALUES (randomblob(300000));
            .shell cp -a '\(scratch.path)/data' '\(scratch.path)/killed'
            """)
        #expect(result.status == 0)
        #expect(scratch.bytes(scratch.path + "/killed/buzon.db-journal").count > 512)
        #expect(scratch.bytes(scratch.path + "/killed/buzon.db").count > 4_096)
        let store = try await MailStore.open(directory: scratch.path + "/killed")
        try await store.addDomain("virtual.test")
        #expect(try await store.verify(deep: true).problems == [])
        await store.close()
    }

    /// A record cut at any length is cut off; the ones before stay.
    @Test(arguments: [1, 7, 8, 71, 72, 100, 150, -1]) func tornRecord(cut: Int) async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        try await store.deliver("Subject: first\r\n\r\n", to: [user])
        await store.close()
        let segment = scratch.path + "/data/bodies/00000001.seg"
        let whole = scratch.bytes(segment)
        var header = RecordHeader(
            bodyID: 77, payloadLength: 64, checksum: [UInt8](repeating: 7, count: 16), commit: 99, date: 0,
            routes: [Route(user: "a@b", folder: "INBOX")])
        // The last case: the length is right, the bytes are not.
        let torn = header.encode() + [UInt8](repeating: 65, count: 64)
        append(cut < 0 ? torn : Array(torn.prefix(cut)), to: segment)
        let again = try await scratch.open()
        #expect(scratch.bytes(segment) == whole)
        let report = try await again.verify(deep: true)
        #expect(report.problems == [])
        #expect(report.notes == [])
        try await again.deliver("Subject: second\r\n\r\n", to: [user])
        #expect(try await again.verify(deep: true).problems == [])
        await again.close()
    }

    /// A whole record that the index does not know is never removed, not even behind damage.
    @Test func wholeRecordStays() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        try await store.deliver("Subject: first\r\n\r\n", to: [user])
        await store.close()
        let segment = scratch.path + "/data/bodies/00000001.seg"
        let payload = Array("Subject: unknown\r\n\r\n1234".utf8)
        var header = RecordHeader(
            bodyID: 77, payloadLength: payload.count, checksum: Array(sha256Prefix(payload)), commit: 99, date: 0, routes: [])
        append([UInt8](repeating: 65, count: 24), to: segment)
        append(header.encode() + payload, to: segment)
        append([UInt8](repeating: 66, count: 11), to: segment)
        let expected = scratch.bytes(segment).dropLast(11)
        let again = try await scratch.open()
        #expect(scratch.bytes(segment) == Array(expected))
        let report = try await again.verify(deep: true)
        #expect(report.problems == [])
        #expect(report.notes.map(\.code) == ["recoverable", "damage"])
        let receipt = try await again.deliver("Subject: second\r\n\r\n", to: [user])
        #expect(receipt.outcomes.count == 1)
        let rows = try await again.rows(try await again.inbox(user))
        #expect(rows[1].body.id == 78)
        #expect(try await again.verify(deep: true).problems == [])
        await again.close()
    }

    /// An old index beside newer segments: their mail is told, and no compaction takes it, also after new mail has come.
    @Test func restoredIndex() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        try await store.set(.segmentSize, to: "65536")
        try await store.deliver("Subject: first\r\n\r\n", to: [user])
        let snapshot = try await store.takeSnapshot()
        for _ in 0..<12 { try await store.deliver(String(repeating: "x", count: 8_000), to: [user]) }
        await store.close()
        _ = system("cd '\(scratch.path)/data' && cp '\(snapshot)' buzon.db && rm -f buzon.db-wal buzon.db-shm")
        let recoverable = [
            "segment 1: 9 records that the index does not know yet", "segment 2: 3 records that the index does not know yet",
        ]
        for round in 0..<3 {
            let again = try await scratch.open()
            if round > 0 {
                try await again.deliver(String(repeating: "y", count: 80_000), to: [user])
                _ = try await again.remove(try await again.inbox(user), UIDSet(1...1_000))
                _ = try await again.compact()
            }
            let notes = try await again.verify(deep: true).notes
            #expect(notes.filter { $0.code == "recoverable" }.map(\.text) == recoverable, "round \(round): \(notes)")
            await again.close()
        }
        for number in 1...2 { #expect(scratch.bytes(scratch.path + "/data/bodies/0000000\(number).seg").count > 30_000) }
    }

    /// A record that was appended and not committed is not in the newest segment when a compaction's target is: its numbers are
    /// never given again either.
    @Test func killedBesideACompaction() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        try await store.deliver("Subject: first\r\n\r\n", to: [user])
        await store.close()
        let payload = Array("Subject: unknown\r\n\r\n".utf8)
        var header = RecordHeader(
            bodyID: 77, payloadLength: payload.count, checksum: Array(sha256Prefix(payload)), commit: 99, date: 0, routes: [])
        append(header.encode() + payload, to: scratch.path + "/data/bodies/00000001.seg")
        append([], to: scratch.path + "/data/bodies/00000002.seg")
        let again = try await scratch.open()
        try await again.deliver("Subject: second\r\n\r\n", to: [user])
        #expect(try await again.rows(try await again.inbox(user)).map(\.body.id) == [1, 78])
        #expect(try await again.verify(deep: true).notes.map(\.code) == ["recoverable"])
        await again.close()
    }

    /// The file lost bytes that the index refers to: nothing is written over the hole, and verify tells.
    @Test func lostEnd() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        for _ in 0..<3 { try await store.deliver(String(repeating: "x", count: 1_000), to: [user]) }
        await store.close()
        truncate(scratch.path + "/data/bodies/00000001.seg", 1_500)
        let again = try await scratch.open()
        try await again.deliver("Subject: new\r\n\r\n", to: [user])
        let report = try await again.verify()
        #expect(report.problems.filter { $0.code == "body-missing" }.count == 2)
        let rows = try await again.rows(try await again.inbox(user))
        #expect(try await again.text(rows[3]) == "Subject: new\r\n\r\n")
        await again.close()
    }

    private func sha256Prefix(_ bytes: [UInt8]) -> ArraySlice<UInt8> {
        let spool = Spool(directory: "/tmp", files: KernelFileSystem())
        try? spool.append(bytes)
        return spool.checksum[...]
    }

    private func append(_ bytes: [UInt8], to path: String) {
        guard let stream = fopen(path, "a") else { return }
        fwrite(bytes, 1, bytes.count, stream)
        fclose(stream)
    }
}
