import Resolution
import Synchronization

/// Answers from a table; what is not in it does not exist. Keys are `TYPE name`, TYPE a number.
final class FakeResolver: Resolver {
    struct Reply: Sendable {
        enum Outcome: Sendable {
            case found([any ResourceRecord])
            case noData, noName
            case bogus, failed
        }
        var outcome: Outcome
        var isSecure = true
    }

    private let replies: Mutex<[String: Reply]>
    private let log = Mutex<[String]>([])
    /// What was asked, in order.
    var asked: [String] { log.withLock { $0 } }

    init(_ replies: [String: Reply] = [:]) { self.replies = Mutex(replies) }

    func set(_ key: String, _ reply: Reply?) { replies.withLock { $0[key] = reply } }

    func lookUp<Record: ResourceRecord>(_ type: Record.Type, _ name: String) async -> Lookup<Record> {
        let key = "\(Record.type) \(name)"
        log.withLock { $0.append(key) }
        guard let reply = replies.withLock({ $0[key] }) else { return Lookup(outcome: .noName, isSecure: true, canonicalName: name) }
        let outcome: Lookup<Record>.Outcome =
            switch reply.outcome {
            case .found(let records): .found(records.compactMap { $0 as? Record })
            case .noData: .noData
            case .noName: .noName
            case .bogus: .bogus(reason: "forged")
            case .failed: .failed(reason: "SERVFAIL")
            }
        return Lookup(outcome: outcome, isSecure: reply.isSecure, canonicalName: name, timeToLive: 60)
    }
}
