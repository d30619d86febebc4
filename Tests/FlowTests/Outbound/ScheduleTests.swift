import Mail
import Store
import Testing

@testable import Flow

private func message(_ id: Int64, _ domain: String) -> QueuedMessage {
    var message = QueuedMessage.sample
    message.id = id
    message.domain = domain
    return message
}

extension QueuedMessage {
    static var sample: QueuedMessage {
        QueuedMessage(
            id: 1, queueID: "Q", since: 0, created: 0, sender: "yo@virtual.test", body: BodyReference(id: 1, length: 1), ret: nil,
            envelopeID: nil, smtpUTF8: false, login: "", requiresTLS: false, isEightBit: false, messageID: "", domain: "b.test",
            recipients: [])
    }
}

struct ScheduleTests {
    /// What a schedule does until it has nothing more to do, with everything loaded that it asks for.
    private func run(_ schedule: inout Schedule, _ mail: inout [String: [Int64]], now: Int64) -> [String] {
        var opened: [String] = []
        schedule.advance(now: now) { $0 }
        while let action = schedule.next(now: now) {
            switch action {
            case .open(let lane): opened.append(lane)
            case .load(let lane, let domain, _):
                let taken = mail[domain, default: []].prefix(Schedule.page)
                mail[domain]?.removeFirst(taken.count)
                schedule.loaded(
                    taken.map { message($0, domain) }, of: domain, in: lane, reading: 1, isAll: mail[domain, default: []].isEmpty,
                    next: nil,
                    now: now)
            }
        }
        return opened
    }

    @Test func aBusyDestinationStarvesNobody() {
        var schedule = Schedule(caps: .init(destination: 20, total: 12))
        var mail = ["busy.test": Array(1...10_000).map(Int64.init)]
        schedule.note("busy.test", due: 0, now: 0)
        for index in 0..<10 {
            mail["d\(index).test"] = [Int64(20_000 + index)]
            schedule.note("d\(index).test", due: 0, now: 0)
        }
        let opened = run(&schedule, &mail, now: 0)
        #expect(opened.count == 12 && schedule.workers == 12)
        #expect(Set(opened).count == 11)
    }

    @Test func concurrencyFollowsTheAnswers() {
        var schedule = Schedule(caps: .init(destination: 8, total: 100))
        var mail = ["b.test": Array(1...10_000).map(Int64.init)]
        schedule.note("b.test", due: 0, now: 0)
        let opened095 = run(&schedule, &mail, now: 0)
        #expect(opened095.count == 3)
        for _ in 0..<100 { schedule.succeeded("b.test") }
        let opened065 = run(&schedule, &mail, now: 0)
        #expect(opened065.count == 5)
        #expect(schedule.lanes["b.test"]?.workers == 8)
        // One is refused while others live: less at once, and no new one for a while.
        let isDeadWithOthers = schedule.failed("b.test", now: 0)
        #expect(!isDeadWithOthers)
        #expect(schedule.lanes["b.test"]?.concurrency == 4)
        let opened188 = run(&schedule, &mail, now: 1)
        #expect(opened188.isEmpty)
        for _ in 0..<6 { schedule.ended("b.test", now: 0) }
        let isDead = schedule.failed("b.test", now: 0)
        #expect(isDead)
        #expect(schedule.lanes["b.test"]?.notBefore == 60)
        let opened5988 = run(&schedule, &mail, now: 59)
        #expect(opened5988.isEmpty)
        let opened613 = run(&schedule, &mail, now: 61)
        #expect(opened613.count == 1)
        let isDeadAgain = schedule.failed("b.test", now: 61)
        #expect(isDeadAgain)
        #expect(schedule.lanes["b.test"]?.notBefore == 181)
        // The administrator asks for it.
        schedule.note("b.test", due: -1, now: 62)
        let opened623 = run(&schedule, &mail, now: 62)
        #expect(opened623.count == 1)
    }

