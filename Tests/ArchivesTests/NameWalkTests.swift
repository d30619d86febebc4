import Filter
import Mail
import MailTesting
import Testing

@testable import Archives

/// MIME parts: names, types, what Mail gives up on.
@Suite struct NameWalkTests {
    static func part(_ header: String, _ body: String = "x") -> String { header + "\r\n\r\n" + body + "\r\n" }

    static func multipart(_ parts: [String]) -> String {
        "From: a@b\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=zz\r\n\r\n" + parts.map { "--zz\r\n" + $0 }.joined()
            + "--zz--\r\n"
    }

    static func attachment(_ name: String, _ content: [UInt8], type: String = "application/octet-stream") -> String {
        let body = String(decoding: Base64.encode(content, lineLength: 76), as: UTF8.self)
        return part("Content-Type: \(type); name=\"\(name)\"\r\nContent-Transfer-Encoding: base64", body)
    }

    static func message(_ name: String, _ content: [UInt8]) -> [UInt8] { Array(multipart([attachment(name, content)]).utf8) }

    @Test func plainText() {
        let walked = walk("From: a@b\r\nSubject: x\r\n\r\nHello.\r\n")
        #expect(walked.parts == [NamedPart(path: [""], contentType: "text/plain", kind: .text)])
        #expect(walked.finding.names == 1 && walked.finding.limits.isEmpty)
        #expect(walk("").parts == [NamedPart(path: [""], contentType: "text/plain", kind: .empty)])
    }

    @Test(arguments: [
        ("Content-Type: application/x-a; name=a.exe", ["a.exe"]),
        ("Content-Disposition: attachment; filename=\"a b.exe\"", ["a b.exe"]),
        ("Content-Disposition: attachment; filename=a b.exe", ["a b.exe"]),
        ("Content-Type: a/b; name=x.txt\r\nContent-Disposition: attachment; filename=a.exe", ["x.txt", "a.exe"]),
        ("Content-Type: a/b; name=a.exe\r\nContent-Disposition: inline; filename=a.exe", ["a.exe"]),
        ("Content-Disposition: attachment; filename*=utf-8''a%C3%B1os.exe", ["años.exe"]),
        ("Content-Disposition: attachment; filename*=iso-8859-1'es'a%F1os.exe", ["años.exe"]),
        ("Content-Disposition: attachment; filename*0=a.; filename*1=e; filename*2=xe", ["a.exe"]),
        ("Content-Disposition: attachment; filename*1*=%65xe; filename*0*=utf-8''a%2E", ["a.exe"]),
        ("Content-Disposition: attachment; filename*=utf-8''a.exe; filename=a.txt", ["a.exe", "a.txt"]),
        ("Content-Disposition: attachment; filename=\"=?utf-8?B?YS5leGU=?=\"", ["a.exe"]),
        ("Content-Type: a/b; name==?utf-8?Q?a=2Eexe?=", ["a.exe"]),
        ("Content-Disposition: attachment; filename=a.txt\r\nContent-Disposition: attachment; filename=a.exe", ["a.txt", "a.exe"]),
        ("Content-Type: text/plain; name=a.txt\r\nContent-Type: a/b; name=a.exe", ["a.txt", "a.exe"]),
        ("CONTENT-DISPOSITION:attachment;FILENAME=A.EXE", ["A.EXE"]),
        ("Content-Disposition: attachment;\r\n filename=\r\n \"a.exe\"", ["a.exe"]),
        ("Content-Disposition: attachment; filename=\"a\\.exe\"", ["a.exe"]),
        ("Content-Type: a/b; filename=a.exe", ["a.exe"]),
        ("Content-Disposition: attachment; name=a.exe", ["a.exe"]),
        ("Content-Disposition: attachment; filename=a\u{F1}os.exe", ["años.exe"]),
    ]) func names(_ header: String, _ names: [String]) {
        let walked = walk(Self.multipart([Self.part(header)]))
        #expect(walked.parts.dropFirst().map(\.name) == names)
        #expect(Set(walked.parts.dropFirst().map(\.path.count)) == [1])
    }

    @Test func latinBytes() {
        let message = Array("Content-Type: a/b; name=\"a".utf8) + [0xF1] + Array("os.exe\"\r\n\r\nx".utf8)
        #expect(walk(message).names == ["años.exe"])
    }

