import Mail
import Store

/// The passes over a message that find what is kept beside it.
enum Summary {
    static func of(_ spool: Spool, _ workshop: Workshop) async throws(StoreFailure) -> MessageSummary {
        try await spool.read(workshop) { MessageSummary.summarise($0) }
    }

    /// The addresses in Delivered-To, folded.
    static func deliveredTo(_ spool: Spool, _ workshop: Workshop) async throws(StoreFailure) -> Set<String> {
        try await spool.read(workshop) { bytes in
            let found = HeaderSection(parsing: bytes).bodies(named: "delivered-to", in: bytes)
            return Set(found.prefix(200).map { String(decoding: $0, as: UTF8.self).filter { $0 != " " }.asciiLowercased })
        }
    }

    /// Whether there are octets above 127 (RFC 6152).
    static func isEightBit(_ spool: Spool, _ workshop: Workshop) async throws(StoreFailure) -> Bool {
        try await spool.read(workshop) { bytes in
            var start = 0
            // Without a branch for each octet, so that the compiler takes many at once.
            while start < bytes.count {
                let end = min(bytes.count, start + 65_536)
                var all: UInt8 = 0
                for index in start..<end { all |= bytes[index] }
                if all >= 0x80 { return true }
                start = end
            }
            return false
        }
    }
}
