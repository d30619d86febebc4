extension Signatures {
    package struct Status: Sendable, Equatable {
        package enum Phase: String, Sendable { case off, loading, ready }

        package var phase: Phase
        package var version: String
        package var count: Int
        /// Why it is not all that was asked for, or why the last attempt failed.
        package var failures: [EngineFailure]
        /// Memory that the engine took when it was loaded.
        package var bytes: Int

        /// Nothing is known but the test file that is embedded.
        package var knowsOnlyTest: Bool { phase == .ready && count <= EmbeddedSignature.databases.count }
    }
}
