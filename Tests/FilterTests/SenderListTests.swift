import Mail
import Testing

@testable import Filter

@Suite struct SenderListTests {
    private static let ana = PolicyScope.user("ana@virtual.test")

    private static func address(_ text: String) throws -> Address? {
        text == "<>" ? nil : try Address(parsing: text, allowUTF8: true)
    }

    @Test(arguments: [
        ("Ana@Example.COM", "ana@example.com"), ("\"ana\"@example.com", "ana@example.com"), ("Example.com", "example.com"),
        ("@example.com", "example.com"), (".Example.com", ".example.com"), ("@.example.com", ".example.com"), ("Noreply@", "noreply@"),
        (".", "."), ("<>", "<>"), ("Ñandú.test", "xn--and-6ma2c.test"), (".ñandú.test", ".xn--and-6ma2c.test"),
        ("pepe@ñandú.test", "pepe@xn--and-6ma2c.test"), ("peñón@example.com", "peñón@example.com"), ("a@[192.0.2.1]", "a@[192.0.2.1]"),
        ("[IPv6:2001:DB8::1]", "[IPv6:2001:db8::1]"), (" example.com ", "example.com"), ("com", "com"),
        ("", nil), ("@", nil), ("a b@example.com", nil), ("..example.com", nil), ("example..com", nil), ("a@b@c.test", nil),
        ("<ana@example.com>", nil), ("*@example.com", "example.com"), ("*x@example.com", nil), ("*.example.com", nil),
        ("a@example.com\u{0}", nil),
    ])
    func patterns(_ written: String, _ normal: String?) { #expect(SenderPattern(written)?.text == normal) }

    @Test(arguments: [
        ("white", SenderWord.white), ("BLACK", .black), ("W", .white), ("b", .black), ("-3.5", .points(Points(thousandths: -3_500))),
        ("+10", .points(Points(thousandths: 10_000))), ("0", .points(Points(thousandths: 0))), ("grey", nil), ("", nil), ("1,5", nil),
    ])
    func words(_ written: String, _ word: SenderWord?) {
        #expect(SenderWord(written) == word)
        if let word { #expect(SenderWord(word.text) == word) }
    }

    /// One list: the most specific pattern speaks alone, whatever the order of the rows.
    @Test(arguments: [
        ("ana@sub.example.com", "ana@sub.example.com"), ("luis@sub.example.com", "luis@"), ("eva@sub.example.com", "sub.example.com"),
        ("eva@x.sub.example.com", ".sub.example.com"), ("eva@example.com", ".example.com"), ("eva@other.example.com", ".example.com"),
        ("eva@example.org", "."), ("eva@notexample.com", ".com"), ("ANA@SUB.EXAMPLE.COM", "ana@sub.example.com"), ("<>", "<>"),
        ("ana@[192.0.2.1]", "[192.0.2.1]"), ("ana@[192.0.2.2]", "."), ("eva@EXAMPLE.com", ".example.com"),
        ("eva@ñandú.test", "xn--and-6ma2c.test"), ("a@x.ñandú.test", "."),
    ])
    func theMostSpecificSpeaks(_ sender: String, _ pattern: String) throws {
        let patterns = [
            ".", ".com", ".example.com", ".sub.example.com", "sub.example.com", "luis@", "ana@sub.example.com", "<>", "[192.0.2.1]",
            "xn--and-6ma2c.test",
        ]
        for rows in [patterns, patterns.reversed()] {
            let list = SenderList(rows: rows.map { ($0, "1") })
            #expect(list.find(SenderPattern.candidates(try Self.address(sender)))?.pattern == pattern)
        }
    }

    @Test func withoutAnEntryNothingIsSaid() throws {
        let list = SenderList(rows: [("ana@example.com", "white"), ("<>", "black")])
        #expect(list.find(SenderPattern.candidates(try Self.address("luis@example.com"))) == nil)
        #expect(SenderList(rows: [("x.test", "1")]).find(SenderPattern.candidates(nil)) == nil)
    }

    /// Server, domain, user: white and black by the narrowest, points by all.
    @Test(arguments: [
        ([["x.test": "white"], [:], [:]], "a@x.test", true, false, 0.0, ["x.test"]),
        ([["x.test": "white"], [:], ["a@x.test": "black"]], "a@x.test", false, true, 0, ["a@x.test"]),
        ([["a@x.test": "black"], [".": "white"], [:]], "a@x.test", true, false, 0, ["."]),
        ([["x.test": "2"], ["a@x.test": "0.1"], [".test": "0.2"]], "a@x.test", false, false, 2.3, [".test", "a@x.test", "x.test"]),
        ([["x.test": "black"], [:], ["x.test": "-4"]], "a@x.test", false, true, -4, ["x.test", "x.test"]),
        ([["x.test": "3"], [:], ["x.test": "white"]], "a@x.test", true, false, 3, ["x.test", "x.test"]),
        ([["<>": "-2"], [:], ["x.test": "white"]], "<>", false, false, -2, ["<>"]),
        ([["y.test": "white"], [:], [:]], "a@x.test", false, false, 0, []),
        ([["x.test": "5", "a@x.test": "1"], [:], [:]], "a@x.test", false, false, 1, ["a@x.test"]),
    ])
    func scopes(
        _ lists: [[String: String]], _ sender: String, _ isWhite: Bool, _ isBlack: Bool, _ points: Double, _ patterns: [String]
    ) throws {
        let layers = PolicyLayers(
            zip(Self.ana.path, lists).map { scope, list in
                .init(scope, ScopePolicy(rows: [], senders: SenderList(rows: list.map { ($0.key, $0.value) })))
            })
        let opinion = layers.opinion(of: try Self.address(sender))
        #expect(opinion.isWhite == isWhite && opinion.isBlack == isBlack)
        #expect(opinion.points == points)
        #expect(opinion.why.map(\.pattern) == patterns)
    }

    @Test func rowsOfAnotherTool() throws {
        let list = SenderList(rows: [
            ("A@X.test", "black"), ("a@x.test", "white"), ("no one", "white"), ("y.test", "grey"), ("Z.test", "W"),
        ])
        #expect(list.entries == ["a@x.test": .white, "z.test": .white])
        #expect(list.useless == ["no one": "white", "y.test": "grey"])
        #expect(SenderList(rows: [("a@x.test", "white"), ("A@X.test", "black")]).entries == ["a@x.test": .white])
    }
}
