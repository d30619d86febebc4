import Testing

@testable import SMTP

@Suite struct DotStufferTests {
    @Test(
        arguments: [
            ("", ".\r\n"), ("a\r\n", "a\r\n.\r\n"), ("a", "a\r\n.\r\n"), (".", "..\r\n.\r\n"), ("..\r\n.\r\n", "...\r\n..\r\n.\r\n"),
            ("a\r\n.\r\nb", "a\r\n..\r\nb\r\n.\r\n"), ("a.b\r\n\r\n.", "a.b\r\n\r\n..\r\n.\r\n"),
            // Smuggled ends become plain lines.
            ("a\n.\nb\r\n", "a\r\n..\r\nb\r\n.\r\n"), ("a\r.\rb", "a\r\n..\r\nb\r\n.\r\n"), ("a\r", "a\r\n.\r\n"),
            ("\r\r\n", "\r\n\r\n.\r\n"), ("a\r\n.\n\r\n", "a\r\n..\r\n\r\n.\r\n"), ("\n\r", "\r\n\r\n.\r\n"),
        ], cuts)
    func dots(_ text: (content: String, wire: String), _ cut: Int) {
        var stuffer = DotStuffer()
        var output: [UInt8] = []
        var rest = Array(text.content.utf8)[...]
        while !rest.isEmpty {
            output += stuffer.encode(Array(rest.prefix(cut)))
            rest = rest.dropFirst(min(cut, rest.count))
        }
        output += stuffer.finish()
        #expect(String(decoding: output, as: UTF8.self) == text.wire)
    }

    /// What goes out is what our own receiver makes the same content of.
    @Test func theReceiverUndoesIt() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<500 {
            let lines = (0..<Int.random(in: 0..<20, using: &random)).map { _ in
                String((0..<Int.random(in: 0..<6, using: &random)).map { _ in "..ab".randomElement(using: &random) ?? "." }) + "\r\n"
            }
            let content = Array(lines.joined().utf8)
            var stuffer = DotStuffer()
            let wire = stuffer.encode(content) + stuffer.finish()
            var reader = DataReader(maximumSize: 1_000_000)
            let result = wire.withUnsafeBufferPointer { reader.read($0) }
            #expect(Array(result.content) == content && result.used == wire.count)
        }
    }
}
