import Testing

@testable import Flow

@Suite struct ReasonTests {
    @Test func storedFormComesBack() {
        let reason = Reason("trace.delivered", ["user": "ana@x", "mailbox": "INBOX"])
        #expect(Reason(stored: reason.stored) == reason)
    }

    @Test func separatorsInValuesAreDropped() {
        let reason = Reason("k", ["a": "x\u{1F}y\r\nz"])
        #expect(reason.stored == "k\u{1F}a\u{1F}xyz")
    }

    @Test func anythingCanBeRead() {
        #expect(Reason(stored: "").key == "")
        #expect(Reason(stored: "free words").key == "free words")
        #expect(Reason(stored: "k\u{1F}a").values.isEmpty)
    }
}
