import NIOCore
import Synchronization
import TLS

/// An accepted connection on its way to its task.
typealias Accepted = (NIOAsyncChannel<Arrival, ByteBuffer>, Doorbell)

/// Connections between the kernel's accept and their task. An asynchronous channel that nobody finishes traps when it is let
/// go; a listener that closes at this very moment leaves such ones behind, so they are held here until somebody has them.
final class Lobby: Sendable {
    struct Closed: Error {}

    private struct State {
        var waiting: [ObjectIdentifier: Accepted] = [:]
        var isClosed = false
    }

    private let state = Mutex(State())

    /// On the channel's loop, while it is being set up. Throws once the lobby is closed, and so closes the connection.
    /// `security`: what encrypts it from the first byte.
    func admit(_ channel: any Channel, _ security: Security? = nil) throws -> Accepted {
        try state.withLock { state in
            guard !state.isClosed else { throw Closed() }
            if let security { try channel.pipeline.syncOperations.addHandler(security.handler()) }
            let threshold = Threshold(Ending())
            try channel.pipeline.syncOperations.addHandler(threshold)
            let wrapped = try NIOAsyncChannel<Arrival, ByteBuffer>(wrappingChannelSynchronously: channel)
            let accepted = (wrapped, Doorbell(threshold, channel.eventLoop))
            state.waiting[ObjectIdentifier(channel)] = accepted
            return accepted
        }
    }

    /// A task has it now.
    func leave(_ channel: any Channel) {
        state.withLock { _ = $0.waiting.removeValue(forKey: ObjectIdentifier(channel)) }
    }

    /// Nobody enters any more; whoever waits still is finished.
    func close() async {
        let left = state.withLock { state in
            state.isClosed = true
            defer { state.waiting = [:] }
            return Array(state.waiting.values)
        }
        for (channel, _) in left { try? await channel.executeThenClose { _, _ in } }
    }
}
