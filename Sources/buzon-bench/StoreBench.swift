import FoundationEssentials
import Mail
import Store

/// `buzon-bench store DIR`: what the store does without a network. DIR must be empty or absent. Prints a table; every
/// delivery is durable when it is counted. Not installed: `appliance/bench store` builds and runs it.
enum StoreBench {
    static func run(directory: String) async throws {
        let store = try await MailStore.open(directory: directory)
        try await store.addDomain("bench.test")
        let user = try await store.addUser("user@bench.test", password: Array("secret".utf8))
        print("| deliveries | tasks | bytes | a second | median ms | 99 % ms | worst ms |\n|---|---|---|---|---|---|---|")
        for (tasks, size, count) in [(1, 4_096, 500), (10, 4_096, 5_000), (50, 4_096, 20_000), (50, 51_200, 4_000)] {
            print(try await deliver(store, user, tasks: tasks, size: size, count: count))
        }
        let inbox = try await store.select(user, "INBOX", readOnly: true)
        print("\n| reads of INBOX | messages | ms |\n|---|---|---|")
        print(row("select", inbox.uids.count, try await time { _ = try await store.select(user, "INBOX", readOnly: true) }))
        let page = UIDSet(1...50)
        print(row("page of 50 with envelopes", 50, try await time { _ = try await store.messages(inbox.id, page, [.flags, .envelope]) }))
        print(
            row(
                "every row with its envelope", inbox.uids.count,
                try await time {
                    try await store.forEachRow(in: inbox.id, inbox.uids, [.flags, .envelope]) { _ in true }
                }))
        print(
            row(
                "1,000 bodies", 1_000,
                try await time {
                    for message in try await store.messages(inbox.id, UIDSet(1...1_000), .body, limit: 1_000) {
                        _ = try await store.read(message.body, 0..<message.body.size)
                    }
                }))
        await store.close()
    }

    private static func deliver(_ store: MailStore, _ user: UserID, tasks: Int, size: Int, count: Int) async throws -> String {
        let message = Array("Subject: bench\r\n\r\n".utf8) + [UInt8](repeating: 0x78, count: size)
        let summary = message.withUnsafeBufferPointer { MessageSummary.summarise($0) }
        let each = count / tasks
        let start = ContinuousClock.now
        let latencies = try await withThrowingTaskGroup(of: [Duration].self) { group in
            for _ in 0..<tasks {
                group.addTask {
                    var latencies: [Duration] = []
                    for _ in 0..<each {
                        let begin = ContinuousClock.now
                        let spool = store.spool()
                        try spool.append(message)
                        _ = try await store.deliver(
                            Delivery(
                                spool: spool, envelope: summary.envelope, structure: summary.structure,
                                date: InternalDate(seconds: 1_700_000_000), recipients: [Delivery.Recipient(user: user)]))
                        latencies.append(ContinuousClock.now - begin)
                    }
                    return latencies
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }.sorted()
        }
        let seconds = (ContinuousClock.now - start).milliseconds / 1_000
        return "| \(latencies.count) | \(tasks) | \(size) | \(Int(Double(latencies.count) / seconds)) | "
            + [0.5, 0.99, 1.0].map { share in
                let place = min(latencies.count - 1, Int(Double(latencies.count) * share))
                return "\(latencies[place].milliseconds.rounded(to: 1))"
            }.joined(separator: " | ") + " |"
    }

    private static func time(_ body: () async throws -> Void) async throws -> Double {
        let start = ContinuousClock.now
        try await body()
        return (ContinuousClock.now - start).milliseconds
    }

    private static func row(_ what: String, _ count: Int, _ milliseconds: Double) -> String {
        "| \(what) | \(count) | \(milliseconds.rounded(to: 2)) |"
    }
}
