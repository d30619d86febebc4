/// What was found out about a message, the same for all of its recipients.
package struct Evidence: Sendable, Equatable {
    package var inspection: Inspection
    /// Points of the spam checks; nil: not computed.
    package var score: Double?
    /// Names of the checks that gave points, with them.
    package var tests: [(name: String, points: Double)]

    package init(inspection: Inspection, score: Double? = nil, tests: [(name: String, points: Double)] = []) {
        self.inspection = inspection
        self.score = score
        self.tests = tests
    }

    package static func == (left: Evidence, right: Evidence) -> Bool {
        left.inspection == right.inspection && left.score == right.score
            && left.tests.elementsEqual(right.tests) { $0.name == $1.name && $0.points == $1.points }
    }
}

/// What one recipient's policy makes of the evidence.
package struct Verdict: Sendable, Equatable {
    package struct Objection: Sendable, Equatable {
        package var category: Category
        /// What was found: names of signatures, parts with the rules that they met, limits.
        package var details: [String]
    }

    /// All that the policy has to say, gravest first.
    package var objections: [Objection] = []
    /// The gravest that is not let pass; nil: the message is delivered.
    package var blocking: Objection?
    package var destiny: Destiny = .pass
    /// Points with those of his opinion of the sender; nil: not computed, or not asked for.
    package var score: Double?
    /// From `spam_tag_level` on: the header fields say the score.
    package var showsScore = false
    /// From `spam_tag2_level` on: it is called spam, and the subject is tagged.
    package var isSpam = false
    /// Of the sender, and whether his opinion was asked for at all.
    package var isWhite = false
    package var isBlack = false

    /// What is objected to in a message whose sender a list calls black, instead of points.
    package static let black = "black"

    /// Nothing to object to.
    package init() {}
}

extension Verdict {
    package init(_ evidence: Evidence, _ policy: Policy, _ opinion: SenderOpinion) {
        let inspection = evidence.inspection
        if !policy.bypassVirusChecks {
            switch inspection.virus {
            case .infected(let names): object(.virus, names)
            case .notAsked, .clean, .poisoned, .unavailable: break
            }
        }
        if !policy.bypassBannedChecks, let found = inspection.banned[policy.bannedNames], !found.isEmpty {
            object(.banned, found.map { "\($0.part) (\($0.rule))" })
        }
        if inspection.virus == .poisoned, !policy.bypassVirusChecks || !policy.bypassBannedChecks { object(.poisoned, []) }
        // Both checks look inside; who asked for neither does not hear of what stopped them.
        if !policy.bypassVirusChecks || !policy.bypassBannedChecks {
            if !inspection.limits.isEmpty { object(.limit, inspection.limits) }
            if !inspection.encrypted.isEmpty { object(.encrypted, inspection.encrypted) }
            if !inspection.unopened.isEmpty { object(.unopened, inspection.unopened) }
        }
        judgeSpam(evidence, policy, opinion)
        for objection in objections where blocking == nil {
            let destiny = policy.destiny(of: objection.category)
            guard destiny != .pass else { continue }
            blocking = objection
            self.destiny = destiny
        }
    }

    private mutating func judgeSpam(_ evidence: Evidence, _ policy: Policy, _ opinion: SenderOpinion) {
        guard !policy.bypassSpamChecks, let points = evidence.score else { return }
        let total = points + opinion.points
        score = total
        showsScore = total >= policy.spamTagLevel
        isWhite = opinion.isWhite
        isBlack = !isWhite && opinion.isBlack
        // A white sender's mail is never spam, a black one's always.
        guard !isWhite else { return }
        isSpam = isBlack || total >= policy.spamTag2Level
        if isBlack || total >= policy.spamKillLevel { object(.spam, [isBlack ? Self.black : Points(rounding: total).description]) }
    }

    private mutating func object(_ category: Category, _ details: [String]) {
        objections.append(Objection(category: category, details: details))
    }
}

extension Points {
    /// The nearest that can be told.
    package init(rounding value: Double) {
        let limit = Double(Self.limit)
        self.init(thousandths: Int((max(-limit, min(limit, value)) * 1_000).rounded()))
    }
}
