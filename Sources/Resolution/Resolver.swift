/// Resolution: what the rest of the server knows about the DNS. Records as values and the `Resolver` that finds them; no socket, no
/// library. `DNS` implements it, tests have their own.

/// Looks names up. Any task may call it, any number at once; a look-up ends within the resolver's own time limit.
package protocol Resolver: Sendable {
    /// Owner names are ASCII (A-labels), without the dot at the end. CNAMEs have been followed.
    func lookUp<Record: ResourceRecord>(_ type: Record.Type, _ name: String) async -> Lookup<Record>
}

/// A record type that can be asked for.
package protocol ResourceRecord: Sendable, Hashable {
    /// The number of RFC 1035 §3.2.2 and its successors.
    static var type: UInt16 { get }
    /// From the record's data as it is on the wire, names uncompressed. Nil when it is none.
    init?(wire: [UInt8])
}

package struct Lookup<Record: ResourceRecord>: Sendable {
    package enum Outcome: Sendable, Hashable {
        /// At least one record.
        case found([Record])
        /// The name exists, without such a record (RFC 2308 §2.2).
        case noData
        /// The name does not exist (NXDOMAIN).
        case noName
        /// DNSSEC says that the answer is a lie.
        case bogus(reason: String)
        /// No answer now: time-out, SERVFAIL, no network. What was asked may work later.
        case failed(reason: String)
    }

    package var outcome: Outcome
    /// Whether DNSSEC vouches for the outcome, absence included.
    package var isSecure: Bool
    /// Where the CNAMEs led, A-labels, lower case; the name itself when there were none.
    package var canonicalName: String
    /// Seconds that the answer is good for.
    package var timeToLive: Int

    package init(outcome: Outcome, isSecure: Bool = false, canonicalName: String = "", timeToLive: Int = 0) {
        self.outcome = outcome
        self.isSecure = isSecure
        self.canonicalName = canonicalName
        self.timeToLive = timeToLive
    }

    /// The records, none where nothing was found.
    package var records: [Record] {
        if case .found(let records) = outcome { records } else { [] }
    }
}
