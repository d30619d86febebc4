import Dialogue
import Mail
import SMTP
import Store

/// What a session leaves in the trace.
extension Reception {
    func entry(_ event: String, recipient: String, reply: Reply, _ reason: Reason) -> TraceEntry {
        TraceEntry(
            time: context.clock() / 1_000_000, event: event, peer: connection.peerAddress, sender: sender.text, recipient: recipient,
            code: reply.code, text: reason.stored)
    }

    /// What stands for the address in an argument that is none: `TO:<bad@@x> SIZE=1` is about `bad@@x`.
    private static func address(in argument: String) -> String {
        let path = argument.drop { $0 != ":" }.dropFirst().drop { $0 == " " }.prefix { $0 != " " }
        return String(path.drop { $0 == "<" }.prefix { $0 != ">" })
    }

    func trace(_ note: RefusalNote) async {
        let reason = Reason("trace.protocol", ["command": note.command, "reason": note.reason, "reply": note.reply.lines.first ?? ""])
        // A command's own argument, or whom the refused content was for.
        let recipients =
            note.recipients.isEmpty
            ? [note.command == "RCPT" ? Self.address(in: note.subject) : ""] : note.recipients.map { address(of: $0).description }
        for recipient in recipients {
            var entry = entry("refused", recipient: recipient, reply: note.reply, reason)
            entry.sender = note.reversePath?.text ?? ""
            await record(entry)
        }
    }

    /// A refusal does not wait for its trace to be durable; one that can't be written must not turn into another answer.
    func record(_ entry: TraceEntry) async {
        context.store.note(entry)
    }
}
