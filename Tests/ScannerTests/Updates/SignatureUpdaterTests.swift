import Foundation
import Synchronization
import Testing

@testable import Scanner

extension FreshclamTests {
    @Suite struct SignatureUpdaterTests {
        private let fixture: UpdateFixture

        init() throws { fixture = try UpdateFixture() }

        /// Time, settings and what came of it.
        private final class World: Sendable {
            struct State: Sendable {
                var now: Int64 = 2_000_000_000
                var settings: UpdateSettings
                var status = 404
                var notices: [UpdateNotice] = []
                var updates = 0
            }

            private let state: Mutex<State>

            init(_ settings: UpdateSettings) { state = Mutex(State(settings: settings)) }

            var now: State { state.withLock { $0 } }
            func change(_ body: @Sendable (inout State) -> Void) { state.withLock { body(&$0) } }
        }

        private func updater(_ world: World) -> SignatureUpdater {
            SignatureUpdater(
                directory: fixture.directory, limits: UpdateFixture.limits,
                clock: UpdateClock(now: { world.now.now }, sleep: { _ in throw CancellationError() }, spread: { 0 }),
                settings: { world.now.settings }, report: { notice in world.change { $0.notices.append(notice) } },
                updated: { world.change { $0.updates += 1 } })
        }

        /// A server that has nothing is asked ever more seldom; the administrator reads it once.
        @Test func aDayOfFailures() async throws {
            let box = Mutex<World?>(nil)
            let server = try LoopbackServer { _ in
                let status = box.withLock { $0 }?.now.status ?? 404
                return status == 200 ? .body(UpdateFixture.hdb) : .status(status)
            }
            defer { server.stop() }
            let world = World(UpdateFixture.settings(urls: [server.url + "/own.hdb"]))
            box.withLock { $0 = world }
            let updater = updater(world)
            let start = world.now.now
            var asked: [Int64] = []
            for _ in 0..<24 * 60 {
                let before = server.requests.count
                await updater.step()
                if server.requests.count > before { asked.append((world.now.now - start) / 60) }
                world.change { $0.now += 60 }
            }
            #expect(asked.prefix(5) == [0, 5, 20, 80, 200])
            #expect(asked.count == 15)
            #expect(world.now.notices.map(\.key) == ["signatures.failed"])
            #expect(world.now.updates == 0)
            // Another kind of trouble is told as well, and that it is over.
            world.change { $0.status = 500 }
            for _ in 0..<121 {
                await updater.step()
                world.change { $0.now += 60 }
            }
            world.change { $0.status = 200 }
            for _ in 0..<121 {
                await updater.step()
                world.change { $0.now += 60 }
            }
            #expect(world.now.notices.map(\.key) == ["signatures.failed", "signatures.failed", "signatures.recovered"])
            #expect(world.now.updates == 1)
            #expect(fixture.databases == ["own.hdb"])
        }

        @Test func aRefusalRestsForADay() async throws {
            let server = try LoopbackServer { _ in .status(403) }
            defer { server.stop() }
            let world = World(UpdateFixture.settings(mirror: server.url))
            // The server's day begins now.
            let start = Int64(time(nil))
            world.change { $0.now = start }
            let updater = updater(world)
            await updater.step()
            let count = server.requests.count
            #expect(count > 0)
            for _ in 0..<23 {
                world.change { $0.now += 3_600 }
                await updater.step()
            }
            #expect(server.requests.count == count)
            world.change { $0.now += 3_700 }
            await updater.step()
            #expect(server.requests.count > count)
        }

        @Test func otherSettingsCountAtOnce() async throws {
            let server = try LoopbackServer { _ in .status(404) }
            defer { server.stop() }
            let world = World(UpdateFixture.settings(urls: [server.url + "/own.hdb"], checks: 0))
            let updater = updater(world)
            await updater.step()
            #expect(server.requests.isEmpty)
            world.change { $0.settings.checksADay = 1 }
            await updater.step()
            await updater.step()
            #expect(server.requests.count == 1)
            world.change { $0.settings = UpdateFixture.settings(urls: [server.url + "/other.hdb"], checks: 1) }
            await updater.step()
            #expect(server.requests.last?.path == "/other.hdb")
            world.change { $0.settings.isOwn = false }
            world.change { $0.now += 100_000 }
            await updater.step()
            #expect(server.requests.count == 2)
            world.change { $0.settings = UpdateFixture.settings(mirror: "ftp://127.0.0.1") }
            await updater.step()
            await updater.step()
            #expect(world.now.notices.filter { $0.key == "signatures.hindered" }.count == 1)
        }

        /// `buzon signatures update` beside the server.
        @Test func whatAnotherProcessFetchedIsNoticed() async throws {
            let server = try LoopbackServer { _ in .body(UpdateFixture.hdb) }
            defer { server.stop() }
            let settings = UpdateFixture.settings(urls: [server.url + "/own.hdb"], checks: 0)
            let world = World(settings)
            let updater = updater(world)
            await updater.step()
            #expect(world.now.updates == 0)
            _ = try await fixture.update(settings)
            await updater.step()
            await updater.step()
            #expect(world.now.updates == 1)
        }

        @Test func aPlaceThatCannotBeWrittenIsToldOnce() async throws {
            try Data().write(to: URL(fileURLWithPath: fixture.directory.path))
            let world = World(UpdateFixture.settings(mirror: "http://127.0.0.1:9"))
            let updater = updater(world)
            for _ in 0..<100 {
                await updater.step()
                world.change { $0.now += 60 }
            }
            #expect(world.now.notices.map(\.key) == ["signatures.hindered"])
            #expect(world.now.notices.first?.values.first?.detail == "\(fixture.directory.path): Not a directory")
        }

        @Test func itEndsWhenItIsCancelled() async throws {
            let server = try LoopbackServer { _ in .silence }
            defer { server.stop() }
            let settings = UpdateFixture.settings(urls: [server.url + "/own.hdb"])
            let updater = SignatureUpdater(
                directory: fixture.directory, limits: UpdateFixture.limits, settings: { settings }, report: { _ in }, updated: {})
            let task = Task { await updater.run() }
            try await server.waitForRequest()
            task.cancel()
            let start = ContinuousClock.now
            await task.value
            #expect(ContinuousClock.now - start < .seconds(5))
        }
    }
}
