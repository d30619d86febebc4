import Mail
import Testing

@testable import Flow

struct ReturnAddressTests {
    private let rewriter = ReturnAddress(secret: Array(repeating: 7, count: 32), days: 21)
    private let day: Int64 = 86_400
    private let ours = Domain.name("virtual.test")

    private func rewritten(_ sender: String, now: Int64 = 0, by rewriter: ReturnAddress? = nil) throws -> Address {
        try #require(
            (rewriter ?? self.rewriter).rewrite(
                try Address(parsing: sender, allowUTF8: true, localPartLimit: 128), at: ours, now: now))
    }

    @Test(arguments: ["ana@example.org", "a=b@example.org", "Ana+tag@example.org", "\"a b\"@example.org", "ñ@example.org"])
    func roundTrip(_ sender: String) throws {
        let address = try rewritten(sender, now: 1_000 * day)
        #expect(address.localPart.hasPrefix("SRS0=") && address.domain == ours)
        #expect(try rewriter.resolve(address.localPart, now: 1_000 * day).description == sender)
        // Others fold letters on the way.
        #expect(try rewriter.resolve(address.localPart.lowercased(), now: 1_010 * day).key == Address(parsing: sender, allowUTF8: true).key)
    }

    @Test func age() throws {
        // Across the wrap of the day's two letters, too.
        for start in [Int64(5), 1_020, 1_023] {
            let local = try rewritten("a@b.test", now: start * day).localPart
            #expect(try rewriter.resolve(local, now: (start + 21) * day).description == "a@b.test")
            #expect(throws: ReturnAddress.Failure.expired) { try rewriter.resolve(local, now: (start + 22) * day) }
            #expect(throws: ReturnAddress.Failure.expired) { try rewriter.resolve(local, now: (start - 1) * day) }
        }
    }

    @Test func forgery() throws {
        let local = try rewritten("a@b.test").localPart
        for index in 5..<local.utf8.count {
            var bytes = Array(local.utf8)
            bytes[index] = bytes[index] == UInt8(ascii: "x") ? UInt8(ascii: "y") : UInt8(ascii: "x")
            let changed = String(decoding: bytes, as: UTF8.self)
            #expect(throws: ReturnAddress.Failure.self, "\(changed)") { try rewriter.resolve(changed, now: 0) }
        }
        let other = ReturnAddress(secret: Array(repeating: 8, count: 32), days: 21)
        #expect(throws: ReturnAddress.Failure.forged) { try other.resolve(local, now: 0) }
        for text in ["SRS0=", "SRS0====", "SRS0=x", "SRS1=", "SRS1=a=b=c", "SRS0=A=B=C"] {
            #expect(throws: ReturnAddress.Failure.self) { try rewriter.resolve(text, now: 0) }
        }
        #expect(throws: ReturnAddress.Failure.foreign) { try rewriter.resolve("ana", now: 0) }
        #expect(!ReturnAddress.isRewritten("srs0") && ReturnAddress.isRewritten("srs0+a") && !ReturnAddress.isRewritten("srs2=a"))
    }

    /// A second forwarder's address leads back to the first, and a third one's too.
    @Test func chains() throws {
        let foreign = ReturnAddress(secret: Array(repeating: 9, count: 32), days: 21)
        let first = try #require(
            foreign.rewrite(Address(parsing: "a@b.test", allowUTF8: false), at: .name("first.test"), now: 0))
        let second = try rewritten(first.description)
        #expect(second.localPart.hasPrefix("SRS1="))
        #expect(try rewriter.resolve(second.localPart, now: 0) == first)
        let third = try rewritten(
            Address(localPart: second.localPart, domain: .name("second.test")).description)
        #expect(third.localPart.hasPrefix("SRS1=") && third.localPart.utf8.count == second.localPart.utf8.count)
        #expect(try rewriter.resolve(third.localPart, now: 0) == first)
        #expect(try foreign.resolve(rewriter.resolve(third.localPart, now: 0).localPart, now: 0).description == "a@b.test")
        #expect(rewriter.rewrite(Address(localPart: String(repeating: "a", count: 110), domain: ours), at: ours, now: 0) == nil)
    }
}
