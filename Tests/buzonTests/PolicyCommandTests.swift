import Filter
import Foundation
import MailTesting
import Testing

@testable import Store
@testable import buzon

/// `policy` as an administrator types it.
@Suite(.enabled(if: BuzonProcess.isBuilt)) struct PolicyCommandTests {
    private struct Row: Decodable, Equatable {
        var key: String
        var value: Value
        var origin: String
    }

    /// What a program gets is what it is.
    private enum Value: Decodable, Equatable, ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByFloatLiteral {
        case bool(Bool)
        case number(Double)
        case list([String])
        case text(String)

        init(stringLiteral value: String) { self = .text(value) }
        init(booleanLiteral value: Bool) { self = .bool(value) }
        init(floatLiteral value: Double) { self = .number(value) }

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let value = try? container.decode(Bool.self) {
                self = .bool(value)
            } else if let value = try? container.decode(Double.self) {
                self = .number(value)
            } else if let value = try? container.decode([String].self) {
                self = .list(value)
            } else {
                self = .text(try container.decode(String.self))
            }
        }
    }

    private struct Sender: Decodable, Equatable {
        var sender: String
        var opinion: String
    }

    /// A data directory with virtual.test and ana@virtual.test, and its command line.
    private struct Directory {
        let scratch: ScratchDirectory
        var path: String { scratch.path + "/data" }

        init() async throws {
            scratch = try ScratchDirectory()
            let store = try await MailStore.open(directory: scratch.path + "/data")
            try await store.set(.iterations, to: "4096")
            try await store.addDomain("virtual.test")
            try await store.addDomain("xn--and-6ma2c.test")
            try await store.addUser("ana@virtual.test", password: [65])
            await store.close()
        }

        func run(_ words: String...) throws -> (status: Int, output: String) {
            try BuzonProcess.run(["policy"] + words, directory: path)
        }

        func rows(_ words: String...) throws -> [Row] {
            let output = try BuzonProcess.run(["policy", "show", "--json"] + words, directory: path).output
            let json = try #require(output.split(separator: "\n").last { $0.hasPrefix("[") })
            return try JSONDecoder().decode([Row].self, from: Data(json.utf8))
        }

        func sql(_ statements: String...) async throws {
            let store = try await MailStore.open(directory: path)
            for statement in statements { _ = try await store.writer.write { db, _ in try db.run(statement) } }
            await store.close()
        }
    }

    /// The guide's table, typed as it stands there; each is what holds already, but for where it comes from.
    @Test func theGuidesTable() async throws {
        let directory = try await Directory()
        let before = try directory.rows()
        #expect(before.map(\.key) == PolicyKey.allCases.map(\.rawValue) && before.allSatisfy { $0.origin == "default" })
        for (key, value) in [
            ("$final_virus_destiny", "D_DISCARD"), ("$final_banned_destiny", "D_REJECT"), ("$final_spam_destiny", "D_PASS"),
            ("$sa_tag_level_deflt", "-1000"), ("$sa_tag2_level_deflt", "5.0"), ("$sa_kill_level_deflt", "10"),
            ("$sa_spam_subject_tag", "***SPAM***"),
        ] {
            let answer = try directory.run("set", key, value)
            #expect(answer.status == 0 && answer.output.hasSuffix(" for the server.\n"), "\(answer)")
        }
        let after = try directory.rows()
        #expect(after.map(\.value) == before.map(\.value))
        #expect(after.filter { $0.origin == "server" }.count == 7)
        #expect(
            try directory.run("set", "@bypass_virus_checks_acl", "qw(.)").output.contains(
                "bypass_virus_checks is now true for the server.\n"))
    }

    /// All that was said anywhere, the server's first; and by what type.
    @Test func theOverview() async throws {
        let directory = try await Directory()
        #expect(try directory.run("list").output == "Nothing is set anywhere: the defaults hold (see buzon policy show).\n")
        for words in [
            ["set", "--user", "ana@virtual.test", "spam_subject_tag", ""],
            ["set", "--domain", "virtual.test", "spam_tag_level", "-1000.5"],
            ["set", "quarantine", "off"], ["set", "banned_names", ".exe  .com"],
            ["sender", "add", "--domain", "xn--and-6ma2c.test", "x.test", "1"],
            ["sender", "add", "--user", "ana@virtual.test", "<>", "black"],
        ] {
            #expect(try BuzonProcess.run(["policy"] + words, directory: directory.path).status == 0)
        }
        #expect(
            try directory.run("list").output == """
                the server                     quarantine        false
                the server                     banned_names      .exe .com
                the domain virtual.test        spam_tag_level    -1000.5
                the domain xn--and-6ma2c.test  sender x.test     1
                the user ana@virtual.test      spam_subject_tag  (empty)
                the user ana@virtual.test      sender <>         black

                """)
        let values = """
            {"key":"quarantine","scope":"","value":false},{"key":"banned_names","scope":"","value":[".exe",".com"]},\
            {"key":"spam_tag_level","scope":"virtual.test","value":-1000.5},\
            {"key":"spam_subject_tag","scope":"ana@virtual.test","value":""}
            """
        let senders = """
            {"opinion":1,"scope":"xn--and-6ma2c.test","sender":"x.test"},{"opinion":"black","scope":"ana@virtual.test","sender":"<>"}
            """
        #expect(try directory.run("list", "--json").output == "{\"senders\":[\(senders)],\"values\":[\(values)]}\n")
        let shown = try directory.rows("--user", "ana@virtual.test")
        #expect(shown.first { $0.key == "spam_tag_level" }?.value == -1000.5)
        #expect(shown.first { $0.key == "quarantine" }?.value == false)
        #expect(shown.first { $0.key == "banned_names" }?.value == .list([".exe", ".com"]))
        #expect(shown.first { $0.key == "final_virus_destiny" }?.value == "discard")
        // Another tool's rows are told of here as well.
        try await directory.sql(
            "INSERT INTO policy VALUES ('virtual.test', 'nonsense', 'x')", "INSERT INTO sender_list VALUES ('', 'a b', 'white')")
        let told = try directory.run("list").output
        #expect(told.contains("nonsense is no policy") && told.contains("a b white: not understood"), "\(told)")
    }

    @Test func theNarrowestWinsAndSaysSo() async throws {
        let directory = try await Directory()
        #expect(try directory.run("set", "final_spam_destiny", "junk").status == 0)
        #expect(try directory.run("set", "--domain", "VIRTUAL.test", "final_spam_destiny", "D_QUARANTINE").status == 0)
        #expect(try directory.run("set", "final_spam_destiny", "discard", "--user", "Ana@virtual.test").status == 0)
        #expect(try directory.run("set", "final_spam_destiny", "reject", "--domain", "Ñandú.test").status == 0)
        func shown(_ words: String...) throws -> Row {
            let answer = try BuzonProcess.run(["policy", "show", "--json", "final_spam_destiny"] + words, directory: directory.path)
            return try JSONDecoder().decode(Row.self, from: Data(answer.output.utf8))
        }
        #expect(try shown() == Row(key: "final_spam_destiny", value: "junk", origin: "server"))
        #expect(try shown("--domain", "virtual.test") == Row(key: "final_spam_destiny", value: "quarantine", origin: "domain"))
        #expect(try shown("--domain", "xn--and-6ma2c.test") == Row(key: "final_spam_destiny", value: "reject", origin: "domain"))
        #expect(try shown("--user", "ana@virtual.test") == Row(key: "final_spam_destiny", value: "discard", origin: "user"))
        let table = try directory.run("show", "--user", "ana@virtual.test").output.split(separator: "\n")
        #expect(table.count == PolicyKey.allCases.count)
        #expect(
            table.contains { $0.hasPrefix("final_spam_destiny ") && $0.contains(" discard ") && $0.hasSuffix("  set for the user") },
            "\(table)")
        let reset = try directory.run("reset", "--user", "ana@virtual.test", "final_spam_destiny")
        #expect(
            reset.output
                == "Nothing is said of final_spam_destiny for the user ana@virtual.test any more; it is quarantine (set for the domain).\n")
        #expect(try directory.run("reset", "--user", "ana@virtual.test", "final_spam_destiny").status == 1)
    }

    @Test(arguments: [
        (["set", "nonsense", "1"], 1, "nonsense"), (["set", "final_virus_destny", "pass"], 1, "Did you mean final_virus_destiny?"),
        (["show", "$mydomain"], 1, "buzon domain add"), (["set", "$MAXFILES", "1500"], 1, "buzon settings set scan-files"),
        (["set", "quarantine", "maybe"], 1, "true or false"),
        (["set", "final_virus_destiny", "D_TEMPFAIL"], 1, "bounce"), (["set", "spam_kill_level", "10001"], 1, "-10000"),
        (["set", "spam_kill_level", "--1"], 1, "--1"), (["set", "spam_subject_tag", "a\nb"], 1, "one line"),
        (["set", "banned_names", ".exe no-rule .com"], 1, "no-rule is no rule"), (["set", "banned_names", "kind:nada"], 1, "kind:nada"),
        (["set", "quarantine"], 2, "KEY VALUE"), (["set"], 2, "KEY VALUE"), (["set", "quarantine", "on", "off"], 2, "KEY VALUE"),
        (["set", "--josn", "quarantine", "on"], 2, "--josn"), (["set", "--josn", "quarantine"], 2, "--josn"),
        (["show", "nonsense"], 1, "nonsense"), (["show", "--domain", "otro.test"], 1, "otro.test"),
        (["show", "--user", "luis@virtual.test"], 1, "luis@virtual.test"), (["show", "--user", "nada"], 1, "nada"),
        (["show", "--user", "ana@virtual.test", "--domain", "virtual.test"], 2, "--domain"), (["reset", "quarantine"], 1, "quarantine"),
        (["reset"], 2, "KEY"), (["sender", "add", "a b", "white"], 1, "a b"), (["sender", "add", "x.test", "grey"], 1, "grey"),
        (["sender", "add", "x.test"], 2, "PATTERN"), (["sender", "remove", "x.test"], 1, "x.test"),
        (["sender", "add", "x.test", "1", "--domain", "otro.test"], 1, "otro.test"),
    ])
    func refusals(_ words: [String], _ status: Int, _ named: String) async throws {
        let directory = try await Directory()
        let refused = try BuzonProcess.run(["policy"] + words, directory: directory.path)
        #expect(refused.status == status && refused.output.contains(named), "\(refused)")
        #expect(refused.output.hasPrefix("buzon: ") && refused.output.split(separator: "\n").count == 1, "\(refused)")
    }

    @Test func valuesThatBeginWithAHyphen() async throws {
        let directory = try await Directory()
        for value in ["-1.5", "-3"] {
            #expect(try directory.run("set", "spam_tag_level", value).output == "spam_tag_level is now \(value) for the server.\n")
        }
        #expect(
            try directory.run("sender", "add", "x.test", "1").output
                == "One point is added to the score of messages of x.test for the server.\n")
        #expect(try directory.run("set", "spam_subject_tag", "--spam--").status == 0)
        #expect(try directory.run("set", "spam_subject_tag", "").output == "spam_subject_tag is now (empty) for the server.\n")
        #expect(try directory.rows().first { $0.key == "spam_subject_tag" } == Row(key: "spam_subject_tag", value: "", origin: "server"))
        #expect(
            try directory.run("sender", "add", "x.test", "-0.5").output
                == "-0.5 points are added to the score of messages of x.test for the server.\n")
    }

    /// A note, once, when it becomes so; `show` always says it.
    @Test func whatHardlyAnybodyMeans() async throws {
        let directory = try await Directory()
        let bounce = try directory.run("set", "final_spam_destiny", "bounce")
        #expect(bounce.status == 0 && bounce.output.contains("Note: bounce acts as reject"), "\(bounce)")
        #expect(try !directory.run("set", "final_banned_destiny", "bounce").output.contains("Note"))
        #expect(try directory.run("set", "final_virus_destiny", "pass").output.contains("Note: infected mail"))
        #expect(try directory.run("set", "spam_kill_level", "4").output.contains("spam_tag2_level"))
        let shown = try directory.run("show").output
        #expect(shown.split(separator: "\n").filter { $0.hasPrefix("Note: ") }.count == 3, "\(shown)")
        // For programs nothing but JSON is on standard output: `rows` would fail, and the notes are there all the same.
        #expect(try directory.rows().count == PolicyKey.allCases.count)
    }

    @Test func anotherToolsRows() async throws {
        let directory = try await Directory()
        try await directory.sql(
            "INSERT INTO policy VALUES ('virtual.test', 'spam_kill_level', 'mucho' || char(27) || '[31m'), ('', 'nonsense', 'x')",
            "INSERT INTO sender_list VALUES ('', 'a b', 'white'), ('', 'X.test', 'grey'), ('', 'Y.test', 'B')")
        let shown = try directory.run("show", "--user", "ana@virtual.test").output
        #expect(
            shown.contains("mucho?[31m is no value for spam_kill_level and counts as if it were not there (the domain virtual.test).\n"))
        #expect(shown.contains("nonsense is no policy; what is said of it (x) counts as if it were not there (the server).\n"))
        #expect(shown.contains("spam_kill_level          10 "), "\(shown)")
        #expect(try !directory.run("show", "quarantine").output.contains("as if"))
        let list = try directory.run("sender", "list").output
        #expect(list.contains("a b white: not understood") && list.contains("X.test grey: not understood"), "\(list)")
        #expect(list.hasSuffix("y.test  black\n"), "\(list)")
    }

    @Test func sendersInWords() async throws {
        let directory = try await Directory()
        #expect(try directory.run("sender", "list").output == "No sender is listed.\n")
        #expect(try directory.run("sender", "add", "Jefa@Example.com", "white", "--user", "ana@virtual.test").status == 0)
        #expect(
            try directory.run("sender", "add", "<>", "+2.50").output
                == "2.5 points are added to the score of messages of <> for the server.\n")
        #expect(try directory.run("sender", "add", ".ñandú.test", "BLACK").output == ".xn--and-6ma2c.test is always spam for the server.\n")
        #expect(try directory.run("sender", "add", "<>", "white").output == "<> is never spam for the server.\n")
        #expect(try directory.run("sender", "list").output == ".xn--and-6ma2c.test  black\n<>                   white\n")
        func listed(_ words: String...) throws -> [Sender] {
            let output = try BuzonProcess.run(["policy", "sender", "list", "--json"] + words, directory: directory.path).output
            return try JSONDecoder().decode([Sender].self, from: Data(output.utf8))
        }
        #expect(try listed("--user", "ana@virtual.test") == [Sender(sender: "jefa@example.com", opinion: "white")])
        #expect(try listed("--domain", "virtual.test") == [])
        #expect(try directory.run("sender", "remove", "jefa@EXAMPLE.com", "--user", "ana@virtual.test").status == 0)
        #expect(try listed("--user", "ana@virtual.test") == [])
    }

    /// A running server hears of it within a second.
    @Test func aServerHearsOfIt() async throws {
        try await ServedAppliance.run { served in
            let scope = PolicyScope.user(ServedAppliance.user)
            #expect(try await served.store.policy(for: scope).effective == .standard)
            let set = try BuzonProcess.run(
                ["policy", "set", "quarantine", "off", "--user", ServedAppliance.user], directory: served.directory)
            #expect(set.status == 0, "\(set)")
            // Far longer than it takes: beside other tests it may get no turn for seconds.
            for _ in 0..<6_000 {
                if try await !served.store.policy(for: scope).effective.quarantine { break }
                try await Task.sleep(for: .milliseconds(10))
            }
            #expect(try await !served.store.policy(for: scope).effective.quarantine)
        }
    }
}
