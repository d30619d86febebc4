/// Content-Type (RFC 2045 §5), case and order as given.
package struct ContentType: Sendable, Hashable {
    package let type: [UInt8]
    package let subtype: [UInt8]
    package let parameters: Parameters

    package init(type: [UInt8], subtype: [UInt8], parameters: Parameters = Parameters()) {
        self.type = type
        self.subtype = subtype
        self.parameters = parameters
    }

    /// Nil when it is not `type/subtype`: the part then has the default type (RFC 2045 §5.2). A bare `text` is text/plain.
    package init?(parsing body: UnsafeBufferPointer<UInt8>) {
        var lexer = FieldLexer(body)
        lexer.skipBlanksAndComments()
        let type = lexer.token(stops: "/;(")
        lexer.skipBlanksAndComments()
        var subtype: [UInt8] = []
        if lexer.current == UInt8(ascii: "/") {
            lexer.advance()
            lexer.skipBlanksAndComments()
            subtype = lexer.token(stops: ";(")
        } else if type.isCaseInsensitivelyEqual(toLowercase: "text") {
            subtype = Array("plain".utf8)
        }
        guard !type.isEmpty, !subtype.isEmpty else { return nil }
        self.type = type
        self.subtype = subtype
        parameters = Parameters(&lexer)
    }

    package static let textPlain = ContentType(type: Array("text".utf8), subtype: Array("plain".utf8))
    package static let messageRFC822 = ContentType(type: Array("message".utf8), subtype: Array("rfc822".utf8))
    package static let octetStream = ContentType(type: Array("application".utf8), subtype: Array("octet-stream".utf8))

    package func isType(_ lowercase: StaticString) -> Bool { type.isCaseInsensitivelyEqual(toLowercase: lowercase) }
    package func isSubtype(_ lowercase: StaticString) -> Bool { subtype.isCaseInsensitivelyEqual(toLowercase: lowercase) }

    package var isText: Bool { isType("text") }
    package var isMultipart: Bool { isType("multipart") }
    package var isMessageRFC822: Bool { isType("message") && isSubtype("rfc822") }

    /// As given, nil when the type has none.
    package var charset: String? {
        parameters.bytes("charset").map { String(decoding: $0.value, as: UTF8.self) }
    }

    /// RFC 2046 §5.1.1: without blanks at its end. Nil when there is none that can be used.
    package var boundary: [UInt8]? { parameters.bytes("boundary").flatMap { Self.usable($0.value) } }

    static func usable(_ boundary: [UInt8]) -> [UInt8]? {
        var boundary = boundary
        while let last = boundary.last, last.isFoldingWhitespace { boundary.removeLast() }
        return boundary.isEmpty || boundary.count > MessageLimits.boundary || boundary.contains(.lineFeed) ? nil : boundary
    }
}
