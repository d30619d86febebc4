import Credentials
import Glibc
import Mail
import Synchronization
import Testing

@testable import Store

struct UpkeepTests {
    @Test func compactionKeepsContent() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        try await store.set(.segmentSize, to: "65536")
        let text: (Int) -> String = { String(repeating: "\($0)-", count: 2_000) }
        for number in 1...60 { try await store.deliver(text(number), to: [user]) }
        let inbox = try await store.inbox(user)
        let gone = UIDSet(uids: (1...60).filter { $0 % 4 != 0 }.map { UID($0) })
        _ = try await store.remove(inbox, gone)
        let rows = try await store.rows(inbox)
        for row in rows { #expect(try await store.text(row) == text(Int(row.uid))) }
        let before = try segmentNumbers(scratch.path + "/data/bodies")
        #expect(try await store.compact() >= 3)
        for row in rows { #expect(try await store.text(row) == text(Int(row.uid))) }
        var report = try await store.verify(deep: true)
        #expect(report.problems == [])
        #expect(report.bodies == 15)
        #expect(try await store.compact() == 0)
        // Not before their time.
        #expect(try await store.removeRetiredSegments() == [])
        let snapshot = try await store.takeSnapshot()
        try await store.set(.compactionHours, to: "0")
        let removed = try await store.removeRetiredSegments()
        #expect(removed.count >= 3 && removed.allSatisfy { before.contains($0) })
        for row in rows { #expect(try await store.text(row) == text(Int(row.uid))) }
        report = try await store.verify(deep: true)
        #expect(report.problems == [])
        _ = snapshot
        await store.close()
        let again = try await scratch.open()
        for row in rows { #expect(try await again.text(row) == text(Int(row.uid))) }
        try await again.deliver("x", to: [user])
        #expect(try await again.verify(deep: true).problems == [])
        await again.close()
    }

    /// Compaction never takes the space that deliveries need, and leaves nothing behind when it fails.
    @Test func compactionOfAFullDisk() async throws {
        let scratch = Scratch()
        let files = FailingFiles()
        let (store, user) = try await scratch.populated(files: files)
        try await store.set(.segmentSize, to: "65536")
        for _ in 1...20 { try await store.deliver(String(repeating: "x", count: 8_000), to: [user]) }
        let inbox = try await store.inbox(user)
        _ = try await store.remove(inbox, UIDSet((1...20).filter { $0 % 4 != 0 }.map { UID($0)...UID($0) }))
        let before = try segmentNumbers(scratch.path + "/data/bodies")
        for plan in [
            FailingFiles.Plan(free: Spool.reservedSpace + 10_000), .init(write: EDQUOT, partial: 5_000), .init(synchronise: EDQUOT),
        ] {
            files.plan.withLock { $0 = plan }
            await #expect(throws: StoreFailure.diskFull) { try await store.compact() }
            #expect(try segmentNumbers(scratch.path + "/data/bodies") == before)
        }
        files.plan.withLock { $0 = .init() }
        #expect(try await store.compact() > 0)
        for row in try await store.rows(inbox) { #expect(try await store.text(row).count == 8_000) }
        #expect(try await store.verify(deep: true).problems == [])
        await store.close()
    }

    @Test func aSnapshotsSegmentsStay() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        try await store.set(.segmentSize, to: "65536")
        try await store.set(.compactionHours, to: "0")
        for _ in 1...20 { try await store.deliver(String(repeating: "x", count: 8_000), to: [user]) }
        let snapshot = try await store.takeSnapshot()
        _ = try await store.remove(try await store.inbox(user), UIDSet(1...20))
        #expect(try await store.compact() > 0)
        #expect(try await store.removeRetiredSegments() == [])
        // The snapshot and the segments are a whole store.
        let copy = scratch.path + "/copy"
        _ = system("mkdir '\(copy)' && cp -a '\(scratch.path)/data/bodies' '\(copy)/' && cp '\(snapshot)' '\(copy)/buzon.db'")
        var options = MailStore.Options(createsDirectory: false)
        options.keepsHouse = false
        let restored = try await MailStore.open(directory: copy, options: options)
        #expect(try await restored.status(user, "INBOX").messages == 20)
        #expect(try await restored.verify(deep: true).problems == [])
        await restored.close()
        unlink(snapshot)
        #expect(try await store.removeRetiredSegments().count > 0)
        #expect(try await store.verify(deep: true).problems == [])
        await store.close()
    }

    /// What fails by itself is told, once a minute.
    @Test func failuresAreTold() async throws {
        let scratch = Scratch()
        let files = FailingFiles()
        let lines = Mutex<[String]>([])
        var options = MailStore.Options()
        options.keepsHouse = false
        options.report = { line in lines.withLock { $0.append(line) } }
        let store = try await MailStore.open(directory: scratch.path + "/data", options: options, files: files, step: { _ in })
        try await store.set(.iterations, to: "4096")
        try await store.addDomain("virtual.test")
        let user = try await store.addUser("usuario@virtual.test", password: [65])
        try await store.set(.segmentSize, to: "65536")
        for _ in 1...12 { try await store.deliver(String(repeating: "x", count: 8_000), to: [user]) }
        _ = try await store.remove(try await store.inbox(user), UIDSet(2...12))
        files.plan.withLock { $0.free = 0 }
        _ = system("rmdir '\(scratch.path)/data/snapshots'")
        await store.keepHouse()
        await store.keepHouse()
        files.plan.withLock { $0 = .init(synchronise: EIO) }
        for _ in 0..<2 { await #expect(throws: StoreFailure.self) { try await store.deliver("x", to: [user]) } }
        await store.close()
        let told = lines.withLock { $0 }
        #expect(told.count == 4 && told.first?.hasPrefix("snapshot: io-error: ") == true, "\(told)")
        #expect(
            Array(told.dropFirst()) == [
                "compaction: disk-full", "writing: io-error: fdatasync: Input/output error", "writing: unavailable",
            ])
    }

    @Test func snapshotsNeverMeet() async throws {
        let scratch = Scratch()
        let (store, _) = try await scratch.populated()
        let paths = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<3 { group.addTask { try await store.takeSnapshot() } }
            return try await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        #expect(paths.count == 3)
        #expect(try store.snapshots().count == 3)
        await store.close()
        let folder = scratch.path + "/data/snapshots"
        for name in ["20260101T000000Z.db.part", "20260101T000000Z.db.part-journal", "x.part-wal"] {
            scratch.write("x", to: folder + "/" + name)
        }
        let again = try await scratch.open()
        #expect(Set(try DataDirectory.entries(folder).map { "\(folder)/\($0)" }) == paths)
        await again.close()
    }

    @Test func whichSnapshotsStay() {
        let hour = 3_600
        let now = 100 * 86_400 + 12 * hour
        var times = [now - 200 * hour, now - 100 * hour, now - 60 * hour]
        times += stride(from: 47, through: 0, by: -1).map { now - $0 * hour }
        let kept = times.indices.filter { !snapshotsToRemove(times, now: now, count: 4).contains($0) }.map { (now - times[$0]) / hour }
        #expect(kept == [60, 47, 36, 12, 3, 2, 1, 0])
        #expect(snapshotsToRemove([], now: now, count: 4) == [])
    }

    @Test func theLogDoesNotGrow() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        for _ in 0..<6 {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<500 { group.addTask { try await store.deliver(String(repeating: "x", count: 100), to: [user]) } }
                try await group.waitForAll()
            }
        }
        try await store.checkpoint(.passive)
        try await store.deliver("x", to: [user])
        #expect(store.logLength.pages.load(ordering: .relaxed) < MailStore.logLimit)
        #expect(try await store.health().log < 64 << 20)
        let report = try await store.verify(deep: true)
        #expect(report.problems == [] && report.bodies == 3_001)
        await store.close()
        #expect(scratch.bytes(scratch.path + "/data/buzon.db-wal").count == 0)
    }

    @Test func verifyFindsDamage() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        for number in 1...4 { try await store.deliver(String(repeating: "\(number)", count: 500), to: [user]) }
        await store.close()
        let segment = scratch.path + "/data/bodies/00000001.seg"
        let places = scratch.sqlite3("SELECT position || ' ' || (position + header) FROM body ORDER BY id").output
        let lines = places.split(separator: "\n").map { $0.split(separator: " ").compactMap { Int($0) } }
        poke(segment, at: lines[0][1] + 3)
        poke(segment, at: lines[1][0] + 20)
        #expect(
            scratch.sqlite3(
                """
                UPDATE mailbox SET messages = messages + 1 WHERE name = 'INBOX';
                UPDATE mailbox SET highestmodseq = 2 WHERE name = 'INBOX';
                UPDATE segment SET live = live + 1;
                INSERT INTO expunged VALUES ((SELECT id FROM mailbox WHERE name = 'INBOX'), 2, 3, 3, 0);
                UPDATE message SET size = size - 1 WHERE uid = 4;
                INSERT INTO body SELECT id + 50, segment_id, position, header, length, envelope, structure, received FROM body WHERE id = 4;
                UPDATE counter SET value = 1 WHERE name = 'uidvalidity';
                DELETE FROM domain WHERE 0;
                """
            ).status == 0)
        let again = try await scratch.open()
        let shallow = Set(try await again.verify().problems.map(\.code))
        #expect(shallow == ["counter", "modseq", "uid", "orphan", "body-missing"])
        let deep = try await again.verify(deep: true).problems
        #expect(deep.contains { $0.code == "body-damaged" && $0.text.hasPrefix("body 1 ") })
        #expect(deep.contains { $0.code == "body-missing" && $0.text.hasPrefix("body 2 ") })
        await again.close()
    }

    private func poke(_ path: String, at offset: Int) {
        guard let file = try? OpenFile.open(path, O_RDWR), let byte = try? file.read(1, at: offset) else { return }
        var changed = byte[0] ^ 0x40
        pwrite(file.descriptor, &changed, 1, off_t(offset))
    }
}

