package import Dialogue
import Mail
package import SMTP
import Store

/// Answers the questions of one SMTP session.
package final class Reception: Responder {
    package typealias Question = SMTP.Question
    package typealias Answer = SMTP.Answer

    let context: ReceptionContext
    private(set) var connection: Connection
    /// `permit_mynetworks`: whether this peer may send to everywhere.
    let isInNetworks: Bool
    /// Who has logged in, folded.
    var login: String?
    private let dialogue: AuthenticationDialogue?

    private(set) var sender: ReversePath = .null
    /// RFC 1870 SIZE of this transaction, for quotas; 1 when it was not said.
    private(set) var announcedSize = 1
    /// What the login has sent today, as it was a moment ago, and what this connection has accepted since.
    var sentCount: (count: SentCount, time: Int64, generation: UInt64)?
    var acceptedRecipients = 0
    /// Those of the transaction under way, which are not counted yet.
    private(set) var openRecipients = 0
    /// What the accepted recipients of this transaction expand to, by their own key.
    var expansions: [String: Expansion] = [:]
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

    /// RFC 3207 §4.2: what was said in the clear is forgotten, the login as well.
    package func secured(_ tls: TLSFacts) {
        connection.tls = tls
        login = nil
        sentCount = nil
        acceptedRecipients = 0
        openRecipients = 0
    }

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
            if let refusal = await judge(parameters.hold) { return refusal }
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

    /// RFC 4865 §4: a date must lie ahead, and not too far. An interval was looked at already.
    private func judge(_ hold: MailParameters.Hold?) async -> SMTP.Answer? {
        guard case .until(let time) = hold else { return nil }
        let now = context.clock() / 1_000_000
        let limit = Int64(context.store.integer(.releaseDays)) * 86_400
        let text =
            time < now ? "HOLDUNTIL lies in the past" : time > now + limit ? "A message is held for \(limit) seconds at most" : nil
        guard let text else { return nil }
        return await refuse(
            "", Reply(501, "5.5.4", text), Reason("trace.protocol", ["command": "MAIL", "reason": text, "reply": text]))
    }

    /// RFC 6409 §6.1: who has logged in sends as himself. The null path is everybody's, for reports.
    private func judge(_ path: ReversePath) async throws -> SMTP.Answer {
        guard let login, case .mailbox(let address) = path,
            let foreign = try await context.ownAddresses.firstForeign([address], to: login, context.recipients, context.store)
        else { return .accepted }
        return await refuse(
            "", Reply(553, "5.7.1", "<\(foreign)>: Sender address rejected: not owned by user \(login)"),
            Reason("trace.not-owned", ["address": foreign.description, "login": login]))
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
        case .refused(let reply, let reason, let queueID, let messageID, let each):
            return await refuse(transaction, reply, reason, queueID: queueID, messageID: messageID, each: each)
        }
    }

    private func refuse(
        _ transaction: Transaction, _ reply: Reply, _ reason: Reason, queueID: String = "", messageID: String = "",
        each: [String: Reason] = [:]
    ) async -> SMTP.Answer {
        for recipient in transaction.recipients {
            let address = address(of: recipient.path).description
            var entry = entry("refused", recipient: address, reply: reply, each[address] ?? reason)
            entry.queueID = queueID
            entry.messageID = messageID
            await record(entry)
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
        try await context.store.change(.flush, .domain(name))
        return Reply(250, "2.0.0", "Queuing for node \(domain) started")
    }
}

extension Reply {
    /// The user was removed while he was logged in.
    static let noAccount = Reply(554, "5.7.1", "The account does not exist any more")
}

extension ReversePath {
    /// Nil: the null path.
    var address: Address? {
        switch self {
        case .null: nil
        case .mailbox(let address): address
        }
    }

    /// The address, or nothing for the null path.
    var text: String {
        switch self {
        case .null: ""
        case .mailbox(let address): address.description
        }
    }
}