    @Test func types() {
        let walked = walk(
            Self.multipart([Self.part("Content-Type: Application/HTA; x=y"), Self.part("Content-Type: text/html", "<html>")]))
        #expect(walked.parts.map(\.contentType) == ["multipart/mixed", "application/hta", "text/html"])
        #expect(walked.parts.map { $0.kind?.rawValue } == [nil, "txt", "html"])
        #expect(walked.titles == ["multipart/mixed", "application/hta", "text/html"])
        // Both of two types are told.
        let two = walk("Content-Type: text/plain\r\nContent-Type: application/hta\r\n\r\nx")
        #expect(two.parts.map(\.contentType) == ["text/plain", "application/hta"])
    }

    @Test(arguments: ["base64", "BASE64", "x-base64"]) func base64(_ encoding: String) {
        let body = String(decoding: Base64.encode(Samples.program, lineLength: 4), as: UTF8.self)
        let broken = "!\u{7F}" + body.replacing("\r\n", with: " \r\n%$") + "====garbage"
        let walked = walk(Self.part("Content-Type: image/png; name=a.png\r\nContent-Transfer-Encoding: \(encoding)", broken))
        #expect(walked.parts.map { $0.kind?.rawValue } == ["exe-ms"])
    }

    @Test func quotedPrintable() {
        let walked = walk(Self.part("Content-Type: image/png; name=a.png\r\nContent-Transfer-Encoding: quoted-printable", "=4D=5A=00=0"))
        #expect(walked.kind("a.png") == "exe-ms")
    }

    // MARK: Messages in messages

    @Test func nestedMessages() {
        let inner = Self.multipart([Self.attachment("a.exe", Samples.program)])
        let walked = walk(
            Self.multipart([
                Self.part("Content-Type: message/rfc822; name=in.eml", inner.replacing("zz", with: "yy")), Self.attachment("b.txt", [0x61]),
            ]))
        #expect(walked.titles == ["multipart/mixed", "in.eml", "in.eml › multipart/mixed", "in.eml › a.exe", "b.txt"])
        #expect(walked.kind("in.eml") == "mail" && walked.kind("a.exe") == "exe-ms")
    }

    @Test(arguments: ["message/rfc822", "message/global", "application/octet-stream; name=a.eml", "image/png; name=a.png"])
    func encodedMessages(_ type: String) {
        let inner = Array(("Received: from x\r\n" + Self.multipart([Self.attachment("a.exe", Samples.program)])).utf8)
        let body = String(decoding: Base64.encode(inner, lineLength: 76), as: UTF8.self)
        let walked = walk(Self.part("Content-Type: \(type)\r\nContent-Transfer-Encoding: base64", body))
        #expect(walked.kind("a.exe") == "exe-ms")
    }

