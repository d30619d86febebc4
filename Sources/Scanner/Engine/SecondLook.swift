import Dispatch
import Filter
import Mail

/// What `Mail` reads in a message and libclamav's mail parser did not take out of it in the same way: it puts a line end behind
/// parts that have none, knows fewer spellings, and forgives other mistakes than mail programs do. Those parts are scanned by
/// themselves.
struct SecondLook {
    /// Parts that are scanned once more. Beyond is the limit `files`.
    static let mostParts = 200

    let engine: Engine
    let deadline: DispatchTime
    private(set) var alerts = Alerts()
    private(set) var failure: String?
    /// As `ScanRecord`'s.
    private(set) var holdsClosed = false

    init(_ engine: Engine, until deadline: DispatchTime) {
        self.engine = engine
        self.deadline = deadline
    }

    mutating func look(at message: UnsafeRawBufferPointer, seen: Set<Fingerprint>) {
        let bytes = message.assumingMemoryBound(to: UInt8.self)
        let structure = MessageStructure(parsing: bytes)
        var parts = 0
        var budget = engine.settings.limits.totalSize
        for index in structure.parts.indices where structure.parts[index].kind == .leaf {
            let part = structure.parts[index]
            // Text that nobody saves as a file is found in the message itself.
            if part.isRunningText || part.body.isEmpty { continue }
            guard DispatchTime.now() < deadline else { return alerts.reach("time") }
            guard part.body.count <= budget else { return alerts.reach("size") }
            let isInPlace = !part.transferEncoding.changesBytes
            let decoded = isInPlace ? [] : structure.decodedBody(of: index, in: bytes, limit: engine.settings.limits.fileSize)
            decoded.withUnsafeBytes { decoded in
                let file = isInPlace ? UnsafeRawBufferPointer(rebasing: message[part.body]) : decoded
                guard file.count > 0, !seen.contains(Fingerprint(file)) else { return }
                parts += 1
                budget -= file.count
                guard parts <= Self.mostParts else { return alerts.reach("files") }
                scan(file, isMessage: part.contentType.isType("message"))
            }
            if parts > Self.mostParts || failure != nil { return }
        }
    }

    private mutating func scan(_ file: UnsafeRawBufferPointer, isMessage: Bool) {
        if MemberLook.isClosed(file) { holdsClosed = true }
        switch engine.run(file, isMail: isMessage, until: deadline) {
        case .success(let record):
            alerts.add(record.alerts)
            if record.holdsClosed { holdsClosed = true }
        case .failure(let error): failure = error.words
        }
    }
}

extension MessageStructure.Part {
    /// A text as mail programs show it in the message: of an encoding that hides nothing, without a name.
    fileprivate var isRunningText: Bool {
        guard contentType.isText, contentType.isSubtype("plain") || contentType.isSubtype("html") else { return false }
        switch transferEncoding {
        case .sevenBit, .eightBit, .binary, .quotedPrintable, .unknown: break
        case .base64, .uuencode: return false
        }
        return fileName == nil && disposition?.isAttachment != true
    }
}
