/// One message on its way (RFC 5321 §3.3): which commands are to be said, which were answered, and where each recipient stands.
struct SendingTransaction: Sendable {
    enum Command: Sendable, Equatable {
        case reset, mail
        case recipient(Int)
        case data
    }

    enum Standing: Sendable {
        case undecided
        /// RCPT was taken.
        case taken
        case decided(RecipientOutcome)
    }

    enum Phase: Sendable {
        /// Commands, and their replies in the same order.
        case envelope
        /// 354 was said.
        case content(DotStuffer)
        /// The dot is out.
        case end
    }

    let message: OutgoingMessage
    let commands: [Command]
    var said = 0
    var answered = 0
    var phase = Phase.envelope
    private(set) var standings: [Standing]

    /// `obstacle`: why the host can't have it at all. `resets`: whether an earlier transaction was left open.
    init(_ message: OutgoingMessage, obstacle: Reply?, resets: Bool) {
        self.message = message
        let standings: [Standing] = message.recipients.map {
            if let obstacle { return .decided(.unable(obstacle)) }
            return $0.address.isOneLine ? .undecided : .decided(.unable(Reply(553, "5.1.3", "This is no address")))
        }
        let asked = standings.indices.filter { if case .undecided = standings[$0] { true } else { false } }
        self.standings = standings
        commands = (resets ? [.reset] : []) + [.mail] + asked.map { .recipient($0) } + [.data]
    }

    var hasTaken: Bool { standings.contains { if case .taken = $0 { true } else { false } } }

    /// Whether anybody may still get the message.
    var isOpen: Bool { standings.contains { if case .decided = $0 { false } else { true } } }

    mutating func take(_ index: Int) { if case .undecided = standings[index] { standings[index] = .taken } }

    mutating func decide(_ index: Int, _ outcome: RecipientOutcome) {
        if case .decided = standings[index] { return }
        standings[index] = .decided(outcome)
    }

    /// For all that are not decided.
    mutating func decideRest(_ outcome: RecipientOutcome) {
        for index in standings.indices { decide(index, outcome) }
    }

    /// One for each recipient.
    var outcomes: [RecipientOutcome] {
        standings.map {
            if case .decided(let outcome) = $0 { return outcome }
            return .broken(SendingFailure(.closed, stage, "the conversation ended"))
        }
    }

    /// Where the reply that is awaited belongs.
    var stage: SendingStage {
        switch phase {
        case .content: .content
        case .end: .content
        case .envelope:
            switch answered < commands.count ? commands[answered] : .data {
            case .reset, .mail: .mail
            case .recipient: .recipient
            case .data: .data
            }
        }
    }
}
