import Mail
import SMTP
import Store

/// One message on its way to one destination: what became of each recipient.
struct Attempt: Sendable {
    enum Result: Sendable, Equatable {
        /// `relaysDSN`: the host reports itself from here on (RFC 3461 §5.2.1).
        case accepted(Reply, host: String, relaysDSN: Bool)
        /// Into a mailbox here.
        case delivered
        case failed(Setback)

        /// Whether it is what a host said, or sure without one.
        var isAnswered: Bool {
            switch self {
            case .accepted, .delivered: true
            case .failed(let setback): setback.reply != nil || setback.isPermanent
            }
        }
    }

    /// Addresses that one attempt uses at most, one after the other.
    static let hops = 3

    let context: OutboundContext
    let dialer: Dialer
    let senders: SenderRewriting

    /// How the conversations went, for the lane.
    struct Course: Sendable {
        var results: [Int64: Result] = [:]
        /// A host was not ready for us, or went away: it holds for whatever else waits there.
        var laneSetback: Setback?
        var hasSucceeded = false
        /// The peer asked us to slow down.
        var isSlowedDown = false
    }

    func run(_ message: QueuedMessage, through smarthost: Smarthost?, _ link: inout Link?) async -> Course {
        var course = Course()
        let grounds = Link.Grounds(context.store, smarthost)
        for part in await senders.parts(of: message) {
            var rest = part.recipients
            var tried: Set<IPAddress> = []
            var failure: Setback?
            var hops = 0
            // The host that comes first, while others are asked for those whom it put off.
            var preferred: Link?
            while !rest.isEmpty, hops < Self.hops {
                if let old = link, !old.serves(message, grounds) {
                    await old.conversation.close()
                    link = nil
                }
                let isReused = link != nil
                if link == nil {
                    do throws(Setback) {
                        link = try await dialer.open(for: message, through: smarthost, without: tried)
                    } catch {
                        if failure == nil || tried.isEmpty { failure = error }
                        if !course.hasSucceeded, tried.isEmpty { course.laneSetback = error }
                        break
                    }
                }
                guard var open = link else { break }
                let outcomes = await open.conversation.send(
                    outgoing(message, part.sender, rest), StoredContent(store: context.store, body: message.body))
                open.served += 1
                link = open
                let left = note(outcomes, of: rest, at: open, &course)
                rest = left.recipients
                guard !rest.isEmpty else { break }
                // RFC 5321 §4.5.3.1.10: those who were too many for one transaction get another.
                if left.areTooMany, open.serves(message, grounds) { continue }
                if let reason = left.failure { failure = Setback(reason, host: open.name) }
                // RFC 5321 §5.1: whoever was not taken by this host is offered to the next one.
                if preferred == nil, open.conversation.isOpen, left.failure == nil {
                    preferred = open
                } else {
                    await open.conversation.close()
                }
                link = nil
                // Without an answer to the content it may have been taken: not to be sent again at once.
                if left.failure?.stage == .content { break }
                // An idle connection that the peer has closed meanwhile says nothing about the peer.
                if isReused, left.failure?.stage == .mail { continue }
                hops += 1
                tried.insert(open.address)
            }
            if let preferred {
                await link?.conversation.close()
                link = preferred
            }
            // What a host answered says more than that another one was not there.
            for recipient in rest where course.results[recipient.id] == nil {
                course.results[recipient.id] = .failed(failure ?? Setback("4.4.2", reason: "send.closed"))
            }
        }
        course.isSlowedDown = course.results.values.contains {
            if case .failed(let setback) = $0 { setback.reply?.code == 421 } else { false }
        }
        return course
    }

    /// Recipients that the next host may take.
    private struct Left {
        var recipients: [QueuedMessage.Recipient] = []
        /// Why the conversation broke.
        var failure: SendingFailure?
        /// All of them were refused only because others of the same transaction were taken.
        var areTooMany = false
    }

    private func note(
        _ outcomes: [RecipientOutcome], of recipients: [QueuedMessage.Recipient], at link: Link, _ course: inout Course
    ) -> Left {
        var left = Left()
        var tooMany = 0
        var hasTaken = false
        for (index, recipient) in recipients.enumerated() {
            guard index < outcomes.count else {
                left.recipients.append(recipient)
                left.failure = left.failure ?? SendingFailure(.garbage, .content, "no outcome")
                continue
            }
            switch outcomes[index] {
            case .accepted(let reply, let relaysDSN):
                course.results[recipient.id] = .accepted(reply, host: link.name, relaysDSN: relaysDSN)
                course.hasSucceeded = true
                hasTaken = true
            case .refused(let reply, let stage):
                if reply.code != 421 { course.hasSucceeded = true }
                course.results[recipient.id] = .failed(Setback(reply, host: link.name, stage: stage))
                guard reply.isTransient else { continue }
                left.recipients.append(recipient)
                if stage == .recipient, reply.code == 452, reply.enhanced == "4.5.3" || reply.enhanced == nil { tooMany += 1 }
            case .unable(let reply):
                course.hasSucceeded = true
                course.results[recipient.id] = .failed(
                    Setback(
                        isPermanent: true, reply.enhanced ?? "5.6.0", host: link.name, detail: reply.line, reason: "send.unable"))
            case .broken(let reason):
                left.recipients.append(recipient)
                left.failure = reason
            }
        }
        left.areTooMany = hasTaken && tooMany == left.recipients.count
        return left
    }

    private func outgoing(_ message: QueuedMessage, _ sender: String, _ recipients: [QueuedMessage.Recipient]) -> OutgoingMessage {
        OutgoingMessage(
            sender: sender,
            recipients: recipients.map { recipient in
                var parameters = RecipientParameters()
                parameters.notify = recipient.recipient.notify.map { RecipientParameters.Notify(rawValue: UInt8(truncatingIfNeeded: $0)) }
                if let type = recipient.recipient.originalType, let address = recipient.recipient.originalAddress {
                    parameters.original = RecipientParameters.Original(type: type, address: address)
                }
                return OutgoingMessage.Recipient(address: recipient.recipient.address, parameters: parameters)
            }, size: message.body.size, isEightBit: message.isEightBit, needsUTF8: message.smtpUTF8, requiresTLS: message.requiresTLS,
            ret: message.ret.map { $0 == "FULL" ? .full : .headers }, envelopeID: message.envelopeID)
    }
}
