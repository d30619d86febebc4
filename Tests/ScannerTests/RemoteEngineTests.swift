import Dispatch
import Filter
import FoundationEssentials
import Glibc
import Synchronization
import Testing

@testable import Scanner

@Suite(.enabled(if: Home.all.contains(.isolated), "no built executable"), .timeLimit(.minutes(2)))
struct RemoteEngineTests {
    let folder: TemporaryFolder
    private let log = Log()
    private let virus = InspectionOrder(virus: true)

    init() throws { folder = try TemporaryFolder() }

    /// `onStart` hears of engines that look for viruses.
    private func signatures(seconds: Int = 20, onStart: @escaping @Sendable (RemoteEngine) -> Void = { _ in }) async -> Signatures {
        let settings = ScanSettings(limits: ScanLimits(seconds: seconds), temporaryDirectory: folder.path + "/tmp")
        let signatures = Signatures(
            .init(source: nil, settings: settings, lanes: 2), loader: Home.isolated.loader(log: log) { if $0.count > 0 { onStart($0) } })
        signatures.setEnabled(true)
        await signatures.settle()
        return signatures
    }

    private func inspector(_ signatures: Signatures, seconds: Int = 20, work: WorkTable? = nil) -> ScannerInspector {
        ScannerInspector(signatures, .init(threads: 2, seconds: seconds), work: work, onStuck: {})
    }

    private let infected = MemoryContent(Letter.attached(EmbeddedSignature.testFile))
    private func clean(_ index: Int) -> MemoryContent { MemoryContent(Letter.attached(Array("number \(index)".utf8))) }

    @Test func `a child finds what there is, and leaves nothing when it goes`() async throws {
        let signatures = await signatures()
        #expect(signatures.status.failures == [])
        #expect(signatures.status.bytes > 1 << 20)
        let inspector = inspector(signatures)
        #expect(await inspector.inspect(infected, virus).virus == .infected(["Eicar-Test-Signature"]))
        for index in 0..<20 { #expect(await inspector.inspect(clean(index), virus).virus == .clean) }
        #expect(await inspector.inspect(MemoryContent(""), virus).virus == .clean)
        signatures.setEnabled(false)
        await signatures.settle()
        #expect(await eventually { (try? FileManager.default.contentsOfDirectory(atPath: folder.path + "/tmp").count) == 1 })
    }

    @Test func `a child that crashes takes no other message with it, and is there again`() async throws {
        let engines = Mutex<[RemoteEngine]>([])
        let signatures = await signatures { engine in engines.withLock { $0.append(engine) } }
        let table = try WorkTable(path: folder.path + "/work")
        let inspector = inspector(signatures, work: table)
        let first = try #require(engines.withLock { $0.first })
        // Even by a fault: no message was in its hands.
        kill(first.pid, SIGSYS)
        #expect(await eventually { first.isDead })
        for index in 0..<10 {
            #expect(await inspector.inspect(clean(index), virus).virus == .clean)
            #expect(!table.isSuspect(clean(index).mark))
        }
        #expect(engines.withLock { $0.count } == 2)
    }

    /// Stops it at its start, so that it ends with a message in its hands for sure.
    private static func end(_ engine: RemoteEngine, _ table: WorkTable, by signal: CInt) {
        let pid = engine.pid
        kill(pid, SIGSTOP)
        _ = startThread {
            while table.inWork == 0 { usleep(10_000) }
            usleep(500_000)
            kill(pid, signal)
            kill(pid, SIGCONT)
        }
    }

    @Test func `a child that is killed for want of memory blames no message`() async throws {
        let table = try WorkTable(path: folder.path + "/work")
        let isFirst = Atomic<Bool>(true)
        let signatures = await signatures { engine in
            if isFirst.exchange(false, ordering: .relaxed) { Self.end(engine, table, by: SIGKILL) }
        }
        #expect(await inspector(signatures, work: table).inspect(infected, virus).virus == .infected(["Eicar-Test-Signature"]))
        #expect(!table.isSuspect(infected.mark))
    }

    @Test func `a message whose scan kills the child twice is poison`() async throws {
        let table = try WorkTable(path: folder.path + "/work")
        let isSabotaged = Atomic<Bool>(true)
        let signatures = await signatures { engine in
            if isSabotaged.load(ordering: .relaxed) { Self.end(engine, table, by: SIGSYS) }
        }
        let inspector = inspector(signatures, work: table)
        #expect(await inspector.inspect(infected, virus).virus == .poisoned)
        isSabotaged.store(false, ordering: .relaxed)
        #expect(await eventually { await inspector.inspect(clean(Int.random(in: 0..<1_000_000)), virus).virus == .clean })
        #expect(await inspector.inspect(infected, virus).virus == .poisoned)
    }

    @Test func `a scan that is stuck is killed at its deadline, and no message is to blame for that`() async throws {
        let table = try WorkTable(path: folder.path + "/work")
        let engines = Mutex<[RemoteEngine]>([])
        let signatures = await signatures(seconds: 6) { engine in engines.withLock { $0.append(engine) } }
        let inspector = inspector(signatures, seconds: 6, work: table)
        let first = try #require(engines.withLock { $0.first })
        kill(first.pid, SIGSTOP)
        let answer = await inspector.inspect(infected, virus)
        #expect(answer.limits == ["time"])
        #expect(await inspector.inspect(infected, virus).virus == .infected(["Eicar-Test-Signature"]))
        #expect(inspector.stuck == 0)
    }

    @Test func `descriptors that nobody asked for are not taken`() throws {
        let (one, other) = try #require(Channel.pair())
        let file = open("/dev/null", O_RDONLY | O_CLOEXEC)
        defer { close(file) }
        let before = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
        for _ in 0..<200 {
            try one.send([1], descriptor: file)
            #expect(try other.receive() == [1])
        }
        // Other tests open some meanwhile.
        #expect(try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count < before + 100)
    }

    @Test func `a message that nobody takes is late, not for ever`() throws {
        let (one, other) = try #require(Channel.pair())
        #expect(throws: Channel.Failure.late) { try one.send([UInt8](repeating: 0, count: 8 << 20), until: .now() + .milliseconds(100)) }
        withExtendedLifetime(other) {}
    }

    @Test func `messages between the processes are read as they were written, and nothing else is`() throws {
        let order = InspectionOrder(virus: true, bannedNames: ["exe", "scr"])
        let inspection = Inspection(
            virus: .infected(["A", "ñ"]), banned: ["scr": [.init(part: "a › b", rule: ".scr")]], encrypted: ["Zip"], unopened: ["x"],
            limits: ["size"], virusMilliseconds: 3, namesMilliseconds: 4, signatures: "daily 1")
        let bytes = ChildMessage.encode(inspection, order)
        #expect(try ChildMessage.inspection(bytes, order) == inspection)
        #expect(try ChildMessage.order(ChildMessage.encode(order, count: 7, milliseconds: 9)).0 == order)
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            var altered = bytes
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                altered[Int.random(in: altered.indices, using: &generator)] = .random(in: 0...255)
            }
            if Bool.random() { altered.removeLast(Int.random(in: 0...altered.count)) }
            _ = try? ChildMessage.inspection(altered, order)
            _ = try? ChildMessage.order(altered)
            _ = try? ChildMessage.configuration(altered)
            _ = ChildMessage.report(altered)
        }
    }
}
