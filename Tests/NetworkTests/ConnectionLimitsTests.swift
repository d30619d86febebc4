import Testing

@testable import Network

@Suite struct ConnectionLimitsTests {
    @Test func oneAddressMayHaveSoMany() {
        let limits = ConnectionLimits()
        let caps = ConnectionCaps(total: 10, perAddress: 2)
        #expect(limits.enter("192.0.2.1", isLoopback: false, caps))
        #expect(limits.enter("192.0.2.1", isLoopback: false, caps))
        #expect(!limits.enter("192.0.2.1", isLoopback: false, caps))
        #expect(limits.enter("192.0.2.2", isLoopback: false, caps))
        limits.leave("192.0.2.1", isLoopback: false)
        #expect(limits.enter("192.0.2.1", isLoopback: false, caps))
    }

    @Test func loopbackCountsInAllOnly() {
        let limits = ConnectionLimits()
        let caps = ConnectionCaps(total: 3, perAddress: 1)
        for _ in 0..<3 { #expect(limits.enter("127.0.0.1", isLoopback: true, caps)) }
        #expect(!limits.enter("127.0.0.1", isLoopback: true, caps))
        limits.leave("127.0.0.1", isLoopback: true)
        #expect(limits.enter("192.0.2.1", isLoopback: false, caps))
    }

    @Test(arguments: [
        ("192.0.2.1", "192.0.2.1"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2"), ("2001:db8:1:2::1", "2001:db8:1:2"),
        ("2001:db8::1", "2001:db8:0:0"), ("::1", "0:0:0:0"), ("fe80::1:2:3:4:5:6", "fe80:0:1:2"),
    ])
    func aHostOwnsItsSixtyFourBits(_ address: String, _ key: String) {
        #expect(ConnectionLimits.key(address) == key)
    }
}
