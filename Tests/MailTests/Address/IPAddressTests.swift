import Mail
import Testing

@Suite struct IPAddressTests {
    @Test(arguments: [
        ("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"), ("::", "::"), ("::1", "::1"),
        ("1::", "1::"), ("2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
        ("::ffff:192.0.2.1", "192.0.2.1"), ("::ffff:c000:201", "192.0.2.1"), ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
        ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"), ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
        ("1:0:0:2:0:0:0:3", "1:0:0:2::3"),
    ])
    func parsing(text: String, description: String) {
        let address = IPAddress(text)
        #expect(address?.description == description)
        #expect(address.flatMap { IPAddress(bytes: $0.bytes) } == address)
    }

    @Test(arguments: [
        "", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4 ", "1..2.3", "+1.2.3.4", ":", ":::", "1:::2", "::1::", "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "::12345", "::g", "1:2:3:4:5:6:7:1.2.3.4", "::1.2.3.4:1", "fe80::1%eth0", "[::1]", "1:",
        ":1:2:3:4:5:6:7:8", "1.2.3.4:", "localhost",
    ])
    func refusal(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test func loopback() {
        #expect(["127.0.0.1", "127.255.0.1", "::1", "::ffff:127.0.0.1"].allSatisfy { IPAddress($0)?.isLoopback == true })
        #expect(["128.0.0.1", "::2", "::", "0.0.0.1"].allSatisfy { IPAddress($0)?.isLoopback == false })
        #expect(IPAddress(bytes: [1, 2, 3]) == nil)
    }

    @Test(arguments: [
        ("127.0.0.0/8", "127.1.2.3", true), ("127.0.0.0/8", "128.0.0.0", false), ("[::1]/128", "::1", true), ("::1", "::1", true),
        ("[::1]", "::2", false), ("192.168.1.5", "192.168.1.5", true), ("192.168.1.5", "192.168.1.4", false),
        ("0.0.0.0/0", "203.0.113.9", true), ("0.0.0.0/0", "::1", false), ("::/0", "2001:db8::1", true), ("::/0", "203.0.113.9", false),
        ("2001:db8::/33", "2001:db8:7fff::1", true), ("2001:db8::/33", "2001:db8:8000::1", false),
        ("2001:db8:0:0:8000::/65", "2001:db8::8000:0:0:1", true), ("2001:db8:0:0:8000::/65", "2001:db8::1", false),
        ("2001:db8::/64", "2001:db8::ffff:0:0:1", true), ("2001:db8::/64", "2001:db8:0:1::", false),
        ("192.0.2.0/31", "192.0.2.1", true), ("192.0.2.0/31", "192.0.2.2", false), ("::ffff:192.0.2.0/120", "192.0.2.77", true),
        ("127.0.0.0/8", "::ffff:127.0.0.1", true),
    ])
    func networks(network: String, address: String, isMember: Bool) throws {
        let address = try #require(IPAddress(address))
        #expect(IPNetwork(network)?.contains(address) == isMember)
    }

    @Test(arguments: [
        "", "127.0.0.1/8", "127.0.0.0/33", "127.0.0.0/", "127.0.0.0/-1", "127.0.0.0/8/8", "[127.0.0.1]", "[::1", "::1]", "::/129", "::1/64",
        "127.0.0.0/ 8", "localhost/8", "127/8", "::ffff:192.0.2.0/95", "/8",
    ])
    func networkRefusal(text: String) {
        #expect(IPNetwork(text) == nil)
    }

    @Test func networkDescription() {
        #expect(IPNetwork("::1")?.description == "[::1]/128")
        #expect(IPNetwork("10.0.0.0/8")?.description == "10.0.0.0/8")
    }

    @Test func noise() {
        var noise = Noise(seed: 2)
        for _ in 0..<20_000 {
            let bytes = noise.bytes(upTo: 20, of: Array("0123456789abf:.:[]/".utf8))
            if let address = IPAddress(bytes[...]) { #expect(IPAddress(address.description) == address) }
            if let network = IPNetwork(String(decoding: bytes, as: UTF8.self)) { #expect(IPNetwork(network.description) == network) }
        }
    }
}
