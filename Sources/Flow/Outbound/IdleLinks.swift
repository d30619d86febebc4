/// Connections that wait for a message, by lane.
struct IdleLinks: Sendable {
    /// Seconds for which a connection is kept without a message.
    static let time: Int64 = 5

    private var links: [String: [(link: Link, since: Int64)]] = [:]
    private(set) var count = 0

    /// The one that was used last.
    mutating func take(_ lane: String) -> Link? {
        guard let link = links[lane]?.popLast()?.link else { return nil }
        if links[lane]?.isEmpty == true { links[lane] = nil }
        count -= 1
        return link
    }

    mutating func keep(_ link: Link, for lane: String, now: Int64) {
        links[lane, default: []].append((link, now))
        count += 1
    }

    func has(_ lane: String) -> Bool { links[lane] != nil }

    /// Those that waited too long, or that the peer has closed. The caller closes them.
    mutating func removeOld(now: Int64) -> [Link] {
        var old: [Link] = []
        for (lane, entries) in links {
            let kept = entries.filter { now - $0.since < Self.time && $0.link.conversation.isOpen }
            guard kept.count < entries.count else { continue }
            old += entries.filter { now - $0.since >= Self.time || !$0.link.conversation.isOpen }.map(\.link)
            links[lane] = kept.isEmpty ? nil : kept
        }
        count -= old.count
        return old
    }

    /// One whose lane has most of them, of these the one that has waited longest: it makes room for another destination's.
    mutating func removeLeastUseful() -> Link? {
        let found = links.max { ($0.value.count, -($0.value.first?.since ?? 0)) < ($1.value.count, -($1.value.first?.since ?? 0)) }
        guard let lane = found?.key, let link = links[lane]?.removeFirst().link else { return nil }
        if links[lane]?.isEmpty == true { links[lane] = nil }
        count -= 1
        return link
    }

    mutating func removeAll() -> [Link] {
        defer { self = IdleLinks() }
        return links.values.flatMap { $0.map(\.link) }
    }
}
