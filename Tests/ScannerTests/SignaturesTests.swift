import Archives
import Dispatch
import Filter
import FoundationEssentials
import Glibc
import Synchronization
import Testing

@testable import Scanner

@Suite(.timeLimit(.minutes(1))) struct SignaturesTests {
    let folder: TemporaryFolder
    let databases: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        databases = try TemporaryFolder()
    }

    private func signatures(
        _ home: Home = .local, available: Int = .max, reserve: Int = 1, onAttempt: @escaping @Sendable () -> Void = {}
    ) -> Signatures {
        let loader = home.loader()
        let gauge = MemoryGauge(available: { available }, resident: { 0 })
        let configuration = Signatures.Configuration(
            source: SignatureSource(directory: databases.path), settings: ScanSettings(temporaryDirectory: folder.path + "/tmp"),
            lanes: home.lanes)
        return Signatures(configuration, reserve: reserve, memory: gauge) { configuration, withViruses throws(EngineFailure) in
            onAttempt()
            return try loader(configuration, withViruses)
        }
    }

    private func inspector(_ signatures: Signatures) -> ScannerInspector {
        ScannerInspector(signatures, work: nil, onStuck: {})
    }

    private func write(_ word: String, _ name: String) throws {
        try databases.write("own.ndb", "\(name):0:*:\(word.utf8.map { String($0, radix: 16) }.joined())\n")
    }

    private func message(_ word: String) -> MemoryContent { MemoryContent(Letter.attached(Array(word.utf8))) }

    @Test(arguments: Home.all) func `without signatures nothing is clean`(_ home: Home) async throws {
        try write("sesame open", "Test.A")
        let signatures = signatures(home)
        let inspector = inspector(signatures)
        let order = InspectionOrder(virus: true)
        #expect(await inspector.inspect(message("sesame open"), order).virus == .unavailable("scan.no-signatures"))
        signatures.setEnabled(true)
        await signatures.settle()
        let found = await inspector.inspect(message("sesame open"), order)
        #expect(found.virus == .infected(["Test.A"]))
        #expect(found.signatures == signatures.status.version)
        #expect(signatures.status.phase == .ready)
        signatures.setEnabled(false)
        await signatures.settle()
        #expect(signatures.status.phase == .off)
        #expect(await inspector.inspect(message("sesame open"), order).virus == .unavailable("scan.no-signatures"))
    }

    /// Loads signatures when `gate` is open, after 300 ms without one; `failure`: or fails then.
    private func slow(_ gate: DispatchSemaphore? = nil, _ failure: EngineFailure? = nil) -> Signatures {
        let local = Home.local.loader()
        let configuration = Signatures.Configuration(source: nil, settings: ScanSettings(temporaryDirectory: folder.path + "/tmp"))
        return Signatures(configuration) { configuration, withViruses throws(EngineFailure) in
            if withViruses {
                if let gate { gate.wait() } else { usleep(300_000) }
                if let failure { throw failure }
            }
            return try local(configuration, withViruses)
        }
    }

    /// Whether the answer that there is none came before the time for it was over.
    private func isToldThereIsNone(_ signatures: Signatures) async -> Bool {
        await Task.detached {
            let deadline = DispatchTime.now() + .seconds(30)
            return signatures.engine(virus: true, until: deadline) == nil && DispatchTime.now() < deadline
        }.value
    }

    @Test(arguments: [false, true])
    func `who asks while the first signatures are loaded waits for them`(isSwitchedOnLater: Bool) async throws {
        let signatures = slow()
        if isSwitchedOnLater { await signatures.settle() }
        let inspector = inspector(signatures)
        for _ in 0..<2 {
            signatures.setEnabled(true)
            #expect(await inspector.inspect(message("harmless"), InspectionOrder(virus: true)).virus == .clean)
            signatures.setEnabled(false)
            if isSwitchedOnLater { await signatures.settle() }
        }
    }

    @Test func `names are told while signatures are loaded`() async throws {
        let gate = DispatchSemaphore(value: 0)
        let signatures = slow(gate)
        await signatures.settle()
        signatures.setEnabled(true)
        #expect(signatures.engine(virus: false, until: .now() + .seconds(10)) != nil)
        gate.signal()
    }

    @Test func `nobody waits for signatures that are switched off, or that could not be loaded`() async throws {
        let gate = DispatchSemaphore(value: 0)
        let signatures = slow(gate)
        await signatures.settle()
        signatures.setEnabled(true)
        async let answer = isToldThereIsNone(signatures)
        try await Task.sleep(for: .milliseconds(100))
        signatures.setEnabled(false)
        #expect(await answer)
        gate.signal()
        let broken = slow(nil, EngineFailure(reason: .unreadable, path: "", detail: ""))
        broken.setEnabled(true)
        #expect(await isToldThereIsNone(broken))
        // Off and on again, before anybody looked: nothing else comes of it.
        broken.setEnabled(false)
        broken.setEnabled(true)
        #expect(await isToldThereIsNone(broken))
    }

    @Test(arguments: Home.all, [Int.max, 0])
    func `new signatures are swapped in, and verdicts of the old ones are forgotten`(_ home: Home, available: Int) async throws {
        try write("sesame open", "Test.A")
        let signatures = signatures(home, available: available)
        signatures.setEnabled(true)
        await signatures.settle()
        let inspector = inspector(signatures)
        let order = InspectionOrder(virus: true)
        #expect(await inspector.inspect(message("barley open"), order).virus == .clean)
        #expect(await inspector.inspect(message("sesame open"), order).virus == .infected(["Test.A"]))
        signatures.check()
        await signatures.settle()
        let before = signatures.status.version
        try write("barley open", "Test.Other")
        signatures.check()
        // Asked during the swap: the old ones, or a short wait for the new ones, and never a refusal.
        for index in 0..<50 { #expect(await inspector.inspect(message("number \(index)"), order).virus == .clean) }
        await signatures.settle()
        #expect(signatures.status.version != before)
        #expect(await inspector.inspect(message("barley open"), order).virus == .infected(["Test.Other"]))
        #expect(await inspector.inspect(message("sesame open"), order).virus == .clean)
    }

    @Test(arguments: Home.all) func `a reload that finds nothing keeps what was there`(_ home: Home) async throws {
        try write("sesame open", "Test.A")
        let signatures = signatures(home)
        signatures.setEnabled(true)
        await signatures.settle()
        try databases.write("own.ndb", "damaged")
        signatures.check()
        await signatures.settle()
        #expect(signatures.status.failures.map(\.reason) == [.damaged])
        #expect(await inspector(signatures).inspect(message("sesame open"), InspectionOrder(virus: true)).virus == .infected(["Test.A"]))
    }

    @Test func `a reload without room for two that finds less is tried again, then taken as it is`() async throws {
        try write("sesame open", "Test.A")
        let loads = Atomic(0)
        let signatures = signatures(available: 0) { loads.add(1, ordering: .relaxed) }
        signatures.setEnabled(true)
        await signatures.settle()
        let count = signatures.status.count
        let before = loads.load(ordering: .relaxed)
        try databases.write("own.ndb", "damaged")
        signatures.check()
        await signatures.settle()
        #expect(await eventually { loads.load(ordering: .relaxed) == before + 2 })
        #expect(await eventually { signatures.status.phase == .ready })
        #expect(signatures.status.count == count - 1)
        #expect(signatures.status.failures.map(\.reason) == [.damaged])
    }

    @Test(arguments: [EngineFailure.Reason.memory, .library, .isolation, .unreadable])
    func `a load that failed for what may pass is tried again, but not at once`(_ reason: EngineFailure.Reason) async throws {
        let attempts = Mutex<[ContinuousClock.Instant]>([])
        let local = Home.local.loader()
        let configuration = Signatures.Configuration(source: nil, settings: ScanSettings(temporaryDirectory: folder.path + "/tmp"))
        let signatures = Signatures(configuration) { configuration, withViruses throws(EngineFailure) in
            guard withViruses else { return try local(configuration, false) }
            let attempt = attempts.withLock { times -> Int in
                times.append(.now)
                return times.count
            }
            if attempt == 1 { throw EngineFailure(reason: reason, path: "", detail: "") }
            return try local(configuration, true)
        }
        signatures.setEnabled(true)
        for _ in 0..<5 {
            signatures.check()
            await signatures.settle()
        }
        if reason == .unreadable {
            try? await Task.sleep(for: .seconds(2))
            #expect(attempts.withLock { $0.count } == 1)
        } else {
            #expect(await eventually { signatures.status.phase == .ready })
            let times = attempts.withLock { $0 }
            #expect(times.count == 2)
            #expect(times[1] - times[0] > .milliseconds(900))
        }
    }

    @Test func `other limits of names make other verdicts`() async throws {
        let signatures = signatures()
        await signatures.settle()
        let inspector = inspector(signatures)
        let message = MemoryContent(Letter.attached(ArchiveBytes.zip((0..<20).map { ("\($0).txt", [65]) })))
        let order = InspectionOrder(virus: false, bannedNames: ["exe"])
        #expect(await inspector.inspect(message, order).limits == [])
        var configuration = Signatures.Configuration(source: nil, settings: ScanSettings(temporaryDirectory: folder.path + "/tmp"))
        configuration.names.names = 5
        signatures.apply(configuration)
        await signatures.settle()
        #expect(await inspector.inspect(message, order).limits == ["files"])
    }

    @Test(arguments: Home.all) func `other settings make another engine`(_ home: Home) async throws {
        let signatures = signatures(home)
        signatures.setEnabled(true)
        await signatures.settle()
        let inspector = inspector(signatures)
        let large = MemoryContent(Letter.attached([UInt8](repeating: 65, count: 200_000)))
        #expect(await inspector.inspect(large, InspectionOrder(virus: true)).limits == [])
        signatures.apply(
            .init(
                source: nil,
                settings: ScanSettings(limits: ScanLimits(fileSize: 100_000), temporaryDirectory: folder.path + "/tmp"), lanes: home.lanes))
        await signatures.settle()
        #expect(await inspector.inspect(large, InspectionOrder(virus: true)).limits == ["size"])
        // Of the walk over names alone as well.
        let before = (scans: signatures.identity(virus: true), names: signatures.identity(virus: false))
        signatures.apply(
            .init(
                source: nil,
                settings: ScanSettings(limits: ScanLimits(fileSize: 100_000), temporaryDirectory: folder.path + "/tmp"),
                names: NameWalk.Limits(depth: 3), lanes: home.lanes))
        await signatures.settle()
        #expect(signatures.identity(virus: true) != before.scans && signatures.identity(virus: false) != before.names)
    }

    @Test func `temporary files of a process that died are swept`() throws {
        let path = folder.path + "/tmp"
        try FileManager.default.createDirectory(atPath: path + "/20261127-scantemp/deeper", withIntermediateDirectories: true)
        try folder.write("tmp/20261127-scantemp/deeper/file", "left")
        try folder.write("kept", "not there")
        try FileManager.default.createSymbolicLink(atPath: path + "/link", withDestinationPath: folder.path)
        _ = signatures()
        #expect(try FileManager.default.contentsOfDirectory(atPath: path) == [])
        #expect(folder.names == ["kept", "tmp"])
    }

    @Test func `messages of the library are cleaned and bounded`() {
        let log = Log()
        LibraryLog.send { line in log.add(line) }
        defer { LibraryLog.send(to: nil) }
        for index in 0..<100 { Array("line\u{1b}[\(index)\n".utf8).withUnsafeBytes { LibraryLog.write($0, minute: 1) } }
        Array("next".utf8).withUnsafeBytes { LibraryLog.write($0, minute: 2) }
        let lines = log.lines.filter { $0.contains("line ") || $0.contains("more") || $0.contains("next") }
        #expect(lines.first == "libclamav: line [0")
        #expect(lines.count == LibraryLog.linesEachMinute + 2)
    }
}
