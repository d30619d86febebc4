import Testing

@testable import DNS

@Suite struct QueryNameTests {
    @Test(arguments: [
        ("Mx.Example", "mx.example"), ("mx.example.", "mx.example"), ("_25._tcp.mx.example", "_25._tcp.mx.example"),
        ("1/26.2.0.192.in-addr.arpa", "1/26.2.0.192.in-addr.arpa"), ("a", "a"),
    ])
    func good(_ name: String, _ text: String) { #expect(QueryName(name)?.text == text) }

    @Test(arguments: ["", ".", "..", "a..b", ".a", "a b", "a\\032b", "ñ.example", "a\0b", "a@b", "\"a\"", "a\n"])
    func bad(_ name: String) { #expect(QueryName(name) == nil) }

    @Test func lengths() {
        let label = String(repeating: "a", count: 63)
        #expect(QueryName(label) != nil)
        #expect(QueryName(label + "a") == nil)
        let long = [label, label, label, String(repeating: "b", count: 61)].joined(separator: ".")
        #expect(long.utf8.count == 253)
        #expect(QueryName(long) != nil)
        #expect(QueryName(long + ".") != nil)
        #expect(QueryName(long + "b") == nil)
    }
}
