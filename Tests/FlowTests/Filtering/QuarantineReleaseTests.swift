import Mail
import Store
import Testing

@testable import Flow

private let content = [UInt8]("X-Quarantine-ID: forged\r\nFrom: a@x.test\r\nSubject: hola\r\n\r\nCuerpo\r\n".utf8)
private let (ana, luis, host) = (SubmittingServer.ana, SubmittingServer.luis, "mail.host")

/// Into a mailbox that a message was not for.
@Suite(.serialized) struct QuarantineReleaseTests {
    private func release(_ server: SubmittingServer) async throws -> QuarantineRelease {
        let entry = try #require(try await server.store.quarantine().first)
        return QuarantineRelease(entry: entry, recipients: [], now: 7, zone: { _ in 0 })
    }

    /// What would only have left is seen here without what it must not bring along.
    @Test func ofWhatWouldHaveLeft() async throws {
        try await SubmittingServer.run(inspector: FixedInspector.infected) { server in
            _ = try await server.store.changeForwarding("fuera@mi.dominio", { _ in ["lejos@b.test"] })
            #expect(try await server.reception(nil).submit(from: "a@x.test", to: ["fuera@mi.dominio"], content).code == 250)
            var release = try await release(server)
            let found = try await release.add(Address(parsing: ana, allowUTF8: true), hostname: host, in: server.store)
            #expect(found)
            #expect(try await release.carryOut(server.store).destinations == [ana])
            let message = try #require(try await server.inbox(ana).first).text
            #expect(message.hasPrefix("X-Quarantine-Release: <\(release.entry.queueID)>; "), "\(message)")
            #expect(message.contains("\r\nReturn-Path: <a@x.test>\r\nDelivered-To: \(ana)\r\n"), "\(message)")
            #expect(message.contains("\r\nReceived: from ") && message.hasSuffix("\r\nFrom: a@x.test\r\nSubject: hola\r\n\r\nCuerpo\r\n"))
            #expect(!message.contains("forged"))
            #expect(try await server.store.queue().isEmpty)
            let line = try #require(try await server.store.trace(ana).first { $0.event == "released" })
            #expect(line.recipient == "fuera@mi.dominio" && Reason(stored: line.text).key == "trace.released-elsewhere")
        }
    }

    @Test func whomItMayGoTo() async throws {
        try await SubmittingServer.run(inspector: FixedInspector.infected) { server in
            _ = try await server.store.changeForwarding("todos@mi.dominio", { _ in [ana, luis] })
            _ = try await server.store.changeForwarding("fuera@mi.dominio", { _ in [ana, "lejos@b.test"] })
            #expect(try await server.reception(nil).submit(from: "a@x.test", to: [luis], content).code == 250)
            var release = try await release(server)
            for (address, isTaken) in [
                ("lejos@b.test", false), ("fuera@mi.dominio", false), ("nadie@mi.dominio", false), ("todos@mi.dominio", true),
                (ana, true),
            ] {
                let found = try await release.add(Address(parsing: address, allowUTF8: true), hostname: host, in: server.store)
                #expect(found == isTaken, "\(address)")
            }
            // Each once; who was a recipient is one.
            #expect(release.others.map(\.destination) == [ana] && release.recipients.map(\.destination) == [luis])
            #expect(try await release.carryOut(server.store).destinations == [luis, ana])
            for user in [luis, ana] {
                let message = try #require(try await server.inbox(user).first).text
                #expect(message.contains("\r\nDelivered-To: \(user)\r\n") && message.contains("for <\(luis)>"), "\(message)")
                #expect(message.split(separator: "Delivered-To").count == 2)
            }
        }
    }
}
