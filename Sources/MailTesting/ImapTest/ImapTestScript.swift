/// One scripted test in the format of Dovecot's imaptest (its documentation: "Scripted Testing Configuration"):
/// a header, then commands with the replies that they must, must not or may cause.
package struct ImapTestScript: Sendable {
    /// What is done before the first command; each does what those before it do.
    package enum State: String, Sendable, Comparable, CaseIterable {
        case nonauth, auth, created, appended, selected

        package static func < (one: State, other: State) -> Bool { one.rank < other.rank }
        private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
    }

    package enum Existence: Character, Sendable {
        case must = "*"
        case mustNot = "!"
        case may = "?"
    }

    /// An untagged reply that the script speaks of.
    package struct Expectation: Sendable {
        package let line: Int
        package let existence: Existence
        package let arguments: [ReplyPattern]
        /// OK, NO, BAD and BYE end in human text: only their beginning is compared.
        package let isPrefix: Bool
        package let source: String
    }

    /// A command, or the mark that stands in its place for one of the next message of the mbox.
    package struct Command: Sendable {
        package let line: Int
        /// The n of `tagn`; nil without.
        package let tag: Int?
        /// With `$variables` and literals, not yet expanded.
        package let fragments: [IMAPClient.Fragment]
        /// The tagged reply's beginning; empty accepts any.
        package var reply: [ReplyPattern]
        package var replySource: String
        package let source: String
    }

    /// Commands that are sent together, and what they cause together. No commands: the greeting is looked at.
    package struct Group: Sendable {
        /// 0 for the first.
        package var connection: Int
        package var commands: [Command] = []
        package var expectations: [Expectation] = []
        /// Milliseconds to wait behind the group (`!sleep`).
        package var pause = 0
        /// The script awaits BYE: the server may close instead of a tagged reply.
        package var awaitsBye = false

        package var line: Int { commands.first?.line ?? expectations.first?.line ?? 0 }
    }

    package struct SyntaxError: Error, Sendable, Equatable, CustomStringConvertible {
        package let line: Int
        package let what: String
        package var description: String { "line \(line): \(what)" }
    }

    /// A script beyond this many connections is a mistake.
    package static let connectionLimit = 100

    package var capabilities: [String] = []
    package var connections = 1
    /// Messages appended at the start; nil for as many as the mbox holds.
    package var messages: Int?
    package var state = State.selected
    package var ignoresExtraUntagged = true
    /// From `user N: $user2`: the account (0 for the first) of a connection (0 for the first).
    package var accounts: [Int: Int] = [:]
    package var groups: [Group] = []

    package init() {}

    /// True when the script asks for nothing beyond IMAP4rev1.
    package var isBase: Bool { capabilities.isEmpty }

    /// Reads a whole script. `environment` decides `!ifenv`.
    package static func parse(_ text: [UInt8], environment: [String: String] = [:]) throws(SyntaxError) -> ImapTestScript {
        var parser = ImapTestScriptParser(environment: environment)
        return try parser.parse(text)
    }
}
