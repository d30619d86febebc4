import Dialogue
import Mail
import MailTesting
import SMTP

/// The outside that sessions are tested against. Its domain is virtual.test; names there begin with `u` or are postmaster.
enum Outside {
    static let connection = Connection(
        peerAddress: "192.0.2.1", peerPort: 40_000, localAddress: "192.0.2.2", localPort: 25, isLoopback: false, id: 1)

    static let offer = AuthenticationOffer(
        inTheClear: ["CRAM-MD5"], protected: ["LOGIN", "PLAIN", "DIGEST-MD5", "CRAM-MD5", "SCRAM-SHA-256"], bound: ["SCRAM-SHA-256-PLUS"])

    static func address(_ text: String) -> Address? { try? Address(parsing: text, allowUTF8: true) }

    static func session(for dialog: Dialog) -> ReceivingSession {
        func number(_ name: String, _ otherwise: Int) -> Int { dialog.options[name].flatMap { Int($0) } ?? otherwise }
        var limits = Limits()
        limits.errors = number("errors", limits.errors)
        limits.recipients = number("recipients", limits.recipients)
        limits.refusals = number("refusals", limits.refusals)
        limits.idleCommands = number("idleCommands", limits.idleCommands)
        limits.transactions = number("transactions", limits.transactions)
        limits.commandLine = number("commandLine", limits.commandLine)
        limits.authenticationLine = number("authenticationLine", limits.authenticationLine)
        limits.failedLogins = number("failedLogins", limits.failedLogins)
        limits.discardedLine = number("discardedLine", limits.discardedLine)
        let configuration = Configuration(
            hostname: "mail.example", maximumSize: number("size", 52_428_800),
            extensions: dialog.options["plain"] == nil ? .all : [.pipelining], limits: limits,
            requiresGreeting: dialog.options["requiresGreeting"] != nil, offersTLS: dialog.options["offersTLS"] != nil,
            authentication: dialog.options["offersAUTH"] != nil ? offer : .none,
            role: dialog.options["submission"] != nil ? .submission : .exchange, releaseSeconds: number("releaseSeconds", 0))
        var connection = connection
        if dialog.options["encrypted"] != nil { connection.tls = .plain }
        connection.isLoopback = dialog.options["loopback"] != nil
        // 2026-11-24T10:00:00Z.
        connection.accepted = 1_795_514_400
        return ReceivingSession(configuration: configuration, connection: connection)
    }

    static func world(for dialog: Dialog) -> DialogWorld<Question, Answer> {
        let logins = ScriptedLogins()
        return DialogWorld(
            answer: { question in
                if case .authenticate(let move) = question { return .authentication(logins.answer(move)) }
                return answer(question, scenario: dialog.scenario)
            }, describe: describe)
    }

    static func answer(_ question: Question, scenario: String = "") -> Answer {
        switch question {
        case .sender(.mailbox(let address), _) where address.localPart == "blocked": .refused(Reply(550, "5.7.1", "Not from you"))
        case .sender(.mailbox(let address), _) where address.localPart == "banned": .refused(Reply(421, "4.7.1", "Go away"))
        case .sender, .discardBody, .refused: .accepted
        case .recipient(.postmaster, _): .accepted
        case .recipient(.mailbox(let address), _):
            if address.domain.ascii != "virtual.test" {
                .refused(Reply(554, "5.7.1", "Relay access denied"))
            } else if address.localPart.hasPrefix("u") || address.localPart.hasPrefix("ñ") {
                .accepted
            } else {
                .refused(Reply(550, "5.1.1", "No such user"))
            }
        case .openBody: scenario == "full-disk" ? .refused(Reply(452, "4.3.1", "No space left")) : .accepted
        case .deliver:
            switch scenario {
            case "unwanted": .refused(Reply(550, "5.7.1", "Spam"))
            case "failing": .accepted
            default: .delivered(queueID: "ABC1D1C123")
            }
        case .authenticate: .authentication(.failed(.wrong))
        case .flushQueue(let name):
            .refused(name == "virtual.test" ? Reply(250, "2.0.0", "Queuing started") : Reply(459, "4.7.1", "Node not allowed: \(name)"))
        }
    }

