import Dispatch
import Filter
import Glibc
import Scanner

/// `buzon-bench scan|virus|all DIR SECONDS THREADS FILE…`: messages a second, and what each costs the processor, through libclamav alone,
/// through our inspector for viruses, and for viruses and banned names. Signatures are those of DIR/signatures. Whoever asks, takes the files
/// in turn, and none is the same twice: the digits behind `X-Number: ` count, so that nothing is answered from memory.
struct FilterBench {
    enum Way: String {
        case scan, virus, all
    }

    var directory: String
    var seconds: Double
    var threads: Int
    var files: [String]

    func run(_ way: Way) async throws {
        let letters = try files.map { try Letter(file: $0) }
        switch way {
        case .scan:
            let scan = try BareScan(directory: directory)
            try await measure { turn, ending in
                let counts = Counts(threads)
                DispatchQueue.concurrentPerform(iterations: threads) { thread in
                    let letters = letters.map { $0.copy(turn * threads + thread) }
                    while DispatchTime.now() < ending {
                        let letter = letters[counts.next(thread) % letters.count]
                        letter.change()
                        scan.run(letter)
                    }
                }
                return counts.sum
            }
        case .virus, .all:
            let inspector = try await inspector()
            let order = InspectionOrder(virus: true, bannedNames: way == .all ? [BannedNames.standard] : [])
            try await measure { turn, ending in
                try await withThrowingTaskGroup(of: Int.self) { group in
                    for thread in 0..<threads {
                        group.addTask {
                            let letters = letters.map { $0.copy(turn * threads + thread) }
                            var count = 0
                            while DispatchTime.now() < ending {
                                let letter = letters[count % letters.count]
                                letter.change()
                                let inspection = await inspector.inspect(letter, order)
                                guard inspection.virus == .clean, inspection.limits.isEmpty else { throw Oddity(words: "\(inspection)") }
                                count += 1
                            }
                            return count
                        }
                    }
                    return try await group.reduce(0, +)
                }
            }
            inspector.close()
        }
    }

    private func inspector() async throws -> ScannerInspector {
        let settings = ScanSettings(temporaryDirectory: directory + "/scan")
        let source = SignatureSource(directory: directory + "/signatures")
        let signatures = Signatures(Signatures.Configuration(source: source, settings: settings))
        signatures.setEnabled(true)
        await signatures.settle()
        guard signatures.status.failures.isEmpty else { throw Oddity(words: "\(signatures.status.failures)") }
        return ScannerInspector(
            signatures, ScannerInspector.Configuration(threads: threads),
            matcher: { list in
                let names = try? BannedNames(parsing: list)
                return { names?.rule(meeting: $0) }
            }, work: try WorkTable(path: directory + "/scanning"), log: { print($0) }, onStuck: {})
    }

    /// A tenth of the time first, of which nothing is told.
    private func measure(_ body: (Int, DispatchTime) async throws -> Int) async throws {
        _ = try await body(0, .now() + seconds / 10)
        let (start, busy) = (DispatchTime.now(), processorSeconds())
        report(try await body(1, start + seconds), since: start, busy)
    }

    private func report(_ count: Int, since start: DispatchTime, _ busy: Double) {
        let elapsed = Double(DispatchTime.now().uptimeNanoseconds - start.uptimeNanoseconds) / 1e9
        let milliseconds = (processorSeconds() - busy) * 1_000
        let each = count > 0 ? milliseconds / Double(count) : 0
        print(#"{"messages": \#(count), "rate": \#((Double(count) / elapsed).rounded(to: 1)), "cpu": \#(each.rounded(to: 5))}"#)
    }

    private func processorSeconds() -> Double {
        var used = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used)
        return Double(used.tv_sec) + Double(used.tv_nsec) / 1e9
    }
}

struct Oddity: Error {
    var words: String
}

/// What each thread has done. Unchecked: a thread touches its own number only.
private final class Counts: @unchecked Sendable {
    private let counts: UnsafeMutableBufferPointer<Int>

    init(_ threads: Int) {
        // Not two on one line of the processor's cache.
        counts = .allocate(capacity: threads * 16)
        counts.initialize(repeating: 0)
    }

    deinit { counts.deallocate() }

    func next(_ thread: Int) -> Int {
        counts[thread * 16] += 1
        return counts[thread * 16] - 1
    }

    var sum: Int { counts.reduce(0, +) }
}
