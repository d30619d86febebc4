import Dialogue
import Testing

@testable import SMTP

@Suite struct SendingGreetingTests {
    static func configuration(_ tls: SendingConfiguration.TLSUse = .whenOffered, login: SendingLogin? = nil) -> SendingConfiguration {
        SendingConfiguration(hostname: "me.example", tls: tls, login: login)
    }
    static let login = SendingLogin(user: "user", password: Secret(Array("pass".utf8)))

    @Test(arguments: cuts) func aServerWithoutEHLOGetsHELO(_ cut: Int) {
        let course = ScriptedServer([("EHLO", "502 5.5.2 What?")]).converse([(.to("a"), "x\r\n")], cut: cut)
        #expect(
            course.lines == ["EHLO me.example", "HELO me.example", "MAIL FROM:<s@me.example>", "RCPT TO:<a@dest.example>", "DATA", "QUIT"])
        #expect(course.outcomes == [[.accepted(Reply(250, "2.0.0", "Queued as 1"), relaysDSN: false)]])
    }

    @Test(arguments: cuts) func whatWasSaidInTheClearIsForgotten(_ cut: Int) {
        // DSN and SIZE are offered before TLS only; what is behind the 220 is an attacker's.
        let server = ScriptedServer([
            ("EHLO", "250-mx\n250-DSN\n250-SIZE 1000\n250 STARTTLS"),
            ("STARTTLS", "220 Go\n250-mx\n250-DSN\n250 SIZE 5"),
            ("EHLO", "250 mx"),
        ])
        let course = server.converse([(.to("a"), "x\r\n")], cut: cut)
        #expect(course.lines[..<4] == ["EHLO me.example", "STARTTLS", "EHLO me.example", "MAIL FROM:<s@me.example>"])
        #expect(course.outcomes == [[.accepted(Reply(250, "2.0.0", "Queued as 1"), relaysDSN: false)]])
    }

    @Test func startTLSThatIsRefusedDoesNotHinder() {
        let server = ScriptedServer([("STARTTLS", "454 4.7.0 Not now")], ehlo: "250-mx\n250 STARTTLS")
        let course = server.converse([(.to("a"), "x\r\n")])
        #expect(course.failure == nil)
        #expect(course.outcomes.count == 1)
        #expect(server.converse(Self.configuration(.never), [(.to("a"), "x\r\n")]).lines[1] == "MAIL FROM:<s@me.example>")
    }

    @Test(arguments: [
        ScriptedServer([("STARTTLS", "454 4.7.0 Not now")], ehlo: "250-mx\n250 STARTTLS"), ScriptedServer(),
        ScriptedServer([("EHLO", "500 no")]),
    ])
    func exceptWhereTLSIsRequired(_ server: ScriptedServer) {
        let course = server.converse(Self.configuration(.required), [(.to("a"), "x\r\n")])
        #expect(course.failure?.kind == .tlsUnavailable)
        #expect(course.failure?.stage == .startTLS)
        #expect(course.failure?.tlsResult == "starttls-not-supported")
        #expect(course.outcomes.isEmpty && course.isClosed)
    }

    @Test func implicitTLSAsksForNoSTARTTLS() {
        let course = ScriptedServer(ehlo: "250-mx\n250 STARTTLS").converse(Self.configuration(.implicit), [(.to("a"), "x\r\n")])
        #expect(course.lines[1] == "MAIL FROM:<s@me.example>")
    }

    // MARK: AUTH

    @Test func plainIsPreferred() {
        let server = ScriptedServer([("AUTH PLAIN", "235 2.7.0 Yes")], ehlo: "250-mx\n250 AUTH LOGIN PLAIN")
        let course = server.converse(Self.configuration(.implicit, login: Self.login))
        #expect(course.lines == ["EHLO me.example", "AUTH PLAIN AHVzZXIAcGFzcw==", "QUIT"])
    }

    @Test func loginWhereThereIsNothingElse() {
        let server = ScriptedServer(
            [("AUTH LOGIN", "334 VXNlcm5hbWU6"), ("dXNlcg==", "334 UGFzc3dvcmQ6"), ("cGFzcw==", "235 2.7.0 Yes")],
            ehlo: "250-mx\n250 AUTH=LOGIN")
        let course = server.converse(Self.configuration(.implicit, login: Self.login))
        #expect(course.lines == ["EHLO me.example", "AUTH LOGIN", "dXNlcg==", "cGFzcw==", "QUIT"])
    }

    @Test func aLongPasswordIsSentByItself() {
        let login = SendingLogin(user: "user", password: Secret([UInt8](repeating: 0x61, count: 500)))
        let server = ScriptedServer(
            [("AUTH PLAIN", "334 "), ("AHVzZXIA", "235 2.7.0 Yes")], ehlo: "250-mx\n250 AUTH PLAIN")
        let course = server.converse(Self.configuration(.implicit, login: login))
        #expect(course.lines[1] == "AUTH PLAIN")
        #expect(course.failure == nil && course.lines.count == 4)
    }

    @Test func thePasswordIsNotSentInTheClear() {
        let server = ScriptedServer([("AUTH PLAIN", "235 2.7.0 Yes")], ehlo: "250-mx\n250 AUTH LOGIN PLAIN")
        let course = server.converse(Self.configuration(login: Self.login))
        #expect(course.failure?.kind == .tlsUnavailable)
        #expect(!course.lines.contains { $0.hasPrefix("AUTH") })
        #expect(server.converse(Self.configuration(login: Self.login), isLoopback: true).failure == nil)
    }

    @Test func aLoginThatFailsIsTheServersWord() {
        let server = ScriptedServer([("AUTH PLAIN", "535 5.7.8 No")], ehlo: "250-mx\n250 AUTH PLAIN")
        let course = server.converse(Self.configuration(.implicit, login: Self.login), [(.to("a"), "")])
        #expect(course.failure == SendingFailure(.refused(Reply(535, "5.7.8", "No")), .authentication, "535 5.7.8 No"))
        #expect(course.failure?.detail.contains("pass") == false)
        let none = ScriptedServer().converse(Self.configuration(.implicit, login: Self.login))
        #expect(none.failure?.stage == .authentication)
        // 334 for ever.
        let loop = ScriptedServer([("AUTH*", "334 more")], ehlo: "250-mx\n250 AUTH PLAIN")
        #expect(loop.converse(Self.configuration(.implicit, login: Self.login)).isClosed)
    }

    // MARK: What goes wrong

    @Test(arguments: [
        ("554 5.7.1 You are listed", "554", SendingStage.banner), ("421 4.3.2 Busy", "421", .banner), ("450 wait", "450", .banner),
    ])
    func aServerThatDoesNotServe(_ banner: String, _ code: String, _ stage: SendingStage) {
        let course = ScriptedServer(banner: banner).converse([(.to("a"), "x")])
        #expect(course.failure?.stage == stage)
        guard case .refused(let reply) = course.failure?.kind else {
            Issue.record("\(course)")
            return
        }
        #expect("\(reply.code)" == code)
        // RFC 5321 §3.1: QUIT, unless the server has said that it goes.
        #expect(course.lines == (code == "421" ? [] : ["QUIT"]))
    }

    @Test(
        arguments: [
            ("hello", 1), ("220mx", 1), ("99 x", 1), ("320 x", 1), ("220-a\n221 b", 1), ("220-a\nrubbish", 1), ("\u{0}\u{1}\u{2}", 1),
            ("220 mx\n220 mx again", 1), ("x", 10_000_000), ("220 x", 100_000), ("220-x\n", 1_000_000),
        ], [Int.max, 1_000])
    func garbage(_ banner: (String, Int), _ cut: Int) {
        let text = String(repeating: banner.0, count: banner.1)
        let course = ScriptedServer(banner: text).converse([(.to("a"), "x")], cut: cut)
        #expect(course.failure?.kind == .garbage)
        #expect(course.isClosed)
        #expect(course.mostHeld <= 65_536 + 4_096)
        #expect((course.failure?.detail.utf8.count ?? 0) < 1_000)
    }

    @Test(arguments: cuts) func longAnswersAreRead(_ cut: Int) {
        let ehlo = "250-mx\n" + (0..<200).map { "250-X\($0)" }.joined(separator: "\n") + "\n250 SIZE 5"
        let course = ScriptedServer(ehlo: ehlo).converse([(.to("a", size: 6), "x")], cut: cut)
        #expect(course.outcomes == [[.unable(Reply(552, "5.3.4", "The message has 6 octets, the server takes 5"))]])
    }

    @Test func silenceAndEnds() {
        #expect(ScriptedServer(banner: "").converse([]).failure?.kind == .garbage)
        #expect(ScriptedServer(banner: nil).converse([]).failure == SendingFailure(.closed, .banner, "the server closed the connection"))
        let closing = ScriptedServer([("EHLO", nil)]).converse([])
        #expect(closing.failure == SendingFailure(.closed, .greeting, "the server closed the connection"))
        var mute = ScriptedServer()
        mute.answers = []
        #expect(mute.converse([]).failure?.kind == .timedOut)
    }
}
