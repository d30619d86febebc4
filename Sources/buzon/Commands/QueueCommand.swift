import ArgumentParser
import Flow
import Mail
import Store

struct QueueCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queue", abstract: text("help.queue"),
        subcommands: [List.self, Show.self, Retry.self, Hold.self, Release.self, Remove.self])

    private struct Shown: Encodable {
        struct Recipient: Encodable {
            var address: String
            var forwardedFor: String?
            /// Seconds since 1970; 0 not tried yet, -1 now.
            var due: Int64
            /// When it is tried in truth: not before its destination has rested. Nil where it is held.
            var next: Int64?
            var held: Bool
            var attempts: Int
            var lastAttempt: Int64
            var host: String
            var code: Int
            var reply: String
            /// A key of the texts, and its words.
            var reason: String
            var advice: String
        }

        var queueID: String
        var created: Int64
        var sender: String
        var size: Int
        var login: String
        var messageID: String
        var recipients: [Recipient]

        init(_ entry: QueueEntry, _ rests: [String: Int64]) {
            queueID = entry.queueID
            created = entry.created
            sender = entry.sender
            size = entry.size
            login = entry.login
            messageID = entry.messageID
            recipients = entry.recipients.map {
                Recipient(
                    address: $0.recipient.address, forwardedFor: $0.recipient.forwardedFor, due: $0.state.due,
                    next: $0.state.isHeld ? nil : max($0.state.due, rests[$0.domain] ?? 0), held: $0.state.isHeld,
                    attempts: $0.state.attempts, lastAttempt: $0.state.lastAttempt, host: $0.state.host, code: $0.state.code,
                    reply: $0.state.reply, reason: Reason(stored: $0.state.reason).key,
                    advice: $0.state.reason.isEmpty ? "" : text(Reason(stored: $0.state.reason)))
            }
        }
    }

    private struct Done: Encodable {
        var recipients: Int
    }

    /// What of the queue is meant.
    struct Choice: ParsableArguments {
        @Argument(help: ArgumentHelp(text("help.queue.wanted"), valueName: "ID|ADDRESS|DOMAIN")) var wanted: String?
        @Flag(help: ArgumentHelp(text("help.queue.all"))) var all = false

        func validate() throws {
            guard all != (wanted != nil) else { throw ValidationError(text("queue.which")) }
        }

        var selection: QueueSelection { wanted.map(QueueCommand.selection) ?? .all }
    }

    /// An address has an `@`, a domain a dot or brackets, a queue id neither.
    static func selection(_ wanted: String) -> QueueSelection {
        if wanted.contains("@") { return .address(wanted) }
        if wanted.contains(".") || wanted.hasPrefix("[") {
            return .domain((try? Domain(parsing: wanted, allowUTF8: true).ascii) ?? wanted)
        }
        return .message(wanted)
    }

    /// Which destinations of these rest, as the server knows it, if one runs: the rows don't say.
    private static func rests(_ entries: [QueueEntry], _ common: CommonOptions) -> [String: Int64] {
        let domains = Set(entries.flatMap { $0.recipients.map(\.domain) }).sorted()
        var rests: [String: Int64] = [:]
        for start in stride(from: 0, to: domains.count, by: 200) {
            let some = Array(domains[start..<min(domains.count, start + 200)])
            guard let found = try? Control.ask(.rests, directory: common.data, domains: some, seconds: 2)?.rests else { break }
            rests.merge(found) { $1 }
        }
        return rests
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: text("help.queue.list"))
        @OptionGroup var common: CommonOptions
        @Argument(help: ArgumentHelp(text("help.queue.wanted"), valueName: "ID|ADDRESS|DOMAIN")) var wanted: String?

        func run() async throws {
            let entries = try await common.withStore { try await $0.queue(wanted.map(QueueCommand.selection) ?? .all) }
            let rests = QueueCommand.rests(entries, common)
            if common.json { return try Output.json(entries.map { Shown($0, rests) }) }
            if entries.isEmpty { return print(text(wanted == nil ? "queue.empty" : "queue.none")) }
            Output.table(
                entries.map { entry in
                    [
                        entry.queueID, MailDate.format(seconds: entry.created), "\(entry.size)", "<\(entry.sender)>",
                        entry.recipients.map { "<\($0.recipient.address)> (\(QueueCommand.state($0, rests)))" }.joined(separator: " "),
                    ]
                })
        }
    }

    private static func state(_ recipient: QueuedMessage.Recipient, _ rests: [String: Int64]) -> String {
        let state = recipient.state
        if state.isHeld { return text("queue.state.held") }
        let next = max(state.due, rests[recipient.domain] ?? 0)
        if next < 0 { return text("queue.state.now") }
        if state.attempts == 0, next == 0 { return text("queue.state.new") }
        return text("queue.state.due", ["time": MailDate.format(seconds: next)])
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: text("help.queue.show"))
        @OptionGroup var common: CommonOptions
        @OptionGroup var choice: Choice

        func run() async throws {
            let entries = try await common.withStore { try await $0.queue(choice.selection) }
            guard !entries.isEmpty || choice.all else { throw CommandFailure(text("queue.none")) }
            let rests = QueueCommand.rests(entries, common)
            if common.json { return try Output.json(entries.map { Shown($0, rests) }) }
            if entries.isEmpty { return print(text("queue.empty")) }
            for entry in entries {
                print(
                    text(
                        "queue.head",
                        [
                            "id": entry.queueID, "time": MailDate.format(seconds: entry.created), "size": entry.size,
                            "sender": entry.sender,
                        ]))
                for recipient in entry.recipients { lines(recipient, rests).forEach { print($0) } }
            }
        }

        private func lines(_ recipient: QueuedMessage.Recipient, _ rests: [String: Int64]) -> [String] {
            let state = recipient.state
            var lines = ["  <\(recipient.recipient.address)>  \(QueueCommand.state(recipient, rests))"]
            if let origin = recipient.recipient.forwardedFor { lines.append("    " + text("queue.forwarded", ["address": origin])) }
            if state.attempts > 0 {
                lines.append(
                    "    "
                        + text("queue.attempts", ["count": state.attempts, "time": MailDate.format(seconds: state.lastAttempt)]))
            }
            if !state.reply.isEmpty { lines.append("    " + (state.host.isEmpty ? "" : "\(state.host): ") + state.reply) }
            if !state.reason.isEmpty { lines.append("    " + text(Reason(stored: state.reason))) }
            return lines
        }
    }

    /// Makes the change, and wakes the server if one runs: it would notice by itself within half a second.
    private static func change(_ change: QueueChange, _ word: String, _ common: CommonOptions, _ choice: Choice) async throws {
        let count = try await common.withStore { try await $0.change(change, choice.selection) }
        guard count > 0 || choice.all else { throw CommandFailure(text("queue.none")) }
        _ = try? Control.ask(.flush, directory: common.data, seconds: 2)
        try common.answer(Done(recipients: count), text("queue.done.\(word)", ["count": count]))
    }

    struct Retry: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: text("help.queue.retry"))
        @OptionGroup var common: CommonOptions
        @OptionGroup var choice: Choice
        func run() async throws { try await change(.retry, "retry", common, choice) }
    }

    struct Hold: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: text("help.queue.hold"))
        @OptionGroup var common: CommonOptions
        @OptionGroup var choice: Choice
        func run() async throws { try await change(.hold, "hold", common, choice) }
    }

    struct Release: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: text("help.queue.release"))
        @OptionGroup var common: CommonOptions
        @OptionGroup var choice: Choice
        func run() async throws { try await change(.release, "release", common, choice) }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: text("help.queue.remove"))
        @OptionGroup var common: CommonOptions
        @OptionGroup var choice: Choice
        func run() async throws { try await change(.remove, "remove", common, choice) }
    }
}