    @Test func messageInArchiveInMessage() {
        let inner = Self.message("a.zip", Samples.archive([.init("docs/b.exe", Samples.program)]))
        let walked = walk(Self.message("mail.zip", Samples.archive([.init("m.eml", inner)])))
        #expect(walked.titles.last == "mail.zip › m.eml › a.zip › docs/b.exe")
        #expect(walked.kind("docs/b.exe") == "exe-ms")
        #expect(
            walked.finding
                == {
                    var finding = NameWalk.Finding(); finding.names = walked.parts.count; return finding
                }())
    }

    // MARK: Files in texts

    static let uuencoded = "begin 644 a.exe\r\n#35H \r\n`\r\nend\r\n"

    @Test func uuencode() {
        let walked = walk("Subject: x\r\n\r\nHello\r\n" + Self.uuencoded + "and\r\n" + Self.uuencoded.replacing("a.exe", with: "b.com"))
        #expect(walked.names == ["", "a.exe", "b.com"])
        #expect(walked.parts.map { $0.kind?.rawValue } == ["txt", "exe-ms", "exe-ms"])
        #expect(walk("\r\n\r\nlet us begin 644 a.exe\r\nbegin 99 a.exe\r\nbegin again\r\n").names == [""])
        let declared = walk(Self.part("Content-Type: a/b; name=x.gif\r\nContent-Transfer-Encoding: x-uuencode", Self.uuencoded))
        #expect(declared.names == ["x.gif", "a.exe"] && declared.kind("x.gif") == "exe-ms")
        let attached = walk(Self.part("Content-Type: a/b; name=x.uue", Self.uuencoded))
        #expect(attached.titles == ["x.uue", "x.uue › a.exe"])
    }

    @Test func yEnc() {
        let body = "=ybegin line=128 size=3 name=a b.exe\r\n" + "w\u{84}=j\r\n=yend size=3\r\n"
        let bytes = Array("Subject: x\r\n\r\n".utf8) + body.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
        let walked = walk(bytes)
        #expect(walked.names == ["", "a b.exe"] && walked.kind("a b.exe") == "exe-ms")
    }

    // MARK: What Mail gives up on

    @Test func tooDeep() {
        var message = "Content-Type: text/plain; name=a.exe\r\n\r\nx"
        for _ in 0..<1000 { message = "Content-Type: message/rfc822\r\n\r\n" + message }
        let walked = walk(message)
        #expect(walked.finding.limits == ["depth"])
        #expect(walked.parts.count <= 2 * MessageLimits.nesting)
        var multiparts = "Content-Type: text/plain; name=a.exe\r\n\r\nx"
        for level in 0..<1000 { multiparts = "Content-Type: multipart/mixed; boundary=b\(level)\r\n\r\n--b\(level)\r\n" + multiparts }
        #expect(walk(multiparts).finding.limits.contains("depth"))
        #expect(walk("Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nx").finding.limits.isEmpty)
    }

    @Test func tooMany() {
        let many = (0..<10_001).map { _ in "--zz\r\nA: b\r\n\r\n" }.joined()
        let message = "Content-Type: multipart/mixed; boundary=zz\r\n\r\n" + many + "--zz\r\nContent-Type: a/b; name=a.exe\r\n\r\n"
        #expect(walk(message).finding.limits.contains("files"))
        let parameters = (0..<MessageLimits.parameters).map { "; a\($0)=b" }.joined()
        #expect(walk("Content-Type: a/b\(parameters); name=a.exe\r\n\r\nx").finding.limits == ["size"])
        let fields = (0..<9).map { "Content-Type: a/b; name=\($0).txt\r\n" }.joined()
        #expect(walk(fields + "\r\nx").finding.limits == ["size"])
        let types = (0..<9).map { "Content-Type: a/b\($0)\r\n" }.joined()
        #expect(walk(types + "\r\nx").finding.limits == ["size"])
        #expect(walk(types.replacing("Content-Type: a/b8\r\n", with: "") + "\r\nx").finding.limits.isEmpty)
        // More of them in all parts together than are kept.
        let long = "Content-Description: " + String(repeating: "x", count: 900) + "\r\n\r\nx"
        #expect(walk(Self.multipart(Array(repeating: Self.part(long), count: 5_000))).finding.limits == ["size"])
    }

    @Test func tooLarge() {
        let message = Self.message("a.dat", [UInt8](repeating: 0x41, count: 5_000))
        #expect(walk(message, NameWalk.Limits(held: 1_000)).finding.limits == ["size"])
        #expect(walk(message, NameWalk.Limits(held: 5_000)).finding.limits.isEmpty)
    }

    @Test func messagesAreLevels() {
        var message = "Subject: x\r\n\r\nx"
        for _ in 0..<17 { message = "Content-Type: message/rfc822\r\n\r\n" + message }
        #expect(walk(message).finding.limits.isEmpty)
        message = "Content-Type: message/rfc822\r\n\r\n" + message
        #expect(walk(message).finding.limits == ["depth"])
    }

    @Test func tooLongHeader() {
        let line = "X-Filler: " + String(repeating: "x", count: 900) + "\r\n"
        let header = String(repeating: line, count: MessageLimits.header / line.utf8.count + 1)
        #expect(walk(header + "Content-Type: a/b; name=a.exe\r\n\r\nx").finding.limits == ["size"])
        let field = "X-Filler: " + String(repeating: "x", count: MessageLimits.header) + "\r\n"
        #expect(walk(field + "Content-Type: a/b; name=a.exe\r\n\r\nx").finding.limits == ["size"])
        // A long body is none.
        #expect(walk("Subject: x\r\n\r\n" + String(repeating: line, count: 3000)).finding.limits.isEmpty)
    }

    @Test(arguments: [
        "Content-Type: multipart/mixed", "Content-Type: multipart/mixed; boundary=\"\(String(repeating: "z", count: 300))\"",
        "Content-Type: text/plain\r\nContent-Type: multipart/mixed; boundary=zz",
    ]) func withoutUsableBoundary(_ header: String) {
        let walked = walk(header + "\r\n\r\n--zz\r\nContent-Type: a/b; name=a.exe\r\n\r\nx\r\n--zz--\r\n")
        #expect(walked.finding.unopened.count == 1)
        #expect(walked.parts.contains { $0.contentType == "multipart/mixed" })
    }

    @Test func longNames() {
        let walked = walk("Content-Type: a/b; name=\"" + String(repeating: "ñ", count: 100_000) + ".exe\"\r\n\r\nx")
        #expect(walked.names[0].hasSuffix(".exe") && walked.names[0].utf8.count < 5000)
    }
}
