import Dialogue
import Mail

/// A command that was understood.
enum Command: Sendable {
    case capability, noop, logout, startTLS
    case id
    case login(user: [UInt8], password: Secret)
    case authenticate(mechanism: String, initial: Secret?)
    case enable([String])
    case select(MailboxName, readOnly: Bool)
    case create(MailboxName)
    case delete(MailboxName)
    case rename(from: MailboxName, to: MailboxName)
    case subscribe(MailboxName, Bool)
    case list(ListArguments)
    case status(MailboxName, [StatusItem])
    case namespace
    case idle
    case check, close, unselect
    case expunge(SequenceSet?)
    case search(SearchArguments)
    case fetch(FetchArguments)
    case store(StoreArguments)
    case copy(SequenceSet, isUID: Bool, to: MailboxName, isMove: Bool)
}

/// When a command may come.
struct AccessStates: OptionSet, Sendable {
    let rawValue: UInt8
    static let notAuthenticated = AccessStates(rawValue: 1)
    static let authenticated = AccessStates(rawValue: 2)
    static let selected = AccessStates(rawValue: 4)

    static let any: AccessStates = [.notAuthenticated, .authenticated, .selected]
    static let loggedIn: AccessStates = [.authenticated, .selected]
}

/// One row of the command table: RFC 3501 §6 sorts its commands by state; §7.4.1 says during which no EXPUNGE may be sent.
struct CommandRule: Sendable {
    let states: AccessStates
    /// Whether expunged messages may be told before the tagged reply.
    let mayTellExpunges: Bool
    let parse: @Sendable (inout CommandReader, Limits) throws(CommandError) -> Command
}

extension CommandRule {
    static func named(_ name: String) -> CommandRule? { table[name] }

    private static func plain(_ states: AccessStates, _ command: Command) -> CommandRule {
        CommandRule(states: states, mayTellExpunges: true) { reader, _ throws(CommandError) in
            try reader.end()
            return command
        }
    }

    private static func rule(
        _ states: AccessStates, mayTellExpunges: Bool = true,
        _ parse: @escaping @Sendable (inout CommandReader, Limits) throws(CommandError) -> Command
    ) -> CommandRule {
        CommandRule(states: states, mayTellExpunges: mayTellExpunges, parse: parse)
    }

    private static func mailbox(_ make: @escaping @Sendable (MailboxName) throws(CommandError) -> Command) -> CommandRule {
        rule(.loggedIn) { reader, _ throws(CommandError) in
            try reader.space()
            let name = try reader.mailbox()
            try reader.end()
            return try make(name)
        }
    }

    private static let table: [String: CommandRule] = [
        "CAPABILITY": plain(.any, .capability),
        "NOOP": plain(.any, .noop),
        "LOGOUT": plain(.any, .logout),
        "ID": rule(.any) { reader, _ throws(CommandError) in try reader.id() },
        "STARTTLS": plain(.notAuthenticated, .startTLS),
        "LOGIN": rule(.notAuthenticated) { reader, _ throws(CommandError) in try reader.login() },
        "AUTHENTICATE": rule(.notAuthenticated) { reader, _ throws(CommandError) in try reader.authenticate() },
        "ENABLE": rule(.loggedIn) { reader, _ throws(CommandError) in try reader.enable() },
        "SELECT": mailbox { name throws(CommandError) in .select(name, readOnly: false) },
        "EXAMINE": mailbox { name throws(CommandError) in .select(name, readOnly: true) },
        "CREATE": rule(.loggedIn) { reader, _ throws(CommandError) in try reader.create() },
        "DELETE": mailbox { name throws(CommandError) in .delete(name) },
        "RENAME": rule(.loggedIn) { reader, _ throws(CommandError) in try reader.rename() },
        "SUBSCRIBE": mailbox { name throws(CommandError) in .subscribe(name, true) },
        "UNSUBSCRIBE": mailbox { name throws(CommandError) in .subscribe(name, false) },
        "LIST": rule(.loggedIn) { reader, _ throws(CommandError) in .list(try reader.list()) },
        "LSUB": rule(.loggedIn) { reader, _ throws(CommandError) in .list(try reader.lsub()) },
        "STATUS": rule(.loggedIn) { reader, _ throws(CommandError) in try reader.status() },
        "NAMESPACE": plain(.loggedIn, .namespace),
        "IDLE": plain(.loggedIn, .idle),
        "CHECK": plain(.selected, .check),
        "CLOSE": plain(.selected, .close),
        "UNSELECT": plain(.selected, .unselect),
        "EXPUNGE": plain(.selected, .expunge(nil)),
        // RFC 3501 §7.4.1: no EXPUNGE during FETCH, STORE and SEARCH; their UID forms are other commands.
        "SEARCH": rule(.selected, mayTellExpunges: false) { reader, limits throws(CommandError) in
            .search(try reader.search(isUID: false, limits: limits))
        },
        "FETCH": rule(.selected, mayTellExpunges: false) { reader, limits throws(CommandError) in
            .fetch(try reader.fetch(isUID: false, limits: limits))
        },
        "STORE": rule(.selected, mayTellExpunges: false) { reader, _ throws(CommandError) in
            .store(try reader.store(isUID: false))
        },
        "COPY": rule(.selected) { reader, _ throws(CommandError) in try reader.copy(isUID: false, isMove: false) },
        "MOVE": rule(.selected) { reader, _ throws(CommandError) in try reader.copy(isUID: false, isMove: true) },
        "UID SEARCH": rule(.selected) { reader, limits throws(CommandError) in
            .search(try reader.search(isUID: true, limits: limits))
        },
        "UID FETCH": rule(.selected) { reader, limits throws(CommandError) in
            .fetch(try reader.fetch(isUID: true, limits: limits))
        },
        "UID STORE": rule(.selected) { reader, _ throws(CommandError) in .store(try reader.store(isUID: true)) },
        "UID COPY": rule(.selected) { reader, _ throws(CommandError) in try reader.copy(isUID: true, isMove: false) },
        "UID MOVE": rule(.selected) { reader, _ throws(CommandError) in try reader.copy(isUID: true, isMove: true) },
        "UID EXPUNGE": rule(.selected) { reader, _ throws(CommandError) in
            try reader.space()
            let set = try reader.sequenceSet()
            try reader.end()
            return .expunge(set)
        },
    ]
}

