import Testing

@testable import Mail

@Suite struct MessageSummaryTests {
    /// Original, whether it has a header, where its body begins.
    @Test(arguments: [
        ("Subject: x\r\n\r\nbody", true, 14), ("Subject: x\r\n", true, 12), ("Este es un correo de prueba.\r\n", false, 0),
        // An empty line is an empty header; an empty message has none.
        ("\r\nbody", true, 2), ("\nbody", true, 1), ("", false, 0),
        // What would continue the last trace field.
        (" Subject: x\r\n\r\n", false, 0), ("From a@b\r\nSubject: x\r\n\r\n", true, 24), ("From a@b\r\nto you\r\n", false, 0),
    ])
    func header(text: String, hasHeader: Bool, end: Int) throws {
        let bytes = Array(text.utf8)
        let summary = MessageSummary.summarise(bytes.span)
        #expect(summary.hasHeader == hasHeader)
        #expect(summary.headerEnd == end)
        let structure = try #require(MessageStructure(decoding: summary.structure))
        #expect(structure == MessageStructure(parsing: bytes.span))
        #expect(structure.parts[0].header == 0..<end)
        #expect(structure.parts[0].body == end..<bytes.count)
    }

    @Test func facts() {
        let bytes = Array(
            ("Received: a\r\nReceived: b\r\n\tc\r\nDate: Tue, 24 Nov 2026 10:00:00 +0100\r\nSubject: =?utf-8?q?x?=\r\n y\r\nMessage-ID: <a@b>\r\n"
                + "Message-ID: <c@d>\r\nContent-Type: message/rfc822\r\n\r\nReceived: x\r\nMessage-ID: <e@f>\r\n\r\n").utf8)
        let summary = MessageSummary.summarise(bytes.span)
        #expect(summary.receivedCount == 2)
        #expect(summary.messageID == "<a@b>")
        #expect(summary.date == InternalDate(seconds: 1_795_510_800, zoneMinutes: 60))
        #expect(summary.subjectField.map { String(decoding: bytes[$0], as: UTF8.self) } == "Subject: =?utf-8?q?x?=\r\n y\r\n")
        #expect(summary.subject.map { String(decoding: bytes[$0], as: UTF8.self) } == "=?utf-8?q?x?=\r\n y")
        let none = MessageSummary.summarise(Array("Message-ID:\r\nDate: never\r\n\r\n".utf8).span)
        #expect(none.messageID == nil)
        #expect(none.date == nil)
        #expect(none.subjectField == nil)
        #expect(none.receivedCount == 0)
    }
}
