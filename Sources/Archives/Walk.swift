import Filter
import Glibc
import Mail

/// One walk: what it may still do, and what it found.
final class Walk {
    enum Limit: String { case depth, files, size, time }

    private(set) var finding = NameWalk.Finding()
    private let limits: NameWalk.Limits
    private let visit: (NamedPart) -> Void
    private let taker: (any FileTaker)?
    let clock: Clock
    /// Nothing more is to be read: the time is over, or all names were told.
    private(set) var isOver = false
    private var expanded = 0
    private var taken = 0
    private var held = 0

    init(_ limits: NameWalk.Limits, _ taker: (any FileTaker)?, _ visit: @escaping (NamedPart) -> Void) {
        self.limits = limits
        self.taker = taker
        self.visit = visit
        clock = Clock(seconds: limits.seconds)
    }

    // MARK: Findings

    func reach(_ limit: Limit) {
        if !finding.limits.contains(limit.rawValue) { finding.limits.append(limit.rawValue) }
        if limit == .files || limit == .time { isOver = true }
    }

    func note(encrypted path: [String]) { Self.add(path, to: &finding.encrypted) }
    func note(unopened path: [String]) { Self.add(path, to: &finding.unopened) }

    private static func add(_ path: [String], to list: inout [String]) {
        guard list.count < Inspection.listed else { return }
        let title = NamedPart(path: path.isEmpty ? [""] : path).title
        if !list.contains(title) { list.append(title) }
    }

    /// Whether the walk goes on.
    func goesOn() -> Bool {
        if !isOver, clock.isOver { reach(.time) }
        return !isOver
    }

    /// Hands a part out.
    func tell(_ part: NamedPart) {
        guard !isOver else { return }
        guard finding.names < limits.names else { return reach(.files) }
        finding.names += 1
        visit(part)
    }

    /// Whether files are wanted as a whole.
    var takesFiles: Bool { taker?.isOver == false }

    func take(_ file: UnsafeRawBufferPointer, isMessage: Bool) {
        guard let taker, !taker.isOver, !file.isEmpty, goesOn() else { return }
        guard file.count <= Self.handedOut * limits.expanded - taken else { return reach(.size) }
        taken += file.count
        taker.take(file, isMessage: isMessage)
    }

    /// What was too large to be held.
    func take(large file: Fingerprint) {
        guard let taker, !taker.isOver, goesOn() else { return }
        taker.take(large: file)
    }

    /// Bytes that are handed out, in times of what may be unpacked: what lies in archives in one another comes once for each, and what is not
    /// packed counts too.
    private static let handedOut = 4

    // MARK: Limits

    /// Whether so many bytes more may be unpacked.
    func expand(_ bytes: Int) -> Bool {
        guard bytes <= limits.expanded - expanded else {
            reach(.size)
            return false
        }
        expanded += bytes
        return true
    }

    /// Runs `body` with a buffer whose memory counts.
    func hold(_ body: (inout Held) -> Void) {
        var buffer = Held(limit: limits.held - held)
        body(&buffer)
        buffer.free()
    }

    /// Runs `body` with the buffer's content, while it counts as held.
    func with(_ buffer: borrowing Held, _ body: (UnsafeRawBufferPointer) -> Void) {
        let count = buffer.bytes.count
        held += count
        body(buffer.bytes)
        held -= count
    }

    /// Counts memory that somebody else holds; negative: gave back. False: there is none left.
    func claim(_ bytes: Int) -> Bool {
        guard bytes <= limits.held - held else { return false }
        held += bytes
        return true
    }

    func mayOpen(_ place: Place) -> Bool {
        guard place.level < limits.depth else {
            reach(.depth)
            return false
        }
        return goesOn()
    }

    // MARK: Parts

    /// A part under all its names, then what lies within its content. Without content it could not be read, or only libclamav can.
    func meet(
        _ names: [String], contentType: String = "", content: UnsafeRawBufferPointer?, isEncrypted: Bool = false,
        isReadElsewhere: Bool = false, in place: Place
    ) {
        let kind = isEncrypted ? nil : content.map { ContentKind(of: $0) }
        var names = names
        if names.isEmpty { names = [""] }
        for name in names {
            tell(NamedPart(path: place.path + [name], contentType: contentType, kind: kind, isEncrypted: isEncrypted))
        }
        let own = place.path + [names[0]]
        if isEncrypted { return note(encrypted: place.path.isEmpty ? own : place.path) }
        guard let content, let kind else {
            if takesFiles && !isReadElsewhere || names.contains(where: Container.isNamedArchive) { note(unopened: own) }
            return
        }
        take(content, isMessage: kind == .mail)
        open(content, kind, names: names, contentType: contentType, in: place)
    }
}

/// Bytes on the heap that grow as they come, up to a limit. Freed by hand.
struct Held: ~Copyable {
    private var base: UnsafeMutableRawPointer?
    private var count = 0
    private var capacity = 0
    private let limit: Int
    /// Something was left out.
    private(set) var isCut = false

    init(limit: Int) { self.limit = max(limit, 0) }

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

    mutating func free() {
        Glibc.free(base)
        base = nil
        count = 0
    }

    /// Room for as many bytes behind the content as can be had, at least one and at most `wanted`; nil when the limit is reached.
    mutating func room(_ wanted: Int) -> UnsafeMutableRawBufferPointer? {
        let wanted = min(wanted, limit - count)
        guard wanted > 0 else {
            isCut = true
            return nil
        }
        if capacity - count < wanted {
            let size = min(max(count + wanted, capacity * 2), limit)
            guard let grown = realloc(base, size) else {
                isCut = true
                return nil
            }
            base = grown
            capacity = size
        }
        guard let base else { return nil }
        return UnsafeMutableRawBufferPointer(start: base + count, count: wanted)
    }

    mutating func grow(by bytes: Int) { count += min(max(bytes, 0), capacity - count) }

    /// False when not all of it found room.
    mutating func append(_ bytes: UnsafeRawBufferPointer) -> Bool {
        if bytes.isEmpty { return true }
        guard let room = room(bytes.count), room.count == bytes.count else {
            isCut = true
            return false
        }
        room.copyMemory(from: bytes)
        grow(by: bytes.count)
        return true
    }
}

/// A moment until which work may go on.
struct Clock {
    private let end: UInt64

    init(seconds: Int) { end = Self.now + UInt64(max(seconds, 0)) * 1_000_000_000 }

    var isOver: Bool { Self.now >= end }

    private static var now: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
