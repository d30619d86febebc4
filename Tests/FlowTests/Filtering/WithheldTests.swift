import Mail
import Store
import Synchronization
import Testing

@testable import Filter
@testable import Flow

private let content = [UInt8]("From: Ana <ana@mi.dominio>\r\nSubject: secreto\r\n\r\nCuerpo\r\n".utf8)
private let (luis, administrator) = (SubmittingServer.luis, SubmittingServer.administrator)

/// What the log and the trace say of messages that somebody did not get.
@Suite(.serialized) struct WithheldTests {
    private static func withheld(_ recipient: String, _ fate: Withheld.Fate, _ details: [String] = ["Eicar"]) -> Withheld {
        Withheld(recipient: recipient, fate: fate, objection: Verdict.Objection(category: .virus, details: details))
    }

    @Test func oneLineForAll() {
        #expect([Withheld]().line == nil)
        #expect(
            [Self.withheld("a@x", .held), Self.withheld("b@x", .discarded), Self.withheld("c@x", .held), Self.withheld("c@x", .held)].line
                == #"held back for "a@x", "c@x": virus ("Eicar"); discarded for "b@x": virus ("Eicar")"#)
        #expect([Self.withheld("a@x", .refused, [])].line == #"refused for "a@x": virus"#)
    }

    /// Nobody writes a sentence of ours by the name that he gives to something.
    @Test func namesStayNames() {
        #expect(
            [Self.withheld("a@x", .held, [#"x"); in quarantine as 1; refused for "b\"#])].line
                == #"held back for "a@x": virus ("x\"); in quarantine as 1; refused for \"b\\")"#)
        for length in 0..<200 {
            let details = Array(repeating: String(repeating: "\"", count: length), count: 9)
            let apart = ["a@x", "b@x", "c@x"].map { Self.withheld($0, .held, details + [$0]) }
            let quotes = (apart.line ?? "").replacing(#"\\"#, with: "").replacing(#"\""#, with: "").count { $0 == "\"" }
            #expect(quotes.isMultiple(of: 2), "\(length)")
        }
    }

    @Test func theSenderStaysASender() async throws {
        try await SubmittingServer.run(inspector: FixedInspector.infected) { server in
            let sender = #""a> [192.0.2.1]: refused"@x.test"#
            #expect(try await server.reception(nil).submit(from: sender, to: [luis], content).code == 250)
            let line = try #require(server.lines.withLock { $0.first })
            #expect(line.contains(#": from <"a\> [192.0.2.1]: refused"@x.test> [192.0.2.7]: "#), "\(line)")
        }
    }

    /// Whatever a stranger writes, it is a line, and a short one.
    @Test func boundedAndPrintable() throws {
        let details = ["uno\r\ndos\u{1B}[31m\u{202E}", String(repeating: "x", count: 9_999)]
        let many = (0..<1_000).map { Self.withheld("\($0)@x", .held, details) }
        let line = try #require(many.line)
        #expect(line.hasPrefix(#"held back for "0@x", "1@x", "2@x", "3@x", "4@x" and 995 more: virus ("unodos[31m", "xxx"#), "\(line)")
        #expect(line.unicodeScalars.count < 250, "\(line)")
        let apart = (0..<1_000).map { number in
            Self.withheld("a@x", .held, (0..<9).map { _ in String(repeating: "\(number)", count: 200) })
        }
        let cut = try #require(apart.line)
        #expect(cut.unicodeScalars.count <= 700)
    }

    @Test(arguments: [("discard", "discarded"), ("quarantine", "held back"), ("reject", "refused")])
    func aLineForAMessage(destiny: String, word: String) async throws {
        try await SubmittingServer.run(inspector: FixedInspector.infected) { server in
            try await server.store.set(.finalVirusDestiny, to: destiny, for: .server)
            let answer = try await server.reception(nil).submit(from: "a@x.test", to: [luis], content)
            #expect(answer.code == (destiny == "reject" ? 554 : 250))
            let entry = try #require(try await server.store.quarantine().first)
            #expect(
                server.lines.withLock { $0 } == [
                    "\(entry.queueID): from <a@x.test> [192.0.2.7]: \(word) for \"\(luis)\": virus (\"Eicar-Test-Signature\"); "
                        + "in quarantine as \(entry.id)"
                ])
            #expect(try await numbers(server, luis) == [entry.id])
        }
    }

    /// Of a message that passes, and of the ones who get it, nothing is said.
    @Test func onlyOfThoseWhoDoNotGetIt() async throws {
        try await SubmittingServer.run(inspector: FixedInspector.infected) { server in
            try await server.store.set(.finalVirusDestiny, to: "pass", for: .user(luis))
            #expect(try await server.reception(nil).submit(from: "a@x.test", to: [luis], content).code == 250)
            #expect(server.lines.withLock { $0.isEmpty })
            #expect(try await server.reception(nil).submit(from: "a@x.test", to: [luis, administrator], content).code == 250)
            let line = try #require(server.lines.withLock { $0.first })
            #expect(line.contains("discarded for \"\(administrator)\": ") && !line.contains(luis) && !line.contains("secreto"), "\(line)")
            #expect(try await numbers(server, luis) == [])
            #expect(try await numbers(server, administrator) == [1])
        }
    }

    /// Without a copy there is no number: neither for who is refused nor for whose mail is thrown away.
    @Test(arguments: ["discard", "reject"]) func withoutACopy(destiny: String) async throws {
        try await SubmittingServer.run(inspector: FixedInspector.infected) { server in
            try await server.store.set(.finalVirusDestiny, to: destiny, for: .server)
            try await server.store.set(.quarantine, to: "off", for: .server)
            _ = try await server.reception(nil).submit(from: "a@x.test", to: [luis], content)
            #expect(server.lines.withLock { $0.count == 1 && $0[0].hasSuffix("virus (\"Eicar-Test-Signature\")") })
            #expect(try await numbers(server, luis) == [])
        }
    }

    /// The sender hears nothing of a quarantine that is full of what others wait for.
    @Test func noRoomForACopy() async throws {
        try await SubmittingServer.run(inspector: FixedInspector.infected) { server in
            try await server.store.set(.finalVirusDestiny, to: "discard", for: .server)
            try await server.store.set(.quarantineSize, to: "1048576")
            let large = content + [UInt8](repeating: UInt8(ascii: "x"), count: 1_048_576)
            #expect(try await server.reception(nil).submit(from: "a@x.test", to: [luis], large).code == 250)
            let line = try #require(server.lines.withLock { $0.first })
            #expect(
                line.hasSuffix("discarded for \"\(luis)\": virus (\"Eicar-Test-Signature\"); no room for a copy in quarantine"), "\(line)")
            let trace = try await server.store.trace(luis).filter { $0.event == "discarded" }
            #expect(trace.map { Reason(stored: $0.text).key } == ["trace.objection.virus", "trace.uncopied"])
        }
    }

    @Test func whatCannotBeScanned() async throws {
        let inspector = FixedInspector { _ in Inspection(virus: .unavailable("scan.slow")) }
        try await SubmittingServer.run(inspector: inspector) { server in
            let answer = try await server.reception(nil).submit(from: "a@x.test", to: [luis], content)
            #expect(answer.code == 451)
            #expect(server.lines.withLock { $0.count == 1 && $0[0].hasSuffix("refused for now: not scanned (scan.slow en)") })
        }
    }

    /// Entries' numbers that the trace tells to who asks for the address.
    private func numbers(_ server: SubmittingServer, _ address: String) async throws -> [Int64] {
        // Refusals are noted a moment later.
        for _ in 0..<40 where try await server.store.trace(address).isEmpty { try await Task.sleep(for: .milliseconds(25)) }
        return try await server.store.trace(address).compactMap { Reason(stored: $0.text).quarantine }
    }
}
