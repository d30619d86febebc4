import Filter
import Flow
import Foundation
import Scanner
import Store
import Testing

@testable import buzon

private let top = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

@Suite struct TextTests {
    @Test(arguments: [
        (["LANG": "es_MX.UTF-8"], Language.spanish), (["LANG": "es_ES", "LC_ALL": "C"], .english), (["LC_MESSAGES": "es"], .spanish),
        ([:], .english), (["LANG": "de_DE.UTF-8"], .english), (["LC_ALL": "", "LANG": "es"], .spanish),
    ])
    func languageFollowsTheEnvironment(_ environment: [String: String], _ language: Language) {
        #expect(Language(environment: environment) == language)
    }

    @Test func placeholdersAreTheSameInBothLanguages() throws {
        for line in Text.embedded.split(separator: "\n") where !line.hasPrefix("#") {
            let columns = line.split(separator: "\t", omittingEmptySubsequences: false)
            try #require(columns.count == 3, "\(line)")
            let names = columns[1...2].map { $0.matches(of: /\{[a-z]+\}/).map { String($0.0) }.sorted() }
            #expect(names[0] == names[1], "\(columns[0])")
            #expect(!columns[1].isEmpty && !columns[2].isEmpty, "\(columns[0])")
        }
    }

    /// Whose policy it is begins with an article, which would melt into these words.
    @Test func articlesStandAlone() {
        for line in Text.embedded.split(separator: "\n") {
            let spanish = line.split(separator: "\t").last ?? ""
            #expect(!spanish.contains(" de {scope}") && !spanish.contains(" a {scope}"), "\(spanish)")
        }
    }

    /// An embedded file is read when its assembler file is assembled: `touch Sources/CEmbedded/embedded.S` after a change.
    @Test func theEmbeddedTableIsTheFile() throws {
        #expect(Text.embedded == (try String(contentsOf: top.appendingPathComponent("data/text.tsv"), encoding: .utf8)))
    }

    @Test func oneIsNoPlural() {
        let (english, spanish) = (Text(.english), Text(.spanish))
        func held(_ count: Int) -> String { english("doctor.quarantine.text", ["count": count, "used": 7, "size": 9]) }
        #expect(held(1) == "1 message, 7 of 9 bytes (buzon quarantine list)")
        #expect(held(11) == "11 messages, 7 of 9 bytes (buzon quarantine list)")
        #expect(spanish(Reason("notice.quarantine.subject", ["count": "1"])) == "Cuarentena: 1 nuevo")
        #expect(spanish(Reason("notice.quarantine.subject", ["count": "2"])) == "Cuarentena: 2 nuevos")
        // A key that has no such form.
        #expect(english("notice.quarantine.more", ["count": 1]) == "And 1 more.")
    }

    /// Literals that look like a key and are none.
    private let notKeys: Set<String> = []

    @Test func everyKeyInTheSourcesHasAText() throws {
        let table = Text(.english)
        let files = try #require(FileManager.default.enumerator(at: top.appendingPathComponent("Sources"), includingPropertiesForKeys: nil))
        var keys: Set<String> = []
        var literals: Set<String> = []
        for case let file as URL in files where file.pathExtension == "swift" {
            let source = try String(contentsOf: file, encoding: .utf8)
            for match in source.matches(of: /(?:text|Reason)\("([a-z]+[.][a-z.\-]+)"/) { keys.insert(String(match.1)) }
            for match in source.matches(of: /"([a-z]+[.][a-z.\-]+)"/) { literals.insert(String(match.1)) }
        }
        #expect(keys.count > 80)
        for key in keys.sorted() { #expect(table(key) != key, "\(key) has no text") }
        // Keys that go another way than through `text` and `Reason`: whatever looks like one of a group that has texts.
        let groups = Set(
            Text.embedded.split(separator: "\n").filter { !$0.hasPrefix("#") }.compactMap { line in
                line.split(separator: "\t").first?.split(separator: ".").first.map(String.init)
            })
        var others: Set<String> = []
        for literal in literals { if groups.contains(String(literal.prefix { $0 != "." })) { others.insert(literal) } }
        #expect(others.isSuperset(of: ["send.loop", "send.timed-out", "trace.return-expired"]))
        for key in others.subtracting(notKeys).sorted() { #expect(table(key) != key, "\(key) has no text") }
        for setting in Setting.all { #expect(table("setting.\(setting.key)") != "setting.\(setting.key)") }
    }

    /// Keys that are put together.
    @Test func everyKeyThatIsPutTogetherHasAText() {
        let table = Text(.english)
        var keys = Advice.allCases.map(\.key)
        keys += ["retry", "hold", "release", "remove"].map { "queue.done.\($0)" }
        keys += Lockout.Kind.allCases.map { "lockout.kind.\($0.rawValue)" }
        for action in ["failed", "delayed", "relayed", "expanded", "delivered"] {
            keys += ["report.\(action)", "report.subject.\(action)"]
        }
        for key in PolicyKey.allCases { keys += ["policy.key.\(key.rawValue)", "policy.invalid.\(key.kind)"] }
        keys += BannedNames.Fault.Reason.allCases.map { "policy.fault.\($0.rawValue)" }
        keys += Policy.Oddity.allCases.map { "policy.oddity.\($0.rawValue)" }
        keys += ["default", "server", "domain", "user"].map { "policy.origin.\($0)" }
        keys += ["ok", "warning", "problem"].map { "doctor.state.\($0)" }
        keys += UpdateFailure.Kind.allCases.map { UpdateFailure($0).key }
        keys += ["updated", "taken", "up-to-date", "failed"].map { "signatures.outcome.\($0)" }
        for key in keys { #expect(table(key) != key, "\(key) has no text") }
    }
}
