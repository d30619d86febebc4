import Testing

@testable import DNS

@Suite struct OptionsTests {
    @Test func settingsAreCut() {
        let options = Options(
            forwarders: " 192.0.2.1, 2001:db8::1@5353 ,", trustAnchors: "a. DS 1 13 2 00 ; b. DS 2 13 2 00",
            localNames: "_mta-sts.example. TXT \"v=STSv1; id=1;\";mx.example. A 192.0.2.1")
        #expect(options.forwarders == ["192.0.2.1", "2001:db8::1@5353"])
        #expect(options.trustAnchors == ["a. DS 1 13 2 00", "b. DS 2 13 2 00"])
        #expect(options.localNames == ["_mta-sts.example. TXT \"v=STSv1; id=1;\"", "mx.example. A 192.0.2.1"])
        #expect(Options(forwarders: "", trustAnchors: " ", localNames: ";") == Options())
    }

    @Test(arguments: ["resolver.example", "192.0.2.1@0", "192.0.2.1@65536", "192.0.2.1@", "192.0.2.1@53@53", "192.0.2", ""])
    func badForwarders(_ text: String) {
        var options = Options()
        options.forwarders = [text]
        #expect(throws: OptionsFailure.badForwarder(text)) { try UnboundResolver(options) }
    }

    @Test func loopbackForwarders() {
        #expect(ForwarderAddress("127.0.0.53@5353")?.isLoopback == true)
        #expect(ForwarderAddress("::1")?.isLoopback == true)
        #expect(ForwarderAddress("192.0.2.1")?.isLoopback == false)
        #expect(ForwarderAddress("::2@1")?.isLoopback == false)
    }

    @Test(arguments: ["", "example.", "example. A 192.0.2.1", "example. DS x y z", "no records at all"])
    func badTrustAnchors(_ text: String) {
        var options = Options()
        options.trustAnchors = [text]
        #expect(throws: OptionsFailure.badTrustAnchor(text)) { try UnboundResolver(options) }
    }

    @Test(arguments: ["", "example.", "example. A 192.0.2.256", "example. transparent", "example. BAD data"])
    func badLocalNames(_ text: String) {
        var options = Options()
        options.localNames = ["a.example. A 192.0.2.1", text]
        #expect(throws: OptionsFailure.badLocalName(text)) { try UnboundResolver(options) }
    }

    @Test func aMissingFileOfTrustAnchors() {
        var options = Options()
        options.trustAnchorFile = "/nonexistent"
        #expect(throws: OptionsFailure.unreadableTrustAnchors("/nonexistent")) { try UnboundResolver(options) }
    }
}
