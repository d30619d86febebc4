import Archives
import Filter

/// What is said between the server and the scanner's process.
enum ChildMessage {
    /// Bytes of one message. Lists of banned names are the largest part of any.
    static let longest = 16 << 20
    private static let mostLists = 10_000

    static func encode(_ configuration: Signatures.Configuration, withViruses: Bool) -> [UInt8] {
        var writer = WireWriter()
        writer.put(configuration.source?.directory ?? "")
        let settings = configuration.settings
        for number in [
            settings.limits.fileSize, settings.limits.totalSize, settings.limits.depth, settings.limits.files, settings.limits.seconds,
            configuration.names.depth, configuration.names.names, configuration.names.expanded, configuration.names.seconds,
        ] { writer.put(number) }
        for isOn in [settings.switches.heuristics, settings.switches.macros, settings.switches.phishing, withViruses] { writer.put(isOn) }
        writer.put(settings.temporaryDirectory)
        return writer.bytes
    }

    static func configuration(_ bytes: [UInt8]) throws(WireReader.Broken) -> (Signatures.Configuration, withViruses: Bool) {
        var reader = WireReader(bytes)
        let directory = try reader.text()
        let limits = ScanLimits(
            fileSize: try reader.number(), totalSize: try reader.number(), depth: try reader.number(), files: try reader.number(),
            seconds: try reader.number())
        let names = NameWalk.Limits(
            depth: try reader.number(), names: try reader.number(), expanded: try reader.number(), seconds: try reader.number())
        let switches = ScanSwitches(heuristics: try reader.bool(), macros: try reader.bool(), phishing: try reader.bool())
        let withViruses = try reader.bool()
        let settings = ScanSettings(limits: limits, switches: switches, temporaryDirectory: try reader.text())
        try reader.end()
        let source = directory.isEmpty ? nil : SignatureSource(directory: directory)
        return (Signatures.Configuration(source: source, settings: settings, names: names), withViruses)
    }

    /// What a child says of its engine when it is ready.
    struct Greeting: Sendable, Equatable {
        var version: String
        var count: Int
        var failures: [EngineFailure]
        var bytes: Int
        /// Whether files are out of its reach (the kernel has Landlock) beside what the filter of system calls does.
        var hasLandlock: Bool

        func encoded() -> [UInt8] {
            var writer = WireWriter()
            writer.put(version)
            writer.put(count)
            writer.put(failures.flatMap { [$0.key, $0.path, $0.detail] })
            writer.put(bytes)
            writer.put(hasLandlock)
            return writer.bytes
        }

        init(version: String, count: Int, failures: [EngineFailure], bytes: Int, hasLandlock: Bool) {
            self.version = version
            self.count = count
            self.failures = failures
            self.bytes = bytes
            self.hasLandlock = hasLandlock
        }

        init(_ bytes: [UInt8]) throws(WireReader.Broken) {
            var reader = WireReader(bytes)
            version = try reader.text()
            count = try reader.number(in: 0...Int.max)
            let words = try reader.texts(most: 60)
            failures = stride(from: 0, to: words.count - 2, by: 3).map { index in
                EngineFailure(reason: .init(rawValue: words[index]) ?? .library, path: words[index + 1], detail: words[index + 2])
            }
            self.bytes = try reader.number(in: 0...Int.max)
            hasLandlock = try reader.bool()
            try reader.end()
        }
    }

    /// What comes on the control channel.
    enum Report {
        case line(String)
        case ready(Greeting)
        case failed(EngineFailure)

        func encoded() -> [UInt8] {
            var writer = WireWriter()
            switch self {
            case .line(let line):
                writer.put(0)
                writer.put(line)
            case .ready(let greeting):
                writer.put(1)
                return writer.bytes + greeting.encoded()
            case .failed(let failure):
                writer.put(2)
                writer.put([failure.key, failure.path, failure.detail])
            }
            return writer.bytes
        }
    }

    static func report(_ bytes: [UInt8]) -> Report? {
        var reader = WireReader(bytes)
        switch try? reader.number() {
        case 0: return (try? reader.text()).map { .line(LibraryLog.clean($0)) }
        case 1: return (try? Greeting(Array(bytes.dropFirst(8)))).map { .ready($0) }
        case 2:
            guard let words = try? reader.texts(most: 3), words.count == 3 else { return nil }
            return .failed(EngineFailure(reason: .init(rawValue: words[0]) ?? .library, path: words[1], detail: words[2]))
        default: return nil
        }
    }

    /// The descriptor of the content goes with it.
    static func encode(_ order: InspectionOrder, count: Int, milliseconds: Int) -> [UInt8] {
        var writer = WireWriter()
        writer.put(order.virus)
        writer.put(order.bannedNames)
        writer.put(count)
        writer.put(milliseconds)
        return writer.bytes
    }

    static func order(_ bytes: [UInt8]) throws(WireReader.Broken) -> (InspectionOrder, count: Int, milliseconds: Int) {
        var reader = WireReader(bytes)
        let order = InspectionOrder(virus: try reader.bool(), bannedNames: try reader.texts(most: mostLists))
        let count = try reader.number(in: 0...Int.max)
        let milliseconds = try reader.number(in: 0...Int(Int32.max))
        try reader.end()
        return (order, count, milliseconds)
    }

    static func encode(_ inspection: Inspection, _ order: InspectionOrder) -> [UInt8] {
        var writer = WireWriter()
        switch inspection.virus {
        case .notAsked: writer.put(0)
        case .clean: writer.put(1)
        case .infected(let names):
            writer.put(2)
            writer.put(names)
        // Who is poisoned is never sent here.
        case .poisoned: writer.put(3)
        case .unavailable(let reason):
            writer.put(4)
            writer.put(reason)
        }
        for list in order.bannedNames { writer.put((inspection.banned[list] ?? []).flatMap { [$0.part, $0.rule] }) }
        for list in [inspection.encrypted, inspection.unopened, inspection.limits] { writer.put(list) }
        writer.put(inspection.virusMilliseconds)
        writer.put(inspection.namesMilliseconds)
        writer.put(inspection.signatures)
        return writer.bytes
    }

    static func inspection(_ bytes: [UInt8], _ order: InspectionOrder) throws(WireReader.Broken) -> Inspection {
        var reader = WireReader(bytes)
        var inspection = Inspection()
        switch try reader.number() {
        case 0: inspection.virus = .notAsked
        case 1: inspection.virus = .clean
        case 2: inspection.virus = .infected(try reader.texts(most: Inspection.listed))
        case 4: inspection.virus = .unavailable(try reader.text())
        default: throw WireReader.Broken()
        }
        for list in order.bannedNames {
            let words = try reader.texts(most: 2 * Inspection.listed)
            guard words.count % 2 == 0 else { throw WireReader.Broken() }
            guard !words.isEmpty else { continue }
            inspection.banned[list] = stride(from: 0, to: words.count, by: 2).map {
                Inspection.Banned(part: words[$0], rule: words[$0 + 1])
            }
        }
        inspection.encrypted = try reader.texts(most: Inspection.listed)
        inspection.unopened = try reader.texts(most: Inspection.listed)
        inspection.limits = try reader.texts(most: Inspection.listed)
        inspection.virusMilliseconds = try reader.number(in: 0...Int(Int32.max))
        inspection.namesMilliseconds = try reader.number(in: 0...Int(Int32.max))
        inspection.signatures = try reader.text()
        try reader.end()
        return inspection
    }
}
