package import Dialogue
import Mail
package import SMTP
package import Store

/// What every reception shares: the store, the clock and the policy of the server.
package struct ReceptionContext: Sendable {
    package var store: MailStore
    package var workshop: Workshop
    package var queueIDs: QueueIDs
    package let expansions = ExpansionCache()
    package let ownAddresses = OwnAddresses()
    /// The server's own name, A-label, lower case; asked for each time, since it is a setting.
    package var name: @Sendable () -> String
    /// Now, in microseconds since 1970.
    package var clock: @Sendable () -> Int64
    /// Minutes east of UTC of the server's zone at a second, for header fields.
    package var zone: @Sendable (Int64) -> Int16
    /// Told what went wrong (a kind, and a line), for the log.
    package var report: @Sendable (String, String) -> Void
    /// A text for people, in a `report-language`.
    package var words: @Sendable (Reason, String) -> String
    /// Nil: nobody logs in.
    package var authenticator: Authenticator?

    package init(
        store: MailStore, workshop: Workshop, queueIDs: QueueIDs, name: @escaping @Sendable () -> String,
        clock: @escaping @Sendable () -> Int64, zone: @escaping @Sendable (Int64) -> Int16,
        report: @escaping @Sendable (String, String) -> Void = { _, _ in },
        words: @escaping @Sendable (Reason, String) -> String = { reason, _ in reason.key }, authenticator: Authenticator? = nil
    ) {
        self.authenticator = authenticator
        self.store = store
        self.workshop = workshop
        self.queueIDs = queueIDs
        self.name = name
        self.report = report
        self.words = words
        self.clock = clock
        self.zone = zone
    }

    var hostname: String { name() }

    var recipients: Recipients {
        let administrator = store.value(.administrator)
        return Recipients(
            hostname: hostname, tagSeparator: store.value(.separator), administrator: administrator.isEmpty ? nil : administrator)
    }
}

