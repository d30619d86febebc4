import Testing

@testable import IMAP

struct ResponseBufferTests {
    /// A long reply is never empty in between: what has left must not stay.
    @Test func `what was taken is not kept`() {
        var buffer = ResponseBuffer()
        let piece = [UInt8](repeating: 0x78, count: 65_600)
        var largest = 0
        var taken = 0
        for _ in 0..<500 {
            buffer.append(piece)
            taken += buffer.take(65_536).count
            largest = max(largest, buffer.bytes.count)
            #expect(buffer.heldBytes == buffer.bytes.count)
        }
        #expect(taken == 500 * 65_536)
        #expect(buffer.count == 500 * 64)
        #expect(largest < 300_000)
    }

    @Test func `the order stays`() {
        var buffer = ResponseBuffer()
        let bytes = (0..<1_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        buffer.append(bytes)
        var taken: [UInt8] = []
        while !buffer.isEmpty { taken += buffer.take(300) }
        #expect(taken == bytes)
    }
}
