import Testing

@testable import Flow

struct PassageTests {
    private static let received = "Received: from c ([192.0.2.7])\r\n\tby m with ESMTP id Q\r\n\tfor <a@x>; date\r\n"
    private static let delivered = "Return-Path: <a@x.test>\r\nDelivered-To: luis@mi.dominio\r\n"

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
