import Mail
import Testing

@Suite struct DomainTests {
    @Test(arguments: [
        ("Virtual.TEST", "virtual.test"), ("España.test", "xn--espaa-rta.test"), ("xn--ESPAA-rta.test", "xn--espaa-rta.test"),
        // Non-transitional: ß stays itself (UTS 46 §4).
        ("straße.test", "xn--strae-oqa.test"),
        // NFC and NFD are one name.
        ("espan\u{303}a.test", "xn--espaa-rta.test"),
        ("例え。テスト", "xn--r8jz45g.xn--zckzah"),
        ("[192.0.2.1]", "[192.0.2.1]"), ("[IPv6:2001:DB8:0:0:0:0:0:1]", "[IPv6:2001:db8::1]"), ("[Tag:Content]", "[tag:Content]"),
    ])
    func ascii(text: String, ascii: String) throws {
        #expect(try Domain(parsing: text, allowUTF8: true).ascii == ascii)
    }

    // UTS 46 maps what looks like ASCII punctuation to it: that must not make another address.
    @Test(arguments: ["a\u{FF20}b.test", "a\u{FF0F}b", "a\u{3000}b", "a\u{3002}\u{3002}b", "\u{3002}b", "\u{FF0D}ñ", "\u{2025}b"])
    func mappedPunctuation(text: String) {
        #expect(throws: AddressError.invalidDomain) { try Domain(parsing: text, allowUTF8: true) }
    }

    @Test func mappedFinalDot() throws {
        #expect(try Domain(parsing: "Virtual\u{3002}test\u{FF0E}", allowUTF8: true).ascii == "virtual.test")
    }

    @Test func unicode() throws {
        #expect(try Domain(parsing: "xn--espaa-rta.test", allowUTF8: false).unicode == "españa.test")
        #expect(try Domain(parsing: "Virtual.test", allowUTF8: false).unicode == "Virtual.test")
        #expect(try Domain(parsing: "xn--0.test", allowUTF8: false).unicode == "xn--0.test")
        #expect(try Domain(parsing: "[192.0.2.1]", allowUTF8: false).unicode == "[192.0.2.1]")
    }

    @Test func equality() throws {
        let names = Set(
            try ["España.test", "españa.TEST", "xn--espaa-rta.test", "espana.test"].map { try Domain(parsing: $0, allowUTF8: true) })
        #expect(names.count == 2)
    }
}
