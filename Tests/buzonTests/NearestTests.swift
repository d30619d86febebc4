import Store
import Testing

@testable import Filter
@testable import buzon

@Suite struct NearestTests {
    private static let keys = PolicyKey.allCases.map(\.rawValue)

    @Test(arguments: [
        ("final_virus_destny", "final_virus_destiny"), ("Final-Viurs-Destiny", "final_virus_destiny"),
        ("spam_tag2_levl", "spam_tag2_level"),
        ("quarantin", "quarantine"), ("banned_nmes", "banned_names"),
    ])
    func slips(_ written: String, _ meant: String) { #expect(Nearest.name(to: written, among: Self.keys) == meant) }

    @Test(arguments: ["", "x", "nonsense", "quota", String(repeating: "quarantine", count: 100_000)])
    func nothingNear(_ written: String) { #expect(Nearest.name(to: written, among: Self.keys) == nil) }

    @Test func settingsToo() {
        let keys = Setting.all.map(\.key)
        #expect(Nearest.name(to: "quarantine_day", among: keys) == "quarantine-days")
        #expect(Nearest.name(to: "scan-thread", among: keys) == "scan-threads")
        // Two letters in the wrong order are one slip, and a short word has room for no more.
        #expect(Nearest.name(to: "dnae", among: keys) == "dane" && Nearest.name(to: "nade", among: keys) == nil)
    }
}
