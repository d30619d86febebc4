import Testing

@testable import Flow

struct PassageTests {
    private static let received = "Received: from c ([192.0.2.7])\r\n\tby m with ESMTP id Q\r\n\tfor <a@x>; date\r\n"
    private static let delivered = "Return-Path: <a@x.test>\r\nDelivered-To: luis@mi.dominio\r\n"

    @Test func whatAMessageCameWith() {
        let prefix =
            Self.delivered + "X-Virus-Scanned: x\r\n" + Self.received + "Received: from z ([192.0.2.9])\r\n\tby z with SMTP id Z\r\n"
        let passage = Passage(reading: Array(prefix.utf8))
        #expect(passage.sender == "a@x.test" && passage.peer == "192.0.2.7" && passage.queueID == "Q")
        let encrypted = Self.received.replacing("\tby", with: "\t(using TLSv1.3 with cipher C (256 bits))\r\n\tby")
        let other = Passage(
            reading: Array("Return-Path: <>\r\n\(encrypted.replacing("[192.0.2.7]", with: "[IPv6:2001:db8::1]"))".utf8))
        #expect(other.sender == "" && other.peer == "2001:db8::1" && other.queueID == "Q")
        let none = Passage(reading: [])
        #expect(none.sender == "" && none.peer == "" && none.queueID == "")
    }

    /// Into a mailbox, and by way of the queue; never by what a stranger wrote.
    @Test(arguments: [
        ("", false), (delivered + received, false),
        ("X-Quarantine-Release: <Q>; date\r\n" + delivered + received, true),
        (delivered + "X-Quarantine-Release: <Q>; date\r\n" + received, true),
        (delivered + received + "X-Quarantine-Release: <Q>; date\r\n", false),
        (received + "X-Quarantine-Release: <Q>; date\r\n\r\n", false),
    ]) func releases(prefix: String, isReleased: Bool) {
        #expect(Passage(reading: Array(prefix.utf8)).isReleased == isReleased)
    }
}
