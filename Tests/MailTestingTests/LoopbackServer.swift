import Glibc
import Synchronization

/// A server of one canned conversation: for each line that begins with the key it says the value, `%` standing for the
/// line's first word. Enough to see what a client does with good and bad answers.
final class LoopbackServer: Sendable {
    let port: UInt16
    /// All that clients sent.
    var received: String { log.withLock { $0 } }
    private let log = Mutex("")

    /// `answers` are tried in turn, the first whose key the line holds is used up unless it ends in `*`.
    /// The value nil closes the connection, and so does NUL at a value's end.
    init(greeting: String, answers: [(String, String?)], connections: Int = 1) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) | listen(listener, 8) | getsockname(listener, $0, &length)
            }
        }
        guard status == 0 else { throw Unavailable() }
        port = UInt16(bigEndian: address.sin_port)
        let work = Unmanaged.passRetained(
            Work { [self] in
                for _ in 0..<connections {
                    let peer = accept(listener, nil, nil)
                    if peer >= 0 { converse(peer, greeting, answers) }
                }
                close(listener)
            })
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().run() }
                return nil
            }, work.toOpaque())
        pthread_detach(thread)
    }

    struct Unavailable: Error {}

    private final class Work: Sendable {
        let run: @Sendable () -> Void
        init(run: @escaping @Sendable () -> Void) { self.run = run }
    }

    private func converse(_ peer: Int32, _ greeting: String, _ answers: [(String, String?)]) {
        defer { close(peer) }
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var answers = answers
        say(greeting, to: peer)
        var line = ""
        var byte: UInt8 = 0
        while recv(peer, &byte, 1, 0) == 1 {
            log.withLock { $0.unicodeScalars.append(Unicode.Scalar(byte)) }
            guard byte == 0x0A else {
                line.unicodeScalars.append(Unicode.Scalar(byte))
                continue
            }
            if let index = answers.firstIndex(where: { line.contains($0.0.filter { $0 != "*" }) }) {
                guard let answer = answers[index].1 else { return }
                let tag = String(line.prefix { $0 != " " })
                let text = answer.filter { $0 != "\0" }
                say(text.split(separator: "%", omittingEmptySubsequences: false).joined(separator: tag), to: peer)
                if answer.hasSuffix("\0") { return }
                if !answers[index].0.hasSuffix("*") { answers.remove(at: index) }
            }
            line = ""
        }
    }

    private func say(_ text: String, to peer: Int32) {
        let bytes = Array(text.utf8)
        _ = bytes.withUnsafeBytes { send(peer, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    }
}
