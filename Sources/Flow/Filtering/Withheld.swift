import Filter

/// A recipient from whom the checks kept a message.
struct Withheld: Sendable, Equatable {
    enum Fate: String, Sendable {
        case held = "held back"
        case discarded
        case returned = "returned to the sender"
        case refused
    }

    /// As the sender wrote it.
    var recipient: String
    var fate: Fate
    var objection: Verdict.Objection
}

extension [Withheld] {
    /// Recipients that a line names, and groups of them that share a reason.
    private static let named = 5
    private static let groups = 3
    /// Characters of the whole, and of one name in it.
    private static let length = 700
    private static let nameLength = 100

    /// For a line of the log: what became of the message for whom, and why. Of its content nothing but the names of what was found. Nil
    /// where nobody is without it.
    var line: String? {
        guard !isEmpty else { return nil }
        var groups: [(fate: Withheld.Fate, objection: Verdict.Objection, recipients: [String])] = []
        for one in self {
            if let index = groups.firstIndex(where: { $0.fate == one.fate && $0.objection == one.objection }) {
                if !groups[index].recipients.contains(one.recipient) { groups[index].recipients.append(one.recipient) }
            } else {
                groups.append((one.fate, one.objection, [one.recipient]))
            }
        }
        var told = groups.prefix(Self.groups).map { group in
            "\(group.fate.rawValue) for \(Self.list(group.recipients)): " + Self.why(group.objection)
        }
        if groups.count > Self.groups { told.append("…") }
        return Self.cut(told.joined(separator: "; "))
    }

    /// No name stays open where it is cut: what follows would stand within it.
    private static func cut(_ line: String) -> String {
        guard line.unicodeScalars.count > length else { return line }
        var (end, isOpen, isEscape) = (line.unicodeScalars.startIndex, false, false)
        for (index, scalar) in zip(line.unicodeScalars.indices, line.unicodeScalars).prefix(length - 3) {
            if isEscape { isEscape = false } else if scalar == "\\" { isEscape = true } else if scalar == "\"" { isOpen.toggle() }
            if !isEscape { end = line.unicodeScalars.index(after: index) }
        }
        return String(line.unicodeScalars[..<end]) + (isOpen ? "…\"" : "…")
    }

    private static func list(_ names: [String]) -> String {
        names.prefix(named).map(name).joined(separator: ", ") + (names.count > named ? " and \(names.count - named) more" : "")
    }

    private static func why(_ objection: Verdict.Objection) -> String {
        objection.category.rawValue + (objection.details.isEmpty ? "" : " (\(list(objection.details)))")
    }

    /// In quotes, for it may be a sentence that reads like one of ours.
    private static func name(_ written: String) -> String { "\"\(written.prefix(scalars: nameLength).printable.escaping("\""))\"" }
}
