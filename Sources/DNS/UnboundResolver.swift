package import Resolution
internal import Synchronization

/// The resolver: validates DNSSEC itself, keeps answers as long as they live.
package final class UnboundResolver: Resolver {
    private let current: Mutex<Context>

    /// Reads the trust anchors' file, some milliseconds.
    package init(_ options: Options = Options()) throws(OptionsFailure) {
        current = Mutex(try Context(options))
    }

    deinit { current.withLock { $0.end() } }

    /// From now on as `options` say, with nothing in the cache; look-ups under way end as they began. When it fails all stays as it was.
    package func configure(_ options: Options) throws(OptionsFailure) {
        let new = try Context(options)
        current.withLock { current in
            current.end()
            current = new
        }
    }

    package func lookUp<Record: ResourceRecord>(_ type: Record.Type, _ name: String) async -> Lookup<Record> {
        guard let query = QueryName(name) else { return Lookup(outcome: .noName, canonicalName: name) }
        let answer = await ask(query, Record.type)
        let canonicalName = answer.canonicalName.isEmpty ? query.text : answer.canonicalName
        let outcome: Lookup<Record>.Outcome =
            switch answer.outcome {
            case .found(let data): Self.outcome(data.compactMap { Record(wire: $0) })
            case .noData: .noData
            case .noName: .noName
            case .bogus(let reason): .bogus(reason: reason)
            case .failed(let reason): .failed(reason: reason)
            }
        return Lookup(outcome: outcome, isSecure: answer.isSecure, canonicalName: canonicalName, timeToLive: answer.timeToLive)
    }

    private static func outcome<Record>(_ records: [Record]) -> Lookup<Record>.Outcome {
        records.isEmpty ? .failed(reason: "malformed records") : .found(records)
    }

    private func ask(_ name: QueryName, _ type: UInt16) async -> Answer {
        // A context that has ended in between was replaced: the next one is asked.
        for _ in 0..<3 {
            let context = current.withLock { $0 }
            if let answer = await context.ask(name, type) { return answer }
        }
        return .failed("options change too often")
    }
}
