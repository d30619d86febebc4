package import Dialogue
package import NIOCore
package import Resolution

/// What the handler tells those behind it, as an inbound user event, before the first decrypted byte.
package struct TLSSecured: Sendable {
    package var facts: TLSFacts
    /// Whether the peer's certificate was verified as asked.
    package var isVerified: Bool
    /// What a proof that was only wished for lacked.
    package var shortfall: TLSFailure?
}

/// Encrypts a channel. First in its pipeline, or put there when STARTTLS was agreed on.
///
/// A handshake that fails is an error on the pipeline, with the reason, behind an alert for the peer; then the channel closes. So does
/// one that a peer leaves unfinished: how long to wait is decided by whoever awaits `TLSSecured`.
package final class TLSHandler: ChannelDuplexHandler {
    package typealias InboundIn = ByteBuffer
    package typealias InboundOut = ByteBuffer
    package typealias OutboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    /// Bytes that a peer may send before its handshake is done.
    static let maximumHandshake = 131_072
    /// How long a close waits for a peer that does not take what was written before it.
    static let closePatience = TimeAmount.minutes(5)

    private enum State {
        case handshaking(isWorking: Bool)
        case open
        /// close_notify was said, and the channel closes once all is sent.
        case closing
        case closed
    }

    private let engine: TLSEngine
    private let pool: HandshakePool
    private var state = State.handshaking(isWorking: false)
    /// Sent in the clear when the handler enters the pipeline: the reply that agrees to STARTTLS.
    private var farewell: ByteBuffer?
    private let isClient: Bool
    /// Encrypted bytes that came while a step of the handshake ran.
    private var inbox: ByteBuffer?
    private var received = 0
    /// What was written and is not encrypted: small writes become one record.
    private var pending: ByteBuffer?
    private var promises: [EventLoopPromise<Void>] = []
    private var isInputOver = false

    /// The server's side. `farewell`: what goes out in the clear before the handshake, in the same tick, so that nothing comes between.
    package static func server(_ context: ServerContext, pool: HandshakePool, farewell: ByteBuffer? = nil) throws(TLSFailure) -> TLSHandler
    {
        TLSHandler(try TLSEngine(.server(context)), pool, farewell, isClient: false)
    }

    /// The client's side. `name`: the host's, for SNI. `place`: address and port, under which its sessions are kept for the next connection;
    /// nil: none are.
    package static func client(
        _ context: ClientContext, to name: String?, at place: String? = nil, proof: PeerProof, pool: HandshakePool,
        farewell: ByteBuffer? = nil
    ) throws(TLSFailure) -> TLSHandler {
        TLSHandler(try TLSEngine(.client(context, name: name, proof, place: place)), pool, farewell, isClient: true)
    }

    private init(_ engine: TLSEngine, _ pool: HandshakePool, _ farewell: ByteBuffer?, isClient: Bool) {
        self.engine = engine
        self.pool = pool
        self.farewell = farewell
        self.isClient = isClient
    }

    // MARK: Life

    package func handlerAdded(context: ChannelHandlerContext) {
        if let farewell {
            self.farewell = nil
            context.writeAndFlush(wrapOutboundOut(farewell), promise: nil)
        }
        if isClient, context.channel.isActive { step(context) }
    }

    package func channelActive(context: ChannelHandlerContext) {
        if isClient, case .handshaking(isWorking: false) = state { step(context) }
        context.fireChannelActive()
    }

    package func channelInactive(context: ChannelHandlerContext) {
        if case .handshaking = state {
            state = .closed
            context.fireErrorCaught(TLSFailure(.truncated, "the connection ended within the TLS handshake"))
        }
        state = .closed
        failPromises(ChannelError.ioOnClosedChannel)
        context.fireChannelInactive()
    }

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case ChannelEvent.inputClosed = event else { return context.fireUserInboundEventTriggered(event) }
        if case .handshaking(let isWorking) = state {
            // A step under way may still say why.
            isInputOver = true
            if !isWorking { fail(context, TLSFailure(.truncated, "the peer left within the TLS handshake")) }
            return
        }
        endInput(context)
    }

    /// Once, whether by close_notify or by the end of the connection.
    private func endInput(_ context: ChannelHandlerContext) {
        guard !isInputOver else { return }
        isInputOver = true
        context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    }

    // MARK: In

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        switch state {
        case .handshaking(let isWorking):
            received += buffer.readableBytes
            guard received <= Self.maximumHandshake else {
                return fail(context, TLSFailure(.handshake, "more than \(Self.maximumHandshake) bytes of a TLS handshake"))
            }
            if inbox == nil { inbox = buffer } else { inbox?.writeBuffer(&buffer) }
            if !isWorking { step(context) }
        case .open:
            engine.feed(buffer)
            decrypt(context)
        case .closing, .closed: break
        }
    }

    /// Has a thread of the pool do the next step with what has come; the event loop goes on meanwhile.
    private func step(_ context: ChannelHandlerContext) {
        state = .handshaking(isWorking: true)
        let input = inbox
        inbox = nil
        let engine = engine
        let loop = context.eventLoop
        let bound = NIOLoopBound((self, context), eventLoop: loop)
        let isTaken = pool.run {
            let result = Result { () throws(TLSFailure) in
                if let input { engine.feed(input) }
                return try engine.shakeHands()
            }
            loop.execute { bound.value.0.stepped(bound.value.1, result) }
        }
        if !isTaken { fail(context, TLSFailure(.overloaded, "too many TLS handshakes at once")) }
    }

    private func stepped(_ context: ChannelHandlerContext, _ result: Result<TLSEngine.Handshake, TLSFailure>) {
        guard case .handshaking = state else { return }
        state = .handshaking(isWorking: false)
        send(context, nil)
        switch result {
        case .failure(let failure): fail(context, failure)
        case .success(.goesOn):
            if inbox != nil { return step(context) }
            if isInputOver { fail(context, TLSFailure(.truncated, "the peer left within the TLS handshake")) }
        case .success(.done):
            state = .open
            context.fireUserInboundEventTriggered(
                TLSSecured(facts: engine.facts, isVerified: engine.isVerified, shortfall: engine.shortfall))
            encrypt(context)
            if let inbox {
                engine.feed(inbox)
                self.inbox = nil
            }
            decrypt(context)
            if isInputOver {
                isInputOver = false
                endInput(context)
            }
        }
    }

    private func decrypt(_ context: ChannelHandlerContext) {
        var buffer = context.channel.allocator.buffer(capacity: TLSEngine.record)
        var hasRead = false
        func pass() {
            guard buffer.readableBytes > 0 else { return }
            hasRead = true
            context.fireChannelRead(wrapInboundOut(buffer))
            buffer = context.channel.allocator.buffer(capacity: TLSEngine.record)
        }
        while case .open = state {
            do throws(TLSFailure) {
                switch try engine.read(into: &buffer) {
                case .bytes:
                    if buffer.readableBytes >= 2 * TLSEngine.record { pass() }
                    continue
                case .wantsMore: pass()
                case .ended:
                    pass()
                    endInput(context)
                }
                // Key updates and alerts are answered by reading.
                send(context, nil)
                break
            } catch {
                pass()
                send(context, nil)
                fail(context, error)
            }
        }
        if hasRead { context.fireChannelReadComplete() }
    }

    // MARK: Out

    package func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch state {
        case .closing, .closed: promise?.fail(ChannelError.ioOnClosedChannel)
        case .handshaking, .open:
            var buffer = unwrapOutboundIn(data)
            if let promise { promises.append(promise) }
            if pending == nil { pending = buffer } else { pending?.writeBuffer(&buffer) }
            if case .open = state, (pending?.readableBytes ?? 0) >= TLSEngine.record { encrypt(context, flushes: false) }
        }
    }

    package func flush(context: ChannelHandlerContext) {
        guard case .open = state else { return }
        encrypt(context)
    }

    private func encrypt(_ context: ChannelHandlerContext, flushes: Bool = true) {
        guard let plain = pending else {
            if flushes { context.flush() }
            return
        }
        pending = nil
        let waiting = promises
        promises = []
        do throws(TLSFailure) {
            var rest = plain
            // By records: what is encrypted lies twice in memory for a moment only.
            while let record = rest.readSlice(length: min(rest.readableBytes, TLSEngine.record)), record.readableBytes > 0 {
                try engine.write(record)
                if rest.readableBytes > 0 { send(context, nil, flushes: false) }
            }
        } catch {
            for promise in waiting { promise.fail(error) }
            return fail(context, error)
        }
        let promise = waiting.isEmpty ? nil : context.eventLoop.makePromise(of: Void.self)
        for one in waiting { promise?.futureResult.cascade(to: one) }
        send(context, promise, flushes: flushes)
    }

    private func send(_ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?, flushes: Bool = true) {
        guard let buffer = engine.drain(context.channel.allocator) else {
            promise?.succeed(())
            return
        }
        context.write(wrapOutboundOut(buffer), promise: promise)
        if flushes { context.flush() }
    }

    // MARK: End

    package func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        switch (state, mode) {
        case (.open, .all), (.open, .output):
            encrypt(context)
            guard case .open = state else { return context.close(mode: mode, promise: promise) }
            state = .closing
            engine.sayGoodbye()
            let isSent = context.eventLoop.makePromise(of: Void.self)
            let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
            let timer = context.eventLoop.scheduleTask(in: Self.closePatience) { bound.value.close(mode: .all, promise: nil) }
            // Bytes that were written before are sent before: the promise of the last ones comes last.
            isSent.futureResult.whenComplete { _ in
                timer.cancel()
                bound.value.close(mode: mode, promise: promise)
            }
            send(context, isSent)
        case (.closing, _), (.handshaking, _), (.closed, _), (.open, .input):
            if mode != .input { state = .closed }
            context.close(mode: mode, promise: promise)
        }
    }

    /// Ends the connection with an error: the alert is out already.
    private func fail(_ context: ChannelHandlerContext, _ failure: TLSFailure) {
        if case .closed = state { return }
        state = .closed
        failPromises(failure)
        context.fireErrorCaught(failure)
        context.close(mode: .all, promise: nil)
    }

    private func failPromises(_ error: any Error) {
        let waiting = promises
        promises = []
        pending = nil
        for promise in waiting { promise.fail(error) }
    }
}
