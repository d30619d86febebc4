import Store

/// Who is served when: a value that knows neither network nor database. A lane is one next hop, with the domains that go there and as
/// many connections as it has shown to bear.
struct Schedule: Sendable {
    struct Caps: Sendable, Equatable {
        var destination = 20
        var total = 200
    }

    enum Action: Sendable, Equatable {
        /// Asks the store for due messages of the domain, and answers `loaded`.
        case load(lane: String, domain: String, leased: Set<Int64>)
        /// Begins a worker for the lane.
        case open(lane: String)
    }

    /// Messages that are asked for at once, and that a lane takes as they come.
    static let page = 50
    /// Messages in memory that no worker has. Beyond, they stay in the store until their lane asks for them.
    static let pendingLimit = 5_000
    /// Lanes that are worked on at once. More due domains wait in the agenda.
    static let laneLimit = 2_000
    static let firstConcurrency = 3.0
    /// Messages that a connection serves while another lane waits for its place.
    static let turn = 10
    /// Seconds until a dead destination is asked again.
    static let deadTimes: [Int64] = [60, 120, 300, 600, 900]

    struct Lane: Sendable {
        /// With due mail that was not loaded yet, the next first.
        var domains = DomainLine()
        var pending: ArraySlice<QueuedMessage> = []
        var workers = 0
        var concurrency = Schedule.firstConcurrency
        var isLoading = false
        /// No new connection before.
        var notBefore: Int64 = 0
        /// Attempts in a row that ended without a conversation.
        var failures = 0
        var lastUsed: Int64 = 0
        /// It is among those that get their turn.
        var hasTurns = false

        var isBusy: Bool { workers > 0 || isLoading || !pending.isEmpty || !domains.isEmpty }
        /// It may ask for messages.
        var mayLoad: Bool { !isLoading && !domains.isEmpty && pending.count < Schedule.page / 2 }
    }

    var caps: Caps
    private(set) var lanes: [String: Lane] = [:]
    private(set) var workers = 0
    /// Messages in memory that no worker has.
    private(set) var pendingCount = 0
    private var agenda = Agenda()
    /// Messages that were handed out, by domain.
    private var leases: [String: Set<Int64>] = [:]
    /// Looks at the store that have not ended, the number of the last that began, and what was finished meanwhile with that number: it may
    /// still be among what those find that had begun by then.
    private var readings = 0
    private var lastReading = 0
    private var departed: [String: [Int64: Int]] = [:]
    private var laneOf: [String: String] = [:]
    /// Lanes in the order in which they get their turn.
    private var turns: [String] = []
    private var cursor = 0

    init(caps: Caps = Caps()) { self.caps = caps }

    // MARK: What is due

    /// A domain has mail that is due then.
    mutating func note(_ domain: String, due: Int64, now: Int64) {
        guard due < 0, let name = laneOf[domain] else { return agenda.add(domain, due: due) }
        // Asked for by the administrator: whatever happened before is forgotten.
        lanes[name]?.notBefore = 0
        lanes[name]?.failures = 0
        agenda.add(domain, due: due)
    }

    /// When the agenda has something next.
    var nextDue: Int64? { agenda.first }

    /// Moves what is due into lanes, as many as there is room for.
    mutating func advance(now: Int64, lane: (String) -> String) {
        while turns.count < Self.laneLimit, let domain = agenda.next(until: now) {
            let name = lane(domain)
            laneOf[domain] = name
            if let rest = lanes[name]?.notBefore, rest > now {
                agenda.add(domain, due: rest)
                // What comes back at once would be taken again.
                continue
            }
            lanes[name, default: Lane()].domains.append(domain)
            enlist(name)
        }
    }

    /// New mail that is due at once goes straight into its lane where there is room, within a look at the store; else the lane asks for it in
    /// its turn.
    mutating func arrived(_ message: QueuedMessage, in reading: Int, now: Int64, lane: (String) -> String) {
        let name = laneOf[message.domain] ?? lane(message.domain)
        var entry = lanes[name] ?? Lane()
        guard pendingCount < Self.pendingLimit, entry.pending.count < Self.page, entry.domains.isEmpty, !entry.isLoading,
            entry.notBefore <= now, entry.hasTurns || turns.count < Self.laneLimit
        else { return note(message.domain, due: now, now: now) }
        guard lease(message, in: reading) else { return }
        laneOf[message.domain] = name
        entry.pending.append(message)
        pendingCount += 1
        lanes[name] = entry
        enlist(name)
    }

