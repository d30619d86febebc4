import Flow
import Mail
import Store

/// What the trace knows of one message, or of a conversation that brought none, in the order in which it happened.
struct TraceChapter {
    private(set) var entries: [TraceEntry]

    /// Entries in the order in which they happened, by message. Those of no message go together while they follow one another and are of
    /// one peer and sender.
    static func chapters(_ entries: [TraceEntry]) -> [TraceChapter] {
        var chapters: [TraceChapter] = []
        var places: [String: Int] = [:]
        for entry in entries {
            let place =
                entry.queueID.isEmpty ? chapters.indices.last.flatMap { chapters[$0].goesOn(entry) ? $0 : nil } : places[entry.queueID]
            if let place {
                chapters[place].entries.append(entry)
            } else {
                chapters.append(TraceChapter(entries: [entry]))
                if !entry.queueID.isEmpty { places[entry.queueID] = chapters.count - 1 }
            }
        }
        return chapters
    }

    private func goesOn(_ entry: TraceEntry) -> Bool {
        guard let last = entries.last else { return false }
        return last.queueID.isEmpty && (last.peer, last.sender) == (entry.peer, entry.sender)
    }

    /// A headline with who sent what from where, and a line for each event.
    func lines(_ text: Text) -> [String] {
        guard let first = entries.first else { return [] }
        let start = MailDate.format(seconds: first.time)
        var headline = [
            text(
                first.queueID.isEmpty ? "trace.headline.conversation" : "trace.headline.message",
                ["time": start, "sender": "<\(first.sender)>"])
        ]
        // Of what goes out, the peer is the host that it went to.
        if let peer = entries.first(where: { !$0.isOutbound && !$0.peer.isEmpty })?.peer {
            headline.append(text("trace.headline.peer", ["peer": peer]))
        }
        if let id = entries.first(where: { !$0.messageID.isEmpty })?.messageID { headline.append("Message-ID \(id)") }
        if !first.queueID.isEmpty { headline.append("[\(first.queueID)]") }
        let lines = [headline.joined(separator: "  ")] + entries.map { "  " + Self.line($0, start, text) }
        return lines.map { shortened($0, 2_000) }
    }

    private static func line(_ entry: TraceEntry, _ start: String, _ text: Text) -> String {
        let stored = Reason(stored: entry.text)
        let reason = text(stored)
        var what = text("trace.event.\(entry.event)")
        if entry.event == "refused", entry.code > 0 { what += " (\(entry.code))" }
        var recipient = entry.recipient.isEmpty ? "" : "  <\(entry.recipient)>"
        // Where the reason does not name it.
        if ["quarantined", "discarded", "released"].contains(entry.event), entry.destination != entry.recipient {
            recipient += " → <\(entry.destination)>"
        }
        let number = stored.quarantine.map { " " + text("trace.kept", ["id": $0]) } ?? ""
        return "\(time(entry, start))  \(what)\(recipient)" + (reason.isEmpty ? "" : ": " + reason) + number
    }

    /// The day is said when it is another than the headline's.
    private static func time(_ entry: TraceEntry, _ start: String) -> String {
        let date = MailDate.format(seconds: entry.time)
        // RFC 5322 §3.3: day of the week, day, month, year, time, zone.
        let (words, first) = (date.split(separator: " "), start.split(separator: " "))
        return words.count == 6 && words.prefix(4) == first.prefix(4) ? String(words[4]) : date
    }
}

extension TraceEntry {
    /// Whether its peer is a host that mail was sent to.
    fileprivate var isOutbound: Bool { ["sent", "deferred", "bounced"].contains(event) }
}
