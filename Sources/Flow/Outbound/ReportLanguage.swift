import Mail

/// In which language a sender wants to read, as far as his own message says it.
enum ReportLanguage {
    /// Those that there are texts in.
    static let known = ["en", "es"]

    /// The first of `known` that a message's header names: in Accept-Language, which is there for answers (RFC 3282 §3), else as the
    /// message's own in Content-Language (RFC 3282 §2).
    static func named(in header: [UInt8]) -> String? {
        header.withUnsafeBufferPointer { bytes in
            let section = HeaderSection(parsing: bytes)
            for name in ["accept-language", "content-language"] {
                guard let body = section.bodies(named: name, in: bytes).first else { continue }
                if let language = preferred(String(decoding: body.prefix(1_000), as: UTF8.self)) { return language }
            }
            return nil
        }
    }

    /// RFC 3282 §3: ranges with qualities; of equal ones the first.
    static func preferred(_ list: String) -> String? {
        var best: (language: String, quality: Int)?
        for item in list.split(separator: ",") {
            let parts = item.split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" }.asciiLowercased }
            guard let tag = parts.first, let language = known.first(where: { tag == $0 || tag.hasPrefix($0 + "-") }) else { continue }
            let quality = parts.dropFirst().first.map(thousandths) ?? 1_000
            if quality > best?.quality ?? 0 { best = (language, quality) }
        }
        return best?.language
    }

    /// Of `q=0.8`; 0 of what is no quality.
    private static func thousandths(_ text: String) -> Int {
        guard text.hasPrefix("q=") else { return 0 }
        let digits = text.dropFirst(2).split(separator: ".", omittingEmptySubsequences: false)
        guard (1...2).contains(digits.count), let whole = Int(digits[0]), (0...1).contains(whole) else { return 0 }
        let fraction = digits.count == 2 ? String((digits[1] + "000").prefix(3)) : "000"
        return min(1_000, whole * 1_000 + (Int(fraction) ?? 0))
    }
}
