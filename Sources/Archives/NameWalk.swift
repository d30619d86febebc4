package import Filter

/// Finds everything in a message that has a name or a type: MIME parts, members of archives in archives.
package struct NameWalk: Sendable {
    package struct Limits: Sendable, Hashable {
        /// Archives and messages in one another.
        package var depth: Int
        /// Parts and members, over the whole message.
        package var names: Int
        /// Bytes that are unpacked to look into what lies within, over the whole message.
        package var expanded: Int
        /// Seconds for all of it.
        package var seconds: Int

        package init(depth: Int = 17, names: Int = 20_000, expanded: Int = 300 << 20, seconds: Int = 50) {
            self.depth = depth
            self.names = names
            self.expanded = expanded
            self.seconds = seconds
        }
    }

    /// What the walk met beside names; each list at most `Inspection.listed` long.
    package struct Finding: Sendable, Hashable {
        /// As people read their names.
        package var encrypted: [String] = []
        package var unopened: [String] = []
        /// `depth`, `names`, `size`, `time`.
        package var limits: [String] = []
        package var names = 0

        package init() {}
    }

    package var limits: Limits

    package init(_ limits: Limits = Limits()) { self.limits = limits }

    /// `visit` gets each part once, in the order of the message. Never fails: what can't be read is part of the finding.
    package func walk(_ message: UnsafeRawBufferPointer, visit: (NamedPart) -> Void) -> Finding { Finding() }
}
