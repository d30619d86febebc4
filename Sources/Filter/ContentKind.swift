/// What a file is by its first bytes, in the short words that AMaViS uses for file(1)'s answers.
package struct ContentKind: Sendable, Hashable, RawRepresentable {
    /// `exe-ms`, `elf`, `zip`, `rar`, `pdf`, `doc`, `txt`, `dat`…
    package var rawValue: String

    package init(rawValue: String) { self.rawValue = rawValue }
}
