package import IMAP
import Mail

extension InMemoryMailboxes {
    /// For dialogs. Their `A:` lines: `deliver NAME [SUBJECT]`, `expunge NAME UID`, `flag NAME UID KEYWORD`, `delete NAME`, `quota N`.
    package var world: DialogWorld<Question, Answer> {
        DialogWorld(
            answer: { self.answer($0) },
            describe: { question in
                switch question {
                case .login(let user, _): "login \(user)"
                case .authenticate(let move): ScriptedLogins.describe(move)
                case .mailboxes: "mailboxes"
                case .create(let name): "create \(name)"
                case .delete(let name): "delete \(name)"
                case .rename(let from, let to): "rename \(from) \(to)"
                case .setSubscribed(let name, let isSubscribed): "subscribed \(name) \(isSubscribed)"
                case .status(let name): "status \(name)"
                case .select(let name, let readOnly): "select \(name)\(readOnly ? " read-only" : "")"
                case .changes: nil
                case .deselect: "deselect"
                case .messages(_, let set, let fields): "messages \(set) \(fields.rawValue)"
                case .read(_, let range): "read \(range.lowerBound)..<\(range.upperBound)"
                case .search(_, let set, let program): "search \(set) \(program.needs)"
                case .store(_, let set, let operation, _): "store \(set) \(operation)"
                case .copy(_, let set, let name, let isMove): "\(isMove ? "move" : "copy") \(set) \(name)"
                case .expunge(_, let set): "expunge\(set.map { " \($0)" } ?? "")"
                case .openAppend(let name, let size): "openAppend \(name) \(size)"
                case .append(let name, _, _): "append \(name)"
                case .discardAppend: "discardAppend"
                }
            },
            direct: { self.direct($0) })
    }

    package func direct(_ line: String) {
        let words = line.split(separator: " ").map(String.init)
        guard words.count > 1 else { return }
        let uid = words.count > 2 ? UID(words[2]) ?? 0 : 0
        switch words[0] {
        case "deliver": deliver(Self.message(subject: words.dropFirst(2).joined(separator: " ")), to: words[1])
        case "expunge":
            if let mailbox = mailboxes[words[1]] { _ = expunge(UIDSet(uid...uid), in: mailbox) }
        case "flag":
            if let mailbox = mailboxes[words[1]], words.count > 3 {
                _ = answer(.store(mailbox.id, UIDSet(uid...uid), .add, Flags(keywords: [words[3]])))
            }
        case "delete": _ = answer(.delete(words[1]))
        case "quota": quota = Int(words[1]) ?? quota
        default: break
        }
    }

    /// A small message: plain text from Ana to Bea.
    package static func message(subject: String) -> [UInt8] {
        Array(
            """
            From: Ana <ana@a.test>\r
            To: Bea <bea@b.test>\r
            Subject: \(subject.isEmpty ? "hello" : subject)\r
            Date: Tue, 24 Nov 2026 10:00:00 +0100\r
            Message-ID: <1@a.test>\r
            \r
            Hello world\r

            """.utf8)
    }
}
