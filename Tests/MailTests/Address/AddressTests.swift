import Mail
import Testing

@Suite struct AddressTests {
    @Test(arguments: [
        ("usuario@virtual.test", "usuario", "virtual.test"),
        ("USUARIO@Virtual.TEST", "USUARIO", "Virtual.TEST"),
        (#""usuario"@virtual.test"#, "usuario", "virtual.test"),
        (#""a b"@virtual.test"#, "a b", "virtual.test"),
        (#""a\"b\\c"@virtual.test"#, #"a"b\c"#, "virtual.test"),
        (#""a@b"@virtual.test"#, "a@b", "virtual.test"),
        ("!#$%&'*+-/=?^_`{|}~@x", "!#$%&'*+-/=?^_`{|}~", "x"),
        ("a.b.c@virtual.test.", "a.b.c", "virtual.test"),
        ("a@1.2.3.4", "a", "1.2.3.4"),
        ("a@[192.0.2.1]", "a", "[192.0.2.1]"),
        ("a@[IPv6:2001:DB8::1]", "a", "[IPv6:2001:db8::1]"),
        ("a@[ipv6:::ffff:192.0.2.1]", "a", "[192.0.2.1]"),
        ("a@[x400:c=es]", "a", "[x400:c=es]"),
        // By the grammar, a general literal with the tag 2001.
        ("a@[2001:db8::1]", "a", "[2001:db8::1]"),
    ])
    func mailbox(text: String, localPart: String, domain: String) throws {
        let address = try Address(parsing: text, allowUTF8: false)
        #expect(address.localPart == localPart)
        #expect(address.domain.description == domain)
        #expect(try Address(parsing: address.description, allowUTF8: false) == address)
    }

    @Test(arguments: [
        ("", AddressError.invalidLocalPart), ("@x", .invalidLocalPart), ("a", .missingDomain), ("a@", .missingDomain),
        (".a@x", .invalidLocalPart), ("a.@x", .invalidLocalPart), ("a..b@x", .invalidLocalPart), ("a b@x", .invalidLocalPart),
        (#""a@x"#, .invalidLocalPart), (#""a"b@x"#, .invalidLocalPart), (#"""@x"#, .invalidLocalPart), ("\"a\tb\"@x", .invalidLocalPart),
        ("\"a\\\r\"@x", .invalidLocalPart), ("a\0@x", .invalidLocalPart), ("<a@x>", .invalidLocalPart), ("a(c)@x", .invalidLocalPart),
        ("a@-x", .invalidDomain), ("a@x-", .invalidDomain), ("a@x..y", .invalidDomain), ("a@.x", .invalidDomain), ("a@.", .invalidDomain),
        ("a@x..", .invalidDomain), ("a@x_y", .invalidDomain), ("a@b@c", .invalidDomain), ("a@x ", .invalidDomain),
        ("a@[192.0.2.256]", .invalidDomain), ("a@[192.0.2]", .invalidDomain), ("a@[192.0.2.1", .invalidDomain), ("a@[]", .invalidDomain),
        ("a@[IPv6:192.0.2.1]", .invalidDomain), ("a@[tag-:x]", .invalidDomain),
        ("a@[tag:]", .invalidDomain), ("a@[tag:a b]", .invalidDomain), ("ñ@x", .nonASCII), ("a@ñ", .nonASCII), ("\"ñ\"@x", .nonASCII),
    ])
    func refusal(text: String, error: AddressError) {
        #expect(throws: error) { try Address(parsing: text, allowUTF8: false) }
    }

    @Test func lengths() throws {
        let label = String(repeating: "d", count: 63)
        #expect(throws: Never.self) { try Address(parsing: String(repeating: "a", count: 64) + "@x", allowUTF8: false) }
        #expect(throws: AddressError.localPartTooLong) {
            try Address(parsing: String(repeating: "a", count: 65) + "@x", allowUTF8: false)
        }
        #expect(throws: Never.self) {
            try Address(
                parsing: String(repeating: "a", count: 128) + "@x", allowUTF8: false, localPartLimit: Address.generatedLocalPartLimit)
        }
        #expect(throws: Never.self) { try Domain(parsing: label + ".x", allowUTF8: false) }
        #expect(throws: AddressError.invalidDomain) { try Domain(parsing: label + "d.x", allowUTF8: false) }
        let longest = [label, label, label, String(repeating: "d", count: 63)].joined(separator: ".")
        #expect(throws: Never.self) { try Domain(parsing: longest, allowUTF8: false) }
        #expect(throws: AddressError.domainTooLong) { try Domain(parsing: longest + ".d", allowUTF8: false) }
        // 256 octets with the angle brackets.
        let domain = String(longest.prefix(252))
        #expect(throws: Never.self) { try Address(parsing: "a@" + domain, allowUTF8: false) }
        #expect(throws: AddressError.tooLong) { try Address(parsing: "ab@" + domain, allowUTF8: false) }
    }

    @Test func smtpUTF8() throws {
        let address = try Address(parsing: "josé@España.test", allowUTF8: true)
        #expect(address.localPart == "josé")
        #expect(address.key == "josé@xn--espaa-rta.test")
        #expect(address.needsSMTPUTF8)
        #expect(try Address(parsing: "josé@xn--ESPAA-rta.test", allowUTF8: true) == address)
        #expect(!(try Address(parsing: "jose@españa.test", allowUTF8: true)).needsSMTPUTF8)
        for bytes in [[0x61, 0xFF, 0x40, 0x78], [0x61, 0xC0, 0xAF, 0x40, 0x78], [0x61, 0x40, 0xED, 0xA0, 0x80], [0xC3, 0x40, 0x78]]
            as [[UInt8]]
        {
            #expect(throws: AddressError.invalidUTF8) { try Address(parsing: bytes[...], allowUTF8: true) }
        }
        // A domain that no resolver can be asked for.
        #expect(throws: AddressError.invalidDomain) { try Address(parsing: "a@\u{301}x.test", allowUTF8: true) }
    }

    @Test func keys() throws {
        #expect(try Address(parsing: "Usu.ARIO@Virtual.TEST.", allowUTF8: false).key == "usu.ario@virtual.test")
        #expect(try Address(parsing: "ÑA@x", allowUTF8: true).key == "Ña@x")
        let quoted = try Address(parsing: #""usuario"@x"#, allowUTF8: false)
        #expect(quoted == (try Address(parsing: "usuario@X", allowUTF8: false)))
        #expect(quoted != (try Address(parsing: "Usuario@x", allowUTF8: false)))
        #expect(quoted.description == "usuario@x")
    }

    @Test(arguments: [("a b", #""a b"@x"#), ("a.", #""a."@x"#), (#"a"\"#, #""a\"\\"@x"#), ("", #"""@x"#), ("a.b", "a.b@x"), ("ñ", "ñ@x")])
    func quoting(localPart: String, description: String) {
        #expect(Address(localPart: localPart, domain: .name("x")).description == description)
    }

    // As `postconf recipient_delimiter` and split_addr(3) have it.
    @Test(arguments: [
        ("user+tag", "+", "user", "tag"), ("user+a+b", "+", "user", "a+b"), ("user", "+", "user", nil), ("user+", "+", "user", ""),
        ("+tag", "+", "+tag", nil), ("user-tag", "+-", "user", "tag"), ("user-a+b", "+-", "user", "a+b"), ("user+tag", "", "user+tag", nil),
        ("owner-list", "-", "owner-list", nil), ("Owner-list-x", "+-", "Owner-list-x", nil), ("list-request", "-", "list-request", nil),
        ("owner-list+x", "+", "owner-list", "x"), ("-request", "-", "-request", nil), ("x-request", "-", "x-request", nil),
        ("double-bounce", "-", "double-bounce", nil), ("Mailer-Daemon", "-", "Mailer-Daemon", nil), ("postmaster", "s", "postmaster", nil),
        ("postmaster+x", "+", "postmaster", "x"),
    ])
    func tags(localPart: String, separator: String, local: String, tag: String?) {
        let split = Address(localPart: localPart, domain: .name("x")).splitTag(separator: separator)
        #expect(split.local == local)
        #expect(split.tag == tag)
    }

    @Test func noise() {
        var noise = Noise(seed: 1)
        let alphabet = Array(#"ab.@"\[]:-ñ IPv6:1"#.utf8)
        for _ in 0..<20_000 {
            let bytes = noise.bytes(upTo: 24, of: alphabet)
            guard let address = try? Address(parsing: bytes[...], allowUTF8: true) else { continue }
            #expect((try? Address(parsing: address.description, allowUTF8: true)) == address)
            _ = address.key
        }
    }
}
