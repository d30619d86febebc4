import Testing

@testable import Filter

/// What one policy makes of what was found.
@Suite struct VerdictTests {
    private static func policy(_ said: [String: String] = [:]) -> Policy {
        PolicyLayers([.init(.server, ScopePolicy(rows: said.map { ($0.key, $0.value) }))]).effective
    }

    private static let finding = Inspection(
        virus: .infected(["Eicar"]), banned: [Policy.standard.bannedNames: [.init(part: "a.zip › a.exe", rule: ".exe")]],
        encrypted: ["b.zip"], unopened: ["c.zip"], limits: ["depth"])

    private func verdict(
        _ said: [String: String] = [:], _ inspection: Inspection = Inspection(), score: Double? = nil,
        _ opinion: SenderOpinion = SenderOpinion()
    ) -> Verdict {
        Verdict(Evidence(inspection: inspection, score: score), Self.policy(said), opinion)
    }

    // MARK: What is objected to

    @Test func everythingGravestFirst() {
        let found = verdict([:], Self.finding, score: 10)
        #expect(found.objections.map(\.category) == [.virus, .banned, .limit, .encrypted, .unopened, .spam])
        #expect(found.objections.map(\.details) == [["Eicar"], ["a.zip › a.exe (.exe)"], ["depth"], ["b.zip"], ["c.zip"], ["10"]])
        #expect(found.blocking?.category == .virus && found.destiny == .discard)
        #expect(verdict() == Verdict())
    }

    /// Who asked for a check does hear of what stopped it; who asked for neither, of nothing.
    @Test(arguments: [
        ("bypass_virus_checks", [Category.banned, .limit, .encrypted, .unopened]),
        ("bypass_banned_checks", [.virus, .limit, .encrypted, .unopened]), ("both", []),
    ])
    func whoAskedForNoCheck(_ key: String, _ categories: [Category]) {
        let keys = key == "both" ? ["bypass_virus_checks", "bypass_banned_checks"] : [key]
        let said = Dictionary(uniqueKeysWithValues: keys.map { ($0, "true") })
        #expect(verdict(said, Self.finding).objections.map(\.category) == categories)
        var poisoned = Self.finding
        poisoned.virus = .poisoned
        let found = verdict(said, poisoned)
        #expect(found.objections.contains { $0.category == .poisoned } == (key != "both"))
        // A list that forbids nothing forbids nothing, whatever another recipient's does.
        #expect(verdict(["banned_names": ""], Self.finding).objections.allSatisfy { $0.category != .banned })
        #expect(verdict(["banned_names": ".exe"], Self.finding).objections.allSatisfy { $0.category != .banned })
    }

    @Test func aPoisonedOneIsHeldWhateverThePolicyLetsPass() {
        let found = verdict(["final_virus_destiny": "pass", "final_banned_destiny": "pass"], Inspection(virus: .poisoned))
        #expect(found.blocking?.category == .poisoned && found.destiny == .quarantine)
    }

    @Test(arguments: [Inspection.Virus.clean, .notAsked, .unavailable("scan.slow")])
    func whatIsNoObjection(_ virus: Inspection.Virus) {
        #expect(verdict([:], Inspection(virus: virus)) == Verdict())
    }

    /// The gravest that is not let pass blocks, and its destiny counts, not a stricter one behind it.
    @Test(arguments: [
        (["final_virus_destiny": "pass"], Category.banned, Destiny.reject),
        (["final_virus_destiny": "junk"], .virus, .junk),
        (["final_virus_destiny": "pass", "final_banned_destiny": "pass"], .limit, .quarantine),
        (["final_virus_destiny": "pass", "final_banned_destiny": "pass", "final_limit_destiny": "pass"], .spam, .bounce),
        (
            [
                "final_virus_destiny": "pass", "final_banned_destiny": "pass", "final_limit_destiny": "pass",
                "final_unopened_destiny": "discard",
            ], .unopened, .discard
        ),
    ])
    func theOneThatBlocks(_ said: [String: String], _ category: Category, _ destiny: Destiny) {
        let found = verdict(said.merging(["final_spam_destiny": "bounce"]) { old, _ in old }, Self.finding, score: 10)
        #expect(found.blocking?.category == category && found.destiny == destiny)
        #expect(found.objections.count == 6)
    }

    // MARK: Spam

    /// Each level from just there on.
    @Test(arguments: [
        (2.999, false, false, false), (3, true, false, false), (4.999, true, false, false), (5, true, true, false),
        (9.999, true, true, false), (10, true, true, true), (10_000, true, true, true), (-1, false, false, false),
    ])
    func levels(_ score: Double, _ shows: Bool, _ isSpam: Bool, _ isKilled: Bool) {
        let found = verdict(["spam_tag_level": "3", "final_spam_destiny": "reject"], score: score)
        #expect(found.score == score && found.showsScore == shows && found.isSpam == isSpam)
        #expect((found.blocking?.category == .spam) == isKilled && found.destiny == (isKilled ? .reject : .pass))
    }

    /// A white sender's mail is never spam and a black one's always; points are added to the score.
    @Test func opinions() {
        let said = ["final_spam_destiny": "reject"]
        let white = verdict(said, score: 100, SenderOpinion(isWhite: true))
        #expect(white.isWhite && !white.isSpam && white.objections.isEmpty && white.destiny == .pass && white.showsScore)
        let black = verdict(said, score: -100, SenderOpinion(isBlack: true))
        #expect(black.isBlack && black.isSpam && black.destiny == .reject && black.objections.map(\.details) == [[Verdict.black]])
        let points = verdict(said, score: 8, SenderOpinion(points: 2.5))
        #expect(points.score == 10.5 && points.destiny == .reject && points.objections.map(\.details) == [["10.5"]])
        #expect(verdict(said, score: 12, SenderOpinion(points: -2.5)).destiny == .pass)
    }

    /// Without a score, or without the check, lists have no say.
    @Test func nothingIsComputed() {
        for opinion in [SenderOpinion(isWhite: true), SenderOpinion(isBlack: true)] {
            #expect(verdict(["final_spam_destiny": "reject"], opinion) == Verdict())
            let off = verdict(["final_spam_destiny": "reject", "bypass_spam_checks": "true"], score: 50, opinion)
            #expect(off == Verdict())
        }
    }

    private func verdict(_ said: [String: String], _ opinion: SenderOpinion) -> Verdict { verdict(said, Inspection(), opinion) }

    // MARK: One answer

    @Test(arguments: [
        ([Destiny.reject], false, Judgement.refused), ([.reject, .reject], true, .refused), ([.bounce], false, .refused),
        ([.bounce], true, .accepted), ([.bounce, .reject], false, .refused), ([.bounce, .reject], true, .accepted),
        ([.reject, .pass], false, .accepted), ([.discard, .reject], false, .accepted), ([.reject, .quarantine, .reject], true, .accepted),
        ([.pass], false, .accepted), ([.junk, .bounce], false, .accepted), ([.discard], true, .accepted), ([], false, .accepted),
    ])
    func oneAnswer(_ destinies: [Destiny], knowsSender: Bool, _ judgement: Judgement) {
        #expect(Judgement(destinies, knowsSender: knowsSender) == judgement)
        #expect(Judgement(destinies.reversed(), knowsSender: knowsSender) == judgement)
    }

    @Test(arguments: [
        (0.0, "0"), (4.9994, "4.999"), (4.9996, "5"), (-0.0001, "0"), (1e9, "10000"), (-Double.infinity, "-10000"), (0.25, "0.25"),
    ]) func pointsAreRounded(_ value: Double, _ text: String) { #expect(Points(rounding: value).description == text) }
}
