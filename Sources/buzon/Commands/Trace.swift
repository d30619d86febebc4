import ArgumentParser
import Flow
import Store

struct Trace: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "trace", abstract: text("help.trace"))

    @OptionGroup var common: CommonOptions
    @Argument(help: ArgumentHelp(text("help.trace.wanted"), valueName: "ADDRESS|MESSAGE-ID")) var wanted: String

    private struct Shown: Encodable {
        var time: Int64
        var event: String
        var queueID: String
        var messageID: String
        var peer: String
        var sender: String
        var recipient: String
        var code: Int
        var reason: String
        var text: String
        /// The number in quarantine.
        var quarantine: Int64?
    }

    func run() async throws {
        let entries = try await common.withStore { try await $0.story(of: wanted) }
        guard !entries.isEmpty else { throw CommandFailure(text("trace.nothing", ["wanted": wanted])) }
        if common.json {
            return try Output.json(
                TraceChapter.chapters(entries).flatMap(\.entries).map { entry in
                    Shown(
                        time: entry.time, event: entry.event, queueID: entry.queueID, messageID: entry.messageID, peer: entry.peer,
                        sender: entry.sender, recipient: entry.recipient, code: entry.code, reason: Reason(stored: entry.text).key,
                        text: text(Reason(stored: entry.text)), quarantine: Reason(stored: entry.text).quarantine)
                })
        }
        for (number, chapter) in TraceChapter.chapters(entries).enumerated() {
            if number > 0 { print("") }
            chapter.lines(text).forEach { print($0) }
        }
    }
}

extension Text {
    /// A reason in words.
    func callAsFunction(_ reason: Reason) -> String {
        let said = words(reason.key, reason.values.map { ($0.name, $0.value) })
        return reason.cause.map { "\(said): \(words($0.key, $0.values.map { ($0.name, $0.value) }))" } ?? said
    }
}
