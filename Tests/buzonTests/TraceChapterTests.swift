import Flow
import MailTesting
import Testing

@testable import Store
@testable import buzon

@Suite struct TraceChapterTests {
    private static let start: Int64 = 1_800_000_000

    private static func entry(
        _ event: String, _ queueID: String, _ recipient: String, _ reason: Reason, after seconds: Int64 = 0, peer: String = "192.0.2.1",
        sender: String = "a@example.com", code: Int = 250
    ) -> TraceEntry {
        TraceEntry(
            time: start + seconds, event: event, queueID: queueID, messageID: queueID.isEmpty ? "" : "<\(queueID)@example.com>", peer: peer,
            sender: sender, recipient: recipient, code: code, text: reason.stored)
    }

    @Test func whyItIsInJunk() {
        // As it is stored: the parts of the second reason are apart by U+001E.
        let reason = Reason(
            stored:
                "trace.delivered\u{1F}user\u{1F}ana@x\u{1F}mailbox\u{1F}Junk\u{1F}because\u{1F}trace.objection.virus\u{1E}names\u{1E}Eicar")
        #expect(Text(.english)(reason) == "stored in Junk of ana@x: it contains a virus: Eicar")
        #expect(Text(.spanish)(reason) == "guardado en Junk de ana@x: contiene un virus: Eicar")
    }

    @Test func aMessageFromConnectionToMailbox() {
        let entries = [
            Self.entry("checked", "Q1", "", Reason("trace.check.virus.clean", ["ms": "12"])),
            Self.entry("delivered", "Q1", "ana@virtual.test", Reason("trace.delivered", ["mailbox": "INBOX", "user": "ana@virtual.test"])),
            Self.entry("queued", "Q1", "x@b.test", Reason("trace.queued", ["address": "x@b.test"]), after: 1),
            Self.entry("refused", "", "nadie@virtual.test", Reason("trace.unknown-user"), after: 2, peer: "192.0.2.9", code: 550),
            Self.entry(
                "deferred", "Q1", "x@b.test", Reason("trace.deferred", ["host": "mx.b.test", "reply": "421 later"]), after: 3,
                peer: "mx.b.test", code: 421),
            Self.entry(
                "sent", "Q1", "x@b.test", Reason("trace.sent", ["host": "mx.b.test", "reply": "250 ok"]), after: 86_400, peer: "mx.b.test"),
        ]
        let lines = TraceChapter.chapters(entries).map { $0.lines(Text(.english)) }
        #expect(
            lines == [
                [
                    "Fri, 15 Jan 2027 08:00:00 +0000  message of <a@example.com>  received from 192.0.2.1  Message-ID <Q1@example.com>  [Q1]",
                    "  08:00:00  checked: no virus found (12 ms)",
                    "  08:00:00  delivered  <ana@virtual.test>: stored in INBOX of ana@virtual.test",
                    "  08:00:01  queued  <x@b.test>: waits to leave for x@b.test",
                    "  08:00:03  deferred  <x@b.test>: not delivered yet; mx.b.test: 421 later",
                    "  Sat, 16 Jan 2027 08:00:00 +0000  sent  <x@b.test>: delivered to mx.b.test: 250 ok",
                ],
                [
                    "Fri, 15 Jan 2027 08:00:02 +0000  conversation, no message, sender <a@example.com>  received from 192.0.2.9",
                    "  08:00:02  refused (550)  <nadie@virtual.test>: no user and no forwarding has this address",
                ],
            ])
    }

    /// Which entries of no message stand together.
    @Test func conversationsApart() {
        func refused(_ recipient: String, peer: String = "192.0.2.1", sender: String = "a@example.com") -> TraceEntry {
            Self.entry("refused", "", recipient, Reason("trace.unknown-user"), peer: peer, sender: sender)
        }
        let entries = [
            refused("u1@x"), refused("u2@x"), refused("u4@x", sender: ""), refused("u5@x", sender: ""),
            refused("u3@x", peer: "192.0.2.2", sender: ""),
            Self.entry("delivered", "Q", "u6@x", Reason("trace.delivered")), refused("u7@x", sender: ""),
            Self.entry("delivered", "Q", "u8@x", Reason("trace.delivered")),
        ]
        #expect(
            TraceChapter.chapters(entries).map { $0.entries.map(\.recipient) } == [
                ["u1@x", "u2@x"], ["u4@x", "u5@x"], ["u3@x"], ["u6@x", "u8@x"], ["u7@x"],
            ])
    }

    /// The way from a question to `quarantine release 17`.
    @Test func theNumberInQuarantine() {
        let reason = Reason("trace.objection.virus", ["quarantine": "17", "names": "Eicar"])
        let lines = TraceChapter.chapters([Self.entry("discarded", "Q", "u@x", reason)]).flatMap { $0.lines(Text(.english)) }
        #expect(lines.last == "  08:00:00  discarded  <u@x> → <>: it contains a virus: Eicar (in quarantine as 17)", "\(lines)")
    }

    /// What a stranger wrote into a message comes to no terminal.
    @Test func controlCharactersAreNotPrinted() {
        var entry = Self.entry("refused", "Q", "u@x", Reason("trace.protocol", ["command": "RCPT", "reason": "\u{1B}[31m", "reply": ""]))
        entry.messageID = "<\u{1B}]0;x\u{7}@x>"
        let lines = TraceChapter.chapters([entry]).flatMap { $0.lines(Text(.spanish)) }
        #expect(lines.count == 2 && lines.allSatisfy { line in !line.unicodeScalars.contains { $0.value < 0x20 } }, "\(lines)")
    }

    /// As it is typed: whoever asks for a recipient hears of the checks as well, which name nobody, and not of other recipients.
    @Test(.enabled(if: BuzonProcess.isBuilt)) func theCommand() async throws {
        let scratch = try ScratchDirectory()
        let directory = scratch.path + "/data"
        let store = try await MailStore.open(directory: directory)
        try await store.record([
            Self.entry("checked", "Q1", "", Reason("trace.check.names.clean", ["ms": "3"])),
            Self.entry("delivered", "Q1", "ana@virtual.test", Reason("trace.delivered", ["mailbox": "INBOX", "user": "ana@virtual.test"])),
            Self.entry(
                "delivered", "Q1", "luis@virtual.test", Reason("trace.delivered", ["mailbox": "INBOX", "user": "luis@virtual.test"])),
            Self.entry("checked", "Q2", "", Reason("trace.check.names.clean", ["ms": "4"])),
        ])
        await store.close()
        func run(_ words: String...) throws -> String { try BuzonProcess.run(["trace"] + words, directory: directory).output }
        let ana = try run("ana@virtual.test").split(separator: "\n")
        #expect(
            ana.count == 3 && ana[1].contains("checked: no banned file found (3 ms)") && ana[2].contains("<ana@virtual.test>"), "\(ana)")
        #expect(try run("Q1@example.com").split(separator: "\n").count == 4)
        #expect(try run("a@example.com").split(separator: "\n").count == 6)
        let json = try run("luis@virtual.test", "--json")
        #expect(
            json.contains("\"event\":\"checked\"") && json.contains("\"reason\":\"trace.delivered\"") && !json.contains("\"ana@"), "\(json)"
        )
        #expect(try BuzonProcess.run(["trace", "nadie@x.test"], directory: directory).status == 1)
    }
}
