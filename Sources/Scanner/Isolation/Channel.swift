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

    func send(_ bytes: [UInt8], descriptor passed: CInt = -1) throws(Failure) {
        var writer = WireWriter()
        writer.put(bytes.count)
        let frame = writer.bytes + bytes
        var sent = 0
        while sent < frame.count {
            let count = frame.withUnsafeBytes { frame in
                buzon_send_with_descriptor(descriptor, frame.baseAddress?.advanced(by: sent), frame.count - sent, sent == 0 ? passed : -1)
            }
            guard count > 0 else { throw .closed }
            sent += count
        }
    }

    /// The next message; the descriptor that came with it is the caller's to close, -1: none.
    func receive(until deadline: DispatchTime = .distantFuture) throws(Failure) -> (bytes: [UInt8], descriptor: CInt) {
        var passed: CInt = -1
        do throws(Failure) {
            let head = try receive(8, until: deadline, &passed)
            var reader = WireReader(head)
            guard let count = try? reader.number(in: 0...ChildMessage.longest) else { throw .closed }
            return (try receive(count, until: deadline, &passed), passed)
        } catch {
            if passed >= 0 { close(passed) }
            throw error
        }
    }

    private func receive(_ count: Int, until deadline: DispatchTime, _ passed: inout CInt) throws(Failure) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: min(count, 1 << 16))
        while bytes.count < count {
            try wait(until: deadline)
            var descriptor: CInt = -1
            let received = buzon_receive_with_descriptor(self.descriptor, &buffer, min(buffer.count, count - bytes.count), &descriptor)
            if descriptor >= 0 {
                if passed >= 0 { close(passed) }
                passed = descriptor
            }
            guard received > 0 else { throw .closed }
            bytes += buffer.prefix(received)
        }
        return bytes
    }

    private func wait(until deadline: DispatchTime) throws(Failure) {
        if deadline == .distantFuture { return }
        while true {
            let now = DispatchTime.now()
            guard now < deadline else { throw .late }
            let left = (deadline.uptimeNanoseconds - now.uptimeNanoseconds) / 1_000_000 + 1
            var event = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            if poll(&event, 1, CInt(clamping: left)) > 0 { return }
        }
    }
}
