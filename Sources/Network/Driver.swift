import Dialogue
import Logging
import NIOCore

/// The one driver of all protocols: pulls steps and obeys.
enum Driver {
    /// Replies are sent when this many bytes wait, or when the session needs input.
    static let outputPiece = 65_536
    /// Replies after which other connections of the loop get their turn.
    static let repliesInARow = 8
    /// A peer that takes none of what waits for it in this time is cut off: some 100 bytes a second are enough to stay.
    static let writePatience = TimeAmount.minutes(5)

    /// Returns when the conversation is over and everything said was handed to the channel.
    static func converse<Session: ServerSession & ~Copyable, R: Responder>(
        _ session: consuming Session, _ responder: R, _ doorbell: Doorbell, _ log: Logger, _ security: Security?,
        _ arrivals: inout NIOAsyncChannelInboundStream<Arrival>.AsyncIterator, _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    ) async throws where R.Question == Session.Question, R.Answer == Session.Answer {
        var session = session
        var output = ByteBuffer()
        var isInputOver = false
        var replies = 0

        while true {
            switch session.next() {
            case .reply(let bytes):
                output.writeBytes(bytes)
                replies += 1
                // A long answer is many short steps: the loop's other connections come in between.
                if replies % repliesInARow == 0 { await Task.yield() }
                if output.readableBytes >= outputPiece { try await send(&output, outbound, doorbell) }
            case .ask(let question):
                do {
                    session.resume(try await responder.answer(question))
                } catch {
                    log.error("unexpected failure", metadata: ["error": "\(error)"])
                    session.resume(Session.failure)
                }
            case .body(let piece):
                await responder.take(piece)
            case .needInput(let patience):
                try await send(&output, outbound, doorbell)
                if isInputOver { return }
                doorbell.wait(patience)
                let arrival = try await arrivals.next(isolation: #isolation)
                doorbell.stopWaiting()
                switch arrival {
                case .bytes(let buffer):
                    buffer.withUnsafeReadableBytes { raw in
                        var rest = raw.bytes
                        while rest.byteCount > 0 {
                            let piece = rest.extracting(first: Session.maximumReceive)
                            session.receive(Span(_bytes: piece))
                            rest = rest.extracting(droppingFirst: piece.byteCount)
                        }
                    }
                // Nobody asked for it here.
                case .secured: return
                case .wake:
                    doorbell.takeRing()
                    session.wake()
                case .expired:
                    session.expire()
                case .shutDown:
                    session.shutDown()
                case nil:
                    isInputOver = true
                    session.receiveEnd()
                }
            case .startTLS:
                guard let security else { return log.error("a session asked for TLS where there is none") }
                let reply = output
                output = ByteBuffer()
                try security.secure(doorbell, saying: reply)
                guard let entry = try await security.wait(&arrivals, doorbell) else { return }
                responder.secured(entry.tls)
                session.secured(entry.tls)
                if entry.isRung { session.wake() }
                if entry.isGoingDown { session.shutDown() }
            case .close:
                try await send(&output, outbound, doorbell)
                return
            }
        }
    }

    private static func send(
        _ output: inout ByteBuffer, _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>, _ doorbell: Doorbell
    ) async throws {
        guard output.readableBytes > 0 else { return }
        let ready = output
        output = ByteBuffer()
        doorbell.waitToWrite(writePatience)
        defer { doorbell.stopWaiting() }
        try await outbound.write(ready)
    }
}
