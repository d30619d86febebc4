/// What a server announced in its answer to EHLO (RFC 5321 §4.1.1.1), as far as it matters here.
struct PeerExtensions: Sendable, Equatable {
    /// RFC 2920.
    var pipelining = false
    /// RFC 3207.
    var startTLS = false
    /// RFC 6152.
    var eightBitMIME = false
    /// RFC 6531.
    var smtpUTF8 = false
    /// RFC 3461.
    var dsn = false
    /// RFC 8689.
    var requireTLS = false
    /// RFC 1870.
    var size = false
    /// Octets; nil: no limit is named.
    var maximumSize: Int?
    /// RFC 4954, in capitals.
    var mechanisms: Set<String> = []

    static let none = PeerExtensions()

    private init() {}

    init(_ reply: Reply) {
        // The first line is a name and a greeting.
        for line in reply.lines.dropFirst() {
            // `AUTH=LOGIN` is how servers said it before there was a standard.
            var words = line.split { $0 == " " || $0 == "\t" }.map { $0.uppercased() }
            if let first = words.first, first.hasPrefix("AUTH=") { words = ["AUTH", String(first.dropFirst(5))] + words.dropFirst() }
            guard let keyword = words.first else { continue }
            take(keyword, words.dropFirst())
        }
    }

    private mutating func take(_ keyword: String, _ parameters: ArraySlice<String>) {
        switch keyword {
        case "PIPELINING": pipelining = true
        case "STARTTLS": startTLS = true
        case "8BITMIME": eightBitMIME = true
        case "SMTPUTF8": smtpUTF8 = true
        case "DSN": dsn = true
        case "REQUIRETLS": requireTLS = true
        case "SIZE":
            size = true
            // RFC 1870 §4: 0 is no limit.
            maximumSize = parameters.first.flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil }
        case "AUTH": mechanisms.formUnion(parameters)
        default: break
        }
    }
}
