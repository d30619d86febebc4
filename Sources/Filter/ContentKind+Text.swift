extension ContentKind {
    /// Bytes that must be those of text, as far as there are so many.
    private static let textLength = 512

    /// What text begins so; nil for what is none.
    static func text(_ head: UnsafeRawBufferPointer) -> ContentKind? {
        if head.holds([0xFF, 0xFE], at: 0) || head.holds([0xFE, 0xFF], at: 0) {
            return head.count.isMultiple(of: 2) || head.count >= textLength ? wide(head) : nil
        }
        for byte in head.prefix(textLength) where !isTextual(byte) { return nil }
        var start = head.holds([0xEF, 0xBB, 0xBF], at: 0) ? 3 : 0
        if head.holds("#!", at: start) { return ContentKind(rawValue: "script") }
        while start < min(head.count, textLength), head[start] <= 0x20 { start += 1 }
        return word(UnsafeRawBufferPointer(rebasing: head[start...]))
    }

    /// UTF-16, of which every second byte is looked at.
    private static func wide(_ head: UnsafeRawBufferPointer) -> ContentKind? {
        let isBigEndian = head[0] == 0xFE
        var narrow: [UInt8] = []
        for index in stride(from: 2, to: min(head.count & ~1, textLength), by: 2) {
            let (high, low) = isBigEndian ? (head[index], head[index + 1]) : (head[index + 1], head[index])
            guard high != 0 || isTextual(low) else { return nil }
            narrow.append(high == 0 ? low : 0x3F)
        }
        return narrow.drop { $0 <= 0x20 }.withUnsafeBytes { word($0) }
    }

    private static func word(_ text: UnsafeRawBufferPointer) -> ContentKind {
        guard let first = text.first else { return .text }
        switch first {
        case UInt8(ascii: "<"): return markup(text)
        case UInt8(ascii: "{"): return text.holds("{\\rt", at: 0) ? ContentKind(rawValue: "rtf") : .text
        case UInt8(ascii: "%"): return text.holds("%!PS", at: 0) ? ContentKind(rawValue: "ps") : .text
        case UInt8(ascii: "@"):
            return text.begins(lowercase: "@echo off") ? ContentKind(rawValue: "bat") : .text
        case UInt8(ascii: "["):
            return text.begins(lowercase: "[internetshortcut]") ? ContentKind(rawValue: "url") : .text
        case UInt8(ascii: "-"): return text.holds("-----BEGIN PGP ", at: 0) ? ContentKind(rawValue: "pgp") : .text
        case UInt8(ascii: "("):
            return text.holds("(This file must be converted with BinHex", at: 0) ? ContentKind(rawValue: "hqx") : .text
        case UInt8(ascii: "b"):
            let digits = text.dropFirst(6).prefix(3)
            let isEncoded = text.holds("begin ", at: 0) && digits.count == 3 && digits.allSatisfy { (0x30...0x37).contains($0) }
            return isEncoded ? ContentKind(rawValue: "uue") : .text
        case UInt8(ascii: "F") where text.holds("From ", at: 0):
            // The line between messages in an mbox file ends in a year.
            let line = text.prefix { $0 != 10 && $0 != 13 }
            return line.count > 20 && line.suffix(4).allSatisfy { (0x30...0x39).contains($0) } ? .mail : .text
        default:
            guard text.prefix(40).contains(UInt8(ascii: ":")) else { return .text }
            return fields.contains { text.begins(lowercase: $0) } ? .mail : .text
        }
    }

    private static func markup(_ text: UnsafeRawBufferPointer) -> ContentKind {
        if html.contains(where: { text.begins(lowercase: $0) }) { return ContentKind(rawValue: "html") }
        if text.begins(lowercase: "<svg") { return ContentKind(rawValue: "svg") }
        guard text.begins(lowercase: "<?xml") else { return .text }
        let beginning = String(decoding: text.prefix(textLength), as: UTF8.self)
        return ContentKind(rawValue: beginning.contains("<svg") ? "svg" : beginning.contains("<html") ? "html" : "xml")
    }

    private static let html: [StaticString] = [
        "<!doctype html", "<html", "<head", "<body", "<script", "<title", "<hta:", "<table", "<iframe", "<meta", "<!--", "<a href",
    ]

    /// Fields that stored messages begin with.
    private static let fields: [StaticString] = [
        "received:", "return-path:", "delivered-to:", "mime-version:", "from:", "message-id:", "x-mozilla-status:", "subject:", "date:",
        "content-type: multipart/", "dkim-signature:", "authentication-results:", "reply-to:", "arc-seal:",
    ]

    @inline(__always)
    private static func isTextual(_ byte: UInt8) -> Bool {
        byte >= 0x20 ? byte != 0x7F : (0x08...0x0D).contains(byte) || byte == 0x1B
    }
}

extension UnsafeRawBufferPointer {
    fileprivate func begins(lowercase text: StaticString) -> Bool {
        guard count >= text.utf8CodeUnitCount else { return false }
        for index in 0..<text.utf8CodeUnitCount {
            let byte = self[index]
            guard (byte &- 0x41 < 26 ? byte | 0x20 : byte) == text.utf8Start[index] else { return false }
        }
        return true
    }
}
