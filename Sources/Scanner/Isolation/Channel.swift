import CSeccomp
import Dispatch
import Glibc

/// One end of a socket pair: messages with a length before them, and a descriptor with one where needed. One thread at a time.
final class Channel: Sendable {
    enum Failure: Error, Equatable {
        /// The other side is gone, or says what is none of its business.
        case closed
        case late
    }

    let descriptor: CInt

    init(_ descriptor: CInt) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    static func pair() -> (Channel, Channel)? {
        var ends: [CInt] = [-1, -1]
        let kind = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { return nil }
        return (Channel(ends[0]), Channel(ends[1]))
    }

    func send(_ bytes: [UInt8], descriptor passed: CInt = -1, until deadline: DispatchTime = .distantFuture) throws(Failure) {
        var writer = WireWriter()
        writer.put(bytes.count)
        let frame = writer.bytes + bytes
        var sent = 0
        while sent < frame.count {
            let count = frame.withUnsafeBytes { frame in
                buzon_send_with_descriptor(descriptor, frame.baseAddress?.advanced(by: sent), frame.count - sent, sent == 0 ? passed : -1)
            }
            if count < 0, errno == EAGAIN {
                try wait(for: POLLOUT, until: deadline)
                continue
            }
            guard count > 0 else { throw .closed }
            sent += count
        }
    }

    /// The next message. Descriptors that come with it, which nobody asked for, are not taken.
    func receive(until deadline: DispatchTime = .distantFuture) throws(Failure) -> [UInt8] {
        try message(until: deadline) { buffer in recv(descriptor, buffer.baseAddress, buffer.count, 0) }
    }

    /// The next message, and the descriptor that came with it, which is the caller's to close; -1: none.
    func receiveWithDescriptor() throws(Failure) -> (bytes: [UInt8], descriptor: CInt) {
        var passed: CInt = -1
        do throws(Failure) {
            let bytes = try message(until: .distantFuture) { buffer in
                var one: CInt = -1
                let received = buzon_receive_with_descriptor(descriptor, buffer.baseAddress, buffer.count, &one)
                if one >= 0 {
                    if passed >= 0 { close(passed) }
                    passed = one
                }
                return received
            }
            return (bytes, passed)
        } catch {
            if passed >= 0 { close(passed) }
            throw error
        }
    }

    private typealias Receive = (UnsafeMutableRawBufferPointer) -> Int

    private func message(until deadline: DispatchTime, _ receive: Receive) throws(Failure) -> [UInt8] {
        var reader = WireReader(try bytes(8, until: deadline, receive))
        guard let count = try? reader.number(in: 0...ChildMessage.longest) else { throw .closed }
        return try bytes(count, until: deadline, receive)
    }

    private func bytes(_ count: Int, until deadline: DispatchTime, _ receive: Receive) throws(Failure) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: min(count, 1 << 16))
        while bytes.count < count {
            try wait(for: POLLIN, until: deadline)
            let most = min(buffer.count, count - bytes.count)
            let received = buffer.withUnsafeMutableBytes { receive(UnsafeMutableRawBufferPointer(rebasing: $0.prefix(most))) }
            if received < 0, errno == EINTR { continue }
            guard received > 0 else { throw .closed }
            bytes += buffer.prefix(received)
        }
        return bytes
    }

    private func wait(for events: CInt, until deadline: DispatchTime) throws(Failure) {
        while true {
            let now = DispatchTime.now()
            guard now < deadline else { throw .late }
            let left =
                deadline == .distantFuture ? -1 : CInt(clamping: (deadline.uptimeNanoseconds - now.uptimeNanoseconds) / 1_000_000 + 1)
            var event = pollfd(fd: descriptor, events: Int16(events), revents: 0)
            if poll(&event, 1, left) > 0 { return }
        }
    }
}
