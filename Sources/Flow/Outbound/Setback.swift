package import SMTP

/// Why a recipient was not reached in one attempt.
package struct Setback: Error, Sendable, Equatable {
    package var isPermanent: Bool
    package var status: EnhancedStatus
    /// Which host, as people know it; empty before one was found.
    package var host: String
    /// What it answered, if it did.
    package var reply: Reply?
    /// In words, where nobody answered: what the system or the library said.
    package var detail: String
    /// What to do about it: a key of the texts, or one with its values (`Reason.stored`).
    package var reason: String

    package init(
        isPermanent: Bool = false, _ status: EnhancedStatus, host: String = "", reply: Reply? = nil, detail: String = "", reason: String
    ) {
        self.isPermanent = isPermanent
        self.status = status
        self.host = host
        self.reply = reply
        self.detail = detail
        self.reason = reason
    }

    /// A host's refusal. RFC 3463 codes of another class than the reply's are not believed.
    package init(_ reply: Reply, host: String, stage: SendingStage) {
        let digit = reply.isPermanent ? 5 : 4
        let status = reply.enhanced.flatMap { $0.class == digit ? $0 : nil } ?? EnhancedStatus(digit, 0, 0)
        self.init(
            isPermanent: reply.isPermanent, status, host: host, reply: reply, reason: Advice(reply, at: stage).key)
    }

    /// `insists`: the message leaves encrypted or not at all. RFC 8689 §4.2.1: a host that can't is none to wait for.
    package init(_ failure: SendingFailure, host: String, insists: Bool = false) {
        switch failure.kind {
        case .refused(let reply):
            // A host that refuses to serve us at all says nothing about the message: another host may, or this one later.
            self.init(
                EnhancedStatus(4, reply.enhanced?.subject ?? 3, reply.enhanced?.detail ?? 2), host: host, reply: reply,
                detail: failure.detail, reason: Advice(reply, at: failure.stage).key)
        // RFC 3463 §3.5: X.4.1 no answer from host, X.4.2 bad connection.
        case .unreachable: self.init("4.4.1", host: host, detail: failure.detail, reason: "send.unreachable")
        case .timedOut: self.init("4.4.2", host: host, detail: failure.text, reason: "send.timed-out")
        case .closed: self.init("4.4.2", host: host, detail: failure.text, reason: "send.closed")
        case .garbage: self.init("4.5.0", host: host, detail: failure.text, reason: "send.garbage")
        // RFC 3463 §3.8: X.7.4 security features not supported, X.7.5 cryptographic failure.
        case .tlsUnavailable where insists, .tlsFailed where insists:
            self.init(
                isPermanent: true, "5.7.10", host: host, detail: failure.detail,
                reason: failure.kind == .tlsFailed ? "send.tls-failed" : "send.tls-unavailable")
        case .tlsUnavailable: self.init("4.7.4", host: host, detail: failure.detail, reason: "send.tls-unavailable")
        case .tlsFailed: self.init("4.7.5", host: host, detail: failure.detail, reason: "send.tls-failed")
        }
    }

    /// The reply in one line, or what went wrong.
    package var line: String { reply?.line ?? detail }
}

extension Reply {
    /// Code, enhanced code and texts in one line.
    package var line: String {
        let text = lines.joined(separator: " ")
        guard let enhanced, !text.hasPrefix("\(enhanced)") else { return "\(code) \(text)" }
        return "\(code) \(enhanced) \(text)"
    }
}

extension SendingFailure {
    fileprivate var text: String { detail.isEmpty ? stage.rawValue : "\(stage.rawValue): \(detail)" }
}
