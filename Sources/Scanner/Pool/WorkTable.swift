import Glibc
import Synchronization

/// The messages that are being looked at, by their hashes, in a file that survives the process: who was in work when it died is a
/// suspect, and a suspect during whose work it dies again is poison.
///
/// A kill and a crash look the same from here, so once is nothing. That two innocents are in work at two deaths is kept unlikely by
/// looking at a suspect alone (nobody else begins from when it asks), and whatever ends well leaves the table. A shutdown clears what is in work. Marks expire.
package final class WorkTable: Sendable {
    package enum Failure: Error { case system(call: String, errno: CInt) }

    package enum Entry: Sendable {
        case admitted(Slot)
        case poisoned
        /// Suspects and others take turns: not now.
        case later
        /// There is no room, or it hangs already.
        case crowded
    }

    package struct Slot: Sendable {
        fileprivate let index: Int
        fileprivate let isAlone: Bool
    }

    /// Deaths of the process that make a message poison.
    package static let deaths = 2
    package static let lifetime = 30 * 86_400
    static let slots = 2_048
    private static let slotSize = 64
    private static let magic = Array("buzon-work-1\n".utf8)

    private struct State: Sendable {
        var running = 0
        var isSuspectRunning = false
        /// The suspect that is next, when what runs has ended.
        var reserved: [UInt8]?
        /// Slots with a death, so that messages without one are not looked for among them.
        var marks: [[UInt8]: Int] = [:]
        /// Slots with nothing in them; the last is taken first.
        var free: [Int] = []
    }

    fileprivate enum Phase: UInt8 { case idle, working, overdue }

    private let memory: Memory
    private let state = Mutex(State())

    /// Creates the file where it is absent. One process at a time.
    package init(path: String, now: Int = time(nil)) throws(Failure) {
        memory = try Memory(path: path, size: Self.slotSize * (Self.slots + 1))
        if !memory.starts(with: Self.magic) { memory.begin(Self.magic) }
        state.withLock { recover(now, &$0) }
    }

    package func isPoisoned(_ digest: [UInt8], now: Int = time(nil)) -> Bool {
        state.withLock { find(digest, now, &$0).map { memory.deaths($0) >= Self.deaths } ?? false }
    }

    var inWork: Int { state.withLock { $0.running } }

    /// It was in work at a death.
    func isSuspect(_ digest: [UInt8], now: Int = time(nil)) -> Bool {
        state.withLock { find(digest, now, &$0).map { memory.deaths($0) > 0 } ?? false }
    }

    /// Notes that work on a message begins. Never waits.
    package func begin(_ digest: [UInt8], now: Int = time(nil)) -> Entry {
        state.withLock { state in
            let known = find(digest, now, &state)
            let deaths = known.map { memory.deaths($0) } ?? 0
            if deaths >= Self.deaths { return .poisoned }
            let isSuspect = deaths > 0
            if state.isSuspectRunning || state.reserved.map({ $0 != digest }) ?? false { return .later }
            if let known, isSuspect {
                if memory.phase(known) == .overdue { return .crowded }
                guard state.running == 0 else {
                    state.reserved = digest
                    return .later
                }
            }
            state.reserved = nil
            guard let index = isSuspect ? known : vacancy(&state) else { return .crowded }
            memory.write(index, digest, deaths: deaths, .working, now)
            state.running += 1
            state.isSuspectRunning = isSuspect
            return .admitted(Slot(index: index, isAlone: isSuspect))
        }
    }

    /// It does not want its turn any more.
    package func renounce(_ digest: [UInt8]) {
        state.withLock { if $0.reserved == digest { $0.reserved = nil } }
    }

    /// The work was broken off, and it is not to blame.
    package func leave(_ slot: Slot) {
        state.withLock { state in
            depart(slot, &state)
            if memory.deaths(slot.index) == 0 { clear(slot.index, &state) } else { memory.absolve(slot.index) }
        }
    }

    /// The work ended well: nothing is left of it.
    package func end(_ slot: Slot) {
        state.withLock { state in
            depart(slot, &state)
            clear(slot.index, &state)
        }
    }

    /// Who did the work died of it, and this process lives.
    package func died(_ slot: Slot, now: Int = time(nil)) {
        state.withLock { state in
            depart(slot, &state)
            let digest = memory.digest(slot.index)
            // The same message twice at once, for two orders: one death, one mark.
            if let first = state.marks[digest], first != slot.index { return clear(slot.index, &state) }
            memory.mark(slot.index, now)
            state.marks[digest] = slot.index
        }
    }

    private func depart(_ slot: Slot, _ state: inout State) {
        guard memory.phase(slot.index) == .working else { return }
        state.running -= 1
        if slot.isAlone { state.isSuspectRunning = false }
    }

    /// The work on it is over its deadline. It keeps nobody waiting any more, and is to blame should it never end.
    package func overdue(_ digest: [UInt8]) {
        state.withLock { state in
            for index in 0..<Self.slots where memory.phase(index) == .working && memory.hasDigest(index, digest) {
                memory.setPhase(index, .overdue)
                state.running -= 1
                // A suspect runs alone, so it is the one.
                state.isSuspectRunning = false
            }
        }
    }

    /// The process ends by its own will: of what is still in work only what is overdue is to blame.
    package func close(now: Int = time(nil)) {
        state.withLock { _ in
            for index in 0..<Self.slots {
                switch memory.phase(index) {
                case .idle: break
                case .working: memory.absolve(index)
                case .overdue: memory.mark(index, now)
                }
            }
        }
    }

    /// What was in work when the last process ended.
    private func recover(_ now: Int, _ state: inout State) {
        for index in 0..<Self.slots {
            if memory.phase(index) != .idle { memory.mark(index, now) }
            let age = now - memory.time(index)
            guard memory.deaths(index) > 0, age <= Self.lifetime, age > -86_400 else {
                clear(index, &state)
                continue
            }
            // The same message twice at once, for two orders: one mark.
            let digest = memory.digest(index)
            if let first = state.marks[digest] {
                if memory.deaths(index) > memory.deaths(first) { memory.copy(index, to: first) }
                clear(index, &state)
                state.marks[digest] = first
            } else {
                state.marks[digest] = index
            }
        }
    }

    private func find(_ digest: [UInt8], _ now: Int, _ state: inout State) -> Int? {
        guard let index = state.marks[digest] else { return nil }
        if memory.time(index) + Self.lifetime >= now || memory.phase(index) != .idle { return index }
        clear(index, &state)
        return nil
    }

    private func clear(_ index: Int, _ state: inout State) {
        let digest = memory.digest(index)
        if state.marks[digest] == index { state.marks[digest] = nil }
        memory.clear(index)
        state.free.append(index)
    }

    /// A free slot, else the oldest mark that nobody works on.
    private func vacancy(_ state: inout State) -> Int? {
        if let free = state.free.popLast() { return free }
        guard let oldest = state.marks.values.filter({ memory.phase($0) == .idle }).min(by: { memory.time($0) < memory.time($1) })
        else { return nil }
        clear(oldest, &state)
        return state.free.popLast()
    }
}

