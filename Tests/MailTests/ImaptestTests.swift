import Foundation
import Testing

@testable import Mail

/// Dovecot's expectations (corpora/imaptest) of BODY[…], BODY and ENVELOPE, on the messages of its own mbox files.
@Suite(.enabled(if: Corpora.has("imaptest/tests"), "corpora/imaptest is absent"))
struct ImaptestTests {
    struct Fetch {
        var message: Int
        /// `2.header`, lower case.
        var section: String
        var expected: [UInt8]
    }

    /// `ok fetch 1 (body.peek[2.mime])`, then `* 1 fetch (body[2.mime] {{{`, lines, `}}})`. The line end before `}}}` is the format's.
    static func fetches(_ script: String) throws -> [Fetch] {
        var fetches: [Fetch] = []
        var current: Fetch?
        for line in String(decoding: try Corpora.bytes(script), as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false) {
            if var open = current {
                if line == "}}})" {
                    open.expected.removeLast(2)
                    fetches.append(open)
                    current = nil
                } else {
                    open.expected += Array(line.utf8) + [13, 10]
                    current = open
                }
            } else if line.hasPrefix("* "), line.hasSuffix("{{{"), let start = line.firstIndex(of: "["), let end = line.lastIndex(of: "]") {
                let number = line.split(separator: " ")[1]
                current = Fetch(message: Int(number) ?? 0, section: line[line.index(after: start)..<end].lowercased(), expected: [])
            }
        }
        return fetches
    }

    /// What IMAP would answer, from the ranges that we give.
    static func answer(_ section: String, _ message: [UInt8]) -> [UInt8]? {
        let structure = MessageStructure(parsing: message.span)
        var numbers: [Int] = []
        var words = section[...]
        while let first = words.first, first.isNumber {
            numbers.append(Int(words.prefix { $0.isNumber }) ?? 0)
            words = words.drop { $0.isNumber }
            if words.first == "." { words.removeFirst() }
        }
        guard
            let found = structure.section(
                numbers, words.isEmpty ? nil : words.hasPrefix("header") ? .header : words == "mime" ? .mime : .text)
        else { return nil }
        let bytes = Array(message[found.range])
        guard words.hasPrefix("header.fields"), let open = words.firstIndex(of: "("), let close = words.firstIndex(of: ")") else {
            return bytes
        }
        let names = words[words.index(after: open)..<close].split(separator: " ").map { Array($0.utf8) }
        return bytes.withUnsafeBufferPointer { buffer in
            let isNot = words.hasPrefix("header.fields.not")
            let selected = HeaderSection(parsing: buffer).fields.filter { field in
                names.contains { field.isNamed($0, in: buffer) } != isNot
            }
            return selected.flatMap { buffer[$0.range] } + [13, 10]
        }
    }

    @Test(arguments: ["fetch-body-mime", "fetch-body-message-rfc822", "fetch-body-message-rfc822-mime", "fetch-body-message-rfc822-x2"])
    func sections(script: String) throws {
        let messages = try Corpora.mbox("imaptest/tests/\(script).mbox")
        let fetches = try Self.fetches("imaptest/tests/\(script)")
        #expect(fetches.count > 5)
        for fetch in fetches {
            let message = try #require(messages.indices.contains(fetch.message - 1) ? messages[fetch.message - 1] : nil)
            let answer = Self.answer(fetch.section, message).map { String(decoding: $0, as: UTF8.self) }
            #expect(answer == String(decoding: fetch.expected, as: UTF8.self), "BODY[\(fetch.section)]")
        }
    }

    /// `* 2 FETCH (ENVELOPE (…))`: compared without regard to case, as the format says.
    @Test(arguments: [("fetch-envelope", "ENVELOPE "), ("fetch-bodystructure", "BODY ")])
    func wire(script: String, item: String) throws {
        let messages = try Corpora.mbox("imaptest/tests/\(script).mbox")
        let lines = String(decoding: try Corpora.bytes("imaptest/tests/\(script)"), as: UTF8.self).split(separator: "\n")
        var checked = 0
        for line in lines where line.hasPrefix("* ") {
            let number = try #require(Int(line.split(separator: " ")[1]))
            let start = try #require(line.range(of: item))
            let expected = line[start.upperBound...].dropLast()
            let message = messages[number - 1]
            let summary = MessageSummary.summarise(message.span)
            let structure = try #require(MessageStructure(decoding: summary.structure))
            let wire = item == "BODY " ? structure.bodyStructure(extended: false) : summary.envelope
            #expect(String(decoding: wire, as: UTF8.self).lowercased() == expected.lowercased())
            checked += 1
        }
        #expect(checked == (item == "BODY " ? 1 : 6))
    }
}
