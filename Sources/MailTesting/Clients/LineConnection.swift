import Glibc

/// A blocking TCP connection that speaks in lines, for tests: strict about what a mail server may send
/// (only CRLF ends a line), bounded in time and size, and able to quote the whole conversation when it fails.
///
/// Not Sendable: use it on one thread, and in an async test on a thread of its own (`onOwnThread`),
/// since a blocked cooperative thread may be the one that the server under test needs.
package final class LineConnection {
    package enum Limits {
        /// Octets of one line without its CRLF; an untagged SEARCH of 100,000 numbers fits.
        package static let line = 8 << 20
        /// Octets of one counted read (an IMAP literal): four times the largest message that tests send.
        package static let block = 256 << 20
    }

    private let descriptor: Int32
    private var buffer: [UInt8] = []
    private var start = 0
    private var isOpen = true
    private var log = ConversationLog()

    /// Connects over TCP. `host` is a name or an address literal; `timeout` bounds the connect, and later each
    /// wait for the peer, in seconds.
    package init(host: String, port: UInt16, timeout: Int = 30) throws(ClientError) {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, String(port), &hints, &found)
        guard status == 0, let first = found else {
            throw ClientError(.unreachable("\(host): " + String(cString: gai_strerror(status))), transcript: "")
        }
        defer { freeaddrinfo(first) }
        var candidate: UnsafeMutablePointer<addrinfo>? = first
        var failure = "no address"
        while let address = candidate?.pointee {
            let socket = Glibc.socket(address.ai_family, address.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), address.ai_protocol)
            if socket >= 0 {
                Self.prepare(socket, timeout: timeout)
                if connect(socket, address.ai_addr, address.ai_addrlen) == 0 {
                    descriptor = socket
                    return
                }
                failure = String(cString: strerror(errno))
                Glibc.close(socket)
            } else {
                failure = String(cString: strerror(errno))
            }
            candidate = address.ai_next
        }
        throw ClientError(.unreachable("\(host) port \(port): \(failure)"), transcript: "")
    }

    deinit { close() }

    /// The conversation so far.
    package var transcript: String { log.text }

    package func error(_ reason: ClientError.Reason) -> ClientError { ClientError(reason, transcript: transcript) }

    /// Sends these octets as they are.
    package func send(_ bytes: [UInt8]) throws(ClientError) {
        guard isOpen else { throw error(.closed) }
        log.add("C", bytes)
        let flags = Int32(MSG_NOSIGNAL)
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress?.advanced(by: sent), $0.count - sent, flags) }
            if count > 0 {
                sent += count
            } else if errno == EAGAIN {
                throw error(.timedOut)
            } else if errno != EINTR {
                throw error(.closed)
            }
        }
    }

    /// Sends `line` and CRLF.
    package func send(line: String) throws(ClientError) { try send(Array(line.utf8) + [0x0D, 0x0A]) }

    /// The next line without its CRLF. A line that ends in a bare LF is `malformed`: no mail protocol allows it.
    package func readLine() throws(ClientError) -> [UInt8] {
        var searched = start
        while true {
            if let end = buffer[searched...].firstIndex(of: 0x0A) {
                guard end > start, buffer[end - 1] == 0x0D else {
                    log.add("S", buffer[start...end])
                    throw error(.malformed("a line that ends in a bare LF"))
                }
                let line = Array(buffer[start..<(end - 1)])
                log.add("S", buffer[start...end])
                start = end + 1
                return line
            }
            guard buffer.count - start <= Limits.line else { throw error(.tooLong) }
            let known = buffer.count - start
            guard try fill() else {
                log.add("S", buffer[start...])
                throw error(.closed)
            }
            searched = start + known
        }
    }

    /// Exactly `count` octets.
    package func read(exactly count: Int) throws(ClientError) -> [UInt8] {
        guard count >= 0, count <= Limits.block else { throw error(.tooLong) }
        while buffer.count - start < count {
            guard try fill() else { throw error(.closed) }
        }
        let block = Array(buffer[start..<(start + count)])
        start += count
        log.add("S", block)
        return block
    }

    /// Everything up to the end that the peer makes; for servers that must close, and must say nothing more.
    package func readToEnd() throws(ClientError) -> [UInt8] {
        while try fill() {
            guard buffer.count - start <= Limits.block else { throw error(.tooLong) }
        }
        let rest = Array(buffer[start...])
        start = buffer.count
        log.add("S", rest)
        return rest
    }

    /// Tells the peer that nothing more will come, while still reading.
    package func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    package func close() {
        guard isOpen else { return }
        isOpen = false
        Glibc.close(descriptor)
    }

    /// False when the peer closed.
    private func fill() throws(ClientError) -> Bool {
        guard isOpen else { throw error(.closed) }
        if start > 0, start == buffer.count || start > 1 << 20 {
            buffer.removeSubrange(..<start)
            start = 0
        }
        while true {
            let (count, cause) = withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 16) { chunk in
                let count = recv(descriptor, chunk.baseAddress, chunk.count, 0)
                if count > 0 { buffer.append(contentsOf: chunk[..<count]) }
                return (count, errno)
            }
            if count > 0 { return true }
            if count == 0 { return false }
            if cause == EAGAIN { throw error(.timedOut) }
            if cause != EINTR { return false }
        }
    }

    private static func prepare(_ socket: Int32, timeout seconds: Int) {
        var limit = timeval(tv_sec: seconds, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
        setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
        // A pipeline of small writes must not wait for the peer's delayed acknowledgements.
        var yes: Int32 = 1
        setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
    }
}
