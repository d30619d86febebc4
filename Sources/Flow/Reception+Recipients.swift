import Dialogue
import Mail
import SMTP
import Store

/// RCPT: who is accepted, and what each becomes.
extension Reception {
    /// Whether the login has sent to as many as it may already. The transaction that delivers counts them; here nobody sends a large message
    /// in vain.
    func overLimit(_ path: ForwardPath) async throws -> SMTP.Answer? {
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
    func judge(_ path: ForwardPath) async throws -> SMTP.Answer {
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
    func address(of path: ForwardPath) -> Address {
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

    func refuse(_ recipient: String, _ reply: Reply, _ reason: Reason) async -> SMTP.Answer {
        await record(entry("refused", recipient: recipient, reply: reply, reason))
        return .refused(reply)
    }
}

private enum RecipientVerdict: Sendable {
    /// `mayBeKept`: it is so until the directory changes; `isRelayed`: only for who may send to everywhere.
    case accepted(Expansion, mayBeKept: Bool, isRelayed: Bool)
    case relayDenied
    case unknown
    case full
    case failed(ExpansionFailure)
}
