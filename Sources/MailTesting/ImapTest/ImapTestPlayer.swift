/// Plays the scripted tests of Dovecot's imaptest against an IMAP server: a test of the protocol that somebody
/// else wrote. It shares no grammar with our server (`IMAPTokenizer` is its own), blocks, and belongs on a thread of
/// its own: `try await onOwnThread { ImapTestPlayer.run(…) }`.
///
/// Every group deletes all mailboxes whose names begin with `mailbox`, unless its state is `nonauth`.
///
/// What differs from imaptest: literals are synchronising where the server does not announce LITERAL+; a reply that
/// is no IMAP fails the group; without a `messages:` line the whole mbox is appended, as the documentation says;
/// each connection says LOGOUT at the end and must see BYE, OK and the close.
///
/// How the player itself was proven: Debian 12's Dovecot (2.3.19.1, Maildir, static passdb, on loopback) passes 70 of the
/// 72 groups, the base ones also without LITERAL+; the other two, urlauth2 and urlauth-binary, end in panics of that Dovecot.
/// And 344 copies of the base groups, each with one expectation spoiled, all fail.
package struct ImapTestPlayer: Sendable {
    package struct Account: Sendable {
        package let name: String
        package let password: String

        package init(name: String, password: String) {
            self.name = name
            self.password = password
        }
    }

    package let host: String
    package let port: UInt16
    /// `$user` is the first, `$user2` the second.
    package let accounts: [Account]
    /// `$mailbox`.
    package let mailbox: String
    /// Seconds to wait for each reply.
    package let timeout: Int

    package init(host: String = "127.0.0.1", port: UInt16, accounts: [Account], mailbox: String = "imaptest", timeout: Int = 30) {
        self.host = host
        self.port = port
        self.accounts = accounts
        self.mailbox = mailbox
        self.timeout = timeout
    }

    /// Plays one script; its `append` commands take from `messages`, after those that the header asks for.
    package func play(_ script: ImapTestScript, messages: MboxMessages) -> ImapTestOutcome {
        let run = ImapTestRun(player: self, script: script, messages: messages)
        return run.outcome()
    }

    /// Plays the named groups of a directory, or all of them. `environment` decides `!ifenv`.
    package static func run(
        directory: String, groups: [String]? = nil, host: String = "127.0.0.1", port: UInt16, accounts: [Account],
        mailbox: String = "imaptest", timeout: Int = 30, environment: [String: String] = [:]
    ) -> ImapTestReport {
        let player = ImapTestPlayer(host: host, port: port, accounts: accounts, mailbox: mailbox, timeout: timeout)
        let directory = ImapTestDirectory(path: directory)
        var results: [ImapTestReport.Result] = []
        for name in groups ?? directory.names {
            results.append(ImapTestReport.Result(name: name, outcome: player.play(name, of: directory, environment: environment)))
        }
        return ImapTestReport(results: results)
    }

    private func play(_ name: String, of directory: ImapTestDirectory, environment: [String: String]) -> ImapTestOutcome {
        do {
            return play(try directory.script(name, environment: environment), messages: directory.messages(for: name))
        } catch {
            return .failed([ImapTestFailure(line: error.line, command: "", expected: "a script", received: error.what)])
        }
    }
}
