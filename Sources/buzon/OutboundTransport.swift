import Dialogue
import Flow
import Mail
import Network
import Resolution
import SMTP
import TLS

/// The queue's way to the network.
struct OutboundTransport: Transport {
    let dialer: OutboundDialer

    func executor() -> (any TaskExecutor)? { dialer.executor() }

    func connect(to hop: Hop) async throws(SendingFailure) -> any Conversation {
        let target = OutboundTarget(
            address: hop.address.description, port: hop.port, source: hop.source?.description, host: hop.host, proof: hop.proof,
            session: hop.session)
        let conversation = try await dialer.connect(to: target)
        return await OpenConversation(
            conversation: conversation, tls: conversation.tls, isVerified: conversation.isVerified, shortfall: conversation.shortfall,
            takesRequireTLS: conversation.takesRequireTLS)
    }
}

private struct OpenConversation: Conversation {
    let conversation: OutboundConversation
    let tls: TLSFacts?
    let isVerified: Bool
    let shortfall: SendingFailure?
    let takesRequireTLS: Bool

    var isOpen: Bool { conversation.isOpen }
    var executor: (any TaskExecutor)? { conversation.executor }

    func send(_ message: OutgoingMessage, _ content: any ContentSource) async -> [RecipientOutcome] {
        await conversation.send(message, OutboundContent(count: content.count) { try await content.read(at: $0, limit: $1) })
    }

    func close() async { await conversation.close() }
}
