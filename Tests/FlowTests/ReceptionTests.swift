import Mail
import SMTP
import Store
import Synchronization
import Testing

@testable import Flow

@Suite(.serialized) struct ReceptionTests {
    // MARK: Addresses under which forwarded mail left

    private func rewriter(_ server: SubmittingServer) async throws -> ReturnAddress {
        ReturnAddress(secret: try await server.store.secret(.returnAddress), days: server.store.integer(.returnDays))
    }

    private func rewritten(_ sender: String, _ server: SubmittingServer, daysAgo: Int64 = 0) async throws -> String {
        let now = server.now.withLock { $0 } - daysAgo * 86_400
        let address = try await rewriter(server).rewrite(Address(parsing: sender, allowUTF8: true), at: .name("mi.dominio"), now: now)
        return try #require(address).description
    }

    /// Refusals are written down a moment later.
    private func trace(_ server: SubmittingServer, _ address: String, count: Int = 1) async throws -> [String] {
        var keys: [String] = []
        for _ in 0..<100 {
            keys = try await server.store.trace(address).filter { $0.event == "refused" }.map { Reason(stored: $0.text).key }
            if keys.count >= count { break }
            try await Task.sleep(for: .milliseconds(50))
        }
        return keys
    }

    @Test func aBounceFindsItsWayBack() async throws {
        try await SubmittingServer.run { server in
            let address = try await rewritten("ana@lejos.test", server)
            let answer = try await server.reception(nil).submit(from: "", to: [address], [UInt8]("Subject: bounce\r\n\r\n"))
            #expect(answer.code == 250)
            let entry = try #require(try await server.store.queue().first)
            #expect(entry.sender.isEmpty && entry.recipients.map(\.address) == ["ana@lejos.test"])
        }
    }

    /// Anything but a report would make a relay of it (RFC 5321 §4.5.5).
    @Test func onlyReportsComeBack() async throws {
        try await SubmittingServer.run { server in
            let address = try await rewritten("ana@lejos.test", server)
            #expect(try await server.reception(nil).submit(from: "x@b.test", to: [address], [UInt8]("\r\n")).code == 550)
            #expect(
                try await server.reception(SubmittingServer.ana).submit(from: SubmittingServer.ana, to: [address], [UInt8]("\r\n")).code
                    == 550)
            #expect(try await trace(server, address, count: 2) == ["trace.return-sender", "trace.return-sender"])
        }
    }

    @Test func expired() async throws {
        try await SubmittingServer.run { server in
            let days = Int64(server.store.integer(.returnDays))
            let last = try await rewritten("ana@lejos.test", server, daysAgo: days)
            let expired = try await rewritten("ana@lejos.test", server, daysAgo: days + 1)
            #expect(try await server.reception(nil).submit(from: "", to: [last], [UInt8]("\r\n")).code == 250)
            #expect(try await server.reception(nil).submit(from: "", to: [expired], [UInt8]("\r\n")).code == 550)
            #expect(try await trace(server, expired) == ["trace.return-expired"])
        }
    }

    @Test(arguments: [
        "SRS0=AAAAAAAA=AA=lejos.test=ana@mi.dominio", "SRS0=x@mi.dominio", "SRS1=AAAAAAAA=b.test==AAAA=AA=lejos.test=ana@mi.dominio",
    ])
    func forged(_ address: String) async throws {
        try await SubmittingServer.run { server in
            let answer = try await server.reception(nil).submit(from: "", to: [address], [UInt8]("\r\n"))
            #expect(answer.code == 550)
            #expect(try await trace(server, address) == ["trace.return-forged"])
        }
    }

    @Test func anotherSenderUnderTheSameHash() async throws {
        try await SubmittingServer.run { server in
            let address = try await rewritten("ana@lejos.test", server).replacing("=ana@", with: "=eva@")
            #expect(try await server.reception(nil).submit(from: "", to: [address], [UInt8]("\r\n")).code == 550)
        }
    }

    @Test func anAddressOfSomebodyHereStaysHis() async throws {
        try await SubmittingServer.run { server in
            try await server.store.addUser("srs0=x@mi.dominio", password: Array("x".utf8))
            let answer = try await server.reception(nil).submit(from: "x@b.test", to: ["SRS0=x@mi.dominio"], [UInt8]("\r\n"))
            #expect(answer.code == 250)
        }
    }

    // MARK: Loops

    @Test func tooManyHops() async throws {
        try await SubmittingServer.run { server in
            let limit = server.store.integer(.receivedLimit)
            let field = "Received: from a by b; Tue, 24 Nov 2026 10:00:00 +0000\r\n"
            for (count, code) in [(limit, 250), (limit + 1, 554)] {
                let content = [UInt8](String(repeating: field, count: count) + "Subject: x\r\n\r\n")
                let answer = try await server.reception(nil).submit(from: "x@b.test", to: [SubmittingServer.ana], content)
                #expect(answer.code == code)
            }
            #expect(try await trace(server, SubmittingServer.ana).contains("trace.hops"))
        }
    }

    /// What was forwarded from here and has come back; a mailbox's own Delivered-To is no obstacle.
    @Test func forwardedMailThatComesBack() async throws {
        try await SubmittingServer.run { server in
            _ = try await server.store.changeForwarding("fuera@mi.dominio", { _ in ["lejos@b.test"] })
            let content = [UInt8]("Delivered-To: Fuera@mi.dominio\r\nDelivered-To: ana@mi.dominio\r\nSubject: x\r\n\r\n")
            #expect(try await server.reception(nil).submit(from: "x@b.test", to: ["fuera@mi.dominio"], content).code == 554)
            #expect(try await server.reception(nil).submit(from: "x@b.test", to: [SubmittingServer.ana], content).code == 250)
            #expect(try await trace(server, "fuera@mi.dominio") == ["trace.forwarding-loop"])
        }
    }

    // MARK: ETRN (RFC 1985)

    private func etrn(_ domain: String, _ reception: Reception) async throws -> Int { try await reception.answer(.flushQueue(domain)).code }

    @Test func waitingMailIsAskedFor() async throws {
        try await SubmittingServer.run { server in
            try await server.store.set(.networks, to: "192.0.2.0/24")
            let near = server.reception(nil), far = server.reception(nil, peer: "198.51.100.7")
            #expect(try await etrn("b.test", far) == 459)
            #expect(try await etrn("b.test", near) == 251)
            #expect(try await near.submit(from: "x@b.test", to: ["a@B.test", "a@c.test"], [UInt8]("From: x@b.test\r\n\r\n")).code == 250)
            #expect(try await etrn("B.TEST", near) == 250)
            let due = try await server.store.queue().first?.recipients.map(\.state.due)
            #expect(due == [-1, 0])
        }
    }

    // MARK: Mail for later (RFC 4865)

    @Test func datesThatAreNoGood() async throws {
        try await SubmittingServer.run { server in
            let now = server.now.withLock { $0 }
            let limit = Int64(server.store.integer(.releaseDays)) * 86_400
            for (time, code) in [(now - 1, 501), (now + 1, 250), (now + limit, 250), (now + limit + 1, 501)] {
                var parameters = MailParameters()
                parameters.hold = .until(time)
                let answer = try await server.reception(SubmittingServer.ana).mail(SubmittingServer.ana, parameters)
                #expect(answer.code == code, "\(time - now)")
                if case .refused(let reply) = answer { #expect(reply.enhanced == "5.5.4") }
            }
        }
    }
}
