package import Dialogue
package import NIOCore
import Synchronization
import TLS

/// What can wake a connection's task.
package enum Arrival: Sendable {
    case bytes(ByteBuffer)
    /// Everything that came before was in the clear; everything behind is encrypted.
    case secured(TLSFacts)
    case wake
    case expired
    case shutDown
}

/// The last handler of a connection's pipeline: turns bytes, timers and rings into one sequence of arrivals.
///
/// The timer is one scheduled task that looks at `deadline` when it fires and goes on sleeping if that has moved: setting
/// a deadline, which happens for every command, costs a store.
final class Threshold: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = Arrival

    private var context: ChannelHandlerContext?
    private var deadline: NIODeadline?
    private var renewal: TimeAmount?
    private var timer: Scheduled<Void>?
    private var timerFires = NIODeadline.distantFuture
    private var isWriting = false
    private var isRung = false
    /// Set when nobody is there to talk to any more, or the server is going down.
    let ending: Ending

    init(_ ending: Ending) { self.ending = ending }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        timer = nil
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        ending.begin()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if let renewal { deadline = .now() + renewal }
        context.fireChannelRead(wrapInboundOut(.bytes(unwrapInboundIn(data))))
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard let secured = event as? TLSSecured else { return context.fireUserInboundEventTriggered(event) }
        context.fireChannelRead(wrapInboundOut(.secured(secured.facts)))
        context.fireChannelReadComplete()
    }

    /// Rings until the task has taken the last ring are one ring.
    func ring() {
        guard !isRung, let context else { return }
        isRung = true
        context.fireChannelRead(wrapInboundOut(.wake))
        context.fireChannelReadComplete()
    }

    func takeRing() { isRung = false }

    func announceShutDown() {
        ending.begin()
        guard let context else { return }
        context.fireChannelRead(wrapInboundOut(.shutDown))
        context.fireChannelReadComplete()
    }

    func cut() { context?.close(promise: nil) }

    func putFirst(_ handler: TLSHandler) throws {
        guard let context else { throw ChannelError.ioOnClosedChannel }
        try context.pipeline.syncOperations.addHandler(handler, position: .first)
    }

    func wait(_ patience: Patience) {
        let amount = TimeAmount(patience.duration)
        deadline = .now() + amount
        renewal = patience.isRenewedByBytes ? amount : nil
        arm()
    }

    /// The session is at work: its own time is not the peer's fault.
    func stopWaiting() {
        isWriting = false
        deadline = nil
        renewal = nil
    }

    private func arm() {
        guard let context, let deadline else { return }
        if timer != nil {
            if timerFires <= deadline { return }
            timer?.cancel()
        }
        timerFires = deadline
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(deadline: deadline) { bound.value.fire() }
    }

    /// A peer that takes nothing for so long is cut off.
    func waitToWrite(_ amount: TimeAmount) {
        isWriting = true
        renewal = nil
        deadline = .now() + amount
        arm()
    }

    private func fire() {
        timer = nil
        guard let context, let deadline else { return }
        guard deadline <= .now() else { return arm() }
        self.deadline = nil
        guard !isWriting else { return cut() }
        context.fireChannelRead(wrapInboundOut(.expired))
        context.fireChannelReadComplete()
    }
}

extension TimeAmount {
    init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        self = .nanoseconds(seconds.multipliedReportingOverflow(by: 1_000_000_000).partialValue &+ attoseconds / 1_000_000_000)
    }
}

/// Whether a connection's work has become pointless: its peer has gone, or the server is going down. For work that takes long.
package final class Ending: Sendable {
    private let isOver = Atomic(false)

    package init() {}

    package var hasBegun: Bool { isOver.load(ordering: .relaxed) }
    func begin() { isOver.store(true, ordering: .relaxed) }
}

/// A connection as seen from other threads: it can be woken and told to end. Holding one keeps no connection open.
package final class Doorbell: Sendable {
    private let threshold: NIOLoopBound<Threshold>
    private let loop: any EventLoop
    /// Whether what is being done for this connection has become pointless.
    package let ending: Ending

    init(_ threshold: Threshold, _ loop: any EventLoop) {
        self.threshold = NIOLoopBound(threshold, eventLoop: loop)
        self.loop = loop
        ending = threshold.ending
    }

    /// Something changed that the session may want to tell. From any thread; never blocks.
    package func ring() {
        loop.execute { self.threshold.value.ring() }
    }

    func announceShutDown() {
        loop.execute { self.threshold.value.announceShutDown() }
    }

    /// Ends the connection without a word.
    func cut() {
        loop.execute { self.threshold.value.cut() }
    }

    // On the loop only, which the connection's task is.

    func putFirst(_ handler: TLSHandler) throws { try threshold.value.putFirst(handler) }

    func wait(_ patience: Patience) { threshold.value.wait(patience) }
    func waitToWrite(_ amount: TimeAmount) { threshold.value.waitToWrite(amount) }
    func stopWaiting() { threshold.value.stopWaiting() }
    func takeRing() { threshold.value.takeRing() }
}