    @Test func aMessageIsHandedOutOnce() throws {
        var schedule = Schedule()
        schedule.note("b.test", due: 5, now: 0)
        schedule.advance(now: 4) { $0 }
        let early = schedule.next(now: 4)
        #expect(early == nil && schedule.nextDue == 5)
        schedule.advance(now: 5) { $0 }
        let load = schedule.next(now: 5)
        #expect(load == .load(lane: "b.test", domain: "b.test", leased: []))
        schedule.loaded(
            [message(1, "b.test"), message(1, "b.test")], of: "b.test", in: "b.test", reading: 1, isAll: true, next: 9, now: 5)
        let open = schedule.next(now: 5)
        #expect(open == .open(lane: "b.test"))
        let first = schedule.take("b.test", served: 0)
        let taken = try #require(first)
        let second = schedule.take("b.test", served: 1)
        #expect(second == nil && schedule.leased("b.test") == [1])
        schedule.release(taken, due: nil, hasMore: false, now: 5)
        schedule.ended("b.test", now: 5)
        #expect(schedule.leased("b.test").isEmpty && schedule.nextDue == 9 && schedule.workers == 0)
        schedule.sweep(now: 1_000)
        #expect(schedule.lanes.isEmpty)
    }

    /// What was read before it was finished is not sent again, however late the answer comes.
    @Test func whatDepartedWithinALookIsNotTaken() throws {
        var schedule = Schedule()
        schedule.note("b.test", due: 0, now: 0)
        schedule.advance(now: 0) { $0 }
        let reading = schedule.beginReading()
        _ = schedule.next(now: 0)
        let isLeased = schedule.lease(message(1, "b.test"), in: reading)
        #expect(isLeased)
        schedule.release(message(1, "b.test"), due: nil, hasMore: false, now: 0)
        schedule.loaded(
            [message(1, "b.test"), message(2, "b.test")], of: "b.test", in: "b.test", reading: reading, isAll: true, next: nil, now: 0)
        let isTakenAgain = schedule.lease(message(1, "b.test"), in: reading)
        #expect(schedule.leased("b.test") == [2] && schedule.pendingCount == 1 && !isTakenAgain)
        schedule.endReading()
        let isFree = schedule.lease(message(1, "b.test"), in: reading)
        #expect(isFree)
    }

    /// The same message's other destinations, and looks that began later, are not concerned.
    @Test func whatDepartedIsOneDestinationOfALook() {
        var schedule = Schedule()
        let early = schedule.beginReading()
        schedule.release(message(1, "a.test"), due: nil, hasMore: true, now: 0)
        let other = schedule.lease(message(1, "b.test"), in: early)
        let same = schedule.lease(message(1, "a.test"), in: early)
        let late = schedule.lease(message(1, "a.test"), in: schedule.beginReading())
        #expect(other && !same && late)
    }

    @Test func whatWasChangedIsReadAgain() throws {
        var schedule = Schedule()
        for id in 1...3 { schedule.arrived(message(Int64(id), "b.test"), in: 1, now: 7) { $0 } }
        let open = schedule.next(now: 7)
        let taken = schedule.take("b.test", served: 0)
        #expect(open == .open(lane: "b.test") && taken?.id == 1)
        schedule.unload(now: 8)
        let none = schedule.take("b.test", served: 1)
        #expect(none == nil && schedule.pendingCount == 0 && schedule.leased("b.test") == [1])
        schedule.advance(now: 8) { $0 }
        let load = schedule.next(now: 8)
        #expect(load == .load(lane: "b.test", domain: "b.test", leased: [1]))
    }

    /// Where there are more destinations than connections, each gets its turn.
    @Test func aConnectionIsNotKeptFromOthersForEver() {
        var schedule = Schedule(caps: .init(destination: 20, total: 1))
        for id in 1...40 { schedule.arrived(message(Int64(id), "b.test"), in: 1, now: 0) { $0 } }
        let open = schedule.next(now: 0)
        #expect(open == .open(lane: "b.test"))
        let alone = schedule.take("b.test", served: 30)
        schedule.arrived(message(99, "c.test"), in: 1, now: 0) { $0 }
        let within = schedule.take("b.test", served: Schedule.turn - 1)
        let beyond = schedule.take("b.test", served: Schedule.turn)
        #expect(alone != nil && within != nil && beyond == nil)
        schedule.ended("b.test", now: 0)
        let opened = [schedule.next(now: 0), schedule.next(now: 0)]
        #expect(opened == [.open(lane: "c.test"), nil])
    }

