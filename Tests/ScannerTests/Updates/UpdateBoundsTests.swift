import Foundation
import Synchronization
import Testing

@testable import Scanner

extension FreshclamTests {
    /// Peers that take their time.
    @Suite struct UpdateBoundsTests {
        private let fixture: UpdateFixture

        init() throws { fixture = try UpdateFixture() }

        private func seconds(_ body: () async throws -> Void) async rethrows -> Double {
            let start = ContinuousClock.now
            try await body()
            return (ContinuousClock.now - start) / .seconds(1)
        }

        /// libfreshclam asks for .cld and .cvd; then the mirror is known not to answer.
        @Test func aServerThatNeverAnswers() async throws {
            let server = try LoopbackServer { _ in .silence }
            defer { server.stop() }
            let time = try await seconds {
                let report = try await fixture.update(UpdateFixture.settings(mirror: server.url))
                #expect(report.kinds == [.timedOut, .timedOut, .timedOut])
            }
            #expect(server.requests.count == 2)
            #expect((3.5...12).contains(time), "\(time)")
        }

        @Test func aServerThatDrips() async throws {
            let server = try LoopbackServer { _ in .drip }
            defer { server.stop() }
            var limits = UpdateFixture.limits
            limits.time = .seconds(1)
            let time = try await seconds {
                let report = try await fixture.update(UpdateFixture.settings(urls: [server.url + "/own.hdb"]), limits)
                #expect(report.kinds == [.overtime])
            }
            #expect(time < 5, "\(time)")
            #expect(fixture.databases == [])
            try await fixture.settle()
        }

        /// To a file, and to the memory that a database's head is read into.
        @Test func aServerThatFloods() async throws {
            let server = try LoopbackServer { _ in .flood }
            defer { server.stop() }
            let urls = UpdateFixture.settings(urls: [server.url + "/own.hdb"])
            #expect(try await fixture.update(urls).kinds == [.tooLarge])
            let report = try await fixture.update(UpdateFixture.settings(mirror: server.url))
            #expect(report.kinds == [.tooLarge, .tooLarge, .tooLarge])
            #expect(fixture.databases == [])
            #expect(!fixture.directory.hasLeftovers)
        }

        @Test func cancelled() async throws {
            let server = try LoopbackServer { _ in .silence }
            defer { server.stop() }
            var limits = UpdateFixture.limits
            limits.silentSeconds = 60
            let patient = limits
            let settings = UpdateFixture.settings(urls: [server.url + "/own.hdb"])
            let time = try await seconds {
                let task = Task { [fixture] in try await fixture.update(settings, patient) }
                try await server.waitForRequest()
                task.cancel()
                let report = try await task.value
                #expect(report.kinds == [.cancelled])
            }
            #expect(time < 5, "\(time)")
            try await fixture.settle()
            // That was no failure of the server.
            #expect(fixture.state.sources.isEmpty)
        }

        @Test func oneAtATime() async throws {
            let server = try LoopbackServer { _ in .silence }
            defer { server.stop() }
            let settings = UpdateFixture.settings(urls: [server.url + "/own.hdb"])
            let task = Task { [fixture] in try await fixture.update(settings) }
            try await server.waitForRequest()
            await #expect(throws: UpdateFailure(.busy)) { try await fixture.update(settings) }
            #expect(try await task.value.kinds == [.timedOut])
            // Another process: flock belongs to an open file.
            let descriptor = open(fixture.directory.path + "/.lock", O_RDWR)
            #expect(flock(descriptor, LOCK_EX) == 0)
            await #expect(throws: UpdateFailure(.busy)) { try await fixture.update(settings) }
            close(descriptor)
            let empty = UpdateFixture.settings()
            #expect(try await fixture.update(empty).entries == [])
        }

        @Test func aGateThatStaysShut() async throws {
            try fixture.directory.create()
            do {
                let gate = try UpdateGate.take(fixture.directory)
                gate.noteStuck()
                #expect(SignatureUpdate.stuckRuns == 1)
                await #expect(throws: UpdateFailure(.stuck)) { try await fixture.update(UpdateFixture.settings()) }
                withExtendedLifetime(gate) {}
            }
            #expect(SignatureUpdate.stuckRuns == 0)
            #expect(try await fixture.update(UpdateFixture.settings()).entries == [])
        }
    }
}

@Suite struct IsolatedThreadTests {
    private let bounds = IsolatedThread.Bounds(time: .milliseconds(200), bytes: 1 << 20, grace: .milliseconds(200))

    @Test func nothingOfItReachesTheProcess() async throws {
        let place = FileManager.default.currentDirectoryPath
        let mask = umask(0o022)
        umask(mask)
        let open = open("/dev/null", O_RDONLY)
        defer { close(open) }
        struct Seen: Sendable {
            var isMarked: Bool
            var place: String
            var mask: mode_t
            var hasDescriptor: Bool
        }
        let end = await IsolatedThread.run(bounds, whenOver: {}) {
            chdir("/")
            let isMarked = IsolatedThread.isCurrent
            let seen = Seen(
                isMarked: isMarked,
                place: FileManager.default.currentDirectoryPath, mask: umask(0o111), hasDescriptor: fcntl(open, F_GETFD) >= 0)
            close(STDOUT_FILENO)
            return seen
        }
        guard case .done(let seen, cut: nil) = end else {
            Issue.record("\(end)")
            return
        }
        #expect(seen.isMarked && !IsolatedThread.isCurrent)
        #expect(seen.place == "/")
        #expect(seen.mask == 0o077)
        #expect(!seen.hasDescriptor)
        #expect(FileManager.default.currentDirectoryPath == place)
        // Other tests set the process's own: none sets this one.
        #expect(umask(mask) != 0o111)
        #expect(fcntl(open, F_GETFD) >= 0)
        #expect(fcntl(STDOUT_FILENO, F_GETFD) >= 0)
    }

    @Test func workThatDoesNotEndIsGivenUp() async throws {
        let flags = Flags()
        let start = ContinuousClock.now
        let end = await IsolatedThread.run(bounds, whenOver: { flags.isOver = true }) {
            while !flags.isReleased { usleep(10_000) }
        }
        guard case .stuck(.overtime) = end else {
            Issue.record("\(end)")
            return
        }
        #expect((0.35...60).contains((ContinuousClock.now - start) / .seconds(1)))
        #expect(!flags.isOver)
        flags.isReleased = true
        for _ in 0..<500 where !flags.isOver { try await Task.sleep(for: .milliseconds(10)) }
        #expect(flags.isOver)
    }

    private final class Flags: Sendable {
        private let released = Atomic<Bool>(false)
        private let over = Atomic<Bool>(false)

        var isReleased: Bool {
            get { released.load(ordering: .relaxed) }
            set { released.store(newValue, ordering: .relaxed) }
        }
        var isOver: Bool {
            get { over.load(ordering: .relaxed) }
            set { over.store(newValue, ordering: .relaxed) }
        }
    }
}