    private mutating func enlist(_ name: String) {
        guard let lane = lanes[name], !lane.hasTurns, !lane.pending.isEmpty || lane.mayLoad else { return }
        lanes[name]?.hasTurns = true
        turns.append(name)
    }

    /// Before the store is asked. What departs until `endReading` is not taken for there. Answers the look's number.
    mutating func beginReading() -> Int {
        readings += 1
        lastReading += 1
        return lastReading
    }

    mutating func endReading() {
        readings -= 1
        if readings == 0 { departed = [:] }
    }

    /// What waits in memory stays in the store, and is read again as it is there now: somebody has changed it.
    mutating func unload(now: Int64) {
        for (name, lane) in lanes where !lane.pending.isEmpty {
            for message in lane.pending {
                forgetLease(message)
                agenda.add(message.domain, due: now)
            }
            lanes[name]?.pending = []
        }
        pendingCount = 0
    }

    // MARK: Turns

    /// The next thing to do, or nil. Each lane gets one connection before any gets its next. `idle`: connections that wait for a message,
    /// and whether a lane has one.
    mutating func next(now: Int64, idle: Int = 0, hasIdle: (String) -> Bool = { _ in false }) -> Action? {
        // Enough to do for those who are at it.
        if workers >= caps.total, pendingCount >= caps.total { return nil }
        var looked = 0
        while looked < turns.count {
            if cursor >= turns.count { cursor = 0 }
            let name = turns[cursor]
            guard let lane = lanes[name], !lane.pending.isEmpty || lane.mayLoad else {
                lanes[name]?.hasTurns = false
                turns.swapAt(cursor, turns.count - 1)
                turns.removeLast()
                continue
            }
            looked += 1
            cursor += 1
            if lane.mayLoad, let domain = lanes[name]?.domains.popFirst() {
                lanes[name]?.isLoading = true
                return .load(lane: name, domain: domain, leased: leases[domain] ?? [])
            }
            let wanted = min(Int(lane.concurrency), caps.destination, lane.workers + lane.pending.count)
            // Another lane's connection is closed for a first one, not for one more.
            let isRoom = workers < caps.total && (lane.workers == 0 || workers + idle < caps.total || hasIdle(name))
            if !lane.pending.isEmpty, lane.workers < wanted, isRoom, lane.notBefore <= now {
                lanes[name]?.workers += 1
                workers += 1
                return .open(lane: name)
            }
        }
        return nil
    }

    /// The answer to `.load`, within its reading. `isAll`: nothing else is due; `next`: when the domain has something next.
    mutating func loaded(
        _ messages: [QueuedMessage], of domain: String, in name: String, reading: Int, isAll: Bool, next: Int64?, now: Int64
    ) {
        guard lanes[name] != nil else { return }
        lanes[name]?.isLoading = false
        // Read before they were finished, some are no longer there.
        let fresh = messages.filter { lease($0, in: reading) }
        lanes[name]?.pending += fresh
        pendingCount += fresh.count
        if !isAll { lanes[name]?.domains.append(domain) }
        enlist(name)
        if let next { agenda.add(domain, due: next) }
    }

    /// A look that failed: the domain comes again a little later.
    mutating func failedToLoad(_ domain: String, in name: String, now: Int64) {
        lanes[name]?.isLoading = false
        enlist(name)
        agenda.add(domain, due: now + 10)
    }

    // MARK: Workers

    /// The next message for a worker of the lane. Nil: it has nothing more to do, or others wait for its place.
    mutating func take(_ name: String, served: Int) -> QueuedMessage? {
        guard let lane = lanes[name], !lane.pending.isEmpty else { return nil }
        if served > 0, isOverFairShare(lane, served) { return nil }
        pendingCount -= 1
        defer { enlist(name) }
        let message = lanes[name]?.pending.popFirst()
        // What a slice has left behind it would keep.
        if lanes[name]?.pending.isEmpty == true { lanes[name]?.pending = [] }
        return message
    }

    /// Whether messages of the lane wait that no worker has.
    func hasMore(_ name: String) -> Bool { lanes[name].map { !$0.pending.isEmpty || $0.mayLoad } ?? false }

