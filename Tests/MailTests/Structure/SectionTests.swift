import Testing

@testable import Mail

@Suite struct SectionTests {
    private static let message = Array(
        """
        Content-Type: multipart/mixed; boundary=b

        --b
        X: 1

        one
        --b
        Content-Type: message/rfc822

        Content-Type: multipart/mixed; boundary=c

        --c

        two-one
        --c
        Content-Type: message/rfc822

        Subject: s

        deep
        --c--
        --b--
        """.utf8)

    private func section(_ message: [UInt8], _ numbers: [Int], _ text: MessageStructure.SectionText? = nil) -> String? {
        let found = MessageStructure(parsing: message.span).section(numbers, text)
        return found.map { ($0.hasPrefix ? "+" : "") + String(decoding: message[$0.range], as: UTF8.self) }
    }

    @Test(
        arguments: [
            ([1], "one"), ([2, 1], "two-one"), ([2, 2], "Subject: s\n\ndeep"), ([2, 2, 1], "deep"),
            ([3], nil), ([0], nil), ([1, 1], nil), ([2, 3], nil), ([2, 2, 2], nil), ([2, 2, 1, 1], nil), ([-1], nil), ([1, 1, 1], nil),
        ] as [([Int], String?)])
    func parts(numbers: [Int], expected: String?) {
        #expect(section(Self.message, numbers) == expected)
    }

    @Test func texts() {
        let all = String(decoding: Self.message, as: UTF8.self)
        #expect(section(Self.message, []) == "+" + all)
        #expect(section(Self.message, [], .header) == "+Content-Type: multipart/mixed; boundary=b\n\n")
        #expect(section(Self.message, [], .text) == String(all.dropFirst("Content-Type: multipart/mixed; boundary=b\n\n".count)))
        #expect(section(Self.message, [], .mime) == nil)
        #expect(section(Self.message, [1], .mime) == "X: 1\n\n")
        #expect(section(Self.message, [2], .mime) == "Content-Type: message/rfc822\n\n")
        #expect(section(Self.message, [2], .header) == "Content-Type: multipart/mixed; boundary=c\n\n")
        #expect(section(Self.message, [2, 2], .header) == "Subject: s\n\n")
        #expect(section(Self.message, [2, 2], .text) == "deep")
        #expect(section(Self.message, [2, 1], .mime) == "\n")
        // HEADER and TEXT need a message/rfc822 part.
        #expect(section(Self.message, [1], .header) == nil)
        #expect(section(Self.message, [2, 1], .text) == nil)
    }

    /// RFC 3501 §6.4.5: part 1 of a message that is no multipart is its body.
    @Test func singlePart() {
        let message = Array("A: b\r\n\r\nbody".utf8)
        #expect(section(message, [1]) == "body")
        #expect(section(message, [1], .mime) == "+A: b\r\n\r\n")
        #expect(section(message, [2]) == nil)
        #expect(section(message, [1, 1]) == nil)
        #expect(section(message, [1], .text) == nil)
        let headerless = Array("just text".utf8)
        #expect(section(headerless, [], .header) == "+")
        #expect(section(headerless, [], .text) == "just text")
        #expect(section(headerless, [1]) == "just text")
    }
}
