import Testing

@testable import SMTP

struct XTextTests {
    @Test(arguments: [
        ("abc", "abc"), ("a+2Bb", "a+b"), ("a+20b", "a b"), ("", ""), ("a+3Db", "a=b"), ("a+4", nil), ("a+", nil), ("a+XX", nil),
        ("a=b", nil),
        ("a b", nil), ("a+0Ab", nil), ("a+7F", nil), ("a+80", nil), ("é", nil),
    ])
    func decode(text: String, expected: String?) {
        #expect(XText.decode(Array(text.utf8)[...]) == expected)
    }

    @Test(arguments: [
        ("a@b.test", "a@b.test"), ("\\x{F1}@b.test", "ñ@b.test"), ("ñ@b.test", "ñ@b.test"), ("\\x{1F600}", "😀"), ("\\x{}", nil),
        ("\\x{D800}", nil),
        ("\\x{110000}", nil), ("\\x{A}", nil), ("\\x{0A}", nil), ("\\", nil), ("\\x{41", nil), ("a=b", nil), ("a b", nil),
    ])
    func decodeUTF8Address(text: String, expected: String?) {
        #expect(XText.decodeUTF8Address(Array(text.utf8)[...]) == expected)
    }
}
