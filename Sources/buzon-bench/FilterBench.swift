import Dispatch
import Filter
import Glibc
import Scanner

/// `buzon-bench filter DIR SECONDS THREADS ROUNDS FILE…`: messages a second, and what each costs the processor, through libclamav alone,
/// through our inspector for viruses, and for viruses and banned names. Signatures are those of DIR/signatures, temporary files lie in
/// DIR/scan. The three take turns of about a tenth of a second and the same work, so that whatever else the machine does hits all alike: what a
/// temporary file costs depends on how many the file system has just removed. Nothing is answered from memory: no message is the same twice (`Letter`).
struct FilterBench {
    private enum Way: String, CaseIterable {
        case alone, virus, all
    }

    private static let turn = 0.1

    private let bare: BareScan
    private let inspector: ScannerInspector
    /// Each thread's own.
    private let stacks: [Stack]

    init(directory: String, threads: Int, files: [String]) async throws {
        let letters = try files.map { try Letter(file: $0) }
        stacks = (0..<threads).map { Stack(letters, $0) }
        bare = try BareScan(directory: directory)
        let settings = ScanSettings(temporaryDirectory: directory + "/scan")
        let source = SignatureSource(directory: directory + "/signatures")
        let signatures = Signatures(
            Signatures.Configuration(source: source, settings: settings), matcher: KnownLists().matcher, log: { print($0) })
        signatures.setEnabled(true)
        await signatures.settle()
        guard signatures.status.failures.isEmpty else { throw Oddity(words: "\(signatures.status.failures)") }
        inspector = ScannerInspector(
            signatures, ScannerInspector.Configuration(threads: threads), work: try WorkTable(path: directory + "/scanning"),
            onStuck: {})
    }

    /// Prints `{way: [figures of each round]}`. A round gives each way about so many seconds. One turn comes first, which doesn't count.
    func run(rounds: Int, seconds: Double) async throws {
        for way in Way.allCases { _ = try await take(way, passes: 1) }
        let once = try await take(.alone, passes: 1).elapsed
        let passes = max(1, Int(Self.turn / once))
        let turns = max(1, Int(seconds / once / Double(passes)))
        var found: [Way: [Figures]] = [:]
        for _ in 0..<rounds {
            var round: [Way: Figures] = [:]
            for _ in 0..<turns {
                for way in Way.allCases { round[way, default: Figures()].add(try await take(way, passes: passes)) }
            }
            for (way, figures) in round { found[way, default: []].append(figures) }
        }
        let ways = Way.allCases.map { way in #""\#(way)": [\#((found[way] ?? []).map(\.text).joined(separator: ", "))]"# }
        print("{" + ways.joined(separator: ", ") + "}")
        inspector.close()
    }

    /// Each thread takes all of its letters so many times.
    private func take(_ way: Way, passes: Int) async throws -> Figures {
        let (start, busy) = (DispatchTime.now(), Self.processorSeconds())
        if way == .alone {
            DispatchQueue.concurrentPerform(iterations: stacks.count) { thread in
                for _ in 0..<passes * stacks[thread].letters { bare.run(stacks[thread].next()) }
            }
        } else {
            let order = InspectionOrder(virus: true, bannedNames: way == .all ? [BannedNames.standard] : [])
            try await withThrowingTaskGroup(of: Void.self) { group in
                for stack in stacks {
                    group.addTask {
                        for _ in 0..<passes * stack.letters {
                            let inspection = await inspector.inspect(stack.next(), order)
                            guard inspection.virus == .clean, inspection.limits.isEmpty else { throw Oddity(words: "\(inspection)") }
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
        let elapsed = Double(DispatchTime.now().uptimeNanoseconds - start.uptimeNanoseconds) / 1e9
        let count = stacks.reduce(0) { $0 + passes * $1.letters }
        return Figures(messages: count, elapsed: elapsed, busy: Self.processorSeconds() - busy)
    }

    private static func processorSeconds() -> Double {
        var used = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used)
        return Double(used.tv_sec) + Double(used.tv_nsec) / 1e9
    }
}

struct Oddity: Error {
    var words: String

    /// Where nobody can catch it: in a loop on several threads.
    func end() -> Never {
        print(words)
        exit(1)
    }
}

private struct Figures {
    var messages = 0
    var elapsed = 0.0
    var busy = 0.0

    mutating func add(_ other: Figures) {
        messages += other.messages
        elapsed += other.elapsed
        busy += other.busy
    }

    /// Messages a second, and milliseconds of the processor for one.
    var text: String {
        let rate = Double(messages) / max(elapsed, 1e-9)
        let each = busy * 1_000 / Double(max(messages, 1))
        return #"{"messages": \#(messages), "rate": \#(rate.rounded(to: 1)), "cpu": \#(each.rounded(to: 5))}"#
    }
}

/// The letters that one thread takes in turn. Unchecked: nobody else touches them.
private final class Stack: @unchecked Sendable {
    private let copies: [Letter]
    private var count = 0

    init(_ letters: [Letter], _ thread: Int) { copies = letters.map { $0.copy(thread) } }

    var letters: Int { copies.count }

    /// One that was never there.
    func next() -> Letter {
        let letter = copies[count % copies.count]
        count += 1
        letter.change()
        return letter
    }
}
