import ArgumentParser
import Store

struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "verify", abstract: text("help.verify"))

    @OptionGroup var common: CommonOptions
    @Flag(name: .long, help: ArgumentHelp(text("help.verify.deep"))) var deep = false

    func run() async throws {}
}

struct Doctor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "doctor", abstract: text("help.doctor"))

    @OptionGroup var common: CommonOptions

    func run() async throws {}
}