extension CommandReader {
    /// The name of the command, `UID` with the word behind it.
    mutating func commandName() throws(CommandError) -> String {
        let name = try keyword()
        guard name == "UID" else { return name }
        try space()
        return "UID " + (try keyword())
    }

    fileprivate mutating func login() throws(CommandError) -> Command {
        try space()
        let user = try astring()
        try space()
        let password = try astring()
        try end()
        return .login(user: user, password: Secret(password))
    }

    fileprivate mutating func authenticate() throws(CommandError) -> Command {
        try space()
        let mechanism = try keyword()
        var initial: Secret?
        if skip(0x20), !isAtEnd {
            let text = bytes[index...]
            index = bytes.count
            // RFC 4959 §3: "=" is an empty response.
            guard let response = text.elementsEqual([0x3D]) ? [] : Base64.decodeStrictly(text) else { throw .bad("Invalid base64") }
            initial = Secret(response)
        }
        return .authenticate(mechanism: mechanism, initial: initial)
    }

    /// RFC 2971 §3.1.
    fileprivate mutating func id() throws(CommandError) -> Command {
        try space()
        if skip(0x28) {
            while skip(0x20) {}
            while current != 0x29 {
                guard try nstring() != nil else { throw .bad("NIL is no field name") }
                try space()
                _ = try nstring()
                if !skip(0x20) { break }
            }
            try expect(0x29)
        } else if !skip(word: "NIL") {
            throw .bad("Parameter list expected")
        }
        try end()
        return .id
    }

    fileprivate mutating func enable() throws(CommandError) -> Command {
        var names: [String] = []
        repeat {
            try space()
            names.append(try keyword())
        } while !isAtEnd
        return .enable(names)
    }

    fileprivate mutating func create() throws(CommandError) -> Command {
        try space()
        var wire = try astring()
        try end()
        // RFC 3501 §6.3.3: a trailing separator says that levels below will follow; any mailbox of ours may have them.
        if wire.count > 1, wire.last == MailboxName.separator { wire.removeLast() }
        return .create(try MailboxName(wire: wire).checkedForCreation())
    }

    fileprivate mutating func rename() throws(CommandError) -> Command {
        try space()
        let from = try mailbox()
        try space()
        let to = try mailbox()
        try end()
        return .rename(from: from, to: try to.checkedForCreation())
    }

    fileprivate mutating func status() throws(CommandError) -> Command {
        try space()
        let name = try mailbox()
        try space()
        let items = try statusItems()
        try end()
        return .status(name, items)
    }

    fileprivate mutating func copy(isUID: Bool, isMove: Bool) throws(CommandError) -> Command {
        try space()
        let set = try sequenceSet()
        try space()
        let name = try mailbox()
        try end()
        return .copy(set, isUID: isUID, to: name, isMove: isMove)
    }
}
