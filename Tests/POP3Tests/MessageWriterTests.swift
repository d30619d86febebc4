import Testing

@testable import POP3

struct MessageWriterTests {
    private func write(_ message: String, lines: Int?, cut: Int) -> String {
        var writer = MessageWriter(lines: lines)
        var output: [UInt8] = []
        var rest = Array(message.utf8)[...]
        while !rest.isEmpty, !writer.isDone {
            writer.write(Array(rest.prefix(cut)), to: &output)
            rest = rest.dropFirst(cut)
        }
        writer.finish(to: &output)
        return String(decoding: output, as: UTF8.self)
    }

    @Test(arguments: [
        ("", nil, ".\r\n"), ("x", nil, "x\r\n.\r\n"), (".x\r\n", nil, "..x\r\n.\r\n"), ("a\r\n.\r\n", nil, "a\r\n..\r\n.\r\n"),
        ("a\n.\n", nil, "a\n..\n\r\n.\r\n"), ("a\r.\r\n", nil, "a\r.\r\n.\r\n"), ("a\r", nil, "a\r\r\n.\r\n"),
        ("h: 1\r\n\r\na\r\nb\r\n", 0, "h: 1\r\n\r\n.\r\n"), ("h: 1\r\n\r\na\r\nb\r\n", 1, "h: 1\r\n\r\na\r\n.\r\n"),
        ("h: 1\r\n\r\na\r\nb\r\n", 2, "h: 1\r\n\r\na\r\nb\r\n.\r\n"), ("h: 1\r\n\r\na\r\nb\r\n", 3, "h: 1\r\n\r\na\r\nb\r\n.\r\n"),
        ("h: 1\n\na\nb\n", 1, "h: 1\n\na\n\r\n.\r\n"), ("\r\n.a\r\nb\r\n", 1, "\r\n..a\r\n.\r\n"),
        ("h: 1\r\n \r\n\r\na", 1, "h: 1\r\n \r\n\r\na\r\n.\r\n"),
        ("h: 1\r\n\r\n\r\n\r\nx", 1, "h: 1\r\n\r\n\r\n.\r\n"), ("no blank line", 5, "no blank line\r\n.\r\n"),
    ])
    func responses(message: String, lines: Int?, expected: String) {
        for cut in [1, 2, 3, 100] { #expect(write(message, lines: lines, cut: cut) == expected, "in pieces of \(cut)") }
    }
}
