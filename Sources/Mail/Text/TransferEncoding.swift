/// RFC 2045 §6: how a body is written.
package enum TransferEncoding: Hashable, Sendable {
    case sevenBit, eightBit, binary, quotedPrintable, base64, uuencode
    /// A name that nobody registered: the body is taken as it is.
    case unknown

    /// From the body of a Content-Transfer-Encoding field, in any case, with white space, comments, quotes or parameters around it.
    /// An empty one is `7bit` (RFC 2045 §6.1).
    package init(parsing bytes: ArraySlice<UInt8>) {
        let token = bytes.drop { $0.isFoldingWhitespace || $0 == UInt8(ascii: "\"") }
            .prefix { !$0.isFoldingWhitespace && $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: "(") && $0 != UInt8(ascii: "\"") }
        switch String(decoding: token.prefix(32).map(\.asciiLowercased), as: UTF8.self) {
        case "", "7bit", "7-bit": self = .sevenBit
        case "8bit", "8-bit", "8bits": self = .eightBit
        case "binary": self = .binary
        case "quoted-printable", "quotedprintable", "quoted_printable": self = .quotedPrintable
        case "base64", "base-64", "x-base64": self = .base64
        case "x-uuencode", "uuencode", "x-uue", "uue": self = .uuencode
        default: self = .unknown
        }
    }

    /// As RFC 2045 §6.1 writes it; nil for `.unknown`.
    package var name: String? {
        switch self {
        case .sevenBit: "7bit"
        case .eightBit: "8bit"
        case .binary: "binary"
        case .quotedPrintable: "quoted-printable"
        case .base64: "base64"
        case .uuencode: "x-uuencode"
        case .unknown: nil
        }
    }

    /// False when the body is taken as it is.
    package var changesBytes: Bool {
        switch self {
        case .quotedPrintable, .base64, .uuencode: true
        case .sevenBit, .eightBit, .binary, .unknown: false
        }
    }

    /// Never fails: what is broken is read as `Base64Decoder`, `QuotedPrintableDecoder` and `UUDecoder` say.
    package func decode(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        guard changesBytes else { return Array(bytes) }
        var decoder = TransferDecoder(self)
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count)
        decoder.decode(bytes, into: &output)
        decoder.finish(into: &output)
        return output
    }
}

/// Decodes a body in pieces of any size: the result is the same however it is cut.
package struct TransferDecoder: Sendable {
    private enum Kind: Sendable {
        case identity
        case base64(Base64Decoder)
        case quotedPrintable(QuotedPrintableDecoder)
        case uuencode(UUDecoder)
    }

    private var kind: Kind

    package init(_ encoding: TransferEncoding) {
        switch encoding {
        case .base64: kind = .base64(Base64Decoder())
        case .quotedPrintable: kind = .quotedPrintable(QuotedPrintableDecoder())
        case .uuencode: kind = .uuencode(UUDecoder())
        case .sevenBit, .eightBit, .binary, .unknown: kind = .identity
        }
    }

    /// Appends what the next piece of the body says. At most as many bytes as the piece has, and 1 KiB that was held back.
    package mutating func decode(_ bytes: ArraySlice<UInt8>, into output: inout [UInt8]) {
        switch kind {
        case .identity: output += bytes
        case .base64(var decoder):
            decoder.decode(bytes, into: &output)
            kind = .base64(decoder)
        case .quotedPrintable(var decoder):
            kind = .identity
            decoder.decode(bytes, into: &output)
            kind = .quotedPrintable(decoder)
        case .uuencode(var decoder):
            kind = .identity
            decoder.decode(bytes, into: &output)
            kind = .uuencode(decoder)
        }
    }

    /// Appends what was held back. The decoder can begin anew.
    package mutating func finish(into output: inout [UInt8]) {
        switch kind {
        case .identity: break
        case .base64(var decoder):
            decoder.finish(into: &output)
            kind = .base64(decoder)
        case .quotedPrintable(var decoder):
            decoder.finish(into: &output)
            kind = .quotedPrintable(decoder)
        case .uuencode(var decoder):
            decoder.finish(into: &output)
            kind = .uuencode(decoder)
        }
    }
}
