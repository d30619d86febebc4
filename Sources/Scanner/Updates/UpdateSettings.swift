import Mail

/// The settings `signature-*`, understood.
package struct UpdateSettings: Sendable, Hashable {
    static let mostMirrors = 16
    static let mostURLs = 64

    /// `signature-directory` is `own`: else another program fetches.
    package var isOwn: Bool
    /// URLs without a slash at the end.
    package var mirrors: [String] = []
    package var isPrivateMirror: Bool
    package var urls: [DatabaseURL] = []
    package var proxy: UpdateProxy?
    package var checksADay: Int
    /// What was not understood. A proxy of that kind stops everything: nothing goes around it.
    package var problems: [UpdateFailure] = []

    /// As they are written in the settings.
    package init(directory: String, mirror: String, isPrivateMirror: Bool, urls: String, proxy: String, checksADay: Int) {
        isOwn = directory == "own"
        self.isPrivateMirror = isPrivateMirror
        self.checksADay = checksADay
        for word in Self.words(mirror) {
            guard let url = Self.mirror(word), mirrors.count < Self.mostMirrors else {
                problems.append(UpdateFailure(.badMirror, DatabaseURL.withoutUser(word)))
                continue
            }
            mirrors.append(url)
        }
        // ClamAV's own servers have no .cld files, and count who asks for them.
        if isPrivateMirror, let official = mirrors.first(where: { Self.host($0).hasSuffix("clamav.net") }) {
            problems.append(UpdateFailure(.badMirror, DatabaseURL.withoutUser(official)))
            mirrors = []
        }
        for word in Self.words(urls) {
            guard let url = DatabaseURL(word), !self.urls.contains(where: { $0.file == url.file }), self.urls.count < Self.mostURLs else {
                problems.append(UpdateFailure(.badURL, DatabaseURL.withoutUser(word)))
                continue
            }
            self.urls.append(url)
        }
        let proxy = proxy.filter { $0 != " " }
        if !proxy.isEmpty {
            self.proxy = UpdateProxy(proxy)
            if self.proxy == nil { problems.append(UpdateFailure(.badProxy)) }
        }
    }

    /// Empty where nothing is fetched.
    package var sources: [UpdateSource] {
        guard isOwn, !problems.contains(where: { $0.kind == .badProxy }) else { return [] }
        return (mirrors.isEmpty ? [] : [.mirror]) + urls.map { .url($0) }
    }

    /// Changes with what matters to a source, so that it is asked anew. A sum, since there may be a password in it.
    func fingerprint(_ source: UpdateSource) -> String {
        let words =
            switch source {
            case .mirror: mirrors + ["\(isPrivateMirror)"]
            case .url(let url): [url.url]
            }
        let text = (words + [proxy?.host ?? "", "\(proxy?.port ?? 0)", proxy?.user ?? "", proxy?.password ?? ""]).joined(separator: "\n")
        var sum = FNV()
        sum.add(text)
        return sum.hex
    }

    private static func words(_ list: String) -> [String] {
        list.split(separator: ",").map { String($0).trimmed }.filter { !$0.isEmpty }
    }

    /// A host alone is asked by HTTPS.
    private static func mirror(_ word: String) -> String? {
        guard word.utf8.count <= 1_024, word.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else { return nil }
        let lower = word.lowercased()
        var url = word
        if !word.contains("://") {
            url = "https://" + word
        } else if lower.hasPrefix("http://") || lower.hasPrefix("https://") {
            let scheme = word.prefix { $0 != ":" }
            url = scheme.lowercased() + word.dropFirst(scheme.count)
        } else {
            return nil
        }
        while url.hasSuffix("/") { url.removeLast() }
        return host(url).isEmpty || url.contains("?") || url.contains("#") ? nil : url
    }

    private static func host(_ url: String) -> String {
        guard let start = DatabaseURL.withoutUser(url).firstRange(of: "://")?.upperBound else { return "" }
        let authority = DatabaseURL.withoutUser(url)[start...].prefix { $0 != "/" }
        if authority.hasPrefix("[") { return String(authority) }
        return String(authority.prefix { $0 != ":" }).lowercased()
    }
}
