import Mail
import Testing

@testable import Flow

private func read(_ text: String) -> SubmittedHeader {
    Array(text.utf8).withUnsafeBufferPointer { SubmittedHeader(reading: $0) }
}

@Suite struct SubmittedHeaderTests {
    @Test(arguments: [
        ("From: ana@mi.dominio\r\n\r\n", ["ana@mi.dominio"]), ("FROM : \"Ana, la de\" <ana@mi.dominio> (casa)\r\n\r\n", ["ana@mi.dominio"]),
        ("From: Ana\r\n <ana@\r\n\tmi.dominio>\r\n\r\n", ["ana@mi.dominio"]),
        ("From: a@x.test, \"b c\"@y.test\r\nSender: S <s@z.test>\r\n\r\n", ["a@x.test", "\"b c\"@y.test", "s@z.test"]),
        ("From: a@x.test, A@X.test\r\n\r\n", ["a@x.test"]), ("From: Grupo: a@x.test, b@x.test;\r\n\r\n", ["a@x.test", "b@x.test"]),
        // What a reader would show is what counts.
        ("From: jefe@banco.test <ana@mi.dominio>\r\n\r\n", ["ana@mi.dominio"]),
        ("From: ana@mi.dominio jefe@banco.test\r\n\r\n", ["ana@mi.dominio", "jefe@banco.test"]),
        ("From: <ana@mi.dominio> <jefe@banco.test>\r\n\r\n", ["ana@mi.dominio", "jefe@banco.test"]),
        ("From: <@a.test,@b.test:ana@mi.dominio>\r\n\r\n", ["ana@mi.dominio"]),
        ("Subject: x\r\n\r\nFrom: body@x.test\r\n", []), ("hola\r\nFrom: b@x.test\r\n", []),
    ])
    func authors(_ text: String, _ authors: [String]) {
        let header = read(text)
        #expect(header.authors.map(\.description) == authors)
        #expect(header.defect == nil)
        #expect(header.hasFrom == !authors.isEmpty)
    }

    @Test(arguments: [
        ("From:\r\n\r\n", SubmittedHeader.Defect.malformed("From")), ("From: Ana\r\n\r\n", .malformed("From")),
        ("From: root\r\n\r\n", .malformed("From")), ("From: <>\r\n\r\n", .malformed("From")), ("From: grupo:;\r\n\r\n", .malformed("From")),
        ("From: ana@\r\n\r\n", .malformed("From")), ("From: @x.test\r\n\r\n", .malformed("From")),
        ("From: ana@x_y!.test\r\n\r\n", .malformed("From")), ("From: ana@mi.dominio, root\r\n\r\n", .malformed("From")),
        ("From: a@x.test\r\nSender: \r\n\r\n", .malformed("Sender")), ("From: a@x.test\r\nfrom: b@x.test\r\n\r\n", .repeated("From")),
        ("Sender: a@x.test\r\nSender: a@x.test\r\n\r\n", .repeated("Sender")),
        ("From: a\u{0}@x.test\r\n\r\n", .malformed("From")), ("From: \"a\r\n b\u{7F}\"@x.test\r\n\r\n", .malformed("From")),
        ("From: " + (0...100).map { "a\($0)@x.test" }.joined(separator: ", ") + "\r\n\r\n", .tooManyAuthors),
        ("From: a@x.test\r\n" + String(repeating: "X-Field: \(String(repeating: "y", count: 900))\r\n", count: 1_200) + "\r\n", .tooLong),
    ])
    func defects(_ text: String, _ defect: SubmittedHeader.Defect) { #expect(read(text).defect == defect) }

    /// More than the parser of address lists reads, with somebody else behind them.
    @Test(arguments: ["a@x.test,", "g:;"]) func whatTheListParserLeavesOutIsRefused(_ entry: String) {
        let list = String(repeating: entry + "\r\n ", count: 20_000)
        #expect(read("From: a@x.test,\r\n \(list)b@x.test\r\n\r\n").defect == .tooManyAuthors)
        #expect(read("From: a@x.test\r\nSender: \(list)b@x.test\r\n\r\n").defect == .tooManyAuthors)
    }

    @Test func invalidUTF8IsNoAddress() {
        let bytes: [UInt8] = Array("From: a".utf8) + [0xFF] + Array("@x.test\r\n\r\n".utf8)
        #expect(bytes.withUnsafeBufferPointer { SubmittedHeader(reading: $0) }.defect == .malformed("From"))
    }

    @Test func aLongBodyIsNoLongHeader() {
        let body = String(repeating: String(repeating: "z", count: 70) + "\r\n", count: 20_000)
        #expect(read("From: a@x.test\r\n\r\n" + body).defect == nil)
        #expect(read("hola\r\n" + body).defect == nil)
        #expect(!read("hola\r\n" + body).isPresent)
    }

    @Test func emptyDateAndMessageIDAreAsGoodAsNone() {
        let header = read("Date:\r\nMessage-ID: \r\n \r\nSubject: x\r\n\r\n")
        #expect(!header.hasDate && !header.hasMessageID)
        #expect(header.removed == [0..<7, 7..<24])
        #expect(read("DATE: x\r\nMessage-id: <a@b>\r\n\r\n").hasDate)
        #expect(read("DATE: x\r\nMessage-id: <a@b>\r\n\r\n").hasMessageID)
    }
}
