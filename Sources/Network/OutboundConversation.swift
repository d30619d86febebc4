package import Dialogue
import NIOCore
import Resolution
package import SMTP
import Synchronization
import TLS

/// A message's content on its way out: lines end in CRLF, dots are not stuffed.
package struct OutboundContent: Sendable {
    /// Octets.
    package var count: Int
    /// From an offset, at most so many; empty only at the end.
    package var read: @Sendable (_ offset: Int, _ limit: Int) async throws -> [UInt8]

    package init(count: Int, read: @escaping @Sendable (_ offset: Int, _ limit: Int) async throws -> [UInt8]) {
        self.count = count
        self.read = read
    }
}

/// A connection to a server that takes messages. Used by one task at a time.
package actor OutboundConversation {
    /// How long the answer to QUIT is awaited, and what is unsent at the end.
    private static let farewell = TimeAmount.seconds(1)
    /// Octets of content that are read and written at once.
    private static let piece = 65_536

    /// Where its task runs without a hop: the channel's own loop.
    package nonisolated let executor: any TaskExecutor
    private let target: OutboundTarget
    private let channel: any Channel
    private let inbox: OutboundInbox
    private let context: ClientContext
    private let pool: HandshakePool
    private var session: SendingSession
    private var output = ByteBuffer()
    private var isBusy = false
    private let isReady = Atomic(false)

    init(
        _ target: OutboundTarget, _ channel: any Channel, _ inbox: OutboundInbox, _ context: ClientContext, _ pool: HandshakePool,
        _ executor: any TaskExecutor
    ) {
        self.executor = executor
        self.target = target
        self.channel = channel
        self.inbox = inbox
        self.context = context
        self.pool = pool
        session = SendingSession(target.session, isLoopback: target.address.hasPrefix("127.") || target.address == "::1")
    }

    deinit { channel.close(promise: nil) }

    /// Nil in the clear.
    package var tls: TLSFacts? { session.tls }
    /// Whether the certificate was verified as asked.
    package var isVerified: Bool { session.isVerified }
    /// What a proof that was only wished for lacked.
    package private(set) var shortfall: SendingFailure?
    /// Whether the server announced REQUIRETLS.
    package var takesRequireTLS: Bool { session.takesRequireTLS }
    /// Whether another message may be sent.
    package nonisolated var isOpen: Bool { isReady.load(ordering: .relaxed) && channel.isActive && !inbox.isOver }

    /// One outcome for each recipient, in their order. Cancelling the task breaks the conversation.
    package func send(_ message: OutgoingMessage, _ content: OutboundContent) async -> [RecipientOutcome] {
        guard !isBusy else { return message.recipients.map { _ in .broken(SendingFailure(.closed, .mail, "the conversation is busy")) } }
        isBusy = true
        defer { isBusy = false }
        session.begin(message)
        var end = await pursue(content)
        if end.outcomes.count != message.recipients.count {
            let failure = end.failure ?? SendingFailure(.closed, .mail, "the conversation is over")
            end.outcomes = message.recipients.map { _ in .broken(failure) }
        }
        return end.outcomes
    }

    /// Says QUIT and closes. Safe at any time, also twice.
    package func close() async {
        let wasReady = isReady.exchange(false, ordering: .relaxed)
        if wasReady, !isBusy {
            session.quit()
            if case .send(let bytes) = session.next() { output.writeBytes(bytes) }
            write()
            _ = await inbox.wait(for: .bytes, until: .now() + Self.farewell, on: channel.eventLoop)
        }
        hangUp()
    }

    func greet() async -> SendingFailure? {
        if target.session.tls == .implicit, let failure = await secure() {
            hangUp()
            return failure
        }
        return await pursue(nil).failure
    }

    // MARK: The dialogue

    private struct End {
        var outcomes: [RecipientOutcome] = []
        var failure: SendingFailure?
    }

    /// Obeys the session until it is ready for a message or over.
    private func pursue(_ content: OutboundContent?) async -> End {
        await withTaskCancellationHandler {
            await obey(content)
        } onCancel: {
            channel.close(mode: .all, promise: nil)
            inbox.end(CancellationError())
        }
    }

    private func obey(_ content: OutboundContent?) async -> End {
        var end = End()
        var offset = 0
        var deadline: NIODeadline?
        var replies = session.repliesRead
        while true {
            switch session.next() {
            case .send(let bytes):
                output.writeBytes(bytes)
                deadline = nil
                if output.readableBytes >= Self.piece { await writeAndWait() }
            case .needInput(let patience):
                write()
                if replies != session.repliesRead { deadline = nil }
                replies = session.repliesRead
                let limit = deadline ?? .now() + TimeAmount(patience)
                deadline = limit
                if await inbox.wait(for: .bytes, until: limit, on: channel.eventLoop) { receive() } else { session.expire() }
            case .content: await supply(content, &offset)
            case .startTLS:
                write()
                if let failure = await secure() {
                    hangUp()
                    return End(failure: failure)
                }
            case .ready:
                isReady.store(true, ordering: .relaxed)
                return end
            case .finished(let outcomes): end.outcomes = outcomes
            case .failed(let failure): end.failure = failure
            case .close:
                write()
                hangUp()
                return end
            }
        }
    }

    private func supply(_ content: OutboundContent?, _ offset: inout Int) async {
        // A server may say no, or go, in the middle.
        receive(isEndTold: inbox.isOver)
        if inbox.isOver { return }
        guard let content else { return session.abandon(.closed, "there is no content") }
        do {
            let piece = try await content.read(offset, Self.piece)
            offset += piece.count
            // Without its end a message must not be ended.
            guard !piece.isEmpty || offset == content.count else { return session.abandon(.closed, "the content ended too early") }
            session.supply(piece)
        } catch {
            session.abandon(.closed, "the content can't be read: \(error)")
        }
    }

    /// Gives the session what came; when nothing did, the end.
    private func receive(isEndTold: Bool = true) {
        let (buffer, isReadHeld) = inbox.bytes()
        guard buffer.readableBytes > 0 else {
            if isEndTold { tellEnd() }
            return
        }
        let bytes = Array(buffer.readableBytesView)
        session.receive(bytes.span)
        if isReadHeld { channel.read() }
    }

    private func tellEnd() {
        switch inbox.error {
        case nil: session.receiveEnd()
        case is CancellationError: session.abandon(.closed, "sending was cancelled")
        case let error?: session.abandon(.closed, words(of: error))
        }
    }

    private func write() {
        guard output.readableBytes > 0 else { return }
        let ready = output
        output = ByteBuffer()
        let count = ready.readableBytes
        inbox.sending(count)
        channel.writeAndFlush(ready).whenComplete { [inbox] _ in inbox.sent(count) }
    }

    /// RFC 5321 §4.5.3.2.5: a server that takes nothing for so long is given up.
    private func writeAndWait() async {
        write()
        let deadline = NIODeadline.now() + TimeAmount(target.session.limits.dataBlock)
        if await inbox.wait(for: .room, until: deadline, on: channel.eventLoop) { return }
        session.abandon(.timedOut, "the server took nothing for \(target.session.limits.dataBlock)")
    }

    /// What was written goes out first, if the server takes it soon.
    private func hangUp() {
        isReady.store(false, ordering: .relaxed)
        let channel = self.channel
        guard channel.isActive else { return }
        channel.eventLoop.scheduleTask(in: Self.farewell) { channel.close(promise: nil) }
        channel.writeAndFlush(ByteBuffer()).whenComplete { _ in channel.close(promise: nil) }
    }

    // MARK: TLS

    private func secure() async -> SendingFailure? {
        // RFC 3207 §4.2: what came in the clear behind the 220 is forgotten.
        _ = inbox.bytes()
        do {
            let channel = self.channel
            let context = self.context
            let pool = self.pool
            let target = self.target
            try await channel.eventLoop.submit {
                let handler = try TLSHandler.client(
                    context, to: target.host, at: "\(target.address) \(target.port)", proof: target.proof, pool: pool)
                try channel.pipeline.syncOperations.addHandler(handler, position: .first)
            }.get()
        } catch let failure as TLSFailure {
            return SendingFailure(.tlsFailed, .startTLS, failure.detail, tlsResult: failure.result(target.proof))
        } catch {
            return SendingFailure(.tlsFailed, .startTLS, words(of: error), tlsResult: "validation-failure")
        }
        let limit = target.session.limits.handshake
        guard await inbox.wait(for: .secured, until: .now() + TimeAmount(limit), on: channel.eventLoop) else {
            return SendingFailure(.tlsFailed, .startTLS, "no TLS handshake within \(limit)", tlsResult: "validation-failure")
        }
        if let secured = inbox.secured {
            shortfall = secured.shortfall.map {
                SendingFailure(.tlsFailed, .startTLS, $0.detail, tlsResult: $0.result(target.proof))
            }
            session.secured(secured.facts, isVerified: secured.isVerified)
            return nil
        }
        switch inbox.error {
        // Our own doing, which says nothing about the server.
        case let failure as TLSFailure where failure.kind == .overloaded:
            return SendingFailure(.unreachable, .startTLS, failure.detail)
        case let failure as TLSFailure:
            return SendingFailure(.tlsFailed, .startTLS, failure.detail, tlsResult: failure.result(target.proof))
        case is CancellationError: return SendingFailure(.closed, .startTLS, "sending was cancelled")
        case let error:
            let detail = error.map { words(of: $0) } ?? "the server closed the connection within the TLS handshake"
            return SendingFailure(.tlsFailed, .startTLS, detail, tlsResult: "validation-failure")
        }
    }
}

extension TLSFailure {
    /// RFC 8460 §4.3.
    fileprivate func result(_ proof: PeerProof) -> String {
        switch (kind, proof) {
        case (.certificateExpired, _): "certificate-expired"
        case (.hostMismatch, _): "certificate-host-mismatch"
        // RFC 8460 §4.3.2.1: none of the records can be used; one that does not match is a failure without a name of its own.
        case (.notTrusted, .dane(let records, _)): records.contains(where: \.isUsable) ? "validation-failure" : "tlsa-invalid"
        case (.notTrusted, _): "certificate-not-trusted"
        case (.handshake, _), (.truncated, _), (.overloaded, _), (.configuration, _): "validation-failure"
        }
    }
}
