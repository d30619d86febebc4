import Glibc
import Synchronization

@testable import Scanner

/// A tiny HTTP server on 127.0.0.1, with a thread for each connection. What is asked of it by CONNECT it answers itself: a proxy behind which
/// everything is here.
final class LoopbackServer: Sendable {
    struct Request: Sendable {
        var method: String
        var path: String
        /// Names in small letters.
        var fields: [String: String]
    }

    enum Answer: Sendable {
        case status(Int, [String: String] = [:])
        case body([UInt8], [String: String] = [:])
        /// Announces more than comes.
        case truncated([UInt8], announced: Int)
        /// Never says anything.
        case silence
        /// One byte every fifth of a second, for ever.
        case drip
        /// As much as is taken.
        case flood
    }

    private struct State: Sendable {
        var requests: [Request] = []
        var isOver = false
        var connections: Set<CInt> = []
    }

    private let state = Mutex(State())
    private let listener: CInt
    private let answer: @Sendable (Request) -> Answer
    let port: UInt16

    init(_ answer: @escaping @Sendable (Request) -> Answer) throws {
        self.answer = answer
        listener = socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 64) == 0 && getsockname(listener, $0, &length) == 0
            }
        }
        struct CannotListen: Error {}
        guard isBound else { throw CannotListen() }
        port = UInt16(bigEndian: address.sin_port)
        _ = IsolatedThread.start { [self] in accept() }
    }

    var url: String { "http://127.0.0.1:\(port)" }
    var requests: [Request] { state.withLock { $0.requests } }

    /// For the first one, ten seconds at most.
    func waitForRequest() async throws {
        struct Nothing: Error {}
        for _ in 0..<1_000 {
            if !requests.isEmpty { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw Nothing()
    }

    func stop() {
        let connections = state.withLock { state in
            state.isOver = true
            return state.connections
        }
        shutdown(listener, CInt(SHUT_RDWR))
        for connection in connections { shutdown(connection, CInt(SHUT_RDWR)) }
    }

    private var isOver: Bool { state.withLock { $0.isOver } }

    private func accept() {
        while true {
            let connection = Glibc.accept(listener, nil, nil)
            guard connection >= 0, !isOver else {
                if connection >= 0 { close(connection) }
                close(listener)
                return
            }
            state.withLock { _ = $0.connections.insert(connection) }
            _ = IsolatedThread.start { [self] in
                serve(connection)
                state.withLock { _ = $0.connections.remove(connection) }
                close(connection)
            }
        }
    }

    private func serve(_ connection: CInt) {
        guard var request = read(connection) else { return }
        state.withLock { $0.requests.append(request) }
        if request.method == "CONNECT" {
            if case .status(let code, let fields) = answer(request), code != 200 {
                return write(connection, code, fields, [], announced: 0)
            }
            send(connection, Array("HTTP/1.1 200 Connection established\r\n\r\n".utf8))
            guard let inner = read(connection) else { return }
            request = inner
            state.withLock { $0.requests.append(inner) }
        }
        switch answer(request) {
        case .status(let code, let fields): write(connection, code, fields, [], announced: 0)
        case .body(let body, let fields): write(connection, 200, fields, body, announced: body.count)
        case .truncated(let body, let announced): write(connection, 200, [:], body, announced: announced)
        case .silence: while !isOver { usleep(20_000) }
        case .drip:
            write(connection, 200, [:], [], announced: 1_000_000)
            while !isOver, send(connection, [0x41]) { usleep(200_000) }
        case .flood:
            write(connection, 200, [:], [], announced: 1 << 40)
            let piece = [UInt8](repeating: 0x41, count: 65_536)
            while !isOver, send(connection, piece) {}
        }
    }

    private func write(_ connection: CInt, _ code: Int, _ fields: [String: String], _ body: [UInt8], announced: Int) {
        var head = "HTTP/1.1 \(code) Words\r\nContent-Length: \(announced)\r\nConnection: close\r\n"
        for (name, value) in fields { head += "\(name): \(value)\r\n" }
        send(connection, Array((head + "\r\n").utf8) + body)
    }

    @discardableResult
    private func send(_ connection: CInt, _ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(connection, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    private func read(_ connection: CInt) -> Request? {
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while !bytes.suffix(4).elementsEqual(Array("\r\n\r\n".utf8)) {
            guard bytes.count < 65_536, recv(connection, &byte, 1, 0) == 1 else { return nil }
            bytes.append(byte)
        }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\r\n")
        let words = lines[0].split(separator: " ")
        var fields: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { fields[parts[0].lowercased()] = String(parts[1].drop { $0 == " " }) }
        }
        return Request(method: String(words[0]), path: String(words[1]), fields: fields)
    }
}