struct OpenTests {
    @Test func modesAndLock() async throws {
        let scratch = Scratch()
        let (store, _) = try await scratch.populated()
        #expect(try await store.health().exposed == [])
        await #expect(throws: StoreFailure.directoryInUse) { try await scratch.open() }
        // A command beside the server.
        let beside = try await MailStore.open(directory: scratch.path + "/data", options: .init(role: .beside))
        try await beside.addUser("otra@virtual.test", password: Array("x".utf8))
        #expect(try await store.user("otra@virtual.test") != nil)
        await #expect(throws: StoreFailure.ioError("bodies are the running server's")) {
            try await beside.deliver("x", to: [UserID(1)])
        }
        await beside.close()
        let sync = try await store.writer.between { db in try db.first("PRAGMA synchronous") { $0.int(0) } }
        #expect(sync == 2)
        await store.close()
    }

    @Test func refusals() async throws {
        let scratch = Scratch()
        let beside = MailStore.Options(role: .beside)
        await #expect(throws: StoreFailure.absent) { try await MailStore.open(directory: scratch.path + "/none", options: beside) }
        await #expect(throws: StoreFailure.notADirectory) { try await MailStore.open(directory: "/etc/passwd") }
        mkdir(scratch.path + "/foreign", 0o755)
        scratch.write("x", to: scratch.path + "/foreign/notes.txt")
        await #expect(throws: StoreFailure.foreignDirectory) { try await MailStore.open(directory: scratch.path + "/foreign") }
        #expect(try DataDirectory.entries(scratch.path + "/foreign") == ["notes.txt"])
        let store = try await scratch.open()
        await store.close()
        #expect(scratch.sqlite3("PRAGMA user_version = 7").status == 0)
        await #expect(throws: StoreFailure.newerSchema(found: 7, known: Schema.version)) { try await scratch.open() }
        #expect(scratch.sqlite3("PRAGMA user_version = 1; PRAGMA application_id = 5").status == 0)
        await #expect(throws: StoreFailure.foreignDirectory) { try await scratch.open() }
    }

    @Test func otherOwner() async throws {
        guard geteuid() == 0 else { return }
        let scratch = Scratch()
        mkdir(scratch.path + "/theirs", 0o700)
        chown(scratch.path + "/theirs", 12_345, 12_345)
        await #expect(throws: StoreFailure.otherOwner(uid: 12_345)) { try await MailStore.open(directory: scratch.path + "/theirs") }
    }

    @Test func anEmptyDirectoryAndAParentThatIsMissing() async throws {
        let scratch = Scratch()
        mkdir(scratch.path + "/empty", 0o755)
        let store = try await MailStore.open(directory: scratch.path + "/empty")
        #expect(try await store.health().exposed == [])
        await store.close()
        let deep = try await MailStore.open(directory: scratch.path + "/a/b/c")
        await deep.close()
        for (name, mode) in [("/a", 0o755), ("/a/b", 0o755), ("/a/b/c", 0o700)] as [(String, mode_t)] {
            var status = stat()
            #expect(stat(scratch.path + name, &status) == 0 && status.st_mode & 0o777 == mode)
        }
    }

    @Test func settings() async throws {
        let scratch = Scratch()
        let store = try await scratch.open()
        #expect(store.integer(.maximumMessageSize) == 52_428_800)
        try await store.set(.networks, to: " 10.0.0.0/8 , ::1/128")
        #expect(store.value(.networks) == "10.0.0.0/8,::1/128")
        for (setting, bad) in [
            (Setting.networks, "casa"), (.iterations, "1"), (.hostname, "a b"), (.separator, "++"), (.administrator, "nadie"),
            (.traceDays, "x"),
        ] {
            await #expect(throws: StoreFailure.invalid(setting.key)) { try await store.set(setting, to: bad) }
        }
        try await store.set(.networks, to: nil)
        #expect(store.value(.networks) == "127.0.0.0/8,::1/128")
        #expect(Set(Setting.all.map(\.key)).count == Setting.all.count)
        for setting in Setting.all { #expect(setting.normalised(setting.fallback) == setting.fallback, "\(setting.key)") }
        await store.close()
    }

    @Test func directoryCommands() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        await #expect(throws: StoreFailure.alreadyExists) { try await store.addDomain("VIRTUAL.test") }
        await #expect(throws: StoreFailure.invalid("domain")) { try await store.addDomain("a b") }
        await #expect(throws: StoreFailure.unknownDomain) { try await store.addUser("a@b.test", password: [65]) }
        await #expect(throws: StoreFailure.alreadyExists) { try await store.addUser("USUARIO@virtual.test", password: [65]) }
        await #expect(throws: StoreFailure.invalid("email")) { try await store.addUser("usuario", password: [65]) }
        await #expect(throws: StoreFailure.inUse) { try await store.removeDomain("virtual.test") }
        await #expect(throws: StoreFailure.nonExistent) { try await store.removeDomain("otro.test") }
        #expect(try await store.authenticate("usuario@virtual.test", password: Array("secreto".utf8)) == user)
        try await store.setPassword("usuario@virtual.test", Array("nuevo".utf8))
        #expect(try await store.authenticate("usuario@virtual.test", password: Array("secreto".utf8)) == nil)
        #expect(try await store.authenticate("usuario@virtual.test", password: Array("nuevo".utf8)) == user)
        #expect(try await store.verifiers(of: "usuario@virtual.test").map(\.hash) == [.sha256, .sha1])
        await #expect(throws: StoreFailure.limit("loop")) {
            _ = try await store.changeForwarding("a@virtual.test", { _ in ["a@virtual.test"] }) { book in
                if try book.destinations(of: "a@virtual.test") == ["a@virtual.test"] { throw StoreFailure.limit("loop") }
            }
        }
        #expect(try await store.forwardings().isEmpty)
        _ = try await store.changeForwarding("a@virtual.test", { _ in ["b@c.test", "usuario@virtual.test"] })
        _ = try await store.changeForwarding("A@virtual.test", { $0.filter { $0 == "b@c.test" } })
        #expect(try await store.forwarding("a@virtual.test")?.destinations == ["b@c.test"])
        _ = try await store.changeForwarding("a@virtual.test", { _ in [] })
        #expect(try await store.forwarding("a@virtual.test") == nil)
        try await store.removeUser("usuario@virtual.test")
        try await store.removeDomain("virtual.test")
        #expect(try await store.verify().problems == [])
        await store.close()
    }
}

extension UpkeepTests {
    /// A place that was remembered before compaction, put back after it: the index is asked again.
    @Test func aStalePlaceIsForgotten() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        try await store.set(.segmentSize, to: "65536")
        try await store.set(.compactionHours, to: "0")
        for _ in 1...20 { try await store.deliver(String(repeating: "x", count: 8_000), to: [user]) }
        let inbox = try await store.inbox(user)
        _ = try await store.remove(inbox, UIDSet(2...20))
        let row = try await store.rows(inbox)[0]
        #expect(try await store.read(row.body, 0..<2) == [120, 120])
        let stale = try #require(store.places[row.body.id])
        #expect(try await store.compact() > 0)
        #expect(try await store.removeRetiredSegments().contains(stale.segment))
        store.places[row.body.id] = stale
        #expect(try await store.read(row.body, 0..<2) == [120, 120])
        #expect(store.places[row.body.id] != stale)
        await store.close()
    }
}
