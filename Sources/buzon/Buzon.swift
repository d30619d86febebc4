import ArgumentParser
import FoundationEssentials
import Glibc

/// The texts of this process, in the language of its environment.
let text = Text(Language(environment: ProcessInfo.processInfo.environment))

@main
struct Buzon: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "buzon", abstract: text("help.buzon"), version: version,
        subcommands: [
            Serve.self, DomainCommand.self, UserCommand.self, ForwardingCommand.self, PolicyCommand.self, SettingsCommand.self,
            CertificateCommand.self, QueueCommand.self, QuarantineCommand.self, SignaturesCommand.self, RouteCommand.self,
            LockoutCommand.self, Trace.self, Verify.self, Doctor.self, ScanChild.self,
        ])

    static let version = "0.1.0"

    /// Exit status: 0 done, 1 refused or not found, 2 wrong usage; one line on standard error says why.
    static func main() async {
        umask(0o077)
        signal(SIGPIPE, SIG_IGN)
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch let failure as CommandFailure {
            complain(failure.description)
            Glibc.exit(1)
        } catch {
            let isHelp = exitCode(for: error) == .success
            if isHelp {
                print(UsageText.translated(fullMessage(for: error), text))
                Glibc.exit(0)
            }
            if let failure = CommandFailure(error) {
                complain(failure.description)
                Glibc.exit(1)
            }
            complain(text("error.usage", ["reason": UsageText.translated(message(for: error), text)]))
            Glibc.exit(2)
        }
    }

    private static func complain(_ line: String) {
        let line = line.split(separator: "\n").joined(separator: " ")
        Output.complain("buzon: \(line)\n")
    }
}

/// A refusal with its text already in the user's language.
struct CommandFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
