import ArgumentParser
import FoundationEssentials
import Logging
import Scanner
import Store

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "serve", abstract: text("help.serve"))

    @OptionGroup var common: CommonOptions

    @Option(name: .long, help: ArgumentHelp(text("help.bind"), valueName: "ADDR"))
    var bind: [String] = []

    @Option(name: .long, help: ArgumentHelp(text("help.port-offset"), valueName: "N"))
    var portOffset = 0

    @Flag(name: .long, help: ArgumentHelp(text("help.verbose")))
    var verbose = false

    func validate() throws {
        guard (0...65_000).contains(portOffset) else { throw ValidationError(text("serve.offset")) }
    }

    func run() async throws {
        LoggingSystem.bootstrap { StreamLogHandler.standardError(label: $0) }
        var log = Logger(label: "buzon")
        log.logLevel = verbose ? .debug : .info
        LibraryLog.send(to: { [log] in log.warning("\($0)") })
        let hosts = bind.isEmpty ? ["0.0.0.0", "::"] : bind
        let asked = Appliance(directory: common.data, hosts: hosts, portOffset: portOffset, log: log)
        #if DEBUG
            let appliance = asked.obeyingTests(ProcessInfo.processInfo.environment)
        #else
            let appliance = asked
        #endif
        do {
            guard try await appliance.serve() else { return }
            throw CommandFailure(text("serve.again", ["reason": Restart.becomeItselfAgain()]))
        } catch let failure as StoreFailure {
            throw CommandFailure(opening: failure, common.data)
        }
    }
}
