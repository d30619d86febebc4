import MailTesting
import Testing

/// A message that carries a file in some way.
struct Wrapping: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var wrap: @Sendable ([UInt8]) -> [UInt8]

    init(_ description: String, _ wrap: @escaping @Sendable ([UInt8]) -> [UInt8]) {
        testDescription = description
        self.wrap = wrap
    }

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    private static func replaced(_ bytes: [UInt8], _ old: String, _ new: String) -> [UInt8] {
        Array(text(bytes).replacing(old, with: new).utf8)
    }

    private static func binaryHead(_ encoding: String, type: String = "application/octet-stream") -> String {
        "Content-Type: \(type)\r\nContent-Transfer-Encoding: \(encoding)\r\n\r\n"
    }

    static let encodings: [Wrapping] = [
        Wrapping("base64") { Letter.attached($0) },
        Wrapping("base64 in one line") { Letter.mixed(binaryHead("base64") + Letter.base64($0, line: 100_000)) },
        Wrapping("base64 in lines of 4") { Letter.mixed(binaryHead("base64") + Letter.base64($0, line: 4)) },
        Wrapping("base64 with blanks and junk between") {
            Letter.mixed(binaryHead("base64") + Letter.base64($0, line: 20, end: " \r\n!*\r\n"))
        },
        Wrapping("base64 with bare LF") { Letter.mixed(binaryHead("base64") + Letter.base64($0, end: "\n")) },
        Wrapping("BASE64 in capitals, with a comment") { Letter.mixed(binaryHead("BASE64 (not really)") + Letter.base64($0)) },
        Wrapping("quoted-printable") { Letter.mixed(binaryHead("quoted-printable") + Letter.quotedPrintable($0)) },
        Wrapping("quoted-printable, every byte") { Letter.mixed(binaryHead("quoted-printable") + Letter.quotedPrintable($0, all: true)) },
        Wrapping("7bit") { Letter.mixed(binaryHead("7bit") + text($0)) },
        Wrapping("8bit") { Letter.mixed(binaryHead("8bit") + text($0)) },
        Wrapping("binary") { Letter.mixed(binaryHead("binary") + text($0)) },
        Wrapping("no encoding named") { Letter.mixed("Content-Type: application/octet-stream\r\n\r\n" + text($0)) },
        Wrapping("x-uuencode") { Letter.mixed(binaryHead("x-uuencode") + Letter.uuencoded($0, name: "a.com")) },
        Wrapping("uuencoded in a plain text") {
            Array((Letter.top + "\r\nHello,\r\n\r\n" + Letter.uuencoded($0, name: "a.com")).utf8)
        },
        Wrapping("the whole body, base64") {
            Array((Letter.top + "MIME-Version: 1.0\r\n" + binaryHead("base64") + Letter.base64($0)).utf8)
        },
        Wrapping("the whole body, binary") {
            Array((Letter.top + "MIME-Version: 1.0\r\n" + binaryHead("binary") + text($0)).utf8)
        },
    ]

    static let headers: [Wrapping] = [
        Wrapping("no MIME-Version") {
            Letter.mixed(binaryHead("base64") + Letter.base64($0), version: "")
        },
        Wrapping("type text/plain") { Letter.attached($0, name: "a.txt", type: "text/plain") },
        Wrapping("type text/html") { Letter.attached($0, name: "a.html", type: "text/html") },
        Wrapping("type image/png") { Letter.attached($0, name: "a.png", type: "image/png") },
        Wrapping("type unknown") { Letter.attached($0, name: "a", type: "x-what/ever") },
        Wrapping("type broken") { Letter.attached($0, name: "a", type: "application") },
        Wrapping("no type") { Letter.mixed("Content-Transfer-Encoding: base64\r\n\r\n" + Letter.base64($0)) },
        Wrapping("encoding before type, folded") {
            Letter.mixed("Content-Transfer-Encoding:\r\n base64\r\nContent-Type:\r\n\tapplication/octet-stream\r\n\r\n" + Letter.base64($0))
        },
        Wrapping("a name with RFC 2231 pieces") {
            Letter.mixed(
                "Content-Type: application/octet-stream;\r\n name*0*=UTF-8''a%C3%B1os; name*1=\".com\"\r\n"
                    + "Content-Transfer-Encoding: base64\r\n\r\n" + Letter.base64($0))
        },
        Wrapping("an encoded word as name") { Letter.attached($0, name: "=?utf-8?B?YcOxb3MuY29t?=") },
        Wrapping("a name with slashes and dots") { Letter.attached($0, name: "../../etc/passwd") },
        Wrapping("a name with control characters") { Letter.attached($0, name: "a\u{1}\u{7f}.com") },
        Wrapping("no closing boundary") {
            Letter.mixed(binaryHead("base64") + Letter.base64($0), close: false)
        },
        Wrapping("multipart/digest") { Letter.mixed(binaryHead("base64") + Letter.base64($0), kind: "digest") },
        Wrapping("multipart/alternative") { Letter.mixed(binaryHead("base64") + Letter.base64($0), kind: "alternative") },
        Wrapping("multipart/unheard-of") { Letter.mixed(binaryHead("base64") + Letter.base64($0), kind: "unheard-of") },
        Wrapping("header fields' names in odd case") {
            Letter.mixed("cOnTeNt-tYpE: application/octet-stream\r\nCONTENT-transfer-ENCODING: base64\r\n\r\n" + Letter.base64($0))
        },
        Wrapping("a blank before the colon") {
            Letter.mixed("Content-Type : application/octet-stream\r\nContent-Transfer-Encoding : base64\r\n\r\n" + Letter.base64($0))
        },
        Wrapping("a second, wrong encoding") {
            Letter.mixed(
                "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n"
                    + "Content-Transfer-Encoding: 7bit\r\n\r\n" + Letter.base64($0))
        },
        Wrapping("two types, the second true") {
            Letter.mixed("Content-Type: text/plain\r\n" + binaryHead("base64") + Letter.base64($0))
        },
        Wrapping("a boundary in RFC 2231 pieces") { bytes in
            replaced(Letter.attached(bytes), "boundary=\"=_b\"", "boundary*0==_; boundary*1=b")
        },
        Wrapping("a boundary with blanks behind its delimiters") { replaced(Letter.attached($0), "--=_b\r\n", "--=_b \t\r\n") },
        Wrapping("a boundary without quotes") { replaced(Letter.attached($0), "\"=_b\"", "=_b") },
        Wrapping("a comment within the type") { replaced(Letter.attached($0), "multipart/mixed;", "multipart/(x)mixed (y);") },
        Wrapping("base64 named for the whole multipart") {
            replaced(Letter.attached($0), "MIME-Version: 1.0\r\n", "MIME-Version: 1.0\r\nContent-Transfer-Encoding: base64\r\n")
        },
        Wrapping("a NUL in the part's header") { Letter.mixed("X-A: \u{0}\r\n" + binaryHead("base64") + Letter.base64($0)) },
        Wrapping("a field of 5,000 bytes in the part's header") {
            Letter.mixed("X-A: " + String(repeating: "a", count: 5_000) + "\r\n" + binaryHead("base64") + Letter.base64($0))
        },
        Wrapping("500 parameters") {
            Letter.mixed(
                "Content-Type: application/octet-stream" + (0..<500).map { "; p\($0)=1" }.joined()
                    + "\r\nContent-Transfer-Encoding: base64\r\n\r\n" + Letter.base64($0))
        },
        Wrapping("a multipart within") { bytes in
            Letter.mixed(
                "Content-Type: multipart/related; boundary=in\r\n\r\n--in\r\n" + binaryHead("base64") + Letter.base64(bytes) + "\r\n--in--")
        },
        Wrapping("behind the closing boundary, uuencoded") {
            Letter.mixed("\r\nHello") + Array(("\r\n" + Letter.uuencoded($0, name: "a.com")).utf8)
        },
        Wrapping("bare LF all over") { bytes in Letter.attached(bytes).filter { $0 != 0x0d } },
    ]

    /// Messages whose first line does not show that they are some.
    static let beginnings: [Wrapping] = [
        "": "nothing", "\r\n": "an empty line", "\r\n\r\n": "two empty lines", "\u{feff}": "a byte order mark",
        "From a@example.org Fri Nov 27 10:00:00 2026\r\n": "a mailbox file's line", ">From a@example.org\r\n": "a quoted one of those",
        "DKIM-Signature: v=1; a=rsa-sha256; d=example.org;\r\n b=abc\r\n": "a signature", "X: y\r\n": "an unknown field",
        "Content-Language: es\r\n": "a field of MIME", "P I 1\r\n": "CommuniGate's line",
        "PK\u{3}\u{4}: zip\r\n": "an archive's first bytes",
        "%PDF-1.4: x\r\n": "a PDF's first bytes", "MZ: x\r\n": "a program's first bytes", "<html>: x\r\n": "HTML", " : x\r\n": "a blank",
        "{\\rtf1: x\r\n": "RTF",
    ].sorted { $0.key < $1.key }.map { line, description in
        Wrapping("begins with \(description)") { bytes in
            Letter.mixed(binaryHead("base64") + Letter.base64(bytes), top: line + "X-A: b\r\nX-Mailer: c\r\n", version: "")
        }
    }

    static let nests: [Wrapping] = [
        Wrapping("zip") { Letter.attached(ArchiveBytes.zip([("a.com", $0)]), name: "a.zip") },
        Wrapping("zip in zip") { Letter.attached(ArchiveBytes.zip([("b.zip", ArchiveBytes.zip([("a.com", $0)]))]), name: "a.zip") },
        Wrapping("zip in eml in zip") {
            Letter.attached(ArchiveBytes.zip([("b.eml", Letter.attached(ArchiveBytes.zip([("a.com", $0)])))]), name: "a.zip")
        },
        Wrapping("zip called a.jpg, type image/jpeg") {
            Letter.attached(ArchiveBytes.zip([("a.com", $0)]), name: "a.jpg", type: "image/jpeg")
        },
        Wrapping("gz") { Letter.attached(ArchiveBytes.gzip($0), name: "a.gz") },
        Wrapping("tar") { Letter.attached(ArchiveBytes.tar("a.com", $0), name: "a.tar") },
        Wrapping("tar.gz in zip") {
            Letter.attached(ArchiveBytes.zip([("a.tgz", ArchiveBytes.gzip(ArchiveBytes.tar("a.com", $0)))]), name: "a.zip")
        },
        Wrapping("message/rfc822") {
            Letter.mixed("Content-Type: message/rfc822\r\n\r\n" + text(Letter.attached($0).map { $0 }).replacing("=_b", with: "=_c"))
        },
        Wrapping("message/rfc822 in base64") {
            Letter.mixed(binaryHead("base64", type: "message/rfc822") + Letter.base64(Letter.attached($0)))
        },
        Wrapping("a message as application/octet-stream") { Letter.attached(Letter.attached($0), name: "a.eml") },
        Wrapping("a message that begins oddly as application/octet-stream") {
            Letter.attached(Array("X-Odd: 1\r\n".utf8) + Letter.attached($0), name: "a.dat")
        },
        Wrapping("five messages deep") { bytes in
            (0..<5).reduce(bytes) { bytes, _ in Letter.attached(bytes, name: "a.eml", type: "message/rfc822") }
        },
        Wrapping("the twelve-thousand-first member") { bytes in
            Letter.attached(
                ArchiveBytes.zip((0..<12_000).map { ("\($0)", [UInt8]("empty no more \($0)".utf8)) } + [("last.exe", bytes)]), name: "a.zip"
            )
        },
    ]

    /// In what libclamav does not open, or not as it should.
    static let closed: [Wrapping] = [
        Wrapping("rar 4") { Letter.attached(ArchiveBytes.rar4("a.com", $0), name: "a.rar") },
        Wrapping("rar 5") { Letter.attached(ArchiveBytes.rar5("a.com", $0), name: "a.rar") },
        Wrapping("rar 5 in binary") { bytes in
            Letter.mixed(binaryHead("binary"), close: false) + ArchiveBytes.rar5("a.com", bytes) + Array("\r\n--=_b--\r\n".utf8)
        },
        Wrapping("rar called a.jpg") { Letter.attached(ArchiveBytes.rar4("a.com", $0), name: "a.jpg", type: "image/jpeg") },
        Wrapping("rar behind a program") {
            let program: [UInt8] = Array("MZ".utf8) + [UInt8](repeating: 0, count: 20_000)
            return Letter.attached(program + ArchiveBytes.rar5("a.com", $0), name: "a.exe")
        },
        Wrapping("rar in zip") {
            Letter.attached(ArchiveBytes.zip([("a.rar", ArchiveBytes.rar5("a.com", $0))]), name: "a.zip")
        },
        Wrapping("rar in message in zip") {
            let inner = Letter.attached(ArchiveBytes.rar4("a.com", $0), name: "a.rar")
            return Letter.attached(ArchiveBytes.zip([("a.eml", inner)]), name: "a.zip")
        },
        Wrapping("rar in rar") { Letter.attached(ArchiveBytes.rar5("a.rar", ArchiveBytes.rar4("a.com", $0)), name: "a.rar") },
        Wrapping("zip in rar") { Letter.attached(ArchiveBytes.rar5("a.zip", ArchiveBytes.zip([("a.com", $0)])), name: "a.rar") },
        Wrapping("message in rar") { Letter.attached(ArchiveBytes.rar4("a.eml", Letter.attached($0)), name: "a.rar") },
        Wrapping("the first attachment in TNEF") {
            Letter.attached(ArchiveBytes.tnef([("a.com", $0), ("b.txt", [0x41])]), name: "winmail.dat")
        },
        Wrapping("the second attachment in TNEF") {
            Letter.attached(ArchiveBytes.tnef([("b.txt", Array("hello".utf8)), ("a.com", $0), ("c", [0x41])]), name: "winmail.dat")
        },
        Wrapping("zip in TNEF in zip") {
            let inner = ArchiveBytes.tnef([("b.txt", Array("hello".utf8)), ("a.zip", ArchiveBytes.zip([("a.com", $0)]))])
            return Letter.attached(ArchiveBytes.zip([("winmail.dat", inner)]), name: "a.zip")
        },
        Wrapping("zst") { Letter.attached(ArchiveBytes.zstd($0), name: "a.zst") },
        Wrapping("tar.zst") { Letter.attached(ArchiveBytes.zstd(ArchiveBytes.tar("a.com", $0)), name: "a.tar.zst") },
        Wrapping("ar") { Letter.attached(ArchiveBytes.ar("a.com", $0), name: "a.deb") },
    ]

    private static func zipped(_ bytes: [UInt8]) -> [UInt8] { ArchiveBytes.zip([("a.com", bytes)]) }
    private static let harmless = ArchiveBytes.zip([("b.txt", Array("nothing here".utf8))])

    /// In what two programs read differently, or are packed in ways that libclamav doesn't know.
    static let odd: [Wrapping] =
        [
            Wrapping("a zip before a zip") { Letter.attached(zipped($0) + harmless, name: "a.zip") },
            Wrapping("a zip behind a zip") { Letter.attached(harmless + zipped($0), name: "a.zip") },
            Wrapping("a zip behind a picture") {
                Letter.attached([0xff, 0xd8, 0xff, 0xe0] + [UInt8](repeating: 7, count: 5_000) + zipped($0), name: "a.jpg")
            },
            Wrapping("a zip behind a zip's first bytes") { Letter.attached(Array("PK\u{3}\u{4}".utf8) + zipped($0), name: "a.zip") },
            Wrapping("text, inline and an attachment") {
                Letter.mixed(
                    "Content-Type: text/plain\r\nContent-Disposition: inline\r\nContent-Disposition: attachment; filename=p.txt\r\n\r\n"
                        + text($0))
            },
            Wrapping("text, and a file by a second type") {
                Letter.mixed("Content-Type: text/plain\r\nContent-Type: application/octet-stream; name=p.dat\r\n\r\n" + text($0))
            },
            Wrapping("text with a disposition of a name alone") {
                Letter.mixed("Content-Type: text/plain\r\nContent-Disposition: ; filename=p.txt\r\n\r\n" + text($0))
            },
            Wrapping("zip with LZMA") { Letter.attached(ArchiveBytes.zipLZMA("a.com", $0), name: "a.zip") },
            Wrapping("bz2 with an empty stream in front") {
                Letter.attached(Samples.compressed([], "bzip2") + Samples.compressed($0, "bzip2"), name: "a.bz2")
            },
            Wrapping("gz with an empty member in front") { Letter.attached(ArchiveBytes.gzip([]) + ArchiveBytes.gzip($0), name: "a.gz") },
            Wrapping("an attachment behind the closing boundary") {
                Letter.mixed("\r\nHello") + Array("\r\n--=_b\r\n\(binaryHead("base64"))\(Letter.base64($0))\r\n--=_b--\r\n".utf8)
            },
            Wrapping("an attachment under a second boundary") { bytes in
                replaced(Letter.attached(bytes), "boundary=\"=_b\"", "boundary=other; boundary=\"=_b\"")
            },
        ]
        + [("store", "stored"), ("deflate", "deflate"), ("bzip2", "bzip2"), ("lzma1", "LZMA"), ("lzma2", "LZMA2"), ("ppmd", "PPMd")].map {
            method, name in
            Wrapping("7z with \(name)") {
                Letter.attached(
                    Samples.archive([.init("a.com", $0)], format: "7zip", options: "7zip:compression=\(method)"), name: "a.7z")
            }
        }
        + ["bzip2", "xz", "lzma", "lzip", "compress", "gzip", "lz4"].map { filter in
            Wrapping("compressed by \(filter)") { Letter.attached(Samples.compressed($0, filter), name: "a.dat") }
        }
        + [("newc", "cpio"), ("gnutar", "tar"), ("pax", "pax"), ("iso9660", "iso"), ("zip", "zip")].map { format, name in
            Wrapping("\(name) by libarchive") { Letter.attached(Samples.archive([.init("a.com", $0)], format: format), name: "a.\(name)") }
        }

    static let all = encodings + headers + beginnings + nests + closed + odd
}
