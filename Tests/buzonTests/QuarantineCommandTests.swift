import Filter
import MailTesting
import Testing

@testable import Store
@testable import buzon

private let (user, other) = (ServedAppliance.user, ServedAppliance.other)

/// `quarantine` as an administrator types it, beside a server.
@Suite(.enabled(if: BuzonProcess.isBuilt), .serialized) struct QuarantineCommandTests {
    /// Banned mail of two senders to the user.
    private static func run(_ body: @escaping @Sendable (ServedAppliance, _ run: Command) async throws -> Void) async throws {
        try await ServedAppliance.run { served in
            try await served.store.set(.bypassVirusChecks, to: "true", for: .server)
            try await served.store.set(.finalBannedDestiny, to: "quarantine", for: .server)
            for sender in ["a@x.test", "b@y.test"] {
                let message = """
                    Subject: \(sender)\r\nX-Quarantine-Release: forged\r\nMIME-Version: 1.0\r\n\
                    Content-Type: application/octet-stream; name=a.exe\r\n\r\nhola\r\n
                    """
                #expect(try served.smtpGreeted().submit(from: sender, to: [user], message: [UInt8](message)).code == 250)
            }
            try await body(served) { try BuzonProcess.run($0, directory: served.directory) }
        }
    }

    private typealias Command = ([String]) throws -> (status: Int, output: String)

    @Test func listFilters() async throws {
        try await Self.run { _, run in
            func count(_ words: String...) throws -> Int {
                let answer = try run(["quarantine", "list"] + words)
                #expect(answer.status == 0, "\(answer)")
                return answer.output.hasPrefix("Nothing in quarantine matches") ? 0 : answer.output.split(separator: "\n").count
            }
            #expect(try count() == 2 && count("--limit", "1") == 1 && count("--user", user) == 2 && count("--user", other) == 0)
            #expect(try count("--domain", ServedAppliance.domain, "--sender", "x.test") == 1 && count("--sender", "b@y.test") == 1)
            #expect(try count("--reason", "Banned", "--since", "1h") == 2 && count("--reason", "virus") == 0)
            #expect(try count("--sender", "<>") == 0)
            for (words, named) in [
                (["--reason", "viruses"], "unopened or spam"), (["--since", "yesterday"], "12h"), (["--limit", "0"], "--limit 0"),
                (["--user", "nadie@virtual.test"], "nadie@"), (["--sender", "a b"], "a b is no sender"),
            ] {
                let refused = try run(["quarantine", "list"] + words)
                #expect(refused.status == 1 && refused.output.contains(named), "\(refused)")
            }
        }
    }

    /// Into a mailbox that it was not for: with the field, as its recipient would have seen it, and the trace says so to both.
    @Test func releasedElsewhere() async throws {
        try await Self.run { served, run in
            _ = try await served.store.changeForwarding("jefa@virtual.test") { _ in [other] }
            _ = try await served.store.changeForwarding("fuera@virtual.test") { _ in [other, "lejos@z.test"] }
            for stranger in ["nadie@virtual.test", "lejos@z.test", "fuera@virtual.test", "nada"] {
                let refused = try run(["quarantine", "release", "1", "--to", stranger])
                #expect(refused.status == 1 && refused.output.contains("\(stranger) is no recipient of that message"), "\(refused)")
            }
            let done = try run(["quarantine", "release", "1", "--to", "Jefa@virtual.test"])
            #expect(done.status == 0 && done.output == "Released to \(other).\n", "\(done)")
            let message = try served.pop3(other).retrieve(1).text
            #expect(message.hasPrefix("X-Quarantine-Release: <"), "\(message)")
            #expect(message.contains("\r\nDelivered-To: \(other)\r\n") && !message.contains("Delivered-To: \(user)"), "\(message)")
            #expect(message.contains("for <\(user)>") && message.contains("Return-Path: <a@x.test>") && !message.contains("forged"))
            #expect(try served.pop3().stat().messages == 0)
            for address in [user, other] {
                let story = try run(["trace", address]).output
                #expect(story.contains("<\(user)> → <\(other)>: released from quarantine (1), into another mailbox"), "\(story)")
            }
            #expect(try run(["quarantine", "show", "1"]).output.contains("<\(user)> → <\(other)>  held back  released "))
            // Once; its own recipient still can have it.
            #expect(try run(["quarantine", "release", "1", "--to", other]).status == 1)
            #expect(try run(["quarantine", "release", "1"]).output == "Released to \(user).\n")
            #expect(try served.pop3(other).stat().messages == 1 && served.pop3().stat().messages == 1)
        }
    }

    /// From a user's question to the number.
    @Test func theTraceHasTheNumber() async throws {
        try await Self.run { _, run in
            let story = try run(["trace", user]).output
            #expect(story.contains("(in quarantine as 1)") && story.contains("(in quarantine as 2)"), "\(story)")
            #expect(try run(["trace", "b@y.test", "--json"]).output.contains("\"quarantine\":2"))
            #expect(try run(["quarantine", "remove", "2"]).status == 0)
            let end = try run(["trace", user]).output
            #expect(end.contains("removed: taken out of quarantine (2) by the administrator\n"), "\(end)")
        }
    }
}
