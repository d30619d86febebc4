import Testing

@testable import Flow

@Suite struct ReportLanguageTests {
    @Test(arguments: [
        ("es", "es"), ("es-ES, en;q=0.8", "es"), ("en;q=0.3, es-MX;q=0.7", "es"), ("fr, en;q=0.5", "en"), ("fr, de", nil), ("", nil),
        ("es;q=0, en", "en"), ("EN-us", "en"), ("est, en;q=0.1", "en"), ("*", nil), ("es;q=1.0, en;q=1.000", "es"),
        ("es;q=x, en;q=0.1", "en"),
        ("es ; q=0.9 ,en", "en"), (",,;,es", "es"), ("es;q=9", nil),
    ])
    func theBestOfAList(_ list: String, _ language: String?) { #expect(ReportLanguage.preferred(list) == language) }

    @Test(arguments: [
        ("Subject: x\r\nContent-Language: es\r\n\r\nAccept-Language: en\r\n", "es"),
        ("Content-Language: es\r\nAccept-Language: en-US\r\n\r\n", "en"),
        ("Accept-Language: fr\r\nContent-Language: fr,\r\n es\r\n\r\n", "es"),
        ("Subject: x\r\n\r\n", nil), ("", nil),
    ])
    func theHeader(_ message: String, _ language: String?) { #expect(ReportLanguage.named(in: Array(message.utf8)) == language) }
}
