import ArgumentParser
import FoundationEssentials
import Store

/// What every command takes.
struct CommonOptions: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp(text("help.data"), valueName: "DIR"))
    var data: String = ProcessInfo.processInfo.environment["BUZON_DATA"] ?? "/var/lib/buzon"

    @Flag(name: .long, help: ArgumentHelp(text("help.json")))
    var json = false

    /// Runs `body` on the data directory, beside a server if one runs.
    func withStore<Result>(_ body: (MailStore) async throws -> Result) async throws -> Result {
        let store: MailStore
        do {
            store = try await MailStore.open(directory: data, options: .init(role: .beside))
        } catch {
            throw CommandFailure(opening: error, data)
        }
        do {
            let result = try await body(store)
            await store.close()
            return result
        } catch {
            await store.close()
            throw error
        }
    }

    /// Prints `value` for programs, or `line` for people.
    func answer(_ value: some Encodable, _ line: @autoclosure () -> String) throws {
        if json { try Output.json(value) } else { print(line()) }
    }
}

/// Runs `body`; a failure of the store that `words` knows is told in them.
@discardableResult
func telling<Result>(_ words: (StoreFailure) -> String?, _ body: () async throws -> Result) async throws -> Result {
    do {
        return try await body()
    } catch {
        if let failure = error as? StoreFailure, let words = words(failure) { throw CommandFailure(words) }
        throw error
    }
}

extension CommandFailure {
    /// A failure of the store that no command has words of its own for.
    init?(_ error: any Error) {
        if let failure = error as? StoreFailure {
            self.init(text("failure.\(failure.code)"))
        } else if error is CancellationError {
            return nil
        } else {
            let name = String(reflecting: type(of: error))
            guard !name.hasPrefix("ArgumentParser") else { return nil }
            self.init(text("failure.unexpected", ["reason": "\(error)"]))
        }
    }

    init(opening failure: StoreFailure, _ directory: String) {
        switch failure {
        case .newerSchema(let found, let known):
            self.init(text("open.newer-schema", ["directory": directory, "found": found, "known": known]))
        case .otherOwner(let uid):
            self.init(text("open.other-owner", ["directory": directory, "uid": uid]))
        case .absent, .notADirectory, .foreignDirectory, .directoryInUse:
            self.init(text("open.\(failure.code)", ["directory": directory]))
        case .ioError(let reason):
            self.init(text("open.io-error", ["directory": directory, "reason": reason]))
        default:
            self.init(text("open.other", ["directory": directory, "reason": text("failure.\(failure.code)")]))
        }
    }
}
