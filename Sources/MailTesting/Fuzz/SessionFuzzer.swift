package import Dialogue
import Foundation

/// Feeds a session mutated seeds and random answers, and checks what every session promises: it never traps, each reply
/// ends in CRLF, what it holds stays bounded, it comes to rest, and after `.close` it says nothing.
package struct SessionFuzzer<Session: ServerSession & ~Copyable> {
    package var seeds: [[UInt8]]
    package var session: (inout SplitMix) -> Session
    package var answer: (Session.Question, inout SplitMix) -> Session.Answer
    package var heldBytes: (borrowing Session) -> Int
    package var maximumHeldBytes: Int

    package init(
        seeds: [[UInt8]], session: @escaping (inout SplitMix) -> Session,
        answer: @escaping (Session.Question, inout SplitMix) -> Session.Answer, heldBytes: @escaping (borrowing Session) -> Int,
        maximumHeldBytes: Int
    ) {
        self.seeds = seeds
        self.session = session
        self.answer = answer
        self.heldBytes = heldBytes
        self.maximumHeldBytes = maximumHeldBytes
    }

    /// Seconds that a fuzz test may take: BUZON_FUZZ_SECONDS, or 2.
    package static var duration: Duration {
        .seconds(ProcessInfo.processInfo.environment["BUZON_FUZZ_SECONDS"].flatMap { Int($0) } ?? 2)
    }

    /// Runs for about so long, at least once for each seed. The result is the first broken promise with the number of
    /// its run: `run(only:)` repeats it.
    package func run(for duration: Duration = duration, randomSeed: UInt64 = 1) -> (runs: Int, complaint: String?) {
        let deadline = ContinuousClock.now + duration
        var number = 0
        while number < seeds.count || ContinuousClock.now < deadline {
            if let complaint = run(only: number, randomSeed: randomSeed) { return (number, "run \(number): \(complaint)") }
            number += 1
        }
        return (number, nil)
    }

    /// One run. The same number and random seed give the same run.
    package func run(only number: Int, randomSeed: UInt64 = 1) -> String? {
        var random = SplitMix(state: randomSeed &* 0x1_0000_0001 &+ UInt64(number))
        let seed = seeds.isEmpty ? [] : seeds[number % seeds.count]
        let input = number < seeds.count ? seed : mutate(seed, &random)
        if let path = ProcessInfo.processInfo.environment["BUZON_FUZZ_RECORD"] {
            // A trap ends the process: what was being played is then in this file.
            try? Data(input).write(to: URL(filePath: path))
        }
        var session = session(&random)
        var rest = input[...]
        let cut = random.next(below: 4) == 0 ? Session.maximumReceive : 1 + random.next(below: 200)
        while true {
            switch pull(&session, budget: 100_000 + 64 * cut, &random) {
            case .waits: break
            case .closed: return after(&session, rest)
            case .broken(let complaint): return complaint
            }
            if random.next(below: 200) == 0 { session.wake() }
            if random.next(below: 2_000) == 0 { session.expire() }
            if random.next(below: 2_000) == 0 { session.shutDown() }
            if rest.isEmpty { break }
            let piece = Array(rest.prefix(cut))
            rest = rest.dropFirst(cut)
            session.receive(piece.span)
            if heldBytes(session) > maximumHeldBytes + cut { return "holds \(heldBytes(session)) bytes" }
        }
        session.receiveEnd()
        switch pull(&session, budget: 100_000, &random) {
        case .waits: return "waits for a peer that has gone"
        case .closed: return nil
        case .broken(let complaint): return complaint
        }
    }

    private enum Outcome { case waits, closed, broken(String) }

    private func pull(_ session: inout Session, budget: Int, _ random: inout SplitMix) -> Outcome {
        var said: [UInt8] = []
        for _ in 0..<budget {
            switch session.next() {
            case .reply(let bytes):
                said = bytes
                if bytes.isEmpty { return .broken("an empty reply") }
            case .ask(let question): session.resume(answer(question, &random))
            case .body(let bytes):
                if bytes.isEmpty || bytes.count > Session.maximumReceive { return .broken("a body piece of \(bytes.count) bytes") }
            case .needInput:
                if !said.isEmpty, !said.suffix(2).elementsEqual([0x0D, 0x0A]) { return .broken("a reply without CRLF") }
                if heldBytes(session) > maximumHeldBytes { return .broken("holds \(heldBytes(session)) bytes") }
                return .waits
            case .startTLS:
                if !said.suffix(2).elementsEqual([0x0D, 0x0A]) { return .broken("TLS without a reply before it") }
                session.receive(Array("in the clear\r\n".utf8).span)
                session.secured(random.next(below: 2) == 0 ? .plain : .bound)
                if heldBytes(session) > 0 { return .broken("keeps what came in the clear") }
            case .close: return .closed
            }
        }
        return .broken("does not come to rest")
    }

    private func after(_ session: inout Session, _ rest: ArraySlice<UInt8>) -> String? {
        let piece = Array(rest.prefix(100))
        session.receive(piece.span)
        session.wake()
        session.shutDown()
        guard case .close = session.next() else { return "speaks after it closed" }
        return nil
    }

    private func mutate(_ seed: [UInt8], _ random: inout SplitMix) -> [UInt8] {
        var bytes = seed
        for _ in 0...random.next(below: 8) {
            let place = random.next(below: bytes.count + 1)
            let length = min(random.next(below: 40), bytes.count - place)
            switch random.next(below: 8) {
            case 0: if place < bytes.count { bytes[place] = UInt8(truncatingIfNeeded: random.next()) }
            case 1: bytes.removeSubrange(place..<(place + length))
            case 2: bytes.insert(contentsOf: Array(bytes[place..<(place + length)]), at: random.next(below: bytes.count + 1))
            case 3: bytes.insert(contentsOf: Self.morsels[random.next(below: Self.morsels.count)], at: place)
            case 4: if place < bytes.count { bytes[place] ^= 1 << UInt8(random.next(below: 8)) }
            case 5:
                let other = seeds[random.next(below: seeds.count)]
                let from = random.next(below: other.count + 1)
                bytes.insert(contentsOf: other[from..<min(other.count, from + random.next(below: 200))], at: place)
            case 6:
                bytes.insert(
                    contentsOf: repeatElement(UInt8(truncatingIfNeeded: random.next()), count: random.next(below: 5_000)), at: place)
            default:
                let morsel = Self.morsels[random.next(below: Self.morsels.count)]
                for _ in 0..<random.next(below: 200) { bytes.insert(contentsOf: morsel, at: place) }
            }
        }
        return bytes
    }

    private static var morsels: [[UInt8]] {
        [
            "\r\n", "\n", "\r", ".", "\r\n.\r\n", "\n.\n", "\n.\r\n", "\r.\r", "\0", " ", "<", ">", "@", "\"", "\\", "(", ")", "{5}\r\n",
            "{5+}\r\n", "*",
            "99999999999999999999", "9223372036854775807", "18446744073709551616", "-1", "0", ":", ";", "=", "+", "é", "\u{FFFD}", "%",
            "NIL",
        ].map { Array($0.utf8) } + [[0xFF], [0xC3], [0x80]]
    }
}

/// SplitMix64: small, fast, the same everywhere.
package struct SplitMix: RandomNumberGenerator, Sendable {
    package var state: UInt64

    package init(state: UInt64) { self.state = state }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// 0 ..< bound; 0 when the bound is not positive.
    package mutating func next(below bound: Int) -> Int {
        bound > 0 ? Int(next() % UInt64(bound)) : 0
    }
}
