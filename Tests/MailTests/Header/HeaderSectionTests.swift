import Testing

@testable import Mail

@Suite struct HeaderSectionTests {
    /// `name=body` of each field, and the offset of the body.
    private func parsed(_ text: String) -> (fields: [String], end: Int) {
        let bytes = Array(text.utf8)
        return bytes.withUnsafeBufferPointer { buffer in
            let section = HeaderSection(parsing: buffer)
            let fields = section.fields.map { field in
                String(decoding: buffer[field.name], as: UTF8.self) + "=" + String(decoding: unfold(buffer, field.body), as: UTF8.self)
            }
            return (fields, section.end)
        }
    }

    @Test(arguments: [
        ("A: 1\r\nB: 2\r\n\r\nbody", ["A=1", "B=2"], "body"),
        ("A: 1\nB: 2\n\nbody", ["A=1", "B=2"], "body"),
        ("A:1\r\n", ["A=1"], ""),
        ("A: 1", ["A=1"], ""),
        ("A:\r\n\r\nbody", ["A="], "body"),
        // Folding, with an empty-looking continuation (RFC 5322 §4.2) and blanks around the body.
        ("A:  one\r\n\ttwo \r\n \r\n three  \r\nB: 2\r\n\r\n", ["A=one\ttwo   three", "B=2"], ""),
        // RFC 5322 §4.5: blanks before the colon.
        ("Subject : x\r\n\r\nbody", ["Subject=x"], "body"),
        // 8-bit in a body, NUL, bare CR.
        ("A: \u{e9}\0\rz\r\n\r\nb", ["A=\u{e9}\0 z"], "b"),
        // A bare CR ends no line.
        ("A: 1\rB: 2\r\n\r\nb", ["A=1 B: 2"], "b"),
        // A line that is no field is skipped when an empty line follows …
        ("A: 1\r\nstray line\r\n continued\r\nB: 2\r\n\r\nbody", ["A=1", "B=2"], "body"),
        // … and begins the body when none does.
        ("A: 1\r\nHello,\r\nB: 2\r\n", ["A=1"], "Hello,\r\nB: 2\r\n"),
        // No header at all.
        ("Este es un correo de prueba.\r\n", [], "Este es un correo de prueba.\r\n"),
        ("Este es: un correo\r\n\r\nA: 1\r\n", [], "Este es: un correo\r\n\r\nA: 1\r\n"),
        (" A: 1\r\nB: 2\r\n\r\nb", [], " A: 1\r\nB: 2\r\n\r\nb"),
        (": 1\r\n\r\nb", [], ": 1\r\n\r\nb"),
        ("\r\nbody", [], "body"),
        ("\nbody", [], "body"),
        ("", [], ""),
        // An mbox separator before a field.
        ("From a@b Fri Feb 22 17:06:23 2008\r\nA: 1\r\n\r\nbody", ["A=1"], "body"),
        (">From a@b Fri Feb 22 17:06:23 2008\nA: 1\n\nbody", ["A=1"], "body"),
        ("From here on nothing is a field\r\nnor here\r\n\r\n", [], "From here on nothing is a field\r\nnor here\r\n\r\n"),
        // The empty line before the first part was forgotten.
        (
            "Content-Type: multipart/mixed; boundary=x\r\n--x\r\nA: 1\r\n\r\nbody", ["Content-Type=multipart/mixed; boundary=x"],
            "--x\r\nA: 1\r\n\r\nbody"
        ),
    ])
    func fields(text: String, fields: [String], body: String) {
        let found = parsed(text)
        #expect(found.fields == fields)
        #expect(String(decoding: Array(text.utf8)[found.end...], as: UTF8.self) == body)
    }

    @Test func rangesCoverTheSection() {
        let bytes = Array("A: 1\r\n 2\r\nB : x\r\n\r\nbody".utf8)
        let section = HeaderSection(parsing: bytes.span)
        #expect(section.fields.map(\.range) == [0..<10, 10..<17])
        #expect(section.fields[0].body == 3..<8)
        #expect(section.fields[1].name == 10..<11)
        #expect(section.range == 0..<19)
    }

    @Test func endsAtTheLimit() {
        var bytes = Array("A: 1\r\nB: ".utf8)
        bytes += [UInt8](repeating: 120, count: MessageLimits.header)
        bytes += Array("\r\n\r\nbody".utf8)
        let section = HeaderSection(parsing: bytes.span)
        #expect(section.fields.count == 1)
        #expect(section.end == 6)

        // A line that ends at the limit, and a continuation behind it.
        var folded = Array("A: 1\r\nB: ".utf8)
        folded += [UInt8](repeating: 120, count: MessageLimits.header - folded.count - 2) + [13, 10]
        #expect(HeaderSection(parsing: folded.span).end == MessageLimits.header)
        folded += Array(" 2\r\n\r\n".utf8)
        #expect(HeaderSection(parsing: folded.span).end == 6)

        let line = Array("A: 12345678\r\n".utf8)
        var many: [UInt8] = []
        while many.count < MessageLimits.header + 1000 { many += line }
        let cut = HeaderSection(parsing: many.span)
        #expect(cut.end <= MessageLimits.header)
        #expect(cut.end > MessageLimits.header - 2 * line.count)
        #expect(cut.fields.count * line.count == cut.end)
    }

    @Test func looksUpByName() {
        let bytes = Array("Subject: =?utf-8?q?caf=C3=A9?=\r\nX: 1\r\nSUBJECT:\r\n two\r\n\r\n".utf8)
        bytes.withUnsafeBufferPointer { buffer in
            let section = HeaderSection(parsing: buffer)
            #expect(section.texts(named: "subject", in: buffer) == ["café", "two"])
            #expect(section.fields(named: "x".utf8, in: buffer).count == 1)
            #expect(section.fields(named: "subjec".utf8, in: buffer).isEmpty)
            #expect(Array(section.texts(in: buffer)) == ["Subject: café", "X: 1", "SUBJECT: two"])
        }
    }
}
