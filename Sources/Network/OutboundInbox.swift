import NIOCore
import Synchronization
import TLS

/// What came from a server and waits for its conversation's task; and what went to it and is not on the wire.
final class OutboundInbox: Sendable {
    /// Bytes that are held before no more are read from the wire.
    static let limit = 65_536

    private struct State {
        var bytes = ByteBuffer()
        var isReadHeld = false
        var isOver = false
        var error: (any Error)?
        var secured: TLSSecured?
        var unsent = 0
        /// Counts what happened, so that nothing is missed between a look and a wait.
        var events: UInt64 = 0
        var waiter: CheckedContinuation<Void, Never>?

        mutating func happened() -> CheckedContinuation<Void, Never>? {
            events += 1
            defer { waiter = nil }
            return waiter
        }
    }

    /// What a wait is for. The end of the connection ends every wait.
    enum Wanted { case bytes, secured, room }

    private let state = Mutex(State())

    // MARK: From the event loop

    func take(_ buffer: ByteBuffer) {
        change { state in
            var buffer = buffer
            if state.bytes.readableBytes == 0 { state.bytes = buffer } else { state.bytes.writeBuffer(&buffer) }
        }
    }

    func end(_ error: (any Error)?) {
        change { state in
            state.isOver = true
            if state.error == nil { state.error = error }
        }
    }

    func admit(_ secured: TLSSecured) { change { $0.secured = secured } }

    func sent(_ count: Int) { change { $0.unsent -= count } }

    /// Whether the wire may be read; if not, `bytes()` tells when.
    func mayRead() -> Bool {
        state.withLock { state in
            state.isReadHeld = state.bytes.readableBytes >= Self.limit
            return !state.isReadHeld
        }
    }

    private func change(_ body: @Sendable (inout State) -> Void) {
        let waiter = state.withLock { state in
            body(&state)
            return state.happened()
        }
        waiter?.resume()
    }

    // MARK: From the conversation's task

    func sending(_ count: Int) { state.withLock { $0.unsent += count } }

    /// What came, and whether the wire waits to be read again.
    func bytes() -> (ByteBuffer, isReadHeld: Bool) {
        state.withLock { state in
            defer {
                state.bytes = ByteBuffer()
                state.isReadHeld = false
            }
            return (state.bytes, state.isReadHeld)
        }
    }

    var isOver: Bool { state.withLock { $0.isOver } }
    var error: (any Error)? { state.withLock { $0.error } }
    var secured: TLSSecured? { state.withLock { $0.secured } }

    /// False when the deadline passed first. One task at a time.
    func wait(for wanted: Wanted, until deadline: NIODeadline, on loop: any EventLoop) async -> Bool {
        var timer: Scheduled<Void>?
        defer { timer?.cancel() }
        while true {
            let (isThere, seen) = state.withLock { state in
                let isThere =
                    switch wanted {
                    case .bytes: state.bytes.readableBytes > 0
                    case .secured: state.secured != nil
                    case .room: state.unsent <= Self.limit
                    }
                return (isThere || state.isOver, state.events)
            }
            if isThere { return true }
            guard NIODeadline.now() < deadline else { return false }
            if timer == nil { timer = loop.scheduleTask(deadline: deadline) { self.change { _ in } } }
            await withCheckedContinuation { continuation in
                let isLate = state.withLock { state in
                    guard state.events == seen else { return true }
                    state.waiter = continuation
                    return false
                }
                if isLate { continuation.resume() }
            }
        }
    }
}

/// The last handler of an outbound connection's pipeline.
final class OutboundThreshold: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let inbox: OutboundInbox

    init(_ inbox: OutboundInbox) { self.inbox = inbox }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { inbox.take(unwrapInboundIn(data)) }

    func read(context: ChannelHandlerContext) {
        if inbox.mayRead() { context.read() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case let secured as TLSSecured: inbox.admit(secured)
        case ChannelEvent.inputClosed: inbox.end(nil)
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    func channelInactive(context: ChannelHandlerContext) { inbox.end(nil) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        inbox.end(error)
        context.close(promise: nil)
    }
}
