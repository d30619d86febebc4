/// The bounds of the message parsers, and what happens beyond each. None of them is an error.
package enum MessageLimits {
    /// Bytes of one header section. The header ends before the first field that does not lie wholly within; what follows
    /// is body.
    package static let header = 1 << 20
    /// Levels of multipart and message/rfc822 around a part. A container that lies deeper is not opened: it is an opaque
    /// leaf, application/octet-stream on the wire.
    package static let nesting = 100
    /// Parts of one message, the message itself included. After the last one no boundary is recognised: the rest of the
    /// message belongs to that part.
    package static let parts = 10_000
    /// Parameters of one Content-Type or Content-Disposition; the rest are left out.
    package static let parameters = 128
    /// Pieces of continued parameters (RFC 2231 §3) that BODYSTRUCTURE joins in one message; those beyond stay pieces.
    package static let continuations = 4_096
    /// Bytes of a boundary (RFC 2046 §5.1.1 allows 70). A multipart with a longer one is an opaque leaf.
    package static let boundary = 256
    /// Language tags of one Content-Language; the rest are left out.
    package static let languages = 64
    /// Bytes of all MIME fields (Content-…) of one message that are kept in its structure; fields beyond are passed over, so
    /// that a part may be text/plain that said otherwise.
    package static let structureFields = 4 << 20
    /// Bytes of the envelopes of all messages within one message; those beyond have an envelope of NILs.
    package static let nestedEnvelopes = 4 << 20
    /// Bytes of one address list of an ENVELOPE, on the wire; further fields of that name are left out when it is longer.
    package static let addressList = 1 << 20
    /// Bytes of a string that IMAP gets in quotes; longer ones go as literals.
    package static let quotedString = 1024
    /// Decoded bytes of one part that are held for a reader (search, filters); the rest of the part is not looked at.
    package static let decodedPart = 16 << 20
}
