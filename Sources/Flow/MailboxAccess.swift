package import Dialogue
package import IMAP
import Mail
import Store

/// Answers the questions of one IMAP session.
package final class MailboxAccess: Responder {
    package typealias Question = IMAP.Question
    package typealias Answer = IMAP.Answer

    let context: AccessContext
    private let ring: @Sendable () -> Void
    private let clock: @Sendable () -> Int64
    /// Whether the peer has gone, or the server is going down.
    private let isPointless: @Sendable () -> Bool

    var tls: TLSFacts?
    let dialogue: AuthenticationDialogue?
    var user: UserID?
    private var wake: Wake?
    private var isReadOnly = true
    /// The session's own UIDNEXT: what came from there on has arrived.
    private var uidNext: UID = 1
    private var spool: Spool?
    private var spoolFailure: StoreFailure?

    /// `ring` is called after each commit that changed the selected mailbox; `clock` tells microseconds since 1970.
    package init(
        _ context: AccessContext, _ connection: Connection, clock: @escaping @Sendable () -> Int64,
        isPointless: @escaping @Sendable () -> Bool = { false },
        ring: @escaping @Sendable () -> Void
    ) {
        tls = connection.tls
        dialogue = context.authenticator?.begin(connection, service: .imap)
        self.isPointless = isPointless
        self.context = context
        self.clock = clock
        self.ring = ring
    }

    package func answer(_ question: IMAP.Question) async throws -> IMAP.Answer {
        do throws(StoreFailure) {
            return try await reply(question)
        } catch {
            if error.isTemporary, error != .overQuota, error != .inUse { context.report("imap", "\(error)") }
            return .refused(Self.refusal(error))
        }
    }

    package func secured(_ tls: TLSFacts) { self.tls = tls }

    package func take(_ piece: [UInt8]) async {
        guard let spool, spoolFailure == nil else { return }
        do {
            if spool.count + piece.count <= Spool.memoryLimit {
                try spool.append(piece)
            } else {
                try await context.workshop.run { try spool.append(piece) }
            }
        } catch {
            spoolFailure = error as? StoreFailure ?? .unavailable
        }
    }

    package func end() async {
        wake?.cancel()
        wake = nil
        spool = nil
    }

    // MARK: Questions

    private func reply(_ question: IMAP.Question) async throws(StoreFailure) -> IMAP.Answer {
        let store = context.store
        switch question {
        case .login(let name, let password): return try await logIn(name, password)
        case .authenticate(let move): return try await authenticate(move)
        default: break
        }
        guard let user else { return .refused(IMAP.Refusal(code: "AUTHENTICATIONFAILED", "Not authenticated")) }
        switch question {
        case .login, .authenticate:
            return .accepted
        case .mailboxes:
            return .mailboxes(try await store.mailboxes(user))
        case .create(let name):
            _ = try await store.create(user, name)
            return .accepted
        case .delete(let name):
            try await store.delete(user, name)
            return .accepted
        case .rename(let from, let to):
            try await store.rename(user, from: from, to: to)
            return .accepted
        case .setSubscribed(let name, let isSubscribed):
            try await store.setSubscribed(user, name, isSubscribed)
            return .accepted
        case .status(let name):
            return .status(try await store.status(user, name))
        case .select(let name, let readOnly):
            return .selected(try await select(user, name, readOnly))
        case .changes(let id, let since):
            let changes = try await store.changes(id, since: since, uidNext: uidNext, claimsRecent: !isReadOnly)
            uidNext = changes.uidNext
            return .changes(changes)
        case .deselect:
            wake?.cancel()
            wake = nil
            return .accepted
        case .messages(let id, let uids, let fields):
            return .messages(try await store.messages(id, uids, fields))
        case .read(let body, let range):
            return .bytes(try await store.read(body, range))
        case .search(let id, let uids, let program):
            return .uids(try await search(id, uids, program))
        case .store(let id, let uids, let operation, let flags):
            let (changes, modSeq) = try await store.store(id, uids, operation, flags)
            return .stored(changes, modSeq)
        case .copy(let id, let uids, let name, let isMove):
            do throws(StoreFailure) {
                return .copied(try await store.copy(id, uids, user: user, to: name, isMove: isMove))
            } catch .nonExistent {
                // RFC 3501 §6.4.7: MUST, where the destination does not exist.
                return .refused(IMAP.Refusal(code: "TRYCREATE", "No such mailbox"))
            }
        case .expunge(let id, let uids):
            let (expunged, modSeq) = try await store.expunge(id, uids)
            return .expunged(expunged, modSeq)
        case .openAppend(let name, let size):
            return try await openAppend(user, name, size)
        case .append(let name, let flags, let date):
            return try await append(user, name, flags, date)
        case .discardAppend:
            spool = nil
            spoolFailure = nil
            return .accepted
        }
    }

    private func select(_ user: UserID, _ name: String, _ readOnly: Bool) async throws(StoreFailure) -> Selected {
        wake?.cancel()
        wake = nil
        let selected = try await context.store.select(user, name, readOnly: readOnly)
        isReadOnly = readOnly
        uidNext = selected.uidNext
        // What comes between the two is seen by the first `changes`, which every command asks.
        wake = context.store.subscribe(selected.id, ring)
        return selected
    }

    /// One search may take this long: more and it is refused, since somebody else waits for the same threads.
    static let searchPatience = Duration.seconds(120)

    /// Page by page on the search threads; other searches come in between.
    private func search(_ id: MailboxID, _ uids: UIDSet, _ program: SearchProgram) async throws(StoreFailure) -> UIDSet {
        let store = context.store
        if let mask = program.flagMask { return try await store.uids(id, uids, with: mask.with, without: mask.without) }
        let fields = program.fields
        let limit = ContinuousClock.now + Self.searchPatience
        var rest = uids
        var found = UIDSet()
        while !rest.isEmpty {
            guard !isPointless() else { throw .closed }
            let page = try await store.messages(id, rest, fields)
            if program.needs == .row, page.count < 64 {
                for row in page where (try? program.matches(row, read: { _ throws(StoreFailure) in [] })) == true {
                    found.append(row.uid)
                }
            } else {
                found = found.union(try await matches(page, program, until: limit))
            }
            guard page.count == MailStore.pageLimit, let last = page.last?.uid, last < UID.max else { break }
            rest = rest.intersection(UIDSet((last + 1)...UID.max))
        }
        return found
    }

    private func matches(
        _ page: [MessageRow], _ program: SearchProgram, until limit: ContinuousClock.Instant
    ) async throws(StoreFailure) -> UIDSet {
        let store = context.store
        let isPointless = isPointless
        do {
            return try await context.searches.run {
                var found = UIDSet()
                for row in page {
                    guard !isPointless() else { throw StoreFailure.closed }
                    guard ContinuousClock.now < limit else { throw StoreFailure.limit("time for one search") }
                    let isMatch = try program.matches(row, isCancelled: { isPointless() || ContinuousClock.now >= limit }) {
                        range throws(StoreFailure) in try store.readBlocking(row.body, range)
                    }
                    if isMatch { found.append(row.uid) }
                }
                guard ContinuousClock.now < limit else { throw StoreFailure.limit("time for one search") }
                return found
            }
        } catch {
            throw error as? StoreFailure ?? .unavailable
        }
    }

    // MARK: APPEND

    private func openAppend(_ user: UserID, _ name: String, _ size: Int) async throws(StoreFailure) -> IMAP.Answer {
        let limit = context.store.integer(.maximumMessageSize)
        guard size <= limit else { return .refused(IMAP.Refusal(code: "LIMIT", "Message larger than \(limit) bytes")) }
        do throws(StoreFailure) {
            _ = try await context.store.status(user, name)
        } catch .nonExistent {
            return .refused(IMAP.Refusal(code: "TRYCREATE", "No such mailbox"))
        }
        guard try await context.store.hasRoom(user, for: size) else { throw .overQuota }
        spool = context.store.spool()
        spoolFailure = nil
        return .accepted
    }

    private func append(_ user: UserID, _ name: String, _ flags: Flags, _ date: InternalDate?) async throws(StoreFailure) -> IMAP.Answer {
        guard let spool else { throw .unavailable }
        self.spool = nil
        if let spoolFailure { throw spoolFailure }
        let summary = try await Summary.of(spool, context.workshop)
        do throws(StoreFailure) {
            let place = try await context.store.append(
                user: user, mailbox: name, flags: flags, date: date ?? InternalDate(seconds: clock() / 1_000_000), spool: spool,
                envelope: summary.envelope, structure: summary.structure)
            return .appended(uidValidity: place.uidValidity, uid: place.uid)
        } catch .nonExistent {
            return .refused(IMAP.Refusal(code: "TRYCREATE", "No such mailbox"))
        }
    }

    // MARK: Refusals

    /// RFC 5530 codes.
    private static func refusal(_ failure: StoreFailure) -> IMAP.Refusal {
        switch failure {
        case .nonExistent: IMAP.Refusal(code: "NONEXISTENT", "No such mailbox")
        case .alreadyExists: IMAP.Refusal(code: "ALREADYEXISTS", "Mailbox already exists")
        case .overQuota: IMAP.Refusal(code: "OVERQUOTA", "Quota exceeded")
        case .notAllowed, .invalid: IMAP.Refusal(code: "CANNOT", "Not possible with this mailbox")
        case .limit(let what): IMAP.Refusal(code: "LIMIT", "Limit reached: \(what)")
        case .inUse: IMAP.Refusal(code: "INUSE", "In use")
        case .diskFull: IMAP.Refusal(code: "UNAVAILABLE", "Insufficient system storage")
        default: IMAP.Refusal(code: "UNAVAILABLE", "Temporary failure, try again later")
        }
    }
}
