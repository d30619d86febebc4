import Testing

@testable import Credentials

struct PreparationTests {
    /// RFC 4013 §3's examples, and what Spanish keyboards and other systems send.
    @Test(arguments: [
        ("I\u{AD}X", "IX"), ("user", "user"), ("USER", "USER"), ("\u{AA}", "a"), ("\u{2168}", "IX"), ("dos palabras", "dos palabras"),
        ("n\u{303}", "ñ"), ("ñ", "ñ"), ("a\u{A0}b", "a b"), ("\u{B4}", " \u{301}"), ("p\u{212B}", "p\u{C5}"),
        ("contraseñaº", "contraseñao"),
        ("\u{627}1\u{628}", "\u{627}1\u{628}"), ("\u{3A9}\u{2126}", "\u{3A9}\u{3A9}"),
    ])
    func forms(password: String, form: String) {
        #expect(prepared(Array(password.utf8)) == Array(form.utf8))
        #expect(prepared(Array(form.utf8)) == Array(form.utf8))
    }

    @Test(arguments: ["\u{7}", "", "\u{AD}", "clave🔑", "\u{627}1", "a\u{0}b", "ñ\u{0}", "\u{FFFD}", "\u{E000}", "\u{200E}ñ", "\u{85}"])
    func prohibited(password: String) {
        #expect(prepared(Array(password.utf8)) == nil)
        #expect(normal(Array(password.utf8)) == Array(password.utf8))
    }

    @Test func notUTF8() {
        for bytes: [UInt8] in [[0xF1], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0x61, 0xF5, 0x80, 0x80, 0x80]] {
            #expect(prepared(bytes) == nil)
        }
    }

    /// A long row of marks, whose order costs the square of their number, is not looked at.
    @Test func longOnesAreTakenAsTheyAre() {
        let long = Array(String(repeating: "\u{301}\u{316}", count: 3_000).utf8)
        #expect(prepared(long) == nil)
        #expect(prepared(Array(repeating: 0x61, count: 20_000))?.count == 20_000)
        #expect(prepared(Array(String(repeating: "e\u{301}", count: 340).utf8))?.count == 680)
    }

    @Test func everySpellingIsRight() throws {
        let both = verifiers(for: Array("n\u{303}".utf8), iterations: 4_096)
        for password in ["n\u{303}", "ñ"] { #expect(isRight(Array(password.utf8), for: both[0], iterations: 4_096)) }
        #expect(both.allSatisfy { $0.matches(Array("ñ".utf8)) })
        #expect(!isRight(Array("n".utf8), for: both[0], iterations: 4_096))
        // A verifier of the time when nothing was prepared.
        let old = try #require(Verifier(password: Array("n\u{303}".utf8), hash: .sha256, iterations: 4_096))
        #expect(isRight(Array("n\u{303}".utf8), for: old, iterations: 4_096))
        let emoji = verifiers(for: Array("clave🔑".utf8), iterations: 4_096)
        #expect(isRight(Array("clave🔑".utf8), for: emoji[0], iterations: 4_096))
    }
}
