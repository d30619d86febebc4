import Filter
import Foundation
import MailTesting
import Testing

@testable import Scanner
@testable import Store
@testable import buzon

/// What `doctor` and `signatures show` say of the signatures, beside a server and without one.
@Suite(.enabled(if: BuzonProcess.isBuilt), .serialized, .timeLimit(.minutes(2))) struct SignatureFindingsTests {
    private struct Finding: Decodable {
        var check: String
        var state: String
        var text: String
    }

    private static func findings(_ directory: String, _ check: String = "signatures") throws -> [Finding] {
        let answer = try BuzonProcess.run(["doctor", "--json"], directory: directory)
        #expect(answer.status == 0, "\(answer)")
        return try JSONDecoder().decode([Finding].self, from: Data(answer.output.utf8)).filter { $0.check == check }
    }

    private static func write(_ words: String, _ path: String) throws {
        try FileManager.default.createDirectory(
            atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        try Data(words.utf8).write(to: URL(fileURLWithPath: path))
    }

    private static func loads(_ served: ServedAppliance, _ isSo: (Signatures.Status) -> Bool) async throws {
        let checks = served.open.checks.checks
        checks.lookForSignatures()
        for _ in 0..<200 where !isSo(checks.status) { try await Task.sleep(for: .milliseconds(50)) }
        #expect(isSo(checks.status), "\(checks.status)")
    }

    @Test func whatTheServerLoadedIsTold() async throws {
        try await ServedAppliance.run { served in
            let folder = served.directory + "/signatures"
            try await Self.loads(served) { $0.phase == .ready }
            let fresh = try Self.findings(served.directory)
            #expect(fresh.map(\.state) == ["warning", "warning"] && fresh[1].text.contains("only the test file"), "\(fresh)")
            // One that is sound: still neither main nor daily.
            try Self.write("44d88612fea8a8f36de82e1278abb02e:68:Prueba.Propia\n", folder + "/propia.hdb")
            try await Self.loads(served) { $0.count == 3 }
            let own = try Self.findings(served.directory)
            #expect(own.map(\.state) == ["warning", "ok"] && own[0].text.contains("neither main nor daily"), "\(own)")
            #expect(own[1].text.contains("has loaded 3 signatures"), "\(own)")
            // Two that are not.
            try Self.write("basura\n", folder + "/rota.ndb")
            try Self.write("basura\n", folder + "/main.cvd")
            try await Self.loads(served) { $0.failures.count == 2 }
            let broken = try Self.findings(served.directory)
            #expect(broken.map(\.state) == ["warning", "warning", "warning", "warning"], "\(broken)")
            for name in ["rota.ndb", "main.cvd"] { #expect(broken[2...].contains { $0.text.contains(folder + "/" + name) }, "\(broken)") }
            let shown = try BuzonProcess.run(["signatures", "show"], directory: served.directory)
            #expect(shown.status == 0 && !shown.output.contains("LibClamAV"), "\(shown)")
            #expect(shown.output.contains("main.cvd: damaged") && shown.output.contains("has loaded 3 signatures"), "\(shown)")
            #expect(shown.output.contains("left out: \(folder)/rota.ndb"), "\(shown)")
        }
    }

    /// What a new server says, and what it says under settings that fetch nothing.
    @Test func adviceFits() async throws {
        let folder = try ScratchDirectory()
        try await ServedAppliance.run { served in
            try await Self.loads(served) { $0.phase == .ready }
            func said(_ words: String..., not unfit: String...) throws {
                let shown = try BuzonProcess.run(["signatures", "show"], directory: served.directory)
                let found = try Self.findings(served.directory).map(\.text) + [shown.output]
                for part in words { #expect(found.contains { $0.contains(part) }, "\(part): \(found)") }
                for part in unfit + ["No such file"] { #expect(!found.contains { $0.contains(part) }, "\(part): \(found)") }
            }
            try said(
                "the server fetches them 60 seconds after its start", "next check: 60 seconds after", not: "signatures update",
                "not fetched")
            try await served.store.set(.signatureChecks, to: "0")
            try said("(buzon signatures update)", "next check: never", not: "after its start")
            try await served.store.set(.signatureMirror, to: "")
            try said("none are fetched", "no signatures are fetched", not: "signatures update")
            try await served.store.set(.signatureDirectory, to: folder.path + "/nada")
            try said("/nada is missing", "missing: \(folder.path)/nada", "Another program", not: "signatures update", "can't be written")
            try await served.store.set(.signatureDirectory, to: folder.path)
            try said("until another program puts them there", "Another program", not: "signatures update")
        }
        withExtendedLifetime(folder) {}
    }

    /// A check that failed says why.
    @Test func whatHinderedTheLastCheckIsTold() async throws {
        let scratch = try ScratchDirectory()
        let directory = scratch.path + "/data"
        try await CrashTests.populate(directory)
        try Self.write(#"{"sources": {}, "changes": 0, "changed": 0}"#, directory + "/signatures/updates.json")
        var state = UpdateState(directory: directory + "/signatures")
        state.sources["mirror"] = UpdateState.Source(checked: 1, failures: 1, failure: UpdateFailure(.noSpace, "/x"))
        try state.write(directory: directory + "/signatures")
        let found = try Self.findings(directory)
        #expect(found.count == 1 && found[0].text.contains("the last check failed: the disk is full"), "\(found)")
    }

    @Test func withoutAServerNothingIsSaidToBeLoaded() async throws {
        let scratch = try ScratchDirectory()
        let directory = scratch.path + "/data"
        try await CrashTests.populate(directory)
        try Self.write("basura\n", directory + "/signatures/daily.cvd")
        let findings = try Self.findings(directory)
        #expect(findings.map(\.state) == ["warning", "warning", "ok"], "\(findings)")
        #expect(findings[1].text.contains("daily.cvd: damaged") && findings[2].text.contains("No server runs"), "\(findings)")
        let shown = try BuzonProcess.run(["signatures", "show"], directory: directory)
        #expect(shown.output.contains("No server runs") && !shown.output.contains("LibClamAV"), "\(shown)")
    }

    @Test func aQuarantineThatIsNearlyFullIsAWarning() async throws {
        try await ServedAppliance.run { served in
            try await served.store.set(.bypassVirusChecks, to: "true", for: .server)
            try await served.store.set(.finalBannedDestiny, to: "quarantine", for: .server)
            try await served.store.set(.quarantineSize, to: "\(1 << 20)")
            func send(_ size: Int) throws {
                let message = "MIME-Version: 1.0\r\nContent-Type: application/octet-stream; name=a.exe\r\n\r\n"
                let lines = String(repeating: String(repeating: "x", count: 70) + "\r\n", count: size / 72)
                let answer = try served.smtpGreeted().submit(
                    from: "a@x.test", to: [ServedAppliance.user], message: [UInt8]((message + lines).utf8))
                #expect(answer.code == 250)
            }
            try send(100_000)
            let roomy = try Self.findings(served.directory, "quarantine")
            #expect(roomy.map(\.state) == ["ok"] && roomy[0].text.hasSuffix("of 1048576 bytes (buzon quarantine list)"), "\(roomy)")
            try send(870_000)
            let full = try Self.findings(served.directory, "quarantine")
            #expect(full.map(\.state) == ["warning"] && full[0].text.contains("nearly full"), "\(full)")
        }
    }
}
