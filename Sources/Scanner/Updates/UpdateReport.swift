/// What came of one run.
package struct UpdateReport: Sendable, Hashable {
    package struct Entry: Sendable, Hashable {
        /// The file's name; `daily`, `main` and `bytecode` without an ending where there is no file.
        package var file: String
        /// `UpdateSource.name`
        package var source: String
        package var outcome: Outcome
    }

    package enum Outcome: Sendable, Hashable {
        /// `version`: 0 where the database names none. `isTested`: libclamav has loaded it before it was taken; memory was too small
        /// otherwise, and the signature of its makers had to do.
        case updated(version: Int, signatures: Int, isTested: Bool)
        case upToDate(version: Int)
        case failed(UpdateFailure)

        package var failure: UpdateFailure? {
            if case .failed(let failure) = self { failure } else { nil }
        }

        package var isUpdate: Bool {
            if case .updated = self { true } else { false }
        }
    }

    package var entries: [Entry] = []
    /// Files that are gone since their URL is.
    package var removed: [String] = []

    package var failures: [UpdateFailure] { entries.compactMap(\.outcome.failure) }
    package var hasChanges: Bool { !removed.isEmpty || entries.contains { $0.outcome.isUpdate } }
}
