extension Signatures {
    /// Engines in this process.
    package convenience init(
        _ configuration: Configuration, matcher: @escaping NameMatcher, log: @escaping @Sendable (String) -> Void,
        onLoad: @escaping @Sendable (Status) -> Void = { _ in }
    ) {
        self.init(configuration, loader: Self.local(matcher, log), onLoad: onLoad)
    }

    static func local(_ matcher: @escaping NameMatcher, _ log: @escaping @Sendable (String) -> Void) -> Loader {
        { configuration, withViruses throws(EngineFailure) in
            let engine = withViruses ? try Engine.load(configuration.source, configuration.settings) : nil
            return LocalEngine(engine, configuration.settings, names: configuration.names, matcher: matcher, log: log)
        }
    }
}
