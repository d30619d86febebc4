/// A zone for `ZoneServer`: master file lines (RFC 1035 §5.1) with names that end in a dot; SOA and NS come by themselves.
package struct TestZone: Sendable {
    /// With the dot at the end.
    package var name: String
    package var records: [String]
    package var isSigned: Bool
    /// Texts of the signed zone's file that are replaced, so that its signatures do not fit any more.
    package var forgeries: [String: String]

    package init(_ name: String, isSigned: Bool = true, forgeries: [String: String] = [:], _ records: [String]) {
        self.name = name
        self.records = records
        self.isSigned = isSigned
        self.forgeries = forgeries
    }

    var file: String {
        let ends = ["\(name) 300 IN SOA ns.invalid. hostmaster.invalid. 1 3600 900 86400 60", "\(name) 300 IN NS ns.invalid."]
        return (["$TTL 300"] + ends + records).joined(separator: "\n") + "\n"
    }
}
