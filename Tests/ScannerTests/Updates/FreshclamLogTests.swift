import Testing

@testable import Scanner

@Suite struct FreshclamLogTests {
    @Test func transfersThatBreakOff() {
        let log = FreshclamLog(
            "WARNING: Download failed (28) WARNING:  Message: Timeout was reached\nERROR: Update failed for database: daily\n")
        #expect(log.curlCode == 28 && log.curlWords == "Timeout was reached" && !log.isAbsent)
        let lines = FreshclamLog("ERROR: remote_cvdhead: Download failed (7) ERROR:  Message: Couldn't connect to server\n")
        #expect(lines.curlCode == 7 && lines.curlWords == "Couldn't connect to server")
    }

    /// What comes last counts.
    @Test func severalInARow() {
        let log = FreshclamLog(
            """
            WARNING: Download failed (28) WARNING:  Message: Timeout was reached
            WARNING: remote_cvdhead: file not found: https://a.example/daily.cvd
            """)
        #expect(log.isAbsent && log.curlCode == nil && log.curlWords.isEmpty)
        #expect(FreshclamLog("WARNING: remote_cvdhead: Unexpected response (500) from https://a.example\n").status == 500)
        let refused = FreshclamLog("WARNING: FreshClam received error code 429 from the ClamAV Content Delivery Network (CDN).\n")
        #expect(refused.hasTooManyRequests)
    }

    @Test func complaintsHoldNoSecrets() {
        let log = FreshclamLog("ERROR: Can't get http://anna:secret@a.example/x.hdb now\u{1B}[2J\n")
        #expect(log.complaint == "Can't get http://a.example/x.hdb now[2J")
        #expect(FreshclamLog("ERROR: " + String(repeating: "x", count: 5_000)).complaint.count == 200)
    }
}