    private func isOverFairShare(_ lane: Lane, _ served: Int) -> Bool {
        guard workers >= caps.total else { return Double(lane.workers) > max(1, lane.concurrency) }
        guard served >= Self.turn || lane.workers > max(1, caps.total / max(1, turns.count)) else { return false }
        return turns.contains { name in lanes[name].map { $0.workers == 0 && !$0.pending.isEmpty } ?? false }
    }

    /// The message is not this worker's any more; it comes again when it is due. `hasMore`: more of its recipients are due now.
    mutating func release(_ message: QueuedMessage, due: Int64?, hasMore: Bool, now: Int64) {
        if readings > 0 { departed[message.domain, default: [:]][message.id] = lastReading }
        forgetLease(message)
        if hasMore { agenda.add(message.domain, due: now) } else if let due { agenda.add(message.domain, due: due) }
    }

    private mutating func forgetLease(_ message: QueuedMessage) {
        leases[message.domain]?.remove(message.id)
        if leases[message.domain]?.isEmpty == true { leases[message.domain] = nil }
    }

    /// Back to the head of its lane, as another connection can take it.
    mutating func giveBack(_ message: QueuedMessage, _ name: String) {
        guard var lane = lanes[name] else { return }
        lane.pending.insert(message, at: lane.pending.startIndex)
        pendingCount += 1
        lanes[name] = lane
        enlist(name)
    }

    mutating func ended(_ name: String, now: Int64) {
        workers -= 1
        lanes[name]?.workers -= 1
        lanes[name]?.lastUsed = now
    }

    // MARK: How much a destination bears

    /// A message went through: as Postfix does, one more connection for as many successes as there are connections.
    mutating func succeeded(_ name: String) {
        guard var lane = lanes[name] else { return }
        lane.failures = 0
        lane.concurrency = min(Double(caps.destination), lane.concurrency + 1 / max(1, lane.concurrency))
        lanes[name] = lane
    }

    /// A worker's connection was refused or broke, and the worker leaves. True: the destination is dead, since it was the last one.
    mutating func failed(_ name: String, now: Int64) -> Bool {
        ended(name, now: now)
        guard var lane = lanes[name] else { return true }
        defer { lanes[name] = lane }
        if lane.workers > 0 {
            // The others go on with what is there.
            lane.concurrency = max(1, min(lane.concurrency / 2, Double(lane.workers)))
            lane.notBefore = max(lane.notBefore, now + 10)
            return false
        }
        lane.notBefore = now + Self.deadTimes[min(lane.failures, Self.deadTimes.count - 1)]
        lane.failures += 1
        lane.concurrency = 1
        return true
    }

    /// What waits in memory for a lane, handed to the one who settles it all, with the domains that have more.
    mutating func drain(_ name: String) -> (messages: [QueuedMessage], domains: [String]) {
        guard let lane = lanes[name] else { return ([], []) }
        pendingCount -= lane.pending.count
        lanes[name]?.pending = []
        lanes[name]?.domains = DomainLine()
        return (Array(lane.pending), lane.domains.all)
    }

    /// Seconds since 1970 until which a domain's destination rests, whatever is due there; nil where it does not.
    func rest(of domain: String, now: Int64) -> Int64? {
        laneOf[domain].flatMap { lanes[$0] }.flatMap { $0.notBefore > now ? $0.notBefore : nil }
    }

    func leased(_ domain: String) -> Set<Int64> { leases[domain] ?? [] }

    /// False: it is another's, or was finished since the look began that found it.
    mutating func lease(_ message: QueuedMessage, in reading: Int) -> Bool {
        guard departed[message.domain]?[message.id].map({ $0 < reading }) ?? true else { return false }
        return leases[message.domain, default: []].insert(message.id).inserted
    }

    /// Whether no new connection is opened there for now.
    func isResting(_ name: String, now: Int64) -> Bool { (lanes[name]?.notBefore ?? 0) > now }

    /// Forgets lanes that nothing is known of but that they were quiet for ten minutes.
    mutating func sweep(now: Int64) {
        for (name, lane) in lanes where !lane.isBusy && lane.notBefore < now && lane.lastUsed < now - 600 { lanes[name] = nil }
        laneOf = laneOf.filter { lanes[$0.value] != nil }
    }

    /// The next hops have changed: no lane keeps a domain that may belong elsewhere.
    mutating func forgetRoutes() { laneOf = [:] }

    /// The terms have changed, which may be what was wrong.
    mutating func forgetFailures() {
        for name in lanes.keys {
            lanes[name]?.notBefore = 0
            lanes[name]?.failures = 0
        }
    }
}
