import ArgumentParser
import Store

struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "verify", abstract: text("help.verify"))

    @OptionGroup var common: CommonOptions
    @Flag(name: .long, help: ArgumentHelp(text("help.verify.deep"))) var deep = false

    private struct Shown: Encodable {
        struct Finding: Encodable {
            var code: String
            var text: String

            init(_ finding: Report.Finding) {
                code = finding.code
                text = finding.text
            }
        }

        var isClean: Bool
        var messages: Int
        var bodies: Int
        var problems: [Finding]
        var notes: [Finding]
    }

    func run() async throws {
        let report = try await common.withStore { try await $0.verify(deep: deep) }
        if common.json {
            try Output.json(
                Shown(
                    isClean: report.isClean, messages: report.messages, bodies: report.bodies,
                    problems: report.problems.map(Shown.Finding.init), notes: report.notes.map(Shown.Finding.init)))
        } else {
            for problem in report.problems { print(text("verify.problem", ["code": problem.code, "text": problem.text])) }
            for note in report.notes { print(text("verify.note", ["code": note.code, "text": note.text])) }
            print(
                text(
                    report.isClean ? (deep ? "verify.clean-deep" : "verify.clean") : "verify.summary",
                    ["messages": report.messages, "bodies": report.bodies, "count": report.problems.count]))
        }
        guard report.isClean else { throw CommandFailure(text("verify.failed", ["count": report.problems.count])) }
    }
}
