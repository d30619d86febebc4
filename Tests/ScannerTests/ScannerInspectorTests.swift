import Dispatch
import Filter
import FoundationEssentials
import Glibc
import Synchronization
import Testing

@testable import Scanner

/// Answers as the test says.
private struct StubExaminer: Examiner {
    var answer: @Sendable (any InspectedContent, DispatchTime) -> Examination
    /// Whether there is something to look with; waits like a reload.
    var isReady: @Sendable (DispatchTime) -> Bool = { _ in true }

    var name: @Sendable () -> String = { "1" }

    func identity(_ order: InspectionOrder) -> String { name() }

    func prepare(_ order: InspectionOrder, until deadline: DispatchTime) -> Examine? {
        isReady(deadline) ? { content, _, deadline in answer(content, deadline) } : nil
    }
}

@Suite(.timeLimit(.minutes(1))) struct ScannerInspectorTests {
    private let log = Log()
    private let virus = InspectionOrder(virus: true)

    private func inspector(
        threads: Int = 2, backlog: Int = 100, seconds: Int = 20, wait: Int = 20, stuck: Int = 4, work: WorkTable? = nil,
        cached: Int = 100, isReady: @escaping @Sendable (DispatchTime) -> Bool = { _ in true },
        _ answer: @escaping @Sendable (any InspectedContent, DispatchTime) -> Examination
    ) -> ScannerInspector {
        ScannerInspector(
            StubExaminer(answer: answer, isReady: isReady),
            .init(threads: threads, backlog: backlog, seconds: seconds, wait: wait, stuck: stuck), work: work, cached: cached,
            onStuck: { [log] in log.add("stuck") })
    }

    @Test func `a verdict is remembered by content and order`() async {
        let inspector = inspector { [log] content, _ in
            log.add("\(content.count)")
            return .done(Inspection(virus: .clean))
        }
        for _ in 0..<3 { #expect(await inspector.inspect(MemoryContent("a"), virus).virus == .clean) }
        _ = await inspector.inspect(MemoryContent("bb"), virus)
        _ = await inspector.inspect(MemoryContent("a"), InspectionOrder(virus: true, bannedNames: ["exe"]))
        #expect(log.lines == ["1", "2", "1"])
    }

    @Test func `a verdict that signatures were swapped under belongs to neither`() async {
        let version = Mutex("1")
        let examiner = StubExaminer(
            answer: { [log] _, _ in
                log.add(version.withLock { $0 })
                if log.lines.count == 1 { version.withLock { $0 = "2" } }
                return .done(Inspection(virus: .clean))
            }, name: { version.withLock { $0 } })
        let inspector = ScannerInspector(examiner, .init(threads: 1), work: nil, onStuck: {})
        for name in ["", "1", "2", "2", "1"] {
            if !name.isEmpty { version.withLock { $0 = name } }
            _ = await inspector.inspect(MemoryContent("a"), virus)
        }
        #expect(log.lines == ["1", "1", "2"])
    }

    @Test func `what is no verdict is not remembered`() async {
        let inspector = inspector { [log] _, _ in
            log.add("")
            return .done(Inspection(virus: .unavailable("scan.failed")))
        }
        for _ in 0..<2 { #expect(await inspector.inspect(MemoryContent("a"), virus).virus == .unavailable("scan.failed")) }
        #expect(log.lines.count == 2)
    }

    @Test func `the same message at the same time is looked at once`() async {
        let gate = DispatchSemaphore(value: 0)
        let inspector = inspector { [log] _, _ in
            log.add("")
            gate.wait()
            return .done(Inspection(virus: .infected(["A"])))
        }
        await withTaskGroup(of: Inspection.self) { group in
            for _ in 0..<20 { group.addTask { await inspector.inspect(MemoryContent("a"), virus) } }
            try? await Task.sleep(for: .milliseconds(100))
            gate.signal()
            for await answer in group { #expect(answer.virus == .infected(["A"])) }
        }
        #expect(log.lines.count == 1)
        gate.signal()
    }

    @Test func `what never ends is a limit at its deadline, then abandoned, counted and replaced`() async {
        let gate = DispatchSemaphore(value: 0)
        let inspector = inspector(threads: 1, seconds: 1, stuck: 2) { content, _ in
            if content.count == 1 { gate.wait() }
            return .done(Inspection(virus: .clean))
        }
        // The gate is closed: only the deadline can answer.
        let answer = await inspector.inspect(MemoryContent("a"), virus)
        #expect(answer.limits == ["time"])
        #expect(await eventually { inspector.stuck == 1 })
        #expect(log.lines == [])
        #expect(await inspector.inspect(MemoryContent("bb"), virus) == Inspection(virus: .clean))
        _ = await inspector.inspect(MemoryContent("c"), virus)
        #expect(await eventually { log.lines == ["stuck"] })
        #expect(await inspector.inspect(MemoryContent("dd"), virus).virus == .clean)
        _ = await inspector.inspect(MemoryContent("e"), virus)
        #expect(await eventually { inspector.stuck == 3 })
        #expect(log.lines == ["stuck"])
        for _ in 0..<3 { gate.signal() }
        #expect(await eventually { inspector.stuck == 0 })
        #expect(await inspector.inspect(MemoryContent("ff"), virus).virus == .clean)
    }

    @Test func `waiting is bounded, in number and in time`() async {
        let gate = DispatchSemaphore(value: 0)
        let inspector = inspector(threads: 1, backlog: 2, seconds: 3, wait: 1) { _, _ in
            gate.wait()
            return .done(Inspection(virus: .clean))
        }
        let answers = await withTaskGroup(of: Inspection.self) { group in
            for index in 0..<6 { group.addTask { await inspector.inspect(MemoryContent("\(index)"), virus) } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        // One is being looked at; two waited, and three were too many.
        #expect(answers.count { $0.limits == ["time"] } == 1)
        #expect(answers.count { $0.virus == .unavailable("scan.busy") } == 5)
        for _ in 0..<6 { gate.signal() }
    }

    @Test func `more than can be looked at in time blames nobody, and restarts nothing`() async throws {
        let folder = try TemporaryFolder()
        let table = try WorkTable(path: folder.path + "/work")
        // Each takes most of the time that waiting may take, and of its own.
        let inspector = inspector(threads: 2, seconds: 1, wait: 1, stuck: 1, work: table) { _, _ in
            usleep(700_000)
            return .done(Inspection(virus: .clean))
        }
        let answers = await withTaskGroup(of: Inspection.self) { group in
            for index in 0..<40 { group.addTask { await inspector.inspect(MemoryContent("\(index)"), virus) } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(answers.count { $0.virus == .clean } >= 2)
        #expect(answers.allSatisfy { $0.limits == [] && [.clean, .unavailable("scan.busy")].contains($0.virus) })
        try? await Task.sleep(for: .milliseconds(1_500))
        #expect(inspector.stuck == 0 && log.lines == [])
        table.close()
        let next = try WorkTable(path: folder.path + "/work")
        for index in 0..<40 { #expect(!next.isSuspect(MemoryContent("\(index)").digest)) }
    }

    @Test func `a scan that ends a little late keeps its thread, and its message is not to blame`() async throws {
        let folder = try TemporaryFolder()
        let table = try WorkTable(path: folder.path + "/work")
        let inspector = inspector(threads: 1, seconds: 1, stuck: 1, work: table) { _, _ in
            usleep(2_000_000)
            return .done(Inspection(virus: .clean))
        }
        #expect(await inspector.inspect(MemoryContent("a"), virus).limits == ["time"])
        table.close()
        #expect(try !WorkTable(path: folder.path + "/work").isSuspect(MemoryContent("a").digest))
        try? await Task.sleep(for: .milliseconds(1_500))
        #expect(inspector.stuck == 0 && log.lines == [])
    }

    @Test func `who waits for signatures was not scanned, and no thread is lost`() async {
        let inspector = inspector(threads: 1, seconds: 1, wait: 2, stuck: 1) { deadline in
            DispatchSemaphore(value: 0).wait(timeout: deadline) == .success
        } _: { _, _ in
            .done(Inspection(virus: .clean))
        }
        let answer = await inspector.inspect(MemoryContent("a"), virus)
        #expect([.unavailable("scan.busy"), .unavailable("scan.no-signatures")].contains(answer.virus))
        #expect(answer.limits == [])
        #expect(inspector.stuck == 0 && log.lines == [])
    }

    @Test func `a suspect has its turn however much comes, and holds no thread while it waits`() async throws {
        let folder = try TemporaryFolder()
        let suspect = MemoryContent("a")
        _ = try WorkTable(path: folder.path + "/work").begin(suspect.digest)
        let table = try WorkTable(path: folder.path + "/work")
        let inside = Atomic<Int>(0)
        let inspector = inspector(threads: 3, wait: 10, work: table) { content, _ in
            let others = inside.add(1, ordering: .sequentiallyConsistent).oldValue
            if content.count == 1, others > 0 { return .done(Inspection(virus: .infected(["not alone"]))) }
            usleep(20_000)
            inside.subtract(1, ordering: .sequentiallyConsistent)
            return .done(Inspection(virus: .clean))
        }
        // Streams, each with the next one there before the others have ended.
        await withTaskGroup(of: Void.self) { group in
            for stream in 0..<4 {
                group.addTask {
                    for number in 0..<1_000 where log.lines.isEmpty {
                        #expect(await inspector.inspect(MemoryContent("\(stream) \(number)"), virus).virus == .clean)
                    }
                }
            }
            try? await Task.sleep(for: .milliseconds(300))
            #expect(await inspector.inspect(suspect, virus).virus == .clean)
            log.add("over")
        }
    }

    @Test func `a cancelled task has its answer at once, and others keep theirs`() async {
        let gate = DispatchSemaphore(value: 0)
        let inspector = inspector { _, _ in
            gate.wait()
            return .done(Inspection(virus: .clean))
        }
        let first = Task { await inspector.inspect(MemoryContent("a"), virus) }
        let second = Task { await inspector.inspect(MemoryContent("a"), virus) }
        try? await Task.sleep(for: .milliseconds(50))
        first.cancel()
        #expect(await first.value.virus == .unavailable("scan.cancelled"))
        gate.signal()
        #expect(await second.value.virus == .clean)
        let cancelled = Task {
            try? await Task.sleep(for: .seconds(20))
            return await inspector.inspect(MemoryContent("b"), virus)
        }
        cancelled.cancel()
        #expect(await cancelled.value.virus == .unavailable("scan.cancelled"))
        gate.signal()
    }

    @Test func `a message that kills who looks at it twice is poison, and those beside it are not`() async throws {
        let folder = try TemporaryFolder()
        let table = try WorkTable(path: folder.path + "/work")
        let inspector = inspector(work: table) { [log] content, _ in
            log.add("\(content.count)")
            return content.count == 1 ? .died : .done(Inspection(virus: .clean))
        }
        // The second attempt follows at once, since this process lives.
        #expect(await inspector.inspect(MemoryContent("a"), virus).virus == .poisoned)
        #expect(log.lines == ["1", "1"])
        #expect(await inspector.inspect(MemoryContent("bb"), virus).virus == .clean)
        #expect(await inspector.inspect(MemoryContent("a"), virus).virus == .poisoned)
        #expect(log.lines == ["1", "1", "2"])
    }

    @Test func `the cache is bounded`() {
        let cache = VerdictCache(count: 10)
        for index in 0..<100 {
            cache.keep(Inspection(virus: .clean), VerdictKey(digest: [UInt8(index)], order: virus, engine: ""))
            // What is asked for stays.
            #expect(cache.find(VerdictKey(digest: [0], order: virus, engine: "")) != nil)
        }
        #expect(cache.count <= 10)
        cache.keep(Inspection(virus: .clean, limits: ["time"]), VerdictKey(digest: [200], order: virus, engine: ""))
        #expect(cache.find(VerdictKey(digest: [200], order: virus, engine: "")) == nil)
    }
}