    /// A smarthost's lane has them all.
    @Test(.timeLimit(.minutes(1))) func manyDomainsInOneLane() {
        var schedule = Schedule()
        for index in 0..<50_000 { schedule.note("d\(index).test", due: 0, now: 0) }
        schedule.note("d7.test", due: 0, now: 0)
        var loaded: Set<String> = []
        schedule.advance(now: 0) { _ in "relay" }
        while case .load(let lane, let domain, _) = schedule.next(now: 0) {
            loaded.insert(domain)
            schedule.loaded([], of: domain, in: lane, reading: 1, isAll: true, next: nil, now: 0)
        }
        #expect(loaded.count == 50_000)
    }

    @Test func arrivalsGoStraightIntoTheirLane() throws {
        var schedule = Schedule()
        for id in 1...Int64(Schedule.page + 5) { schedule.arrived(message(id, "b.test"), in: 1, now: 7) { $0 } }
        // What is more than a page stays in the store.
        #expect(schedule.pendingCount == Schedule.page && schedule.leased("b.test").count == Schedule.page)
        #expect(schedule.nextDue == 7)
        let open = schedule.next(now: 7)
        #expect(open == .open(lane: "b.test"))
        // Twice the same, and nothing while the destination rests.
        schedule.arrived(message(1, "b.test"), in: 1, now: 7) { $0 }
        #expect(schedule.pendingCount == Schedule.page)
        _ = schedule.failed("b.test", now: 7)
        _ = schedule.drain("b.test")
        schedule.arrived(message(99, "b.test"), in: 1, now: 8) { $0 }
        #expect(schedule.pendingCount == 0 && schedule.isResting("b.test", now: 8))
        #expect(!schedule.leased("b.test").contains(99))
    }

    /// Connections that wait are not closed for second ones.
    @Test func secondConnectionsNeedRoom() {
        var schedule = Schedule(caps: .init(destination: 20, total: 4))
        for id in 1...2 { schedule.arrived(message(Int64(id), "b.test"), in: 1, now: 0) { $0 } }
        schedule.arrived(message(3, "c.test"), in: 1, now: 0) { $0 }
        let first = [schedule.next(now: 0, idle: 3), schedule.next(now: 0, idle: 3), schedule.next(now: 0, idle: 3)]
        #expect(first == [.open(lane: "b.test"), .open(lane: "c.test"), nil])
        let itsOwn = schedule.next(now: 0, idle: 3) { $0 == "b.test" }
        #expect(itsOwn == .open(lane: "b.test"))
    }

    @Test func otherTermsEndTheRest() {
        var schedule = Schedule()
        schedule.arrived(message(1, "b.test"), in: 1, now: 0) { $0 }
        _ = schedule.next(now: 0)
        let isDead = schedule.failed("b.test", now: 0)
        #expect(isDead && schedule.isResting("b.test", now: 1))
        schedule.forgetFailures()
        #expect(!schedule.isResting("b.test", now: 1))
    }

    @Test func theAgendaIsInOrder() {
        var agenda = Agenda()
        for (index, due) in [50, 3, 40, 3, 7, 99, 1].enumerated() { agenda.add("d\(index)", due: Int64(due)) }
        agenda.add("d0", due: 2)
        agenda.add("d6", due: 70)
        var order: [String] = []
        while let name = agenda.next(until: 60) { order.append(name) }
        #expect(order.prefix(2) == ["d6", "d0"] && Set(order[2...3]) == ["d1", "d3"] && order.suffix(2) == ["d4", "d2"])
        let rest = [agenda.next(until: 99), agenda.next(until: 1_000)]
        #expect(rest == ["d5", nil])
    }

    @Test func retries() {
        let plan = RetryPlan(waits: [120, 300, 3_600], lifetime: 10_000, warning: 4_000)
        #expect(plan.next(attempts: 1, since: 0, now: 0) == 120)
        #expect(plan.next(attempts: 2, since: 0, now: 120) == 420)
        #expect(plan.next(attempts: 9, since: 0, now: 420) == 4_020)
        #expect(plan.next(attempts: 10, since: 0, now: 8_000) == 10_000)
        #expect(plan.next(attempts: 11, since: 0, now: 10_000) == nil)
        #expect(!plan.isWarningDue(since: 0, now: 3_999) && plan.isWarningDue(since: 0, now: 4_000))
    }
}
