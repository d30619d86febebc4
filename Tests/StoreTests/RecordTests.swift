import Mail
import Testing

@testable import Store

struct RecordTests {
    private func sample() -> RecordHeader {
        RecordHeader(
            bodyID: 0x0102_0304_0506, payloadLength: 4_096, checksum: Array(0..<16), commit: 9, date: -1,
            routes: [Route(user: "usuario@virtual.test", folder: "INBOX"), Route(user: "ñandú@virtual.test", folder: "Correo/Ñ")])
    }

    @Test func roundTrip() throws {
        var header = sample()
        let bytes = header.encode()
        #expect(bytes.count == header.length)
        #expect(try #require(RecordHeader(decoding: bytes)) == header)
        #expect(header.recordLength % 8 == 0)
    }

    @Test func everyFlippedBitIsFound() {
        var header = sample()
        let bytes = header.encode()
        for index in bytes.indices {
            var damaged = bytes
            damaged[index] ^= 1 << UInt8(index % 8)
            #expect(RecordHeader(decoding: damaged) == nil)
        }
        for count in 0..<bytes.count { #expect(RecordHeader(decoding: Array(bytes.prefix(count))) == nil) }
    }
}

struct SpoolTests {
    @Test(arguments: [0, 1, 1_000, Spool.memoryLimit, Spool.memoryLimit + 1, 3_000_000]) func whatGoesInComesOut(count: Int) throws {
        let spool = Spool(directory: "/tmp", files: KernelFileSystem())
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        for start in stride(from: 0, to: count, by: 50_000) { try spool.append(bytes[start..<min(start + 50_000, count)]) }
        #expect(spool.count == count)
        #expect(try spool.withBytes { Array($0) } == bytes)
        let whole = Spool(directory: "/tmp", files: KernelFileSystem())
        try whole.append(bytes)
        #expect(whole.checksum == spool.checksum)
    }

    @Test func aBigOneIsStored() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        let spool = store.spool()
        let chunk = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 13) }
        for _ in 0..<30 { try spool.append(chunk) }
        _ = try await store.deliver(
            Delivery(
                spool: spool, envelope: [], structure: [], date: InternalDate(seconds: 0),
                recipients: [.init(user: user, prefix: [65, 66])]))
        let row = try await store.rows(try await store.inbox(user))[0]
        #expect(row.size == 3_000_002)
        #expect(try await store.read(row.body, 0..<5) == [65, 66] + chunk.prefix(3))
        #expect(try await store.read(row.body, 3_000_000..<3_000_010) == Array(chunk.suffix(2)))
        #expect(try await store.read(row.body, 1_500_000..<1_600_000).count == MailStore.readLimit)
        #expect(try await store.verify(deep: true).problems == [])
        await store.close()
    }
}
