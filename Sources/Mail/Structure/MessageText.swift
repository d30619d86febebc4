/// What a person reads of a message: transfer encodings, charsets and encoded words undone.
extension MessageStructure {
    /// The body of a part with its transfer encoding undone, at most `limit` bytes of it. A container's is its raw body.
    package func decodedBody(
        of index: Int, in message: UnsafeBufferPointer<UInt8>, limit: Int = MessageLimits.decodedPart
    ) -> [UInt8] {
        var body: [UInt8] = []
        visitDecodedBody(of: index, in: message) { chunk in
            body += chunk.prefix(limit - body.count)
            return body.count < limit
        }
        return body
    }

    /// Visits the decoded body in pieces of at most about 64 KiB, until `visit` returns false.
    package func visitDecodedBody(
        of index: Int, in message: UnsafeBufferPointer<UInt8>, _ visit: (ArraySlice<UInt8>) throws -> Bool
    ) rethrows {
        guard parts.indices.contains(index) else { return }
        let part = parts[index]
        var decoder = TransferDecoder(part.transferEncoding)
        var output: [UInt8] = []
        var range = part.body.clamped(to: 0..<message.count)
        while !range.isEmpty {
            let chunk = range.prefix(1 << 16)
            range = range.dropFirst(chunk.count)
            output.removeAll(keepingCapacity: true)
            decoder.decode([UInt8](message[chunk])[...], into: &output)
            if !output.isEmpty, try !visit(output[...]) { return }
        }
        output.removeAll(keepingCapacity: true)
        decoder.finish(into: &output)
        if !output.isEmpty { _ = try visit(output[...]) }
    }

    /// The text of a text part: `decodedBody` in its charset. For a part of another type: its bytes as text without a charset.
    package func text(of index: Int, in message: UnsafeBufferPointer<UInt8>, limit: Int = MessageLimits.decodedPart) -> String {
        guard parts.indices.contains(index) else { return "" }
        let body = decodedBody(of: index, in: message, limit: limit)
        if let charset = parts[index].contentType.charset { return Charset.decode(body, named: charset) }
        return Charset.decode(body[...])
    }

    /// Indices of the parts whose text a search looks through.
    package var textParts: [Int] {
        parts.indices.filter { parts[$0].kind == .leaf && parts[$0].contentType.isText }
    }

    /// What SEARCH BODY looks through (RFC 3501 §6.4.4): the text of each text part and the header fields of messages within,
    /// decoded, one at a time, until `visit` returns false. SEARCH TEXT looks through `HeaderSection.texts` of the message's own
    /// header (prefix included) as well.
    package func visitTexts(in message: UnsafeBufferPointer<UInt8>, _ visit: (String) throws -> Bool) rethrows {
        for (index, part) in parts.enumerated() {
            if let parent = part.parent, parts[parent].kind == .message {
                let range = part.header.clamped(to: 0..<message.count)
                let header = UnsafeBufferPointer(rebasing: message[range])
                for text in HeaderSection(parsing: header).texts(in: header) where try !visit(text) { return }
            }
            if part.kind == .leaf, part.contentType.isText, try !visit(text(of: index, in: message)) { return }
        }
    }
}

extension MessageStructure.Part {
    package var transferEncoding: TransferEncoding {
        // RFC 2045 §6.4: a container's own encoding can only be an identity.
        kind == .leaf ? encoding.map { TransferEncoding(parsing: $0[...]) } ?? .sevenBit : .binary
    }

    /// RFC 2183 §2.3 filename, else the name of the Content-Type; RFC 2231 and encoded words undone. May hold any character,
    /// path separators and controls included.
    package var fileName: String? {
        disposition?.parameters.text("filename") ?? contentType.parameters.text("name")
    }
}

extension Parameters {
    /// A value for people: RFC 2231 undone, or the encoded words that many senders put there instead.
    package func text(_ name: String) -> String? {
        guard let (value, charset) = bytes(name) else { return nil }
        if let charset { return Charset.decode(value, named: charset) }
        return EncodedWord.decode(value)
    }
}

extension HeaderSection {
    /// The bodies of the fields named so, unfolded, encoded words decoded: what SEARCH HEADER, FROM, SUBJECT … compare.
    package func texts(named name: String, in bytes: UnsafeBufferPointer<UInt8>) -> [String] {
        bodies(named: name, in: bytes).map { EncodedWord.decode($0) }
    }

    /// All fields so, each as `Name: body`.
    package func texts(in bytes: UnsafeBufferPointer<UInt8>) -> some Sequence<String> {
        fields.lazy.map { field in
            String(decoding: bytes[field.name], as: UTF8.self) + ": " + EncodedWord.decode(unfold(bytes, field.body))
        }
    }
}
