import Dialogue
import MailTesting
import SMTP
import Testing

struct SessionFuzzTests {
    @Test func receivingSession() throws {
        let seeds =
            try TestFiles.contents(of: "Seeds", beside: #filePath, suffix: ".seed").map(\.bytes)
            + Dialog.all(beside: #filePath).map { $0.blocks.flatMap(\.input) }
        var limits = Limits()
        limits.recipients = 20
        limits.errors = 1000
        limits.idleCommands = 1000
        let configurations = [
            Configuration(hostname: "mail.example"), Configuration(hostname: "mail.example", maximumSize: 300, limits: limits),
            Configuration(hostname: "mail.example", extensions: [], requiresGreeting: true),
            Configuration(
                hostname: "mail.example", limits: limits, offersTLS: true, authentication: Outside.offer, role: .submission,
                releaseSeconds: 3600),
        ]
        let logins = ScriptedLogins()
        let fuzzer = SessionFuzzer<ReceivingSession>(
            seeds: seeds,
            session: { random in
                var connection = Outside.connection
                connection.isLoopback = random.next(below: 2) == 0
                connection.accepted = random.next(below: 2) == 0 ? 0 : 1_795_514_400
                return ReceivingSession(configuration: configurations[random.next(below: configurations.count)], connection: connection)
            },
            answer: { question, random in
                if case .authenticate(let move) = question, random.next(below: 10) > 0 { return .authentication(logins.answer(move)) }
                return switch random.next(below: 20) {
                case 0: .refused(Reply(450, "4.2.0", "No"))
                case 1: .refused(Reply(550, "5.2.0", "Never"))
                case 2: .refused(Reply(421, "4.2.0", "Go"))
                case 3: .accepted
                case 4: .delivered(queueID: "q")
                case 5...12: Outside.answer(question)
                default: if case .deliver = question { .delivered(queueID: "q") } else { .accepted }
                }
            },
            heldBytes: { $0.heldBytes }, maximumHeldBytes: limits.authenticationLine)
        let result = fuzzer.run()
        #expect(result.complaint == nil)
    }
}
