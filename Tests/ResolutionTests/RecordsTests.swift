import Testing

@testable import Resolution

@Suite struct RecordsTests {
    @Test func exchangesAreReadFromTheWire() {
        let record = MXRecord(wire: [0, 10, 2] + Array("Mx".utf8) + [7] + Array("example".utf8) + [0])
        #expect(record == MXRecord(preference: 10, exchange: "mx.example"))
        // RFC 7505 §3: the root.
        #expect(MXRecord(wire: [0, 0, 0]) == MXRecord(preference: 0, exchange: ""))
    }

    @Test(arguments: [[], [0], [0, 10], [0, 10, 3, 0x61, 0x62], [0, 10, 1, 0x61, 0, 9], [0, 10, 0xC0, 1]] as [[UInt8]])
    func brokenExchangesAreNone(_ wire: [UInt8]) {
        #expect(MXRecord(wire: wire) == nil)
    }

    @Test func stringsAreJoined() {
        #expect(TXTRecord(wire: [2, 0x61, 0x62, 0, 1, 0x63])?.bytes == Array("abc".utf8))
        #expect(TXTRecord(wire: [3, 0x61]) == nil)
    }

    @Test func dotsWithinLabelsStayApart() {
        #expect(PTRRecord(wire: [3, 0x61, 0x2E, 0x62, 1, 0x0A, 0])?.name == "a\\046b.\\010")
    }
}
