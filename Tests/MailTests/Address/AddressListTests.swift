import Mail
import Testing

/// `name|route|local|domain` with `-` where there is none; a group as `name{…}`. Items are divided by spaces' absence: `, `.
private func sketch(_ text: String) -> String { sketch(Array(text.utf8)) }

private func sketch(_ bytes: [UInt8]) -> String {
    func text(_ bytes: [UInt8]?) -> String { bytes.map { String(decoding: $0, as: UTF8.self) } ?? "-" }
    func mailbox(_ mailbox: MailboxAddress) -> String {
        "\(text(mailbox.displayName))|\(text(mailbox.route))|\(text(mailbox.localPart))|\(text(mailbox.domain))"
    }
    return AddressList.parse(bytes[...]).map { item in
        switch item {
        case .mailbox(let address): mailbox(address)
        case .group(let name, let members): text(name) + "{" + members.map(mailbox).joined(separator: ", ") + "}"
        }
    }.joined(separator: ", ")
}

@Suite struct AddressListTests {
    @Test(arguments: [
        ("a@b", "-|-|a|b"), ("<a@b>", "-|-|a|b"), ("", ""), (" \r\n ", ""), (",,;,", ""),
        ("Juan Pérez <juan@x.test>", "Juan Pérez|-|juan|x.test"),
        (#""Pérez, Juan" <juan@x.test>"#, "Pérez, Juan|-|juan|x.test"),
        (#""a \"b\" \\c" <a@b>"#, #"a "b" \c|-|a|b"#),
        ("John Q. Public <j@p>, b@c", "John Q. Public|-|j|p, -|-|b|c"),
        ("Juan\r\n Pérez\t<a@b>", "Juan Pérez|-|a|b"),
        ("\"Juan\r\n Pérez\" <a@b>", "Juan Pérez|-|a|b"),
        (#""a b"@c.test"#, "-|-|a b|c.test"), ("a.b@c", "-|-|a.b|c"), (#""a"."b"@c"#, "-|-|a.b|c"), ("a . b @ c . d", "-|-|a.b|c.d"),
        ("a@[192.0.2.1]", "-|-|a|[192.0.2.1]"), ("<a@[IPv6: ::1]>", "-|-|a|[IPv6:::1]"),
    ])
    func rfc5322(text: String, expectation: String) {
        #expect(sketch(text) == expectation)
    }

    @Test(arguments: [
        ("a@b (Name)", "Name|-|a|b"), ("a@b (A (nested) \\) name)", "A (nested) ) name|-|a|b"), ("a@b (one) (two)", "two|-|a|b"),
        ("(c) a@b", "-|-|a|b"), ("Name (c) <a@b>", "Name|-|a|b"), ("Name <a@b> (c)", "Name|-|a|b"), ("<a@b> (c)", "c|-|a|b"),
        ("<a (c)@ (c) b>", "-|-|a|b"), ("a(c)@(c)b(N)", "N|-|a|b"), ("a@b (N), c@d", "N|-|a|b, -|-|c|d"), ("(only)", ""),
        ("a@b ( \r\n N )", "N|-|a|b"),
    ])
    func comments(text: String, expectation: String) {
        #expect(sketch(text) == expectation)
    }

    @Test(arguments: [
        ("undisclosed-recipients:;", "undisclosed-recipients{}"), ("undisclosed recipients: ;", "undisclosed recipients{}"),
        ("g: a@b, C <c@d>; , e@f", "g{-|-|a|b, C|-|c|d}, -|-|e|f"), ("g: a@b", "g{-|-|a|b}"), ("\"g:h\":;", "g:h{}"),
        ("g1: g2: a@b;; c@d", "g1{-|-|a|b}, -|-|c|d"), ("group:;, group2: (foo) ;", "group{}, group2{}"), (": a@b;", "-|-|a|b"),
    ])
    func groups(text: String, expectation: String) {
        #expect(sketch(text) == expectation)
    }

    @Test(arguments: [
        ("<@r:a@b>", "-|@r|a|b"), ("N <@r1,@r2.x : a@b>", "N|@r1,@r2.x|a|b"), ("<@b>", "-|@b||"), ("<a@b", "-|-|a|b"),
        ("a@b>", "-|-|a|b"), ("<<a@b>>", "-|-|a|b"), ("<a@b, c@d>", "-|-|a|b, -|-|c|d"), ("<>", "-|-||"), ("N <>", "N|-||"),
        ("root", "-|-|root|"), ("foo bar", "foo bar|-||"), ("Foo Bar foo@bar", "Foo Bar|-|foo|bar"), ("a@b Name", "Name|-|a|b"),
        ("a@b c@d", "-|-|a|b, -|-|c|d"), ("<a@b@c>", "-|-|a@b|c"), ("a@", "-|-|a|"), ("<a b@c>", "-|-|a b|c"), ("<a@b c>", "-|-|a|b"),
        ("\"Juan <a@b>", "Juan|-|a|b"), ("Juan (x <a@b>", "Juan x|-|a|b"), ("a@b; c@d", "-|-|a|b, -|-|c|d"), ("[x <a@b>", "[x|-|a|b"),
        ("=?utf-8?Q?P=C3=A9rez,_J?= <a@b>", "=?utf-8?Q?P=C3=A9rez,_J?=|-|a|b"),
        ("=?utf-8?Q?a?= =?utf-8?Q?b?= <a@b>", "=?utf-8?Q?a?= =?utf-8?Q?b?=|-|a|b"), ("A <a@b> B <c@d>", "A|-|a|b, B|-|c|d"),
        ("a@b <a@b>", "a@b|-|a|b"), ("'a@b' <a@b>, c@d", "'a@b'|-|a|b, -|-|c|d"), ("N a@b (x) y <c@d>", "N a@b y|-|c|d"),
        ("a@b@c", "-|-|a@b|c"), ("<mailto:a@b>", "-|-|a|b"), ("<a@b:25>", "-|-|a|b"), (#"CORP\juan <a@b>"#, #"CORP\juan|-|a|b"#),
    ])
    func broken(text: String, expectation: String) {
        #expect(sketch(text) == expectation)
    }

    @Test func eightBit() {
        #expect(
            AddressList.parse([0xE9, 0x20, 0x3C, 0x61, 0x40, 0xFF, 0x3E]) == [
                .mailbox(MailboxAddress(displayName: [0xE9], localPart: [0x61], domain: [0xFF]))
            ])
    }

    @Test func itemLimit() {
        let list = AddressList.parse(Array(repeatElement("a,".utf8, count: AddressList.itemLimit + 10).joined())[...])
        #expect(list.count == AddressList.itemLimit)
        let group = AddressList.parse(
            (Array("g:".utf8) + Array(repeatElement("a,".utf8, count: AddressList.itemLimit + 10).joined()))[...])
        #expect(group.count == 1)
        let groups = AddressList.parse(repeated("a:;")[...])
        #expect(groups.count == AddressList.itemLimit)
    }

    @Test(
        .timeLimit(.minutes(1)),
        arguments: [
            "(", "((a)", "<", ",", "\"", "\\", "[", "@", ":", ";", "a ", "a.", "a@", "=?", "=?a?q?", "=?a?q?,", "(\"", "<a@", "a@b ",
            "g:a,", "<@a,", "\"a\"", "a(b)", ".", " ", "a <b> ",
        ])
    func linearTime(piece: String) {
        _ = AddressList.parse(repeated(piece)[...])
    }

    @Test func noise() {
        var noise = Noise(seed: 3)
        let alphabet = Array(#"ab.@"\[]:;,<>()= ?ñ"#.utf8)
        for _ in 0..<30_000 { _ = AddressList.parse(noise.bytes(upTo: 40, of: alphabet)[...]) }
    }
}
