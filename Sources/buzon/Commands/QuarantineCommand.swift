import ArgumentParser
import Flow
import Mail
import Store

struct QuarantineCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quarantine", abstract: text("help.quarantine"),
        subcommands: [List.self, Show.self, Release.self, Remove.self])

    private struct Shown: Encodable {
        struct Recipient: Encodable {
            var recipient: String
            var destination: String
            /// `quarantine`, `discard`, `bounce`, `reject`: what his policy said.
            var fate: String
            /// Seconds since 1970; 0: not yet.
            var released: Int64
        }

        struct Cause: Encodable {
            /// A key of the texts, and its words.
            var key: String
            var text: String
        }

        var id: Int64
        var queueID: String
        var received: Int64
        var messageID: String
        var peer: String
        var sender: String
        var from: String
        var subject: String
        var category: String
        var size: Int
        var reasons: [Cause]
        var recipients: [Recipient]

        init(_ entry: QuarantineEntry) {
            id = entry.id
            queueID = entry.queueID
            received = entry.received
            messageID = entry.messageID
            peer = entry.peer
            sender = entry.sender
            from = entry.from
            subject = entry.subject
            category = entry.category
            size = entry.size
            reasons = entry.reasons.map { Cause(key: Reason(stored: $0).key, text: text(Reason(stored: $0))) }
            recipients = entry.recipients.map {
                Recipient(recipient: $0.recipient, destination: $0.destination, fate: $0.fate, released: $0.released)
            }
        }
    }

    /// Whom a number, a queue id, an address or a Message-ID means: a number alone is an entry's own.
    private static func entries(_ wanted: String, _ store: MailStore) async throws -> [QuarantineEntry] {
        let found = try await store.quarantine(wanted)
        guard !found.isEmpty else { throw CommandFailure(text("quarantine.none", ["wanted": wanted])) }
        return found
    }

    /// As the sender wrote it, and where it leads.
    private static func shown(_ recipient: QuarantineEntry.Recipient) -> String {
        let written = "<\(recipient.recipient.printable)>"
        return recipient.destination == recipient.recipient ? written : written + " → <\(recipient.destination.printable)>"
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: text("help.quarantine.list"))
        @OptionGroup var common: CommonOptions
        @OptionGroup var filter: QuarantineFilterOptions
        @Argument(help: ArgumentHelp(text("help.quarantine.wanted"), valueName: "ID|ADDRESS|MESSAGE-ID")) var wanted: String?

        func run() async throws {
            let entries = try await common.withStore { store in
                let filter = try await filter.filter(in: store)
                return try await store.quarantine(wanted, filter, limit: self.filter.limit)
            }
            if common.json { return try Output.json(entries.map(Shown.init)) }
            if entries.isEmpty { return print(text(wanted == nil && filter.isEmpty ? "quarantine.empty" : "quarantine.no-match")) }
            Output.table(
                entries.map { entry in
                    [
                        "\(entry.id)", MailDate.format(seconds: entry.received), text("category.\(entry.category)"), "\(entry.size)",
                        "<\(entry.sender.printable)>", entry.recipients.map(QuarantineCommand.shown).joined(separator: " "),
                        entry.subject.printable,
                    ]
                })
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: text("help.quarantine.show"))
        @OptionGroup var common: CommonOptions
        @Argument(help: ArgumentHelp(text("help.quarantine.wanted"), valueName: "ID|ADDRESS|MESSAGE-ID")) var wanted: String
        @Flag(help: ArgumentHelp(text("help.quarantine.raw"))) var raw = false

        func run() async throws {
            try await common.withStore { store in
                let entries = try await entries(wanted, store)
                if raw {
                    guard let only = entries.first, entries.count == 1 else { throw CommandFailure(text("quarantine.several")) }
                    return try await copyOut(only.id, store)
                }
                if common.json { return try Output.json(entries.map(Shown.init)) }
                for entry in entries { lines(entry).forEach { print($0) } }
            }
        }

        private func copyOut(_ id: Int64, _ store: MailStore) async throws {
            var offset = 0
            while true {
                let bytes = try await store.quarantinedBytes(id, from: offset)
                guard !bytes.isEmpty else { return }
                try Output.write(bytes)
                offset += bytes.count
            }
        }

        private func lines(_ entry: QuarantineEntry) -> [String] {
            var lines = [
                text(
                    "quarantine.head",
                    [
                        "id": "\(entry.id)", "queue": entry.queueID, "time": MailDate.format(seconds: entry.received),
                        "category": text("category.\(entry.category)"), "size": entry.size,
                    ]),
                "  "
                    + text(
                        "quarantine.from", ["sender": entry.sender.printable, "from": entry.from.printable, "peer": entry.peer.printable]),
                "  " + text("quarantine.subject", ["subject": entry.subject.printable, "id": entry.messageID.printable]),
            ]
            lines += entry.reasons.map { "  " + text(Reason(stored: $0)).printable }
            for recipient in entry.recipients {
                var line = "  " + QuarantineCommand.shown(recipient)
                line += "  " + text("quarantine.fate.\(recipient.fate)")
                if recipient.released > 0 {
                    line += "  " + text("quarantine.released", ["time": MailDate.format(seconds: recipient.released)])
                }
                lines.append(line)
            }
            return lines
        }
    }

    struct Release: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: text("help.quarantine.release"))
        @OptionGroup var common: CommonOptions
        @Argument(help: ArgumentHelp(text("help.quarantine.id"), valueName: "ID")) var wanted: String
        @Option(name: .customLong("to"), help: ArgumentHelp(text("help.quarantine.to"), valueName: "ADDRESS")) var addresses: [String] = []

        private struct Done: Encodable {
            var destinations: [String]
            var gone: [String]
        }

        func run() async throws {
            let released = try await common.withStore { store in
                let found = try await entries(wanted, store)
                guard let entry = found.first, found.count == 1 else { throw CommandFailure(text("quarantine.several")) }
                return try await release(entry, store)
            }
            _ = try? Control.ask(.flush, directory: common.data, seconds: 2)
            if released.destinations.isEmpty, released.gone.isEmpty { throw CommandFailure(text("quarantine.nobody")) }
            if released.destinations.isEmpty {
                throw CommandFailure(text("quarantine.gone", ["addresses": released.gone.joined(separator: ", ")]))
            }
            try common.answer(
                Done(destinations: released.destinations, gone: released.gone),
                text("quarantine.done.release", ["addresses": released.destinations.joined(separator: ", ")]))
        }

        private func release(_ entry: QuarantineEntry, _ store: MailStore) async throws -> MailStore.Released {
            let wanted = Set(addresses.map { $0.lowercased() })
            let known = Set(entry.recipients.flatMap { [$0.recipient.lowercased(), $0.destination.lowercased()] })
            let chosen = entry.recipients.filter {
                wanted.isEmpty || wanted.contains($0.recipient.lowercased()) || wanted.contains($0.destination.lowercased())
            }
            var release = QuarantineRelease(entry: entry, recipients: chosen, now: Clock.microseconds() / 1_000_000, zone: Clock.zone)
            for stranger in wanted.subtracting(known).sorted() {
                guard let address = try? Address(parsing: stranger, allowUTF8: true),
                    try await release.add(address, hostname: Appliance.hostname(store), in: store)
                else { throw CommandFailure(text("quarantine.no-recipient", ["address": stranger])) }
            }
            return try await release.carryOut(store)
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: text("help.quarantine.remove"))
        @OptionGroup var common: CommonOptions
        @Argument(help: ArgumentHelp(text("help.quarantine.wanted"), valueName: "ID|ADDRESS|MESSAGE-ID")) var wanted: String?
        @Flag(help: ArgumentHelp(text("help.quarantine.all"))) var all = false

        private struct Done: Encodable {
            var removed: Int
        }

        func validate() throws {
            guard all || wanted != nil else { throw ValidationError(text("quarantine.which")) }
        }

        func run() async throws {
            let count = try await common.withStore { store in
                var count = 0
                while true {
                    let found = try await store.quarantine(wanted)
                    if found.isEmpty { break }
                    guard all || found.count == 1 else { throw CommandFailure(text("quarantine.many", ["count": found.count])) }
                    let removed = try await store.removeQuarantined(found.map(\.id))
                    count += removed
                    if removed == 0 { break }
                }
                return count
            }
            guard count > 0 || all else { throw CommandFailure(text("quarantine.none", ["wanted": wanted ?? ""])) }
            try common.answer(Done(removed: count), text("quarantine.done.remove", ["count": count]))
        }
    }
}
