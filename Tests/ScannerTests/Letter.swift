import FoundationEssentials

/// Messages with something attached, the ordinary way and in others.
enum Letter {
    static func base64(_ bytes: [UInt8], line: Int = 76, end: String = "\r\n") -> String {
        let text = Array(Data(bytes).base64EncodedString().utf8)
        return stride(from: 0, to: text.count, by: line)
            .map { String(decoding: text[$0..<min(text.count, $0 + line)], as: UTF8.self) }
            .joined(separator: end) + end
    }

    static func quotedPrintable(_ bytes: [UInt8], all: Bool = false) -> String {
        var text = ""
        var column = 0
        for byte in bytes {
            if all || byte == 0x3d || byte < 32 || byte > 126 {
                text += "=" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
                column += 3
            } else {
                text.unicodeScalars.append(Unicode.Scalar(byte))
                column += 1
            }
            if column > 60 {
                text += "=\r\n"
                column = 0
            }
        }
        return text
    }

    static func uuencoded(_ bytes: [UInt8], name: String) -> String {
        func digit(_ value: Int) -> Character { Character(Unicode.Scalar(UInt8(value == 0 ? 0x60 : value + 32))) }
        var text = "begin 644 \(name)\r\n"
        for start in stride(from: 0, to: bytes.count, by: 45) {
            let line = Array(bytes[start..<min(bytes.count, start + 45)])
            text.append(digit(line.count))
            for index in stride(from: 0, to: line.count, by: 3) {
                let three = (0..<3).map { index + $0 < line.count ? Int(line[index + $0]) : 0 }
                let number = three[0] << 16 | three[1] << 8 | three[2]
                for shift in [18, 12, 6, 0] { text.append(digit(number >> shift & 63)) }
            }
            text += "\r\n"
        }
        return text + "`\r\nend\r\n"
    }

    static let top = "From: a@example.org\r\nTo: b@example.net\r\nSubject: test\r\nDate: Fri, 27 Nov 2026 10:00:00 +0000\r\n"

    /// A message with `bytes` attached in base64.
    static func attached(_ bytes: [UInt8], name: String = "clam.bin", type: String = "application/octet-stream") -> [UInt8] {
        mixed(
            "Content-Type: \(type); name=\"\(name)\"\r\nContent-Transfer-Encoding: base64\r\n"
                + "Content-Disposition: attachment; filename=\"\(name)\"\r\n\r\n" + base64(bytes))
    }

    /// A multipart message with one text and one more part, header and body in `part`.
    static func mixed(
        _ part: String, top: String = top, kind: String = "mixed", version: String = "MIME-Version: 1.0\r\n", close: Bool = true
    ) -> [UInt8] {
        Array(
            (top + version + "Content-Type: multipart/\(kind); boundary=\"=_b\"\r\n\r\nThis is MIME.\r\n--=_b\r\n"
                + "Content-Type: text/plain\r\n\r\nHello.\r\n--=_b\r\n" + part + (close ? "\r\n--=_b--\r\n" : "")).utf8)
    }
}