extension WorkTable {
    /// The mapped file. Unchecked: touched under the table's lock only. Slots: 32 bytes hash, deaths, phase, 6 bytes unused,
    /// seconds since 1970.
    fileprivate final class Memory: @unchecked Sendable {
        private let bytes: UnsafeMutableRawBufferPointer

        init(path: String, size: Int) throws(Failure) {
            let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { throw .system(call: "open", errno: errno) }
            defer { Glibc.close(descriptor) }
            // Reserved, so that a full disk is an error here and not a signal later.
            let code = posix_fallocate(descriptor, 0, off_t(size))
            guard code == 0 else { throw .system(call: "posix_fallocate", errno: code) }
            guard let address = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), address != MAP_FAILED else {
                throw .system(call: "mmap", errno: errno)
            }
            bytes = UnsafeMutableRawBufferPointer(start: address, count: size)
        }

        deinit { munmap(bytes.baseAddress, bytes.count) }

        private func offset(_ index: Int) -> Int { (index + 1) * WorkTable.slotSize }

        func starts(with magic: [UInt8]) -> Bool { bytes.starts(with: magic) }

        func begin(_ magic: [UInt8]) {
            bytes.initializeMemory(as: UInt8.self, repeating: 0)
            bytes.copyBytes(from: magic)
        }

        func deaths(_ index: Int) -> Int { Int(bytes[offset(index) + 32]) }
        func phase(_ index: Int) -> Phase { Phase(rawValue: bytes[offset(index) + 33]) ?? .idle }
        func setPhase(_ index: Int, _ phase: Phase) { bytes[offset(index) + 33] = phase.rawValue }
        func time(_ index: Int) -> Int { Int(bytes.loadUnaligned(fromByteOffset: offset(index) + 40, as: Int64.self)) }
        func digest(_ index: Int) -> [UInt8] { Array(bytes[offset(index)..<offset(index) + 32]) }
        func hasDigest(_ index: Int, _ digest: [UInt8]) -> Bool { bytes[offset(index)..<offset(index) + 32].elementsEqual(digest) }

        func write(_ index: Int, _ digest: [UInt8], deaths: Int, _ phase: Phase, _ now: Int) {
            clear(index)
            let start = offset(index)
            for (place, byte) in digest.prefix(32).enumerated() { bytes[start + place] = byte }
            bytes.storeBytes(of: Int64(now), toByteOffset: start + 40, as: Int64.self)
            bytes[start + 32] = UInt8(clamping: deaths)
            // Last: a process that dies before has not begun.
            setPhase(index, phase)
        }

        func mark(_ index: Int, _ now: Int) {
            bytes.storeBytes(of: Int64(now), toByteOffset: offset(index) + 40, as: Int64.self)
            bytes[offset(index) + 32] = UInt8(clamping: deaths(index) + 1)
            setPhase(index, .idle)
        }

        func absolve(_ index: Int) {
            if deaths(index) == 0 { clear(index) } else { setPhase(index, .idle) }
        }

        func copy(_ index: Int, to other: Int) {
            write(other, digest(index), deaths: deaths(index), .idle, time(index))
        }

        func clear(_ index: Int) {
            setPhase(index, .idle)
            UnsafeMutableRawBufferPointer(rebasing: bytes[offset(index)..<offset(index) + WorkTable.slotSize])
                .initializeMemory(as: UInt8.self, repeating: 0)
        }
    }
}
