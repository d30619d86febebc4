/// A message's content, wherever it lies.
package protocol InspectedContent: Sendable {
    var count: Int { get }
    /// SHA-256 of the whole.
    var digest: [UInt8] { get }
    /// By which the same message is known when its sender tries again: SHA-256 of what he sent.
    var mark: [UInt8] { get }
    /// The bytes in one piece: memory, or a mapped file. Blocks on the disk at most.
    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result
}

extension InspectedContent {
    package var mark: [UInt8] { digest }
}

/// What is to be looked for in a message: the union of what its recipients' policies ask.
package struct InspectionOrder: Sendable, Hashable {
    package var virus: Bool
    /// The different lists of banned names, each in the form that `BannedNames` normalises to; empty: names are not looked at.
    package var bannedNames: [String]

    package init(virus: Bool, bannedNames: [String] = []) {
        self.virus = virus
        self.bannedNames = bannedNames
    }

    package var isEmpty: Bool { !virus && bannedNames.isEmpty }
}

/// What the checks of a message's content found.
package struct Inspection: Sendable, Equatable {
    package enum Virus: Sendable, Equatable {
        case notAsked
        case clean
        /// Names of signatures, at most `Inspection.listed`.
        case infected([String])
        /// The process died twice during this message's scan; it was not scanned again.
        case poisoned
        /// Not scanned, for now: no signatures yet, too many scans wait, the scanner broke. The reason as a key of the texts.
        case unavailable(String)
    }

    /// A name that a list forbids.
    package struct Banned: Sendable, Hashable {
        /// As people read it: `docs.zip › a.exe`.
        package var part: String
        /// The rule of the list that it met.
        package var rule: String

        package init(part: String, rule: String) {
            self.part = part
            self.rule = rule
        }
    }

    /// How many findings of a kind are named.
    package static let listed = 10

    package var virus: Virus
    /// By list, as the order named it; lists without a finding are absent.
    package var banned: [String: [Banned]]
    /// Archives and documents that only a password opens, as people read their names. At most `listed`.
    package var encrypted: [String]
    /// Archives that nothing opened. At most `listed`.
    package var unopened: [String]
    /// The limits that were reached: `size`, `depth`, `files`, `time`.
    package var limits: [String]
    /// What each check took.
    package var virusMilliseconds: Int
    package var namesMilliseconds: Int
    /// Which signatures looked at it: changes whenever they do. Empty without a scan.
    package var signatures: String
    /// Those know nothing but the test file: it was looked at, by nobody who knows viruses.
    package var knewOnlyTest: Bool

    package init(
        virus: Virus = .notAsked, banned: [String: [Banned]] = [:], encrypted: [String] = [], unopened: [String] = [],
        limits: [String] = [], virusMilliseconds: Int = 0, namesMilliseconds: Int = 0, signatures: String = "", knewOnlyTest: Bool = false
    ) {
        self.virus = virus
        self.banned = banned
        self.encrypted = encrypted
        self.unopened = unopened
        self.limits = limits
        self.virusMilliseconds = virusMilliseconds
        self.namesMilliseconds = namesMilliseconds
        self.signatures = signatures
        self.knewOnlyTest = knewOnlyTest
    }
}

/// Looks at messages for viruses and banned names.
package protocol Inspector: Sendable {
    /// Never throws: what could not be done is part of the answer. Bounded in time by the inspector's own deadline; a cancelled task
    /// gets its answer at once.
    func inspect(_ content: any InspectedContent, _ order: InspectionOrder) async -> Inspection
}
