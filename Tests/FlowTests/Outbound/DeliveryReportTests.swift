import Mail
import SMTP
import Testing

@testable import Flow

@Suite struct DeliveryReportTests {
    private func report(
        to sender: String, on recipient: String, original: DeliveryReport.Original = .headers(Array("Subject: hola\r\n".utf8)),
        originalType: String? = nil, originalAddress: String? = nil, languages: [String] = ["es"], isInternational: Bool = true
    ) -> String {
        let report = DeliveryReport(
            hostname: "mail.virtual.test", queueID: "Q", reportID: "R", sender: sender, envelopeID: "id 1", arrival: 0, now: 60,
            languages: languages,
            recipients: [
                .init(
                    address: recipient, originalType: originalType, originalAddress: originalAddress, action: .failed, status: "5.1.1",
                    host: "mx.b.test", reply: .init(550, "5.1.1", "No hay tal señora"))
            ], original: original, isInternational: isInternational)
        return String(decoding: report.bytes { "\($0):\($1)" + $2.map { " \($0.1)" }.joined() }, as: UTF8.self)
    }

    /// RFC 6533 §3, §4: who has an ASCII address gets a report that any host can take, whatever it reports on.
    @Test func everyHostCanTakeIt() {
        let text = report(
            to: "yo@virtual.test", on: "señora@b.test", original: .full(Array("Subject: ñ\r\n\r\nñ\r\n".utf8)), originalType: "utf-8",
            originalAddress: "doña@b.test")
        #expect(text.utf8.allSatisfy { $0 < 0x80 }, "\(text)")
        #expect(text.contains("Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mail.virtual.test\r\n"))
        #expect(text.contains("\r\nOriginal-Envelope-Id: id 1\r\n"))
        #expect(text.contains("\r\nOriginal-Recipient: utf-8; do\\x{F1}a@b.test\r\nFinal-Recipient: utf-8; se\\x{F1}ora@b.test\r\n"))
        #expect(text.contains("\r\nDiagnostic-Code: smtp; 550 5.1.1 No hay tal se?ora\r\n"))
        #expect(text.contains("Content-Type: message/global\r\nContent-Transfer-Encoding: base64\r\n\r\nU3ViamVjdDogw7ENCg0Kw7ENCg==\r\n"))
        #expect(!text.contains("8bit"))
    }

    @Test func aSenderInUTF8GetsUTF8() {
        let text = report(to: "doña@b.test", on: "señora@b.test", original: .headers(Array("Subject: ñ\r\n".utf8)))
        for part in [
            "To: <doña@b.test>\r\n", "\r\nContent-Transfer-Encoding: 8bit\r\n\r\n--=_R\r\n",
            "Content-Type: message/global-delivery-status\r\nContent-Transfer-Encoding: 8bit\r\n\r\nReporting-MTA",
            "Final-Recipient: utf-8; señora@b.test\r\n", "smtp; 550 5.1.1 No hay tal señora\r\n",
            "Content-Type: message/global-headers\r\nContent-Transfer-Encoding: 8bit\r\n\r\nSubject: ñ\r\n",
        ] { #expect(text.contains(part), "\(part)\n\(text)") }
    }

    /// RFC 2046 §5.2.1: what is no internationalized message is given back as it is.
    @Test func eightBitsThatWereAlwaysThere() {
        let text = report(
            to: "yo@virtual.test", on: "a@b.test", original: .full(Array("Subject: x\r\n\r\nñ\r\n".utf8)), isInternational: false)
        #expect(text.contains("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\nSubject: x\r\n\r\nñ\r\n"))
        #expect(text.contains("\tboundary=\"=_R\"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n--=_R\r\n"))
    }

    @Test func inTwoLanguages() {
        let text = report(to: "yo@virtual.test", on: "a@b.test", languages: ["es", "en"])
        #expect(text.contains("Content-Language: es, en\r\n") && text.contains("Subject: es:report.subject.failed\r\n"))
        let first = text.firstRange(of: "es:report.opening mail.virtual.test"), second = text.firstRange(of: "en:report.opening mail")
        #expect(first.flatMap { first in second.map { first.lowerBound < $0.lowerBound } } == true)
        #expect(text.components("      550 5.1.1 No hay tal se=C3=B1ora\r\n") == 2, "\(text)")
    }

    /// Every line ends in CRLF, and none is longer than a line may be, whatever others said.
    @Test func linesStayLines() {
        let text = report(
            to: "yo@virtual.test", on: "a@b.test\r\nX: y", originalType: "rfc822", originalAddress: String(repeating: "a", count: 5_000))
        #expect(!text.replacing("\r\n", with: "").contains("\n") && !text.replacing("\r\n", with: "").contains("\r"))
        #expect(text.split(separator: "\r\n").allSatisfy { $0.utf8.count <= 998 })
        #expect(!text.contains("\r\nX: y"))
    }
}

extension String {
    fileprivate func components(_ part: String) -> Int { ranges(of: part).count }
}
