import Foundation
import MailTesting
import Testing

@testable import Store
@testable import buzon

/// `queue` and `route` as an administrator types them, beside a running server.
@Suite(.serialized, .enabled(if: BuzonProcess.isBuilt)) struct QueueCommandTests {
    private static let message = [UInt8]("From: a@example.com\r\nSubject: x\r\n\r\nhola\r\n".utf8)

    private struct Row: Decodable {
        struct Recipient: Decodable {
            var address: String
            var due: Int64
            var next: Int64?
            var held: Bool
            var attempts: Int
            var advice: String
        }

        var queueID: String
        var recipients: [Recipient]
    }

    /// Nobody's names are found, so that everything waits.
    private static func served(_ body: @escaping @Sendable (ServedAppliance) async throws -> Void) async throws {
        try await ServedAppliance.run { served in
            let smtp = try served.smtpGreeted()
            #expect(try smtp.submit(from: "a@example.com", to: ["a@uno.test", "b@uno.test", "c@dos.test"], message: message).code == 250)
            for _ in 0..<200 {
                if try rows(served).first?.recipients.allSatisfy({ $0.attempts == 1 }) == true { break }
                try await Task.sleep(for: .milliseconds(50))
            }
            try await body(served)
        }
    }

    private static func run(_ served: ServedAppliance, _ words: String...) throws -> (status: Int, output: String) {
        try BuzonProcess.run(words, directory: served.directory)
    }

    private static func rows(_ served: ServedAppliance) throws -> [Row] {
        try JSONDecoder().decode([Row].self, from: Data(run(served, "queue", "list", "--json").output.utf8))
    }

    @Test func listAndShow() async throws {
        try await Self.served { served in
            let row = try #require(try Self.rows(served).first)
            #expect(row.recipients.map(\.address) == ["a@uno.test", "b@uno.test", "c@dos.test"])
            let list = try Self.run(served, "queue", "list")
            #expect(list.status == 0 && list.output.contains(row.queueID) && list.output.contains("<b@uno.test> (next attempt "))
            let show = try Self.run(served, "queue", "show", row.queueID)
            #expect(show.status == 0 && show.output.contains("1 attempts, the last one ") && !show.output.contains("send."))
            #expect(!row.recipients[0].advice.isEmpty && show.output.contains(row.recipients[0].advice))
            #expect(try Self.run(served, "queue", "show", "dos.test").output.contains("<c@dos.test>"))
            #expect(try Self.run(served, "queue", "show", "B@uno.test").status == 0)
            for unknown in ["NADA", "otro.test", "x@uno.test"] { #expect(try Self.run(served, "queue", "show", unknown).status != 0) }
            #expect(try Self.run(served, "queue", "show").status != 0)
        }
    }

    /// Mail that comes while its destination rests waits for the rest's end, and says so.
    @Test func theTrueNextAttempt() async throws {
        try await Self.served { served in
            let now = Int64(Date().timeIntervalSince1970)
            #expect(try served.smtpGreeted().submit(from: "a@example.com", to: ["d@uno.test"], message: Self.message).code == 250)
            var found: Row.Recipient?
            for _ in 0..<100 {
                found = try Self.rows(served).last?.recipients.first
                if found?.next ?? 0 > 0 { break }
                try await Task.sleep(for: .milliseconds(50))
            }
            let recipient = try #require(found)
            #expect(recipient.address == "d@uno.test" && recipient.attempts == 0 && recipient.due == 0)
            #expect((now + 30...now + 90).contains(recipient.next ?? 0), "\(recipient)")
            #expect(try Self.run(served, "queue", "show", "d@uno.test").output.contains("next attempt "))
        }
    }

    @Test func holdReleaseRetryRemove() async throws {
        try await Self.served { served in
            #expect(try Self.run(served, "queue", "hold", "uno.test").output == "2 recipients are held.\n")
            #expect(try Self.rows(served).first?.recipients.map(\.held) == [true, true, false])
            #expect(try Self.rows(served).first?.recipients.first?.next == nil)
            #expect(try Self.run(served, "queue", "list").output.contains("<a@uno.test> (held)"))
            #expect(try Self.run(served, "queue", "release", "a@uno.test").output == "1 recipients are released.\n")
            #expect(try Self.rows(served).first?.recipients.map(\.held) == [false, true, false])
            // Held or not, and at once.
            #expect(try Self.run(served, "queue", "retry", "--all").output == "3 recipients are tried now.\n")
            for _ in 0..<200 {
                if try Self.rows(served).first?.recipients.allSatisfy({ $0.attempts == 2 }) == true { break }
                try await Task.sleep(for: .milliseconds(50))
            }
            #expect(try Self.rows(served).first?.recipients.map(\.attempts) == [2, 2, 2])
            #expect(try Self.run(served, "queue", "remove", "b@uno.test").output == "1 recipients were removed.\n")
            #expect(try Self.rows(served).first?.recipients.map(\.address) == ["a@uno.test", "c@dos.test"])
            let removed = try await served.trace("b@uno.test").map(\.event)
            #expect(removed.contains("removed"))
            let id = try #require(try Self.rows(served).first?.queueID)
            #expect(try Self.run(served, "queue", "remove", id.lowercased()).output == "2 recipients were removed.\n")
            #expect(try Self.run(served, "queue", "list").output == "The queue is empty.\n")
            for word in ["hold", "release", "retry", "remove"] {
                #expect(try Self.run(served, "queue", word, id).status != 0)
                #expect(try Self.run(served, "queue", word).status != 0)
            }
        }
    }

    @Test func routes() async throws {
        try await ServedAppliance.run { served in
            #expect(try Self.run(served, "route", "list").status == 0)
            let set = try BuzonProcess.run(
                ["route", "set", "relay.test", "--port", "465", "--tls", "implicit", "--user", "yo"], directory: served.directory,
                input: "clave-secreta\n")
            #expect(set.status == 0 && !set.output.contains("clave-secreta"))
            #expect(try Self.run(served, "route", "set", "192.0.2.9", "--domain", "Ñandú.test", "--tls", "never").status == 0)
            #expect(try Self.run(served, "route", "set", "-", "--domain", "directo.test").status == 0)
            let list = try Self.run(served, "route", "list")
            for part in ["relay.test:465", "implicit", "yo", "xn--and-6ma2c.test", "192.0.2.9:587", "directo.test"] {
                #expect(list.output.contains(part), "\(part) in \(list.output)")
            }
            #expect(!list.output.contains("clave-secreta"))
            #expect(try await served.store.smarthosts().first?.password == Array("clave-secreta".utf8))
            // What would have no effect is not taken.
            for wrong in [
                ["relay.test", "--port", "0"], ["relay.test", "--tls", "maybe"], ["no host"], ["r.test", "--domain", "a b"],
                ["-", "--tls", "required"], ["-", "--port", "25"], ["-", "--user", "yo"],
            ] {
                #expect(try BuzonProcess.run(["route", "set"] + wrong, directory: served.directory).status != 0, "\(wrong)")
            }
            #expect(try Self.run(served, "route", "remove", "--domain", "directo.test").status == 0)
            #expect(try Self.run(served, "route", "remove", "--domain", "directo.test").status != 0)
            #expect(try Self.run(served, "route", "remove").status == 0)
            #expect(try await served.store.smarthosts().map(\.domain) == ["xn--and-6ma2c.test"])
        }
    }

    @Test func lockoutsInWords() async throws {
        try await ServedAppliance.run { served in
            #expect(try Self.run(served, "lockout", "list").output == "Nobody is refused.\n")
            let now = Int64(Date().timeIntervalSince1970)
            try await served.store.keepLockout(Lockout(kind: .address, key: "192.0.2.7", failures: 12, last: now, until: now + 600))
            try await served.store.keepLockout(Lockout(kind: .account, key: "ana@virtual.test", failures: 9, last: now, until: now + 600))
            let list = try Self.run(served, "lockout", "list").output
            for part in ["address", "192.0.2.7", "12 wrong passwords, until ", "account", "ana@virtual.test"] {
                #expect(list.contains(part))
            }
            #expect(!list.contains("lockout."))
            #expect(try Self.run(served, "lockout", "lift", "192.0.2.8").output.contains("192.0.2.8 is not refused."))
            #expect(try Self.run(served, "lockout", "lift").status != 0)
            #expect(try Self.run(served, "lockout", "lift", "192.0.2.7").output == "Lifted: 1.\n")
            #expect(try Self.run(served, "lockout", "lift", "--all").output == "Lifted: 1.\n")
        }
    }

    @Test func doctorCountsWhoCanNotUseOldMechanisms() async throws {
        try await ServedAppliance.run { served in
            let before = try Self.run(served, "doctor").output
            #expect(!before.contains("CRAM-MD5"))
            try await served.store.set(.legacyMechanisms, to: "true")
            #expect(try Self.run(served, "doctor").output.contains("of 2 users 2 can not use them"))
            _ = try served.pop3()
            #expect(try Self.run(served, "doctor").output.contains("of 2 users 1 can not use them"))
        }
    }
}
