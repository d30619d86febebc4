/// Content-Disposition (RFC 2183), case and order as given.
package struct ContentDisposition: Sendable, Hashable {
    package let type: [UInt8]
    package let parameters: Parameters

    package init(type: [UInt8], parameters: Parameters = Parameters()) {
        self.type = type
        self.parameters = parameters
    }

    /// Nil when it names no disposition.
    package init?(parsing body: UnsafeBufferPointer<UInt8>) {
        var lexer = FieldLexer(body)
        lexer.skipBlanksAndComments()
        let type = lexer.token(stops: ";(")
        guard !type.isEmpty else { return nil }
        self.type = type
        parameters = Parameters(&lexer)
    }

    /// RFC 2183 §2.8: what is neither "inline" nor known counts as an attachment.
    package var isAttachment: Bool { !type.isCaseInsensitivelyEqual(toLowercase: "inline") }
}