    static func describe(_ question: Question) -> String? {
        switch question {
        case .sender(let path, let parameters): "sender \(text(path))\(text(parameters))"
        case .recipient(let path, let parameters): "recipient \(text(path))\(text(parameters))"
        case .openBody: "open"
        case .deliver(let transaction):
            "deliver \(transaction.transmissionType) from \(transaction.greeting) \(text(transaction.reversePath))"
                + " to \(transaction.recipients.map { text($0.path) }.joined(separator: " ")) size \(transaction.size)"
                + (transaction.login.map { " by \($0)" } ?? "")
        case .discardBody: "discard"
        case .refused(let note): "refused \(note.reply.code) \(note.command): \(note.reason)"
        case .authenticate(let move): ScriptedLogins.describe(move)
        case .flushQueue(let name): "flush \(name)"
        }
    }

    private static func text(_ path: ReversePath) -> String {
        if case .mailbox(let address) = path { "<\(address)>" } else { "<>" }
    }

    private static func text(_ path: ForwardPath) -> String {
        if case .mailbox(let address) = path { "<\(address)>" } else { "<postmaster>" }
    }

    private static func text(_ parameters: MailParameters) -> String {
        var text = ""
        if let size = parameters.size { text += " SIZE=\(size)" }
        if let body = parameters.body { text += body == .sevenBit ? " BODY=7BIT" : " BODY=8BITMIME" }
        if parameters.smtpUTF8 { text += " SMTPUTF8" }
        if let ret = parameters.ret { text += ret == .full ? " RET=FULL" : " RET=HDRS" }
        if let envelopeID = parameters.envelopeID { text += " ENVID=\(envelopeID)" }
        if parameters.requiresTLS { text += " REQUIRETLS" }
        if let submitter = parameters.submitter { text += " AUTH=<\(submitter)>" }
        switch parameters.hold {
        case .forSeconds(let seconds): text += " HOLDFOR=\(seconds)"
        case .until(let seconds): text += " HOLDUNTIL=\(seconds)"
        case nil: break
        }
        return text
    }

    private static func text(_ parameters: RecipientParameters) -> String {
        var text = ""
        if let notify = parameters.notify { text += " NOTIFY=\(notify.rawValue)" }
        if let original = parameters.original { text += " ORCPT=\(original.type);\(original.address)" }
        return text
    }

    struct Heard {
        var said = ""
        var delivered: [Transaction] = []
        var isClosed = false
        var notes: [RefusalNote] = []
    }

    /// Feeds everything, in pieces, and answers questions as `answer` does.
    static func converse(
        _ input: String, cut: Int, endsInput: Bool = true, expires: Bool = false, maximumSize: Int = 52_428_800,
        maximumRecipients: Int = 1_000
    ) -> Heard {
        var limits = Limits()
        limits.recipients = maximumRecipients
        var session = ReceivingSession(
            configuration: Configuration(hostname: "mail.example", maximumSize: maximumSize, limits: limits), connection: connection)
        var heard = Heard()
        func obey(_ step: Step<Question>) -> Answer {
            switch step {
            case .reply(let bytes): heard.said += String(decoding: bytes, as: UTF8.self)
            case .ask(let question):
                if case .deliver(let transaction) = question { heard.delivered.append(transaction) }
                if case .refused(let note) = question { heard.notes.append(note) }
                return answer(question)
            case .close: heard.isClosed = true
            case .body, .startTLS, .needInput: break
            }
            return .accepted
        }
        drive(&session, input, cut: cut, obey)
        if expires { session.expire() }
        if endsInput { session.receiveEnd() }
        pull(&session, obey)
        return heard
    }

    static func drive(_ session: inout ReceivingSession, _ input: String, cut: Int, _ obey: (Step<Question>) -> Answer) {
        pull(&session, obey)
        var rest = Array(input.utf8)[...]
        while !rest.isEmpty {
            let piece = Array(rest.prefix(cut))
            rest = rest.dropFirst(cut)
            session.receive(piece.span)
            pull(&session, obey)
        }
    }

    static func pull(_ session: inout ReceivingSession, _ obey: (Step<Question>) -> Answer) {
        while true {
            let step = session.next()
            let answer = obey(step)
            switch step {
            case .ask: session.resume(answer)
            case .reply, .body: break
            case .startTLS: session.secured(.plain)
            case .needInput, .close: return
            }
        }
    }
}
