import ArgumentParser
import Scanner

/// What the server starts by itself where the setting scanner-isolation says so.
struct ScanChild: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: ScannerChild.command, shouldDisplay: false)

    @Argument var lanes: Int

    func run() { ScannerChild.main(lanes: lanes, matcher: Checks.matcher) }
}