/// Answers the questions of one SMTP session.
package final class Reception: Responder {
    package typealias Question = SMTP.Question
    package typealias Answer = SMTP.Answer

    let context: ReceptionContext
    private(set) var connection: Connection
    /// `permit_mynetworks`: whether this peer may send to everywhere.
    private let isInNetworks: Bool
    /// Who has logged in, folded.
    var login: String?
    private let dialogue: AuthenticationDialogue?

    private var sender: ReversePath = .null
    /// RFC 1870 SIZE of this transaction, for quotas; 1 when it was not said.
    private var announcedSize = 1
    /// What the login has sent today, as it was a moment ago, and what this connection has accepted since.
    private var sentCount: (count: SentCount, time: Int64, generation: UInt64)?
    private var acceptedRecipients = 0
    /// Those of the transaction under way, which are not counted yet.
    private var openRecipients = 0
    /// What the accepted recipients of this transaction expand to, by their own key.
    private var expansions: [String: Expansion] = [:]
    private var spool: Spool?
    private var spoolFailure: StoreFailure?

    package init(_ context: ReceptionContext, _ connection: Connection) {
        self.context = context
        self.connection = connection
        dialogue = context.authenticator?.begin(connection, service: .smtp)
        let networks = context.store.value(.networks).split(separator: ",").compactMap { IPNetwork(String($0)) }
        let address = IPAddress(connection.peerAddress)
        isInNetworks = address.map { address in networks.contains { $0.contains(address) } } ?? false
    }

    package func secured(_ tls: TLSFacts) { connection.tls = tls }

    /// Leaves the trace of a connection that was one too many.
    package static func noteRefusal(_ context: ReceptionContext, _ connection: Connection) {
        context.store.note(
            TraceEntry(
                time: context.clock() / 1_000_000, event: "refused", peer: connection.peerAddress, code: 421,
                text: Reason("trace.too-many-connections").stored))
    }

    package func answer(_ question: SMTP.Question) async throws -> SMTP.Answer {
        switch question {
        case .sender(let path, let parameters):
            sender = path
            announcedSize = parameters.size ?? 1
            expansions = [:]
            openRecipients = 0
            return try await judge(path)
        case .recipient(let path, _):
            if let refusal = try await overLimit(path) { return refusal }
            let answer = try await judge(path)
            if case .accepted = answer {
                acceptedRecipients += 1
                openRecipients += 1
            }
            return answer
        case .openBody:
            spool = context.store.spool()
            spoolFailure = nil
            return .accepted
        case .discardBody:
            spool = nil
            spoolFailure = nil
            return .accepted
        case .deliver(let transaction):
            return try await deliver(transaction)
        case .refused(let note):
            await trace(note)
            return .accepted
        case .authenticate(let move):
            guard let dialogue else { return .authentication(.failed(.temporary)) }
            let outcome = await dialogue.move(move, connection.tls)
            if case .succeeded(let login) = outcome { self.login = login }
            return .authentication(outcome)
        case .flushQueue(let domain):
            return .refused(try await flush(domain))
        }
    }

    package func take(_ piece: [UInt8]) async {
        guard let spool, spoolFailure == nil else { return }
        do {
            if spool.count + piece.count <= Spool.memoryLimit {
                try spool.append(piece)
            } else {
                try await context.workshop.run { try spool.append(piece) }
            }
        } catch let failure as StoreFailure {
            spoolFailure = failure
        } catch {
            spoolFailure = .unavailable
        }
    }

    package func end() async { spool = nil }

    // MARK: Sender

    /// RFC 6409 §6.1: who has logged in sends as himself. The null path is everybody's, for reports.
    private func judge(_ path: ReversePath) async throws -> SMTP.Answer {
        guard let login, case .mailbox(let address) = path,
            let foreign = try await context.ownAddresses.firstForeign([address], to: login, context.recipients, context.store)
        else { return .accepted }
        return await refuse(
            "", Reply(553, "5.7.1", "<\(foreign)>: Sender address rejected: not owned by user \(login)"),
            Reason("trace.not-owned", ["address": foreign.description, "login": login]))
    }

    // MARK: Recipients

    /// Whether the login has sent to as many as it may already. The transaction that delivers counts them; here nobody sends a large message
    /// in vain.
    private func overLimit(_ path: ForwardPath) async throws -> SMTP.Answer? {
        guard let login else { return nil }
        let daily = DailyLimit(context)
        guard let count = try await sentCount(login, daily) else {
            return await refuse(address(of: path).description, .noAccount, Reason("trace.no-account"))
        }
        guard count.recipients + acceptedRecipients >= daily.limit else { return nil }
        if !count.isTold {
            await daily.tell(of: login)
            sentCount?.count.isTold = true
        }
        return await refuse(address(of: path).description, daily.reply, daily.reason(login))
    }

    /// Asked for once a second, since clients that send much do so in one connection. Nil: the user is gone.
    private func sentCount(_ login: String, _ daily: DailyLimit) async throws -> SentCount? {
        let now = context.clock() / 1_000_000
        let generation = context.store.directoryGeneration
        if let sentCount, sentCount.time == now, sentCount.generation == generation,
            sentCount.count.recipients + acceptedRecipients < daily.limit
        {
            return sentCount.count
        }
        sentCount = nil
        guard let count = try await daily.count(login) else { return nil }
        sentCount = (count, now, generation)
        acceptedRecipients = openRecipients
        return count
    }

    /// `reject_unauth_destination`, then the expansion: nobody is accepted who can't be delivered to.
    private func judge(_ path: ForwardPath) async throws -> SMTP.Answer {
        let address = self.address(of: path)
        let recipients = context.recipients
        let hostname = context.hostname
        let mayRelay = isInNetworks || login != nil
        let generation = context.store.directoryGeneration
        if let expansion = context.expansions.find(address.key, generation, mayRelay: mayRelay) {
            expansions[address.key] = expansion
            return .accepted
        }
        if ReturnAddress.isRewritten(address.localPart), let answer = try await judgeReturn(address) { return answer }
        let size = announcedSize
        let quota = context.store.integer(.quota)
        let verdict: RecipientVerdict = try await context.store.withAddressBook { book in
            let domain = address.domain.ascii
            guard try mayRelay || domain == hostname || book.isOurs(domain: domain) else { return .relayDenied }
            do {
                let expansion = try recipients.expand(address, in: book)
                if expansion.isEmpty { return .unknown }
                var hasQuota = false
                for local in expansion.locals where try book.hasQuota(UserID(local.user.id), fallback: quota) {
                    hasQuota = true
                    guard try book.hasRoom(UserID(local.user.id), for: size, fallback: quota) else { return .full }
                }
                // Not kept is what depends on the room left.
                return .accepted(expansion, mayBeKept: !hasQuota, isRelayed: try domain != hostname && !book.isOurs(domain: domain))
            } catch let failure as ExpansionFailure {
                return .failed(failure)
            }
        }
        let text = address.description
        switch verdict {
        case .accepted(let expansion, let mayBeKept, let isRelayed):
            expansions[address.key] = expansion
            if mayBeKept { context.expansions.keep(expansion, for: address.key, generation, isRelayed: isRelayed) }
            return .accepted
        case .relayDenied:
            return await refuse(text, Reply(554, "5.7.1", "<\(text)>: Relay access denied"), Reason("trace.relay-denied"))
        case .unknown:
            return await refuse(
                text, Reply(550, "5.1.1", "<\(text)>: Recipient address rejected: User unknown"), Reason("trace.unknown-user"))
        case .full:
            return await refuse(text, Reply(552, "5.2.2", "<\(text)>: Mailbox full"), Reason("trace.mailbox-full"))
        case .failed(.loop(let key)):
            return await refuse(
                text, Reply(550, "5.4.6", "<\(text)>: Forwarding loop detected"), Reason("trace.forwarding-loop", ["address": key]))
        case .failed(.tooMany):
            return await refuse(
                text, Reply(550, "5.4.6", "<\(text)>: Forwarding expands to too many addresses"),
                Reason("trace.too-many-results", ["limit": "\(Recipients.maximumResults)"]))
        }
    }

    /// An address under which forwarded mail left: back to who sent it. Nil for one that belongs to somebody here, or to another domain.
    private func judgeReturn(_ address: Address) async throws -> SMTP.Answer? {
        let hostname = context.hostname
        let domain = address.domain.ascii
        let isOurs = try await context.store.withAddressBook { book in
            try (domain == hostname || book.isDomain(domain)) && book.user(address.key) == nil
        }
        guard isOurs else { return nil }
        let text = address.description
        // Only reports come back (RFC 5321 §4.5.5): anything else would make a relay of it.
        guard sender == .null else {
            return await refuse(text, Reply(550, "5.7.1", "<\(text)>: Only for delivery reports"), Reason("trace.return-sender"))
        }
        let rewriter = ReturnAddress(
            secret: try await context.store.secret(.returnAddress), days: context.store.integer(.returnDays))
        let original: Address
        do throws(ReturnAddress.Failure) {
            original = try rewriter.resolve(address.localPart, now: context.clock() / 1_000_000)
        } catch {
            return await refuse(
                text, Reply(550, "5.7.1", "<\(text)>: Return address is not valid"),
                Reason(error == .expired ? "trace.return-expired" : "trace.return-forged"))
        }
        let recipients = context.recipients
        // Where the sender is in a domain that has become ours, he is looked up as anybody.
        let expansion = try await context.store.withAddressBook { book in
            do { return try recipients.expand(original, in: book) } catch is ExpansionFailure { return Expansion() }
        }
        guard !expansion.isEmpty else {
            return await refuse(
                text, Reply(550, "5.1.1", "<\(text)>: Recipient address rejected: User unknown"), Reason("trace.unknown-user"))
        }
        expansions[address.key] = expansion
        return .accepted
    }

    /// The bare postmaster, and address literals of this very interface, are the server's own name (RFC 5321 §4.5.1, §4.1.3).
    private func address(of path: ForwardPath) -> Address {
        switch path {
        case .postmaster:
            return Address(localPart: "postmaster", domain: .name(context.hostname))
        case .mailbox(let address):
            if case .literal(let literal) = address.domain, literal == IPAddress(connection.localAddress) {
                return Address(localPart: address.localPart, domain: .name(context.hostname))
            }
            return address
        }
    }

    private func refuse(_ recipient: String, _ reply: Reply, _ reason: Reason) async -> SMTP.Answer {
        await record(entry("refused", recipient: recipient, reply: reply, reason))
        return .refused(reply)
    }

    // MARK: Content

    private func deliver(_ transaction: Transaction) async throws -> SMTP.Answer {
        guard let spool else { return .refused(Self.storageReply(.unavailable)) }
        self.spool = nil
        if let failure = spoolFailure {
            return await refuse(transaction, Self.storageReply(failure), Reason("trace.storage", ["failure": failure.code]))
        }
        let arrival = Arrival(
            transaction: transaction, spool: spool, connection: connection,
            recipients: transaction.recipients.map { accepted in
                let address = address(of: accepted.path)
                return Arrival.Recipient(
                    address: address.description, parameters: accepted.parameters, expansion: expansions[address.key] ?? Expansion())
            }, origin: (login ?? transaction.login).map { .login($0) } ?? (isInNetworks ? .networks : .elsewhere))
        switch await Intake(context).take(arrival) {
        case .delivered(let queueID):
            return .delivered(queueID: queueID)
        case .refused(let reply, let reason):
            return await refuse(transaction, reply, reason)
        }
    }

    private func refuse(_ transaction: Transaction, _ reply: Reply, _ reason: Reason) async -> SMTP.Answer {
        for recipient in transaction.recipients {
            await record(entry("refused", recipient: address(of: recipient.path).description, reply: reply, reason))
        }
        return .refused(reply)
    }

    static func storageReply(_ failure: StoreFailure) -> Reply {
        switch failure {
        case .closed: Reply(451, "4.3.2", "System is going down")
        // A disk that fails, or a database that somebody holds, is one that has no room to offer.
        default: Reply(452, "4.3.1", "Insufficient system storage")
        }
    }

    // MARK: ETRN

    /// RFC 1985 §5.
    private func flush(_ domain: String) async throws -> Reply {
        guard isInNetworks else {
            let reply = Reply(459, "4.7.1", "Node \(domain) not allowed")
            await record(entry("refused", recipient: "", reply: reply, Reason("trace.etrn", ["domain": domain])))
            return reply
        }
        let name = (try? Domain(parsing: domain, allowUTF8: true))?.ascii ?? domain
        guard try await context.store.hasOutgoing(domain: name) else {
            return Reply(251, "2.0.0", "No messages waiting for node \(domain)")
        }
        // Whoever delivers hears of it.
        try await context.store.change(.retry, .domain(name))
        return Reply(250, "2.0.0", "Queuing for node \(domain) started")
    }

    // MARK: Trace

    private func entry(_ event: String, recipient: String, reply: Reply, _ reason: Reason) -> TraceEntry {
        TraceEntry(
            time: context.clock() / 1_000_000, event: event, peer: connection.peerAddress, sender: sender.text, recipient: recipient,
            code: reply.code, text: reason.stored)
    }

    /// What stands for the address in an argument that is none: `TO:<bad@@x> SIZE=1` is about `bad@@x`.
    private static func address(in argument: String) -> String {
        let path = argument.drop { $0 != ":" }.dropFirst().drop { $0 == " " }.prefix { $0 != " " }
        return String(path.drop { $0 == "<" }.prefix { $0 != ">" })
    }

    private func trace(_ note: RefusalNote) async {
        let reason = Reason("trace.protocol", ["command": note.command, "reason": note.reason, "reply": note.reply.lines.first ?? ""])
        // A command's own argument, or whom the refused content was for.
        let recipients =
            note.recipients.isEmpty
            ? [note.command == "RCPT" ? Self.address(in: note.subject) : ""] : note.recipients.map { address(of: $0).description }
        for recipient in recipients {
            var entry = entry("refused", recipient: recipient, reply: note.reply, reason)
            entry.sender = note.reversePath?.text ?? ""
            await record(entry)
        }
    }

    /// A refusal does not wait for its trace to be durable; one that can't be written must not turn into another answer.
    private func record(_ entry: TraceEntry) async {
        context.store.note(entry)
    }
}

extension Reply {
    /// The user was removed while he was logged in.
    static let noAccount = Reply(554, "5.7.1", "The account does not exist any more")
}

private enum RecipientVerdict: Sendable {
    /// `mayBeKept`: it is so until the directory changes; `isRelayed`: only for who may send to everywhere.
    case accepted(Expansion, mayBeKept: Bool, isRelayed: Bool)
    case relayDenied
    case unknown
    case full
    case failed(ExpansionFailure)
}

extension ReversePath {
    /// The address, or nothing for the null path.
    var text: String {
        switch self {
        case .null: ""
        case .mailbox(let address): address.description
        }
    }
}
