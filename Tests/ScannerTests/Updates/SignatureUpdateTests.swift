import Foundation
import Testing

@testable import Scanner

extension FreshclamTests {
    @Suite struct SignatureUpdateTests {
        private let fixture: UpdateFixture

        init() throws { fixture = try UpdateFixture() }

        /// 512 bytes that look like a database's head.
        private func header(version: Int = 3) -> [UInt8] {
            let head =
                "ClamAV-VDB:22 Nov 2026 10-00 +0000:\(version):5:90:00000000000000000000000000000000:"
                + String(repeating: "A", count: 200) + ":nobody:1795341600"
            return Array(head.utf8) + [UInt8](repeating: 0x20, count: 512 - head.utf8.count)
        }

        @Test func aMirrorWithoutDatabases() async throws {
            let server = try LoopbackServer { _ in .status(404) }
            defer { server.stop() }
            let report = try await fixture.update(UpdateFixture.settings(mirror: server.url))
            #expect(report.entries.map(\.file) == ["daily", "main", "bytecode"])
            #expect(report.kinds == [.absent, .absent, .absent])
            #expect(server.requests.map(\.path).contains("/daily.cvd"))
            #expect(fixture.databases == [])
            #expect(fixture.state.sources["mirror"]?.failures == 1)
        }

        @Test func whatIsNoDatabase() async throws {
            let server = try LoopbackServer { _ in .body([UInt8](repeating: 0xFE, count: 4_096)) }
            defer { server.stop() }
            let report = try await fixture.update(UpdateFixture.settings(mirror: server.url))
            #expect(report.kinds == [.damaged, .damaged, .damaged])
            #expect(fixture.databases == [])
        }

        @Test func aDatabaseWithAWrongSignature() async throws {
            let body = header() + [UInt8](repeating: 0x42, count: 4_096)
            let server = try LoopbackServer { request in request.path.hasSuffix(".cvd") ? .body(body) : .status(404) }
            defer { server.stop() }
            let report = try await fixture.update(UpdateFixture.settings(mirror: server.url))
            #expect(report.kinds == [.damaged, .damaged, .damaged])
            #expect(report.failures.first?.detail.isEmpty == false)
            #expect(fixture.databases == [])
            #expect(!fixture.directory.hasLeftovers)
        }

        @Test func aDatabaseByURLIsTakenOnce() async throws {
            let server = try LoopbackServer { request in
                request.fields["if-modified-since"] == nil ? .body(UpdateFixture.hdb) : .status(304)
            }
            defer { server.stop() }
            let settings = UpdateFixture.settings(urls: [server.url + "/lists/own.hdb"])
            let first = try await fixture.update(settings)
            #expect(first.entries.map(\.outcome) == [.updated(version: 0, signatures: 2, isTested: true)])
            #expect(fixture.bytes("own.hdb") == UpdateFixture.hdb)
            #expect(fixture.state.changes == 1)
            #expect(fixture.state.sources[settings.sources[0].name]?.files == ["own.hdb"])
            let second = try await fixture.update(settings)
            #expect(second.entries.map(\.outcome) == [.upToDate(version: 0)])
            #expect(fixture.state.changes == 1)
            #expect(server.requests.count == 2)
            for (path, mode) in [("", 0o700), ("/own.hdb", 0o600), ("/updates.json", 0o600)] as [(String, mode_t)] {
                var status = stat()
                #expect(stat(fixture.directory.path + path, &status) == 0)
                #expect(status.st_mode & 0o777 == mode, "\(path)")
            }
        }

        @Test func aDatabaseThatDoesNotLoadIsRefused() async throws {
            let server = try LoopbackServer { _ in .body(Array("this is no hash\n".utf8)) }
            defer { server.stop() }
            try fixture.directory.create()
            try Data(UpdateFixture.hdb).write(to: URL(fileURLWithPath: fixture.directory.path + "/own.hdb"))
            let report = try await fixture.update(UpdateFixture.settings(urls: [server.url + "/own.hdb"]))
            #expect(report.kinds == [.refused])
            #expect(fixture.bytes("own.hdb") == UpdateFixture.hdb)
        }

        @Test func aFileOfThisMachine() async throws {
            let file = fixture.parent.appendingPathComponent("local.hdb")
            try Data(UpdateFixture.hdb).write(to: file)
            mkfifo(fixture.parent.appendingPathComponent("pipe.hdb").path, 0o600)
            let urls = ["local", "missing", "pipe"].map { "file://\(fixture.parent.path)/\($0).hdb" }
            let report = try await fixture.update(UpdateFixture.settings(urls: urls))
            #expect(report.entries[0].outcome == .updated(version: 0, signatures: 2, isTested: true))
            #expect(report.entries.dropFirst().map { $0.outcome.failure?.kind } == [.absent, .absent])
        }

        @Test func aDownloadThatBreaksOff() async throws {
            let server = try LoopbackServer { _ in .truncated(UpdateFixture.hdb, announced: 10_000) }
            defer { server.stop() }
            let report = try await fixture.update(UpdateFixture.settings(urls: [server.url + "/own.hdb"]))
            #expect(report.kinds == [.connection])
            #expect(report.failures[0].detail.isEmpty == false)
            #expect(fixture.databases == [])
        }

        @Test func nobodyListens() async throws {
            let server = try LoopbackServer { _ in .silence }
            server.stop()
            let report = try await fixture.update(UpdateFixture.settings(mirror: server.url))
            #expect(report.kinds == [.connection, .connection, .connection])
        }

