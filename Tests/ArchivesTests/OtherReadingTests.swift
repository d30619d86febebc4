import Filter
import Mail
import Testing

@testable import Archives

/// Mail that one reader takes apart differently from another: broken fields, two boundaries, pieces of names, files behind what a text
/// begins with.
@Suite struct OtherReadingTests {
    @Test(arguments: [
        "Content-Disposition: filename=\"a.vbs\"", "Content-Disposition: ; filename=\"a.vbs\"", "Content-Type: application; name=\"a.vbs\"",
        "Content-Type: ; name=\"a.vbs\"", "Content-Type: name=\"a.vbs\"", "Content-Type: x=y/z; name=a.vbs", "Content-Type: name=a/b/a.vbs",
    ]) func withoutType(_ header: String) {
        let walked = walk(NameWalkTests.multipart([NameWalkTests.part(header)]))
        #expect(walked.names.contains { $0.hasSuffix("a.vbs") })
    }

    @Test(arguments: [
        ("filename*=utf-8''a.txt; filename*=utf-8''a.vbs", ["a.txt", "a.vbs"]),
        ("filename*=utf-8''a.txt; filename*0=a.v; filename*1=bs", ["a.txt", "a.vbs"]),
        ("filename*0=a.txt; filename*0=a.vbs", ["a.txt", "a.txta.vbs", "a.vbs"]),
        ("filename*0=a.; filename*1=txt; filename*1=vbs", ["a.txt", "a.txtvbs", "a.vbs"]),
        ("filename*1=a.; filename*2=vbs", ["a.vbs"]),
        ("filename*0=a.txt; filename*5=b.; filename*6=vbs", ["a.txt", "a.txtb.vbs", "b.vbs"]),
        ("filename*0=a.; filename*2=vbs", ["a.", "a.vbs", "vbs"]),
        ("filename*00000=a.vbs", ["a.vbs"]),
        ("filename=a.txt; filename=a.vbs", ["a.txt", "a.vbs"]),
        ("filename*0=a.; filename*1=vbs", ["a.vbs"]),
    ]) func names(_ parameters: String, _ names: [String]) {
        let walked = walk(NameWalkTests.multipart([NameWalkTests.part("Content-Disposition: attachment; " + parameters)]))
        #expect(walked.parts.dropFirst().map(\.name) == names)
        #expect(walked.finding.limits.isEmpty)
    }

    // MARK: Boundaries

    static let script = "Content-Type: a/b; name=a.vbs\r\n\r\nx\r\n"
    static let text = "Content-Type: text/plain\r\n\r\nHello\r\n"

    @Test(arguments: [
        "Content-Type: multipart/mixed; boundary=AAA\r\nContent-Type: multipart/mixed; boundary=BBB",
        "Content-Type: multipart/mixed; boundary=AAA; boundary=BBB", "Content-Type: multipart/mixed; boundary*=''AAA; boundary=BBB",
        "Content-Type: multipart/mixed; boundary=AAA; boundary*1=BB; boundary*2=B",
        "Content-Type: text/plain\r\nContent-Type: multipart/mixed; boundary=BBB",
    ]) func twoBoundaries(_ header: String) {
        let walked = walk("\(header)\r\n\r\n--AAA\r\n\(Self.text)--BBB\r\n\(Self.script)--BBB--\r\n--AAA--\r\n")
        #expect(walked.names.contains("a.vbs"))
        let nested = walk(NameWalkTests.multipart([header + "\r\n\r\n--AAA\r\n\(Self.text)--BBB\r\n\(Self.script)--BBB--\r\n--AAA--\r\n"]))
        #expect(nested.names.contains("a.vbs"))
    }

    @Test(arguments: ["", "preamble\r\n", "--AAA\r\n" + text]) func behindTheEnd(_ before: String) {
        let header = "Content-Type: multipart/mixed; boundary=AAA\r\n\r\n"
        let walked = walk("\(header)\(before)--AAA--\r\nepilogue\r\n--AAA\r\n\(Self.script)--AAA--\r\n")
        #expect(walked.names.contains("a.vbs") && walked.finding.unopened.isEmpty)
        let twice = walk("\(header)\(before)--AAA--\r\n--AAA--\r\n--AAA\r\n\(Self.script)")
        #expect(twice.names.contains("a.vbs"))
        let without = walk("\(header)\(before)--AAA--\r\nepilogue --AAA\r\n\(Self.script)")
        #expect(!without.names.contains("a.vbs"))
    }

    /// What one reader takes apart and another takes as a whole.
    @Test func twoTypes() {
        let body = "\r\n\r\n--AAA\r\n\(Self.text)--AAA--\r\n"
        let walked = walk("Content-Type: multipart/mixed; boundary=AAA\r\nContent-Type: application/zip" + body)
        #expect(walked.finding.unopened == ["multipart/mixed"])
        let long = String(repeating: "z", count: 300)
        let second = walk("Content-Type: multipart/mixed; boundary=AAA; boundary=\(long)" + body)
        #expect(second.finding.unopened == ["multipart/mixed"])
        let many = (0..<9).map { "; boundary=b\($0)" }.joined()
        #expect(walk("Content-Type: multipart/mixed\(many)\r\n\r\n--b0\r\n\(Self.text)--b0--\r\n").finding.limits == ["size"])
    }

    /// Readings within readings are levels, and work that counts.
    @Test func bounded() {
        var message = Self.script
        for level in 0..<60 {
            let (one, two) = ("a\(level)a", "b\(level)b")
            let header = "Content-Type: multipart/mixed; boundary=\(one); boundary=\(two)\r\n\r\n"
            message = "\(header)--\(two)\r\n\(message)--\(one)\r\n\r\nx\r\n"
        }
        let start = ContinuousClock.now
        let walked = walk(message)
        #expect(ContinuousClock.now - start < .seconds(10))
        #expect(walked.finding.limits == ["depth"])
        let closings = String(repeating: "--AAA--\r\n--AAA\r\n\r\nx\r\n", count: 3000)
        #expect(walk("Content-Type: multipart/mixed; boundary=AAA\r\n\r\n" + closings).finding.limits == ["depth"])
    }

    // MARK: Files in texts

    @Test(arguments: ["\u{1}", "GIF89a", "%PDF-1.4", "Rar!\u{1A}\u{7}\0"]) func textThatBeginsOtherwise(_ beginning: String) {
        for header in ["Subject: x", "Content-Type: text/plain; name=a.txt", "Content-Type: text/html"] {
            let walked = walk(header + "\r\n\r\n" + beginning + "\r\n" + NameWalkTests.uuencoded)
            #expect(walked.names.contains("a.exe") && walked.kind("a.exe") == "exe-ms")
        }
        let picture = walk("Content-Type: image/gif\r\n\r\n" + beginning + "\r\n" + NameWalkTests.uuencoded)
        #expect(!picture.names.contains("a.exe"))
    }
}
