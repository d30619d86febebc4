/// A conversation with a session, as a text file (`Tests/<Module>Tests/Dialogs/*.dialog`).
///
///     # a comment; empty lines mean nothing
///     ! scenario full-disk      before anything else: an option, a word and its argument
///     C: EHLO client.example    the client sends this line and CRLF
///     C- bare\n.\r\nraw         the client sends these bytes: \r \n \t \0 \\ \xHH are undone, no CRLF follows
///     C* 100 NOOP               the client sends the line so many times
///     S: 250 2.0.0 Ok...        the server says a line; `...` stands for any run of characters
///     S* 100 250 2.0.0 Ok       the server says such a line so many times
///     Q: sender <a@b>           a question is asked; a block that has one such line must list them all
///     B: escaped\r\n            the body bytes of this block, escaped as in `C-`; several lines are joined
///     A: new-mail 3             the world is told something before the next client line
///     E: wake                   wake, expire, shutdown or end (the peer closes its side)
///     T                         the server asks for the TLS handshake, and gets it; what the block still holds of the client's bytes
///                               is lost. `T: bound` gives the connection a channel binding
///     X                         the server closes
///
/// Options that the player knows: `scenario`; `cuts whole` (the client's bytes come at once only); `pipelined` (play it also with
/// the whole conversation sent at once); `torn` (the server may stop within a line). A test may know more.
///
/// Lines that the client sends one after another, or one event, and what the server does about them, are a block.
package struct Dialog: Sendable, CustomStringConvertible {
    package var name: String
    package var options: [String: String] = [:]
    package var blocks: [Block] = []

    package enum Handshake: String, Sendable { case plain, bound }

    package enum Event: String, Sendable { case wake, expire, shutdown, end }

    /// What happens to the session, and what it must do then.
    package struct Block: Sendable {
        package var line: Int
        package var directions: [String] = []
        package var input: [UInt8] = []
        package var event: Event?
        package var output: [[UInt8]] = []
        package var questions: [String] = []
        package var body: [UInt8]?
        package var handshake: Handshake?
        package var closes = false

        fileprivate var expectsSomething: Bool { !output.isEmpty || !questions.isEmpty || body != nil || handshake != nil || closes }
    }

    /// The scripted world that the dialog plays in: `! scenario NAME`. Empty when none is named.
    package var scenario: String { options["scenario"] ?? "" }

    /// Sizes of the pieces in which the client's bytes arrive; nil is all at once. `! cuts whole` leaves only the last.
    package var cuts: [Int?] { options["cuts"] == "whole" ? [nil] : [1, 2, 3, 7, 64, nil] }

    package var description: String { name }

    package init(name: String, text: [UInt8]) throws(DialogError) {
        self.name = name
        var block = Block(line: 1)
        for (index, line) in text.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
            let number = index + 1
            guard let mark = line.first, mark != UInt8(ascii: "#") else { continue }
            let kind = String(decoding: line.prefix(2), as: UTF8.self)
            var rest = line.dropFirst(2)
            if rest.first == 0x20 { rest = rest.dropFirst() }
            if "CAE".utf8.contains(mark),
                block.expectsSomething || block.event != nil || (mark == UInt8(ascii: "E") && !block.input.isEmpty)
            {
                blocks.append(block)
                block = Block(line: number)
            }
            switch kind {
            case "! ":
                let words = String(decoding: rest, as: UTF8.self).split(separator: " ", maxSplits: 1)
                options[words.first.map(String.init) ?? ""] = words.count > 1 ? String(words[1]) : ""
            case "C:": block.input += rest + [0x0D, 0x0A]
            case "C-": block.input += try Self.unescape(rest, at: number)
            case "C*":
                let (count, text) = try Self.counted(rest, at: number)
                for _ in 0..<count { block.input += text + [0x0D, 0x0A] }
            case "A:": block.directions.append(String(decoding: rest, as: UTF8.self))
            case "E:":
                guard let event = Event(rawValue: String(decoding: rest, as: UTF8.self)) else {
                    throw DialogError(line: number, why: "no such event")
                }
                block.event = event
            case "S:": block.output.append(Array(rest))
            case "S*":
                let (count, text) = try Self.counted(rest, at: number)
                block.output += Array(repeating: Array(text), count: count)
            case "Q:": block.questions.append(String(decoding: rest, as: UTF8.self))
            case "B:": block.body = (block.body ?? []) + (try Self.unescape(rest, at: number))
            case "T": block.handshake = .plain
            case "T:":
                guard let handshake = Handshake(rawValue: String(decoding: rest, as: UTF8.self)) else {
                    throw DialogError(line: number, why: "no such handshake")
                }
                block.handshake = handshake
            case "X": block.closes = true
            default: throw DialogError(line: number, why: "no such kind of line")
            }
        }
        if !block.input.isEmpty || block.event != nil || block.expectsSomething { blocks.append(block) }
    }

    private static func counted(_ text: ArraySlice<UInt8>, at line: Int) throws(DialogError) -> (Int, ArraySlice<UInt8>) {
        guard let space = text.firstIndex(of: 0x20), let count = Int(String(decoding: text[..<space], as: UTF8.self)), count >= 0
        else { throw DialogError(line: line, why: "no count") }
        return (count, text[(space + 1)...])
    }

    static func unescape(_ text: ArraySlice<UInt8>, at line: Int) throws(DialogError) -> [UInt8] {
        var result: [UInt8] = []
        var rest = text
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\") else {
                result.append(byte)
                continue
            }
            switch rest.popFirst() {
            case UInt8(ascii: "r"): result.append(0x0D)
            case UInt8(ascii: "n"): result.append(0x0A)
            case UInt8(ascii: "t"): result.append(0x09)
            case UInt8(ascii: "0"): result.append(0)
            case UInt8(ascii: "\\"): result.append(UInt8(ascii: "\\"))
            case UInt8(ascii: "x"):
                guard rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else {
                    throw DialogError(line: line, why: "\\x needs two hexadecimal digits")
                }
                result.append(value)
                rest = rest.dropFirst(2)
            default: throw DialogError(line: line, why: "no such escape")
            }
        }
        return result
    }
}

package struct DialogError: Error, Sendable, CustomStringConvertible {
    package var line: Int
    package var why: String
    package var description: String { "line \(line): \(why)" }
}