        @Test func aRedirectLoop() async throws {
            let server = try LoopbackServer { request in .status(302, ["Location": request.path]) }
            defer { server.stop() }
            let report = try await fixture.update(UpdateFixture.settings(urls: [server.url + "/own.hdb"]))
            #expect(report.kinds == [.redirects])
            #expect(server.requests.count == 4)
        }

        @Test(arguments: [500, 418, 522]) func otherAnswers(_ status: Int) async throws {
            let server = try LoopbackServer { _ in .status(status) }
            defer { server.stop() }
            let report = try await fixture.update(UpdateFixture.settings(urls: [server.url + "/own.hdb"]))
            #expect(report.failures == [UpdateFailure(.status, "\(status)")])
        }

        @Test(arguments: [(403, UpdateFailure.Kind.forbidden), (429, .tooManyRequests)])
        func whoWantsToBeLeftAlone(_ status: Int, _ kind: UpdateFailure.Kind) async throws {
            let server = try LoopbackServer { _ in .status(status) }
            defer { server.stop() }
            let now = Int64(time(nil))
            for settings in [
                UpdateFixture.settings(urls: [server.url + "/own.hdb"]), UpdateFixture.settings(mirror: server.url),
            ] {
                let first = try await fixture.update(settings)
                #expect(Set(first.kinds) == [kind])
                #expect(first.failures.allSatisfy { (now + 86_400...now + 86_500).contains($0.until) })
                let count = server.requests.count
                let second = try await fixture.update(settings)
                #expect(second.failures == first.failures)
                #expect(server.requests.count == count)
                // Under other settings it is asked at once.
                var other = settings
                other.proxy = UpdateProxy("http://127.0.0.1:\(server.port)")
                _ = try await fixture.update(other)
                #expect(server.requests.count > count)
            }
        }

        @Test func aServerMayAskForLonger() async throws {
            let server = try LoopbackServer { _ in .status(429, ["Retry-After": "200000"]) }
            defer { server.stop() }
            let now = Int64(time(nil))
            let report = try await fixture.update(UpdateFixture.settings(urls: [server.url + "/own.hdb"]))
            #expect((now + 200_000...now + 200_100).contains(report.failures.first?.until ?? 0))
        }

        /// As some shops answer for a file that is not there.
        @Test func forbiddenForWhatIsMissingOnly() async throws {
            let server = try LoopbackServer { request in .status(request.path.hasSuffix(".cld") ? 403 : 404) }
            defer { server.stop() }
            #expect(try await fixture.update(UpdateFixture.settings(mirror: server.url)).kinds == [.absent, .absent, .absent])
        }

        @Test func throughAProxy() async throws {
            let server = try LoopbackServer { request in
                guard request.method == "CONNECT" else { return .body(UpdateFixture.hdb) }
                // RFC 7617 §2: "anna:s3cr:t%"
                return request.fields["proxy-authorization"] == "Basic YW5uYTpzM2NyOnQl" ? .status(200) : .status(407)
            }
            defer { server.stop() }
            let url = "http://signatures.example/own.hdb"
            let right = UpdateFixture.settings(urls: [url], proxy: "http://anna:s3cr:t%25@127.0.0.1:\(server.port)")
            #expect(try await fixture.update(right).entries[0].outcome.isUpdate)
            #expect(server.requests.map(\.method) == ["CONNECT", "GET"])
            #expect(server.requests[0].path == "signatures.example:80")
            let wrong = UpdateFixture.settings(urls: [url], proxy: "http://anna:wrong@127.0.0.1:\(server.port)")
            let report = try await fixture.update(wrong)
            #expect(report.kinds == [.connection])
            let state = String(decoding: fixture.bytes("updates.json") ?? [], as: UTF8.self)
            for word in ["s3cr", "wrong", "anna"] { #expect(!state.contains(word) && !report.failures[0].detail.contains(word)) }
        }

        @Test func aURLThatIsGoneTakesItsDatabaseAlong() async throws {
            let server = try LoopbackServer { _ in .body(UpdateFixture.hdb) }
            defer { server.stop() }
            let both = UpdateFixture.settings(urls: [server.url + "/one.hdb", server.url + "/two.hdb"])
            _ = try await fixture.update(both)
            try Data(UpdateFixture.hdb).write(to: URL(fileURLWithPath: fixture.directory.path + "/by-hand.hdb"))
            #expect(fixture.databases == ["by-hand.hdb", "one.hdb", "two.hdb"])
            // Not for a slip of the pen.
            _ = try await fixture.update(UpdateFixture.settings(urls: [server.url + "/one.hdb", "htp://127.0.0.1/two.hdb"]))
            #expect(fixture.databases == ["by-hand.hdb", "one.hdb", "two.hdb"])
            let report = try await fixture.update(UpdateFixture.settings(urls: [server.url + "/one.hdb"]))
            #expect(report.removed == ["two.hdb"])
            #expect(fixture.databases == ["by-hand.hdb", "one.hdb"])
        }

        @Test func leftoversAreSwept() async throws {
            try fixture.directory.create()
            let folder = try fixture.directory.makeTemporary(3)
            try Data("half".utf8).write(to: URL(fileURLWithPath: folder + "/clamav-123.tmp"))
            #expect(fixture.directory.hasLeftovers)
            _ = try await fixture.update(UpdateFixture.settings())
            #expect(!fixture.directory.hasLeftovers)
            #expect(fixture.databases == [])
        }

        @Test func aDirectoryThatIsNone() async throws {
            try Data().write(to: URL(fileURLWithPath: fixture.directory.path))
            await #expect(throws: UpdateFailure(.notWritable, "\(fixture.directory.path): Not a directory")) {
                try await fixture.update(UpdateFixture.settings())
            }
        }
    }
}
