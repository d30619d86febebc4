import ArgumentParser
import Mail
import Store

struct QueueCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "queue", abstract: text("help.queue"), subcommands: [List.self])

    private struct Shown: Encodable {
        var queueID: String
        var created: Int64
        var sender: String
        var size: Int
        var recipients: [String]
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: text("help.queue.list"))
        @OptionGroup var common: CommonOptions

        func run() async throws {
            let entries = try await common.withStore { try await $0.queue() }
            if common.json {
                return try Output.json(
                    entries.map {
                        Shown(
                            queueID: $0.queueID, created: $0.created, sender: $0.sender, size: $0.size,
                            recipients: $0.recipients.map(\.address))
                    })
            }
            if entries.isEmpty { return print(text("queue.empty")) }
            Output.table(
                entries.map { entry in
                    [
                        entry.queueID, MailDate.format(seconds: entry.created), "\(entry.size)", "<\(entry.sender)>",
                        entry.recipients.map { "<\($0.address)>" }.joined(separator: " "),
                    ]
                })
        }
    }
}
