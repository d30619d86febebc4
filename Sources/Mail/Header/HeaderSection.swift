/// One header field. Offsets count from the beginning of the bytes that were parsed.
package struct HeaderField: Sendable, Hashable {
    /// The whole field, its line ends included.
    package let range: Range<Int>
    /// The name without the colon and without blanks before it.
    package let name: Range<Int>
    /// What follows the colon, still folded, without blanks and line ends around it.
    package let body: Range<Int>

    @inline(__always)
    init(start: Int, nameEnd: Int, bodyStart: Int, bodyEnd: Int, end: Int) {
        range = Range(uncheckedBounds: (start, end))
        name = Range(uncheckedBounds: (start, nameEnd))
        body = Range(uncheckedBounds: (bodyStart, bodyEnd))
    }

    /// Without regard to ASCII case (RFC 5322 §1.2.2).
    package func isNamed(_ other: some Collection<UInt8>, in bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        name.count == other.count && zip(bytes[name], other).allSatisfy { $0.asciiLowercased == $1.asciiLowercased }
    }
}

/// The fields of one header section (RFC 5322 §2.2), as readers find them in what may be broken.
///
/// - LF ends a line as CRLF does; a bare CR does not.
/// - Blanks between the name and the colon are allowed (RFC 5322 §4.5).
/// - A line that is neither field nor continuation is skipped when an empty line still follows in this section, as
///   Dovecot does; else it is the beginning of the body, as others do: nothing that a person wrote is lost.
/// - When the very first line is no field, there is no header: everything is body. An mbox "From " line before a field
///   is skipped.
package struct HeaderSection: Sendable {
    package private(set) var fields: [HeaderField]
    /// From the first byte to the first one of the body: the empty line is included.
    package let range: Range<Int>
    /// The offset of the body.
    package var end: Int { range.upperBound }

    /// Parses the header that begins at `start`. At most `MessageLimits.header` bytes are looked at.
    package init(parsing bytes: UnsafeBufferPointer<UInt8>, from start: Int = 0) {
        var fields: [HeaderField] = []
        let start = Swift.min(Swift.max(start, 0), bytes.count)
        fields.reserveCapacity(24)
        let extent = scanHeader(bytes, from: start, to: bytes.count, delimiters: Delimiters()) { fields.append($0) }
        self.fields = fields
        range = start..<extent.end
    }

    package init(parsing bytes: Span<UInt8>) {
        self = bytes.withUnsafeBufferPointer { HeaderSection(parsing: $0) }
    }

    /// The fields named so, in order. Names are compared without regard to ASCII case.
    package func fields(named name: some Collection<UInt8>, in bytes: UnsafeBufferPointer<UInt8>) -> [HeaderField] {
        fields.filter { $0.isNamed(name, in: bytes) }
    }

    /// The bodies of the fields named so, unfolded.
    package func bodies(named name: String, in bytes: UnsafeBufferPointer<UInt8>) -> [[UInt8]] {
        fields(named: name.utf8, in: bytes).map { unfold(bytes, $0.body) }
    }
}

/// RFC 5322 §2.2.3: removes each line end that a blank follows; any other CR or LF (there is none in a field's body but a
/// bare CR) becomes a blank.
package func unfold(_ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> [UInt8] {
    let range = range.clamped(to: 0..<bytes.count)
    return [UInt8](unsafeUninitializedCapacity: range.count) { target, count in
        var index = range.lowerBound
        while index < range.upperBound {
            let byte = bytes[index]
            index += 1
            if byte == .lineFeed { continue }
            if byte == .carriageReturn {
                if index < range.upperBound, bytes[index] == .lineFeed { continue }
                target[count] = .space
            } else {
                target[count] = byte
            }
            count += 1
        }
    }
}

package func unfold(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    bytes.withUnsafeBufferPointer { unfold($0, 0..<$0.count) }
}
