import Foundation
import MailTesting
import Testing

@testable import buzon

/// The scripts of Dovecot's imaptest, which somebody else wrote, against the whole appliance.
@Suite struct ImaptestTests {
    static let scripts: String = {
        let corpora = ProcessInfo.processInfo.environment["BUZON_CORPORA"] ?? "../shared/corpora"
        return corpora + "/imaptest/tests"
    }()

    static var isThere: Bool { FileManager.default.fileExists(atPath: scripts) }

    @Test(.enabled(if: isThere, "no imaptest scripts in BUZON_CORPORA"), .timeLimit(.minutes(5)))
    func everyGroupThatWeAnnouncePasses() async throws {
        try await ServedAppliance.run { served in
            let port = served.port("imap")
            let report = ImapTestPlayer.run(
                directory: Self.scripts, port: port,
                accounts: [
                    .init(name: ServedAppliance.user, password: ServedAppliance.password),
                    .init(name: ServedAppliance.other, password: ServedAppliance.password),
                ], timeout: 10)
            print(report)
            #expect(report.failed.isEmpty, "\(report)")
            // None of the base groups may be left out.
            let base = ImapTestDirectory(path: Self.scripts).baseNames
            #expect(base.count >= 30)
            for name in base { #expect(report.passed.contains(name), "\(name) was not played") }
        }
    }
}
