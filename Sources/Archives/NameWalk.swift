package import Filter
import Glibc

/// Finds everything in a message that has a name or a type: MIME parts, members of archives in archives.
package struct NameWalk: Sendable {
    package struct Limits: Sendable, Hashable {
        /// Archives and messages in one another.
        package var depth: Int
        /// Parts and members, over the whole message.
        package var names: Int
        /// Bytes that are unpacked to look into what lies within, over the whole message.
        package var expanded: Int
        /// Bytes of unpacked and decoded content in memory at once. No file takes what is more.
        package var held: Int
        /// Seconds for all of it.
        package var seconds: Int

        package init(depth: Int = 17, names: Int = 20_000, expanded: Int = 300 << 20, held: Int = 128 << 20, seconds: Int = 50) {
            self.depth = depth
            self.names = names
            self.expanded = expanded
            self.held = held
            self.seconds = seconds
        }
    }

    /// What the walk met beside names; each list at most `Inspection.listed` long.
    package struct Finding: Sendable, Hashable {
        /// As people read their names.
        package var encrypted: [String] = []
        package var unopened: [String] = []
        /// `depth`, `files`, `size`, `time`.
        package var limits: [String] = []
        package var names = 0

        package init() {}
    }

    package var limits: Limits

    package init(_ limits: Limits = Limits()) { self.limits = limits }

    /// `visit` gets each part once, in the order of the message; a part with two names once for each. Never fails: what can't be read is
    /// part of the finding. Stays on its thread.
    ///
    /// `taker` gets attachments and members of archives, not the texts that a reader shows; what can't be unpacked for it is `unopened`.
    /// Without one only so much is unpacked as names and kinds need.
    package func walk(_ message: UnsafeRawBufferPointer, for taker: (any FileTaker)? = nil, visit: (NamedPart) -> Void) -> Finding {
        walk(taker) {
            $0.message(message, Place(path: [], level: 0))
        } visit: {
            visit($0)
        }
    }

    /// The same for one file instead of a message.
    package func walk(
        file: UnsafeRawBufferPointer, named name: String, for taker: (any FileTaker)? = nil, visit: (NamedPart) -> Void
    ) -> Finding {
        walk(taker) { walk in
            walk.meet([name], content: file, in: Place(path: [], level: 0))
        } visit: {
            visit($0)
        }
    }

    private func walk(_ taker: (any FileTaker)?, _ start: (Walk) -> Void, visit: (NamedPart) -> Void) -> Finding {
        // libarchive turns names into what the thread's locale says; the process has none.
        let previous = Self.locale.map { uselocale($0) }
        defer { if let previous { uselocale(previous) } }
        return withoutActuallyEscaping(visit) { visit in
            let walk = Walk(limits, taker, visit)
            start(walk)
            return walk.finding
        }
    }

    /// Made once, never freed.
    private nonisolated(unsafe) static let locale: locale_t? = newlocale(LC_CTYPE_MASK, "C.UTF-8", nil)
}

/// Where something lies: the names of what is around it, and how many archives and messages that are.
struct Place {
    let path: [String]
    let level: Int

    /// Within what lies here under that name.
    func within(_ name: String) -> Place { Place(path: name.isEmpty ? path : path + [name], level: level + 1) }
}
