import FoundationEssentials
import Glibc

/// Prints rows for people (aligned columns) or for programs (`--json`).
enum Output {
    /// To standard error, as it is.
    static func complain(_ words: String) {
        var words = words
        words.withUTF8 { _ = Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    /// To standard output, as it is.
    static func write(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            guard count > 0 else {
                if count < 0, errno == EINTR { continue }
                throw CommandFailure(String(cString: strerror(errno)))
            }
            rest = rest.dropFirst(count)
        }
    }

    static func json(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        print(String(decoding: try encoder.encode(value), as: UTF8.self))
    }

    /// Columns padded to their widest cell; the last one as it is.
    static func table(_ rows: [[String]]) {
        guard let columns = rows.first?.count else { return }
        let widths = (0..<columns).map { column in rows.map { $0[column].count }.max() ?? 0 }
        for row in rows {
            let cells = row.enumerated().map { column, cell in
                column == columns - 1 ? cell : cell + String(repeating: " ", count: widths[column] - cell.count)
            }
            print(cells.joined(separator: "  "))
        }
    }
}

/// Secrets come from a prompt without echo, or from the first line of standard input: never from an argument.
enum SecretInput {
    /// At most this many bytes.
    static let maximumLength = 1024

    static func read(prompt: String) throws -> [UInt8] {
        guard isatty(STDIN_FILENO) == 1 else { return try line() }
        var saved = termios()
        tcgetattr(STDIN_FILENO, &saved)
        var silent = saved
        silent.c_lflag &= ~tcflag_t(ECHO)
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent)
        defer { tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved) }
        Output.complain(prompt)
        let first = try line()
        Output.complain("\n" + text("user.password.again"))
        let second = try line()
        Output.complain("\n")
        guard first == second else { throw CommandFailure(text("user.password.differ")) }
        return first
    }

    private static func line() throws -> [UInt8] {
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while Glibc.read(STDIN_FILENO, &byte, 1) == 1, byte != 0x0A {
            bytes.append(byte)
            guard bytes.count <= maximumLength else { throw CommandFailure(text("user.password.long", ["limit": maximumLength])) }
        }
        if bytes.last == 0x0D { bytes.removeLast() }
        guard !bytes.isEmpty else { throw CommandFailure(text("user.password.empty")) }
        return bytes
    }
}
