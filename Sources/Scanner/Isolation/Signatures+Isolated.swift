import Synchronization

extension Signatures {
    /// Engines in a process of their own, which `executable` becomes with `ScannerChild.command`. `lanes`: scans at a time, as many as the
    /// inspector has threads. New signatures come as a new process, which takes over when it is ready.
    package convenience init(
        isolated configuration: Configuration, executable: String = "/proc/self/exe", lanes: Int,
        log: @escaping @Sendable (String) -> Void, onLoad: @escaping @Sendable (Status) -> Void = { _ in }
    ) {
        self.init(configuration, loader: Self.remote(executable, lanes, log), onLoad: onLoad)
    }

    static func remote(
        _ executable: String, _ lanes: Int, _ log: @escaping @Sendable (String) -> Void,
        onStart: @escaping @Sendable (RemoteEngine) -> Void = { _ in }
    ) -> Loader {
        let counter = Counter()
        return { configuration, withViruses throws(EngineFailure) in
            let engine = try RemoteEngine(
                configuration, withViruses: withViruses, executable: executable, lanes: lanes,
                folder: configuration.settings.temporaryDirectory + "/child-\(counter.next())", log: log)
            onStart(engine)
            return engine
        }
    }

    private final class Counter: Sendable {
        private let count = Atomic<Int>(0)
        func next() -> Int { count.add(1, ordering: .relaxed).newValue }
    }
}
