import Dialogue
import Testing

@testable import SMTP

/// Whatever a server says: no trap, bounded memory, one outcome for each recipient, and an end.
@Suite struct SendingFuzzTests {
    private static let words = [
        "250 Ok\r\n", "250-x\r\n", "250 PIPELINING\r\n", "250-STARTTLS\r\n", "220 hi\r\n", "354 go\r\n", "421 bye\r\n",
        "450 4.2.0 later\r\n",
        "550 5.1.1 no\r\n", "552 x\r\n", "334 \r\n", "235 in\r\n", "250-AUTH PLAIN LOGIN\r\n250 SIZE 5\r\n", "2", "25", "\r", "\n", "\0",
        "250",
        "999 x\r\n", "xyz\r\n", "250 2.1.0 \r\n", "250-DSN\r\n250-SMTPUTF8\r\n250 8BITMIME\r\n", "554-5.7.1 a\r\n554 5.7.1 b\r\n",
    ]

    @Test(arguments: 0..<20) func anything(_ seed: Int) {
        var random = Mixer(state: UInt64(seed) &* 7_919 &+ 1)
        var finished = 0
        for _ in 0..<2_000 {
            var configuration = SendingConfiguration(
                hostname: "me.example", tls: [.never, .whenOffered, .required, .implicit].randomElement(using: &random) ?? .never)
            if Bool.random(using: &random) { configuration.login = SendingLogin(user: "u", password: Secret([1, 2])) }
            configuration.limits.replyLine = 64
            configuration.limits.replyLines = 8
            var session = SendingSession(configuration, isLoopback: Bool.random(using: &random))
            let facts = TLSFacts(version: "TLSv1.3", cipher: "x", bits: 128)
            var begun: Int?
            var messages = 0
            var isOver = false
            for step in 0..<500 {
                switch session.next() {
                case .send(let bytes): #expect(!bytes.isEmpty)
                case .needInput:
                    switch Int.random(in: 0..<40, using: &random) {
                    case 0: session.receiveEnd()
                    case 1: session.expire()
                    default:
                        var bytes: [UInt8] = []
                        // Mostly what leads on, so that the later stages are reached.
                        let isKind = Int.random(in: 0..<3, using: &random) > 0
                        for _ in 0..<(isKind ? 1 : Int.random(in: 1...4, using: &random)) {
                            let words = isKind ? Self.words.prefix(6).dropFirst(0) : Self.words[...]
                            bytes += Array((words.randomElement(using: &random) ?? "").utf8)
                        }
                        session.receive(bytes.span)
                        #expect(session.heldBytes <= 64 * 8 + 64 + 512)
                    }
                case .startTLS: session.secured(facts, isVerified: Bool.random(using: &random))
                case .content: session.supply(Int.random(in: 0..<3, using: &random) == 0 ? [] : Array(".a\r\n.".utf8))
                case .ready:
                    #expect(begun == nil)
                    guard messages < 3 else {
                        session.quit()
                        continue
                    }
                    messages += 1
                    begun = Int.random(in: 0...3, using: &random)
                    session.begin(
                        OutgoingMessage(
                            sender: "s@x", recipients: (0..<(begun ?? 0)).map { .init(address: "r\($0)@x") },
                            size: Int.random(in: 0...9, using: &random)))
                case .finished(let outcomes):
                    #expect(outcomes.count == begun)
                    begun = nil
                    finished += 1
                case .failed: #expect(begun == nil)
                case .close:
                    isOver = true
                    #expect(begun == nil)
                    #expect(session.next() == .close)
                }
                if isOver { break }
                if step > 400 { session.receiveEnd() }
            }
            #expect(isOver)
        }
        #expect(finished > 100)
    }
}

private struct Mixer: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return (state ^ state >> 31) &* 0x9E37_79B9_7F4A_7C15
    }
}
