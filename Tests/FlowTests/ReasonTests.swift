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

    /// A reason that says why by another one, whatever stands in that one's values.
    @Test func aCauseComesBack() throws {
        let reason = Reason("k", ["a": "x"]).because(Reason("why", ["names": "uno\u{1E}names\u{1E}dos\u{1F}tres"]))
        let read = Reason(stored: reason.stored)
        #expect(read == reason && read.key == "k")
        #expect(try #require(read.cause) == Reason("why", ["names": "unonamesdostres"]))
        #expect(Reason("k", ["a": "x"]).cause == nil)
    }

    @Test func anythingCanBeRead() {
        #expect(Reason(stored: "").key == "")
        #expect(Reason(stored: "free words").key == "free words")
        #expect(Reason(stored: "k\u{1F}a").values.isEmpty)
    }
}
