import Dialogue
import MailTesting
import POP3
import Testing

struct SessionFuzzTests {
    @Test func maildropSession() throws {
        let seeds =
            try TestFiles.contents(of: "Seeds", beside: #filePath, suffix: ".seed").map(\.bytes)
            + Dialog.all(beside: #filePath).map { $0.blocks.flatMap(\.input) }
        let world = Outside.world(messages: Outside.messages)
        let fuzzer = SessionFuzzer<MaildropSession>(
            seeds: seeds,
            session: { random in
                var limits = Limits()
                limits.read = 1 + random.next(below: 100)
                limits.errors = 1000
                return Outside.session(
                    MaildropSession.Configuration(limits: limits, offersTLS: random.next(below: 4) > 0, authentication: Outside.offer),
                    isLoopback: random.next(below: 4) > 0)
            },
            answer: { question, random in
                switch random.next(below: 30) {
                case 0: .refused(.temporary)
                case 1: .accepted
                case 2: .bytes([])
                case 3: .opened([])
                default: world.answer(question)
                }
            },
            heldBytes: { $0.heldBytes }, maximumHeldBytes: Limits().authenticationLine)
        let result = fuzzer.run()
        #expect(result.complaint == nil)
    }
}
