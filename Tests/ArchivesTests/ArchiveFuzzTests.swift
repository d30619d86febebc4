import Filter
import MailTesting
import Testing

@testable import Archives

/// Archives with bytes changed, cut out and put in: never a crash, never beyond a limit.
@Suite struct ArchiveFuzzTests {
    private static let seeds: [[UInt8]] = {
        let members: [Samples.Member] = [
            .init("a.exe", Samples.program), .init("dir/"), .init("dir/ñ.txt"), .init("in.zip", Samples.archive([.init("b")])),
        ]
        var seeds = ["zip", "7zip", "gnutar", "pax", "newc", "odc", "arbsd"].map { Samples.archive(members, format: $0) }
        seeds += ["gzip", "bzip2", "xz", "lzma", "lzip", "zstd", "lz4", "compress"].map {
            Samples.archive(members, format: "gnutar", filter: $0)
        }
        seeds += [Samples.archive(members, password: "x"), Samples.archive(members, format: "iso9660", options: "iso9660:pad=0")]
        seeds += [ArchiveFormatTests.rar4("a.exe", Samples.program), ArchiveFormatTests.rar5("a.exe", Samples.program)]
        seeds += [ArchiveFormatTests.lha("a.exe", Samples.program), ArchiveFormatTests.cab("a.exe", Samples.program)]
        seeds += CabinetTests.samples
        seeds += [OldArchiveTests.arj("a.exe", Samples.program), OldArchiveTests.zoo("a.exe", Samples.program, long: "long.exe")]
        seeds += [OldArchiveTests.ace("a.exe", Samples.program), OldArchiveTests.arc("a.exe", Samples.program)]
        let properties = OldArchiveTests.properties([
            (0x1F, 0x3707, [0x61, 0, 0, 0]), (3, 0x3705, [1, 0, 0, 0]), (0x102, 0x3701, Samples.program),
        ])
        seeds.append(OldArchiveTests.tnef([[(0x8010, [0x61, 0]), (0x800F, Samples.program), (0x9005, properties)]]))
        seeds += ["clam.cab", "clam.7z", "clam.tnef", "clam.arj", "clam.mail"].compactMap { try? Samples.file($0) }
        seeds.append(NameWalkTests.message("a.zip", seeds[0]))
        seeds.append(Array(("Subject: x\r\n\r\n" + NameWalkTests.uuencoded).utf8))
        return seeds
    }()

    private static let interesting: [UInt8] = [0, 1, 0x7F, 0x80, 0xFF, 0xFE, 0x20]

    private static func mutated(_ seed: [UInt8], _ random: inout Numbers) -> [UInt8] {
        var bytes = seed
        for _ in 0..<random.below(8) + 1 where !bytes.isEmpty {
            // Headers stand at the ends.
            let near = random.below(3)
            let place =
                near == 0
                ? random.below(bytes.count)
                : near == 1 ? random.below(min(bytes.count, 128)) : bytes.count - 1 - random.below(min(bytes.count, 128))
            switch random.below(7) {
            case 0: bytes[place] ^= 1 << UInt8(random.below(8))
            case 1: bytes[place] = interesting[random.below(interesting.count)]
            case 2: bytes[place] = UInt8(random.below(256))
            case 3: bytes.removeSubrange(place..<min(place + 1 + random.below(32), bytes.count))
            case 4: bytes.insert(contentsOf: bytes[place..<min(place + 1 + random.below(64), bytes.count)], at: random.below(bytes.count))
            case 5:
                for index in place..<min(place + 4, bytes.count) { bytes[index] = 0xFF }
            default: bytes.removeLast(min(bytes.count, random.below(64)))
            }
        }
        return bytes
    }

    struct Numbers {
        var state: UInt64

        mutating func below(_ bound: Int) -> Int {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return Int(state >> 1) % max(bound, 1)
        }
    }

    /// Each seed changed in 200 ways from a number that stays the same.
    @Test func changedBytes() {
        let limits = NameWalk.Limits(depth: 5, names: 100, expanded: 4 << 20, held: 2 << 20, seconds: 5)
        for (index, seed) in Self.seeds.enumerated() {
            var random = Numbers(state: 0x9E37_79B9_7F4A_7C15 &* UInt64(index + 1))
            for turn in 0..<200 {
                let bytes = Self.mutated(seed, &random)
                let start = ContinuousClock.now
                let file = walk(file: bytes, "x.zip", limits)
                let message = walk(bytes, limits)
                // Every byte of what is handed out is read.
                let taken = Taken()
                _ = bytes.withUnsafeBytes { NameWalk(limits).walk(file: $0, named: "x.zip", for: taken) { _ in } }
                #expect(taken.files.reduce(0, +) <= 4 * limits.expanded)
                let took = ContinuousClock.now - start
                #expect(took < .seconds(4), "seed \(index), turn \(turn): \(took)")
                for walked in [file, message] {
                    #expect(walked.parts.count == walked.finding.names && walked.finding.names <= 100)
                    #expect(walked.finding.unopened.count <= Inspection.listed && walked.finding.encrypted.count <= Inspection.listed)
                    #expect(walked.parts.allSatisfy { $0.path.count <= 7 })
                }
            }
        }
    }

    /// The same bytes say the same.
    @Test func repeatable() {
        for (index, seed) in Self.seeds.enumerated() {
            var random = Numbers(state: 77 + UInt64(index))
            let bytes = Self.mutated(seed, &random)
            #expect(walk(file: bytes, "x") == walk(file: bytes, "x"))
        }
    }

    /// Random bytes behind the signature of each kind that is opened.
    @Test func signaturesWithNothingBehind() {
        let limits = NameWalk.Limits(names: 100, expanded: 1 << 20, held: 1 << 20, seconds: 5)
        for (index, seed) in Self.seeds.enumerated() {
            var random = Numbers(state: 99 + UInt64(index))
            for length in [2, 4, 8, 16, 32, 64] {
                let bytes = seed.prefix(length) + (0..<500).map { _ in UInt8(random.below(256)) }
                #expect(walk(file: Array(bytes), "x", limits).finding.names <= 100)
            }
        }
    }
}
