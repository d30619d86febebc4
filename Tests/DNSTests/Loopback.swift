import Glibc
import Synchronization

/// A server on a loopback port that answers each datagram with what `answer` makes of it, or not at all.
final class DatagramServer: Sendable {
    let port: UInt16
    var received: Int { count.withLock { $0 } }
    private let count = Mutex(0)

    init(answer: @escaping @Sendable ([UInt8]) -> [UInt8]?) {
        let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) | getsockname(descriptor, $0, &length) }
        }
        port = UInt16(bigEndian: address.sin_port)
        var limit = timeval(tv_sec: 0, tv_usec: 50_000)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        Thread.start { [weak self] in
            while true {
                guard let datagram = Self.receive(descriptor) else {
                    if self == nil { break }
                    continue
                }
                self?.count.withLock { $0 += 1 }
                if let reply = answer(datagram.bytes) { Self.send(reply, to: datagram.peer, descriptor) }
            }
            close(descriptor)
        }
    }

    private static func receive(_ descriptor: Int32) -> (bytes: [UInt8], peer: sockaddr_in)? {
        var buffer = [UInt8](repeating: 0, count: 4_096)
        var peer = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let count = withUnsafeMutablePointer(to: &peer) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { recvfrom(descriptor, &buffer, buffer.count, 0, $0, &length) }
        }
        return count < 0 ? nil : (Array(buffer.prefix(count)), peer)
    }

    private static func send(_ bytes: [UInt8], to peer: sockaddr_in, _ descriptor: Int32) {
        var peer = peer
        _ = withUnsafePointer(to: &peer) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(descriptor, bytes, bytes.count, 0, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}

private enum Thread {
    private final class Work: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    static func start(_ body: @escaping @Sendable () -> Void) {
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().run() }
                return nil
            }, Unmanaged.passRetained(Work(body)).toOpaque())
        pthread_detach(thread)
    }
}
