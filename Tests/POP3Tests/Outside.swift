import Dialogue
import Mail
import MailTesting
import POP3

/// The outside that sessions are tested against: a maildrop of scripted messages for anyone whose password is not `wrong`.
enum Outside {
    static let messages: [[UInt8]] = [
        Array("Subject: one\r\n\r\nfirst\r\n.\r\n..dots\r\nlast\r\n".utf8), Array("Subject: two\n\nno CRLF".utf8),
        Array("only a header: x\r\n".utf8),
    ]

    static let offer = AuthenticationOffer(
        inTheClear: ["CRAM-MD5"], protected: ["PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"], bound: ["SCRAM-SHA-256-PLUS"])

    static func session(_ configuration: MaildropSession.Configuration, isLoopback: Bool) -> MaildropSession {
        MaildropSession(
            configuration: configuration,
            connection: Connection(
                peerAddress: "127.0.0.1", peerPort: 40_000, localAddress: "127.0.0.1", localPort: 110, isLoopback: isLoopback, id: 1))
    }

    static func session(for dialog: Dialog) -> MaildropSession {
        var limits = Limits()
        if let errors = dialog.options["errors"].flatMap({ Int($0) }) { limits.errors = errors }
        if let read = dialog.options["read"].flatMap({ Int($0) }) { limits.read = read }
        if let line = dialog.options["commandLine"].flatMap({ Int($0) }) { limits.commandLine = line }
        if let line = dialog.options["authenticationLine"].flatMap({ Int($0) }) { limits.authenticationLine = line }
        if let logins = dialog.options["failedLogins"].flatMap({ Int($0) }) { limits.failedLogins = logins }
        let configuration = MaildropSession.Configuration(
            limits: limits, offersTLS: dialog.options["offersTLS"] != nil,
            authentication: dialog.options["offersAUTH"] != nil ? offer : .none)
        return session(configuration, isLoopback: dialog.options["remote"] == nil)
    }

    static func world(for dialog: Dialog) -> DialogWorld<Question, Answer> {
        var world = world(messages: dialog.scenario == "empty" ? [] : messages)
        let plain = world.answer
        let scenario = dialog.scenario
        world.answer = { question in
            switch (scenario, question) {
            case ("in-use", .open), ("in-use", .enter): .refused(.inUse)
            case ("unreadable", .read): .refused(.temporary)
            case ("torn", .read(_, let range)) where range.lowerBound > 0: .refused(.permanent)
            case ("short", .read(_, let range)) where range.lowerBound > 0: .bytes([])
            case ("read-only", .update): .refused(.temporary)
            case ("confused", .open): .accepted
            case (_, _): plain(question)
            }
        }
        return world
    }

    static func world(messages: [[UInt8]], onRead: @escaping (Range<Int>) -> Void = { _ in }) -> DialogWorld<Question, Answer> {
        let logins = ScriptedLogins()
        let opened = messages.enumerated().map { place, message in
            MaildropMessage(
                uid: UID(10 + place), uniqueID: "uid-\(10 + place)", body: BodyReference(id: Int64(place), length: message.count))
        }
        return DialogWorld(
            answer: { question in
                switch question {
                case .open(_, let password):
                    if password.bytes == Array("wrong".utf8) { return .refused(.authentication) }
                    return .opened(opened)
                case .enter: return .opened(opened)
                case .read(let body, let range):
                    onRead(range)
                    return .bytes(Array(messages[Int(body.id)][range]))
                case .authenticate(let move): return .authentication(logins.answer(move))
                case .update, .release: return .accepted
                }
            },
            describe: { question in
                switch question {
                case .open(let user, let password): "open \(user) \(String(decoding: password.bytes, as: UTF8.self))"
                case .authenticate(let move): ScriptedLogins.describe(move)
                case .enter(let login): "enter \(login)"
                case .read(let body, let range): "read \(body.id) \(range)"
                case .update(let deleted): "update \(deleted)"
                case .release: "release"
                }
            })
    }

    static func converse(
        _ input: String, messages: [[UInt8]], limits: Limits = Limits(), onRead: @escaping (Range<Int>) -> Void = { _ in }
    ) -> String {
        var session = session(MaildropSession.Configuration(limits: limits), isLoopback: true)
        var heard: [UInt8] = []
        drive(&session, input, world: world(messages: messages, onRead: onRead)) { heard += $0 }
        return String(decoding: heard, as: UTF8.self)
    }

    static func drive(_ session: inout MaildropSession, _ input: String, world: DialogWorld<Question, Answer>, _ hear: ([UInt8]) -> Void) {
        let bytes = Array(input.utf8)
        session.receive(bytes.span)
        while true {
            switch session.next() {
            case .reply(let bytes): hear(bytes)
            case .ask(let question): session.resume(world.answer(question))
            case .startTLS, .body: break
            case .needInput, .close: return
            }
        }
    }
}
