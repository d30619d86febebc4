/// The verbs that the session knows, whether or not it performs them.
enum Verb: Sendable {
    case helo, ehlo, mail, rcpt, data, bdat, rset, noop, quit, vrfy, expn, help, etrn, startTLS, auth
    /// Known from RFC 821 and later, not performed: 502.
    case turn, send, soml, saml, atrn
    /// Another protocol's: a browser was made to speak to us.
    case foreign
}

/// Where a session stands when a command comes.
struct Phase: OptionSet {
    let rawValue: UInt8

    /// Neither EHLO nor HELO has come.
    static let start = Phase(rawValue: 1)
    /// Greeted, no transaction.
    static let idle = Phase(rawValue: 2)
    /// MAIL was accepted.
    static let envelope = Phase(rawValue: 4)
    /// The first BDAT was accepted, the last has not come.
    static let chunks = Phase(rawValue: 8)

    static let any: Phase = [.start, .idle, .envelope, .chunks]
}

/// One row for each verb: may it come now, and what does it cost.
struct CommandRow: Sendable {
    enum Encryption: Sendable { case any, plainOnly }
    enum Argument: Sendable { case none, optional, required }

    let name: String
    let verb: Verb
    /// Elsewhere it is answered 503 5.5.1.
    let phases: Phase
    let encryption: Encryption
    let argument: Argument
    /// Counts against `Limits.idleCommands`.
    let isIdle: Bool
    /// The name in capitals as a number: up to eight ASCII letters.
    let key: UInt64

    init(_ name: StaticString, _ verb: Verb, _ phases: Phase, _ argument: Argument, isIdle: Bool = false, encryption: Encryption = .any) {
        self.name = "\(name)"
        self.verb = verb
        self.phases = phases
        self.argument = argument
        self.isIdle = isIdle
        self.encryption = encryption
        key = CommandTable.key(self.name.utf8[...]) ?? 0
    }
}

enum CommandTable {
    static let rows: [CommandRow] = [
        CommandRow("MAIL", .mail, [.start, .idle], .required),
        CommandRow("RCPT", .rcpt, .envelope, .required),
        CommandRow("DATA", .data, .envelope, .none),
        CommandRow("BDAT", .bdat, .any, .required),
        CommandRow("EHLO", .ehlo, .any, .required, isIdle: true),
        CommandRow("HELO", .helo, .any, .required, isIdle: true),
        CommandRow("RSET", .rset, .any, .none, isIdle: true),
        CommandRow("NOOP", .noop, .any, .optional, isIdle: true),
        CommandRow("QUIT", .quit, .any, .none),
        CommandRow("VRFY", .vrfy, .any, .required, isIdle: true),
        CommandRow("EXPN", .expn, .any, .required, isIdle: true),
        CommandRow("HELP", .help, .any, .optional, isIdle: true),
        CommandRow("ETRN", .etrn, [.start, .idle], .required, isIdle: true),
        // RFC 3207 §4: it may come within a transaction, which is then forgotten.
        CommandRow("STARTTLS", .startTLS, [.start, .idle, .envelope], .none, encryption: .plainOnly),
        // RFC 4954 §4: not within a transaction. Before EHLO the client cannot know of it.
        CommandRow("AUTH", .auth, .idle, .required, isIdle: true),
        CommandRow("TURN", .turn, .any, .optional),
        CommandRow("ATRN", .atrn, .any, .optional),
        CommandRow("SEND", .send, .any, .optional),
        CommandRow("SOML", .soml, .any, .optional),
        CommandRow("SAML", .saml, .any, .optional),
        CommandRow("GET", .foreign, .any, .optional),
        CommandRow("POST", .foreign, .any, .optional),
        CommandRow("PUT", .foreign, .any, .optional),
        CommandRow("HEAD", .foreign, .any, .optional),
        CommandRow("OPTIONS", .foreign, .any, .optional),
        CommandRow("CONNECT", .foreign, .any, .optional),
    ]

    /// A verb of at most eight letters as a number, letters in capitals; nil for anything else.
    static func key(_ verb: some Collection<UInt8>) -> UInt64? {
        guard !verb.isEmpty, verb.count <= 8 else { return nil }
        var key: UInt64 = 0
        for byte in verb {
            let letter = byte & 0xDF
            guard letter >= UInt8(ascii: "A"), letter <= UInt8(ascii: "Z") else { return nil }
            key = key << 8 | UInt64(letter)
        }
        return key
    }

    static func row(_ verb: some Collection<UInt8>) -> CommandRow? {
        guard let key = key(verb) else { return nil }
        return rows.first { $0.key == key }
    }
}
