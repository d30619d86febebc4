/// How far a scan goes. What goes beyond is a verdict of its own (`Inspection.limits`).
package struct ScanLimits: Sendable, Hashable {
    /// Bytes of one file, the message included.
    package var fileSize: Int
    /// Bytes of all that is unpacked.
    package var totalSize: Int
    /// Archives and messages in one another.
    package var depth: Int
    package var files: Int
    /// For the whole of one inspection, from when it begins.
    package var seconds: Int

    /// Seconds beside it before a scan counts as one that never ends: libclamav looks at the clock between two steps only.
    static func grace(seconds: Int) -> Int { max(2, seconds / 2) }

    package init(fileSize: Int = 100 << 20, totalSize: Int = 300 << 20, depth: Int = 17, files: Int = 20_000, seconds: Int = 50) {
        self.fileSize = fileSize
        self.totalSize = totalSize
        self.depth = depth
        self.files = files
        self.seconds = seconds
    }
}

/// What counts as a virus beside what signatures find.
package struct ScanSwitches: Sendable, Hashable {
    package var heuristics: Bool
    /// Documents with macros.
    package var macros: Bool
    /// Links that pretend to lead elsewhere, and signatures of phishing mail.
    package var phishing: Bool

    package init(heuristics: Bool = true, macros: Bool = false, phishing: Bool = true) {
        self.heuristics = heuristics
        self.macros = macros
        self.phishing = phishing
    }
}

/// All that an engine is made of beside its signatures.
package struct ScanSettings: Sendable, Hashable {
    package var limits: ScanLimits
    package var switches: ScanSwitches
    /// A folder of the scanner's own: it is swept at start.
    package var temporaryDirectory: String

    package init(limits: ScanLimits = ScanLimits(), switches: ScanSwitches = ScanSwitches(), temporaryDirectory: String) {
        self.limits = limits
        self.switches = switches
        self.temporaryDirectory = temporaryDirectory
    }
}
