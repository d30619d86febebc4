import Testing

@testable import Flow

@Suite struct STSPolicyTests {
    private static let text = "version: STSv1\r\nmode: enforce\r\nmx: mail.example\r\nmx:*.Example.net\r\nmax_age: 604800\r\n"

    @Test func theExampleOfTheRFC() throws {
        for body in [
            Self.text, Self.text.replacing("\r\n", with: "\n"), String(Self.text.dropLast(2)), Self.text + "\r\nnew-key: x : y \r\n",
        ] {
            let policy = try #require(STSPolicy(Array(body.utf8)))
            #expect(policy.mode == .enforce && policy.maxAge == 604_800)
            #expect(policy.patterns.map(\.text) == ["mail.example", "*.example.net"])
            #expect(policy.lines.prefix(3) == ["version: STSv1", "mode: enforce", "mx: mail.example"])
        }
    }

    @Test func theFirstOfDuplicatesCountsAndAgeIsCapped() throws {
        let policy = try #require(
            STSPolicy(Array("mode: testing\nversion: STSv1\nmax_age: 9999999999\nmode: enforce\nmx: a.b\nversion: x\n".utf8)))
        #expect(policy.mode == .testing && policy.maxAge == 31_557_600)
        #expect(STSPolicy(Array("version: STSv1\nmode: none\nmax_age: 0\n".utf8))?.patterns == [])
    }

    @Test(arguments: [
        "", "version: STSv1\n", "version: STSv2\nmode: none\nmax_age: 1\n", "version: STSv1\nmode: maybe\nmax_age: 1\n",
        "version: STSv1\nmode: enforce\nmax_age: 1\n", "version: STSv1\nmode: none\nmax_age: -1\n",
        "version: STSv1\nmode: none\nmax_age: 12345678901\n", "version: STSv1\nmode: none\nmax_age: 1x\n", "version: STSv1\nmode: none\n",
        "version: STSv1\nmode: none\nmax_age: 1\nno colon\n", "version: STSv1\nmode: enforce\nmax_age: 1\nmx: *\n",
        "version: STSv1\nmode: enforce\nmax_age: 1\nmx: a.*.b\n", "version: STSv1\nmode: enforce\nmax_age: 1\nmx: a..b\n",
        "<html>version: STSv1</html>",
    ])
    func bad(_ body: String) { #expect(STSPolicy(Array(body.utf8)) == nil) }

    @Test func sizes() {
        let padding = String(repeating: "x: y\n", count: 65_536 / 5)
        let rest = "version: STSv1\nmode: none\nmax_age: 1\n"
        #expect(STSPolicy(Array((padding + rest).utf8)) == nil)
        #expect(STSPolicy(Array((padding.dropLast(40) + rest).utf8)) != nil)
    }

    @Test(arguments: [
        ("mail.example", "mail.example", true), ("mail.example", "MAIL.Example.", true), ("mail.example", "a.mail.example", false),
        ("*.example", "mx.example", true), ("*.example", "a.mx.example", false), ("*.example", "example", false),
        ("*.example", ".example", false), ("*.example", "mxexample", false), ("*.mail.example", "x.mail.example", true),
    ])
    func matching(_ pattern: String, _ host: String, _ isMatch: Bool) throws {
        #expect(try #require(MXPattern(pattern)).matches(host) == isMatch)
    }
}
