/// The MIME tree of a message (RFC 2045 to 2049), as the offsets and fields that IMAP asks for.
///
/// Parts stand in preorder; the first is the message itself. A `.message` part (message/rfc822) has one child: the
/// message within, whose header and body are ranges like any other's. Ranges are nested: a part lies within its parent's
/// body.
package struct MessageStructure: Sendable, Hashable {
    package enum Kind: UInt8, Sendable {
        case leaf, multipart, message
    }

    package struct Part: Sendable, Hashable {
        /// Index of the part around it; nil for the message itself.
        package internal(set) var parent: Int?
        package internal(set) var kind: Kind
        /// Offsets in the original. The empty line belongs to the header. For the child of a `.message` part this is the
        /// header of the message within.
        package internal(set) var header: Range<Int>
        /// Begins where the header ends. The line end before a delimiter belongs to the delimiter.
        package internal(set) var body: Range<Int>
        /// Line ends (LF) in the body.
        package internal(set) var lines: Int
        /// The default of its place when the field is absent or broken, and for a container that is not opened.
        package internal(set) var contentType: ContentType
        /// Whether the header said so (else: the default).
        package internal(set) var hasContentType: Bool
        package internal(set) var id: [UInt8]?
        package internal(set) var description: [UInt8]?
        /// Content-Transfer-Encoding as given, comments and blanks removed.
        package internal(set) var encoding: [UInt8]?
        package internal(set) var md5: [UInt8]?
        package internal(set) var disposition: ContentDisposition?
        package internal(set) var languages: [[UInt8]]
        package internal(set) var location: [UInt8]?
        /// Of a `.message` part: the ENVELOPE of the message within, as it goes on the wire. Else empty.
        package internal(set) var envelope: [UInt8]

        init(parent: Int?, header: Range<Int>, contentType: ContentType) {
            self.parent = parent
            kind = .leaf
            self.header = header
            body = header.upperBound..<header.upperBound
            lines = 0
            self.contentType = contentType
            hasContentType = false
            id = nil
            description = nil
            encoding = nil
            md5 = nil
            disposition = nil
            languages = []
            location = nil
            envelope = []
        }
    }

    /// Never empty.
    package internal(set) var parts: [Part]

    init(parts: [Part]) { self.parts = parts }

    /// Parses a message that lies in memory or in a mapped file. Never fails; see `MessageLimits` for its bounds.
    package init(parsing message: UnsafeBufferPointer<UInt8>) {
        var parser = MIMEParser(message)
        self = parser.parse()
    }

    /// The parts of a multipart's body for a reader who believes another boundary (`ContentType.boundaries`). The multipart itself is the
    /// first part, with an empty header.
    package init(parsing body: UnsafeBufferPointer<UInt8>, of multipart: ContentType, boundary: [UInt8]) {
        var parser = MIMEParser(body)
        self = parser.parse(bodyOf: multipart, boundary: boundary)
    }

    package init(parsing message: Span<UInt8>) {
        self = message.withUnsafeBufferPointer { MessageStructure(parsing: $0) }
    }

    /// Indices of a part's children, in order.
    package func children(of index: Int) -> [Int] {
        guard parts.indices.contains(index), parts[index].kind != .leaf else { return [] }
        var children: [Int] = []
        var next = index + 1
        while next < parts.count, let parent = parts[next].parent, parent >= index {
            if parent == index { children.append(next) }
            next += 1
        }
        return children
    }
}
