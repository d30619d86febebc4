import Synchronization

extension Signatures {
    /// Engines in this process, or in one that `executable` becomes with `ScannerChild.command`. New signatures there come as a new
    /// process, which takes over when it is ready.
    package convenience init(
        _ configuration: Configuration, executable: String = "/proc/self/exe", matcher: @escaping NameMatcher,
        log: @escaping @Sendable (String) -> Void, onLoad: @escaping @Sendable (Status) -> Void = { _ in }
    ) {
        self.init(configuration, loader: Self.loader(executable, matcher, log), onLoad: onLoad)
    }

    static func loader(
        _ executable: String, _ matcher: @escaping NameMatcher, _ log: @escaping @Sendable (String) -> Void,
        onStart: @escaping @Sendable (RemoteEngine) -> Void = { _ in }
    ) -> Loader {
        let counter = Counter()
        return { configuration, withViruses throws(EngineFailure) in
            guard let lanes = configuration.lanes else { return try local(configuration, withViruses, matcher, log) }
            let engine = try RemoteEngine(
                configuration, withViruses: withViruses, executable: executable, lanes: lanes,
                folder: configuration.settings.temporaryDirectory + "/child-\(counter.next())", log: log)
            onStart(engine)
            return engine
        }
    }

    static func local(
        _ configuration: Configuration, _ withViruses: Bool, _ matcher: @escaping NameMatcher, _ log: @escaping @Sendable (String) -> Void
    ) throws(EngineFailure) -> LocalEngine {
        let engine = withViruses ? try Engine.load(configuration.source, configuration.settings) : nil
        return LocalEngine(engine, configuration.settings, names: configuration.names, matcher: matcher, log: log)
    }

    private final class Counter: Sendable {
        private let count = Atomic<Int>(0)
        func next() -> Int { count.add(1, ordering: .relaxed).newValue }
    }
}
