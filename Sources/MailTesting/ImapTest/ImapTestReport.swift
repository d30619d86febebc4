/// One thing that came otherwise than the script says.
package struct ImapTestFailure: Sendable, Equatable, CustomStringConvertible {
    /// Line of the script; 0 before its first command.
    package let line: Int
    package let command: String
    package let expected: String
    /// What came, or of what came that which fits best.
    package let received: String

    package init(line: Int, command: String, expected: String, received: String) {
        self.line = line
        self.command = command
        self.expected = expected
        self.received = received
    }

    package var description: String { "line \(line): \(command)\n      expected: \(expected)\n      received: \(received)" }
}

package enum ImapTestOutcome: Sendable, Equatable {
    /// With the number of command groups played.
    case passed(Int)
    case failed([ImapTestFailure])
    /// With the reason, e.g. the capabilities that the server lacks.
    case skipped(String)
}

/// What became of each group; prints as `N groups passed, N failed, N skipped` and the details.
package struct ImapTestReport: Sendable, CustomStringConvertible {
    package struct Result: Sendable, Equatable {
        package let name: String
        package let outcome: ImapTestOutcome

        package init(name: String, outcome: ImapTestOutcome) {
            self.name = name
            self.outcome = outcome
        }
    }

    package let results: [Result]

    package init(results: [Result]) { self.results = results }

    package var passed: [String] { results.compactMap { if case .passed = $0.outcome { $0.name } else { nil } } }
    package var failed: [String] { results.compactMap { if case .failed = $0.outcome { $0.name } else { nil } } }
    package var skipped: [String] { results.compactMap { if case .skipped = $0.outcome { $0.name } else { nil } } }

    package var description: String {
        var lines = ["\(passed.count) groups passed, \(failed.count) failed, \(skipped.count) skipped"]
        for result in results {
            switch result.outcome {
            case .passed: break
            case .skipped(let reason): lines.append("  skipped \(result.name): \(reason)")
            case .failed(let failures):
                lines.append("  FAILED \(result.name)")
                lines += failures.map { "    \($0)" }
            }
        }
        return lines.joined(separator: "\n")
    }
}
