import Dialogue
package import IMAP
package import Mail

/// The mailboxes of one user, in memory: answers an IMAP session's questions as a store would. Several sessions may share it.
package final class InMemoryMailboxes {
    package struct Message {
        package var uid: UID
        package var flags: Flags
        package var date: InternalDate
        package var body: BodyReference
        package var modSeq: ModSeq
        package var arrival: ModSeq
        package var bytes: [UInt8]
        package var summary: MessageSummary
    }

    package final class Mailbox {
        package let id: MailboxID
        package var name: String
        package let uidValidity: UInt32
        package var uidNext: UID = 1
        package var modSeq: ModSeq = 1
        package var messages: [Message] = []
        package var expunged: [(uid: UID, modSeq: ModSeq)] = []
        package var firstRecent: UID = 1
        package var isGone = false
        package var specialUse: String?

        init(id: MailboxID, name: String, uidValidity: UInt32, specialUse: String?) {
            self.id = id
            self.name = name
            self.uidValidity = uidValidity
            self.specialUse = specialUse
        }
    }

    package static let user = "usuario@virtual.test"
    package static let password = "secreto"

    package private(set) var mailboxes: [String: Mailbox] = [:]
    package private(set) var subscriptions: Set<String> = []
    /// Bytes that `.body` steps brought. Where nobody fills it, APPEND stores a message of its own making.
    package var spool: [UInt8] = []
    /// Largest message; more is OVERQUOTA.
    private let logins = ScriptedLogins()
    package var quota = Int.max
    private var openedSize = 0
    private var nextID: Int64 = 1
    private var nextValidity: UInt32 = 1_000
    private var byID: [MailboxID: Mailbox] = [:]
    private var bodies: [Int64: [UInt8]] = [:]

    package init() {
        create("INBOX")
        create("Sent", specialUse: "\\Sent")
        create("Trash", specialUse: "\\Trash")
    }

    @discardableResult
    package func create(_ name: String, specialUse: String? = nil) -> Mailbox {
        let mailbox = Mailbox(id: MailboxID(nextID), name: name, uidValidity: nextValidity, specialUse: specialUse)
        nextID += 1
        nextValidity += 1
        mailboxes[name] = mailbox
        byID[mailbox.id] = mailbox
        return mailbox
    }

    @discardableResult
    package func deliver(
        _ original: [UInt8], to name: String = "INBOX", prefix: [UInt8] = [], hidden: Range<Int>? = nil, flags: Flags = Flags(),
        date: InternalDate = InternalDate(seconds: 1_795_514_400, zoneMinutes: 60)
    ) -> UID {
        guard let mailbox = mailboxes[name] else { return 0 }
        let id = nextID
        nextID += 1
        bodies[id] = original
        var visible = prefix + original
        if let hidden { visible.removeSubrange((prefix.count + hidden.lowerBound)..<(prefix.count + hidden.upperBound)) }
        mailbox.modSeq += 1
        mailbox.messages.append(
            Message(
                uid: mailbox.uidNext, flags: flags, date: date,
                body: BodyReference(id: id, length: original.count, prefix: prefix, hidden: hidden), modSeq: mailbox.modSeq,
                arrival: mailbox.modSeq, bytes: visible, summary: MessageSummary.summarise(original.span)))
        mailbox.uidNext += 1
        return mailbox.uidNext - 1
    }

    package func expunge(_ uids: UIDSet, in mailbox: Mailbox) -> UIDSet {
        let gone = UIDSet(uids: mailbox.messages.map(\.uid).filter { uids.contains($0) })
        if gone.isEmpty { return gone }
        mailbox.modSeq += 1
        mailbox.messages.removeAll { gone.contains($0.uid) }
        mailbox.expunged += gone.map { ($0, mailbox.modSeq) }
        return gone
    }

    package func answer(_ question: Question) -> Answer {
        switch question {
        case .login(let user, let password):
            let isRight = user == Self.user && password.bytes.elementsEqual(Self.password.utf8)
            return isRight ? .accepted : .refused(Refusal(code: "AUTHENTICATIONFAILED", "Authentication failed"))
        case .authenticate(let move): return .authentication(logins.answer(move))
        case .mailboxes: return .mailboxes(entries)
        case .create(let name):
            if mailboxes[name] != nil { return .refused(Refusal(code: "ALREADYEXISTS", "Mailbox exists")) }
            create(name)
            return .accepted
        case .delete(let name):
            guard let mailbox = mailboxes.removeValue(forKey: name) else { return Self.nonexistent }
            mailbox.isGone = true
            return .accepted
        case .rename(let from, let to): return rename(from, to)
        case .setSubscribed(let name, let isSubscribed):
            if isSubscribed { subscriptions.insert(name) } else { subscriptions.remove(name) }
            return .accepted
        case .status(let name): return mailboxes[name].map { .status(status($0)) } ?? Self.nonexistent
        case .select(let name, let readOnly): return mailboxes[name].map { .selected(select($0, readOnly: readOnly)) } ?? Self.nonexistent
        case .changes(let id, let since): return inMailbox(id) { .changes(changes($0, since: since)) }
        case .deselect: return .accepted
        case .messages(let id, let set, let fields):
            return inMailbox(id) {
                .messages(Array($0.messages.lazy.filter { set.contains($0.uid) }.prefix(256).map { self.row($0, fields) }))
            }
        case .read(let body, let range): return .bytes(Array(visible(body)[range.clamped(to: 0..<body.size)]))
        case .search(let id, let set, let program): return inMailbox(id) { .uids(search($0, set, program)) }
        case .store(let id, let set, let operation, let flags): return inMailbox(id) { store($0, set, operation, flags) }
        case .copy(let id, let set, let name, let isMove): return inMailbox(id) { copy($0, set, to: name, isMove: isMove) }
        case .expunge(let id, let set):
            return inMailbox(id) { mailbox in
                let deleted = mailbox.messages.filter { $0.flags.system.contains(.deleted) && set?.contains($0.uid) ?? true }
                return .expunged(expunge(UIDSet(uids: deleted.map(\.uid)), in: mailbox), mailbox.modSeq)
            }
        case .openAppend(let name, let size):
            guard mailboxes[name] != nil else { return .refused(Refusal(code: "TRYCREATE", "No such mailbox")) }
            if size > quota { return .refused(Refusal(code: "OVERQUOTA", "No room")) }
            spool = []
            openedSize = size
            return .accepted
        case .append(let name, let flags, let date): return append(name, flags, date)
        case .discardAppend:
            spool = []
            return .accepted
        }
    }

    private static var nonexistent: Answer { .refused(Refusal(code: "NONEXISTENT", "No such mailbox")) }

    private func inMailbox(_ id: MailboxID, _ answer: (Mailbox) -> Answer) -> Answer { byID[id].map(answer) ?? Self.nonexistent }

    private var entries: [MailboxEntry] {
        let names = Set(mailboxes.keys).union(subscriptions).sorted()
        return names.map { name in
            MailboxEntry(
                name: name, exists: mailboxes[name] != nil, isSubscribed: subscriptions.contains(name),
                specialUse: mailboxes[name]?.specialUse, isMarked: false)
        }
    }

    private func rename(_ from: String, _ to: String) -> Answer {
        guard mailboxes[to] == nil else { return .refused(Refusal(code: "ALREADYEXISTS", "Mailbox exists")) }
        guard let mailbox = mailboxes.removeValue(forKey: from) else { return Self.nonexistent }
        mailbox.name = to
        mailboxes[to] = mailbox
        if from == "INBOX" { create("INBOX") }
        return .accepted
    }

    private func status(_ mailbox: Mailbox) -> MailboxStatus {
        MailboxStatus(
            id: mailbox.id, messages: mailbox.messages.count, recent: mailbox.messages.count { $0.uid >= mailbox.firstRecent },
            uidNext: mailbox.uidNext,
            uidValidity: mailbox.uidValidity, unseen: mailbox.messages.count { !$0.flags.system.contains(.seen) },
            highestModSeq: mailbox.modSeq, size: mailbox.messages.reduce(0) { $0 + $1.bytes.count })
    }

    private func select(_ mailbox: Mailbox, readOnly: Bool) -> Selected {
        let recent = mailbox.firstRecent < mailbox.uidNext ? mailbox.firstRecent : nil
        if !readOnly { mailbox.firstRecent = mailbox.uidNext }
        return Selected(
            id: mailbox.id, uidValidity: mailbox.uidValidity, uidNext: mailbox.uidNext, highestModSeq: mailbox.modSeq,
            uids: UIDSet(uids: mailbox.messages.map(\.uid)), recentFrom: recent,
            firstUnseen: mailbox.messages.first { !$0.flags.system.contains(.seen) }?.uid,
            keywords: Array(Set(mailbox.messages.flatMap(\.flags.keywords))).sorted())
    }

    private func changes(_ mailbox: Mailbox, since: ModSeq) -> Changes {
        let recent = mailbox.firstRecent < mailbox.uidNext ? mailbox.firstRecent : nil
        mailbox.firstRecent = mailbox.uidNext
        let changed = mailbox.messages.filter { $0.modSeq > since && $0.arrival <= since }
        let arrived = mailbox.messages.filter { $0.arrival > since }
        return Changes(
            highestModSeq: mailbox.modSeq, uidNext: mailbox.uidNext,
            expunged: UIDSet(uids: mailbox.expunged.filter { $0.modSeq > since }.map(\.uid)), arrived: UIDSet(uids: arrived.map(\.uid)),
            flagged: changed.map { FlagChange(uid: $0.uid, flags: $0.flags, modSeq: $0.modSeq) }, recentFrom: recent,
            isGone: mailbox.isGone)
    }

    private func row(_ message: Message, _ fields: Fields) -> MessageRow {
        MessageRow(
            uid: message.uid, modSeq: message.modSeq, flags: message.flags, internalDate: message.date, size: message.body.size,
            envelope: fields.contains(.envelope) ? message.summary.envelope : [],
            structure: fields.contains(.structure) ? message.summary.structure : [], body: message.body)
    }

    package func visible(_ body: BodyReference) -> [UInt8] {
        var bytes = body.prefix + (bodies[body.id] ?? [])
        if let hidden = body.hidden {
            bytes.removeSubrange((body.prefix.count + hidden.lowerBound)..<(body.prefix.count + hidden.upperBound))
        }
        return bytes
    }

    private func search(_ mailbox: Mailbox, _ set: UIDSet, _ program: SearchProgram) -> UIDSet {
        UIDSet(
            uids: mailbox.messages.filter { message in
                guard set.contains(message.uid) else { return false }
                return program.matches(row(message, program.fields)) { message.bytes.isEmpty ? [] : Array(message.bytes[$0]) }
            }.map(\.uid))
    }

    private func store(_ mailbox: Mailbox, _ set: UIDSet, _ operation: FlagOperation, _ flags: Flags) -> Answer {
        var changes: [FlagChange] = []
        let modSeq = mailbox.modSeq + 1
        for index in mailbox.messages.indices where set.contains(mailbox.messages[index].uid) {
            var new = mailbox.messages[index].flags
            switch operation {
            case .replace: new = flags
            case .add:
                new.system.formUnion(flags.system)
                for keyword in flags.keywords { new.insert(keyword: keyword) }
            case .remove:
                new.system.subtract(flags.system)
                for keyword in flags.keywords { new.remove(keyword: keyword) }
            }
            if new != mailbox.messages[index].flags {
                mailbox.messages[index].flags = new
                mailbox.messages[index].modSeq = modSeq
                mailbox.modSeq = modSeq
            }
            changes.append(FlagChange(uid: mailbox.messages[index].uid, flags: new, modSeq: mailbox.messages[index].modSeq))
        }
        return .stored(changes, mailbox.modSeq)
    }

    private func copy(_ mailbox: Mailbox, _ set: UIDSet, to name: String, isMove: Bool) -> Answer {
        guard let target = mailboxes[name] else { return .refused(Refusal(code: "TRYCREATE", "No such mailbox")) }
        let chosen = mailbox.messages.filter { set.contains($0.uid) }
        var copies: [UID] = []
        for message in chosen {
            target.modSeq += 1
            var copy = message
            copy.uid = target.uidNext
            copy.modSeq = target.modSeq
            copy.arrival = target.modSeq
            target.messages.append(copy)
            target.uidNext += 1
            copies.append(copy.uid)
        }
        let sources = UIDSet(uids: chosen.map(\.uid))
        if isMove { _ = expunge(sources, in: mailbox) }
        return .copied(
            Copied(uidValidity: target.uidValidity, sources: sources, destinations: UIDSet(uids: copies), sourceModSeq: mailbox.modSeq))
    }

    private func append(_ name: String, _ flags: Flags, _ date: InternalDate?) -> Answer {
        guard let mailbox = mailboxes[name] else { return .refused(Refusal(code: "TRYCREATE", "No such mailbox")) }
        var message = spool
        if message.isEmpty {
            message = Array("Subject: appended\r\n\r\n".utf8)
            message += [UInt8](repeating: 0x78, count: max(0, openedSize - message.count))
        }
        spool = []
        let uid = deliver(message, to: name, flags: flags, date: date ?? InternalDate(seconds: 1_795_514_400))
        return .appended(uidValidity: mailbox.uidValidity, uid: uid)
    }
}
