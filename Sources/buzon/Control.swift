import Dialogue
import FoundationEssentials
import Glibc
import Network
import Store

/// `DIR/control`: how commands talk to the running server. A Unix socket of mode 0600 in a directory of mode 0700; one
/// request a connection, one line of JSON each way.
enum Control {
    struct Request: Codable, Sendable {
        enum Verb: String, Codable, Sendable {
            /// What the server is doing.
            case status
            /// Takes a snapshot of the database now.
            case snapshot
            /// Looks at the queue now.
            case flush
            /// Which destinations rest after failures.
            case rests
        }

        var verb: Verb
        /// Of `rests`: A-labels, folded.
        var domains: [String]?
    }

    struct Reply: Codable, Sendable {
        struct Door: Codable, Sendable {
            var name: String
            var address: String
            var port: Int
            var connections: Int
        }

        var error: String?
        var version: String?
        var process: Int32?
        var doors: [Door]?
        var snapshot: String?
        /// Domains, and until when (seconds since 1970).
        var rests: [String: Int64]?
        /// What viruses are known by.
        var signatures: LoadedSignatures?
    }

    static func path(_ directory: String) -> String { directory + "/control" }

    /// Bytes of a request or a reply.
    static let limit = 65_536

    /// Asks the server of `directory`. Nil when none runs; throws when one runs and does not answer within `seconds`.
    static func ask(_ verb: Request.Verb, directory: String, domains: [String]? = nil, seconds: Int = 10) throws -> Reply? {
        let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var limit = timeval(tv_sec: seconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        guard var address = UnixAddress(path(directory)), address.connect(descriptor) else { return nil }
        var line = Array(try JSONEncoder().encode(Request(verb: verb, domains: domains)))
        line.append(0x0A)
        guard write(descriptor, line, line.count) == line.count else { throw CommandFailure(text("control.silent")) }
        var reply: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while reply.last != 0x0A, reply.count <= Self.limit {
            let count = read(descriptor, &buffer, buffer.count)
            guard count > 0 else { throw CommandFailure(text("control.silent")) }
            reply += buffer[..<count]
        }
        return try JSONDecoder().decode(Reply.self, from: Data(reply))
    }
}

/// A path as the socket calls want it.
private struct UnixAddress {
    private var address = sockaddr_un()

    /// Nil when the path is too long for a socket (107 bytes).
    init?(_ path: String) {
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return nil }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    }

    mutating func connect(_ descriptor: CInt) -> Bool {
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
    }
}

/// The server's side of `DIR/control` as a session: one line in, one line out.
struct ControlSession: ServerSession, ~Copyable {
    typealias Question = [UInt8]
    typealias Answer = [UInt8]

    private enum State {
        case reading
        case asking
        case ended
    }

    private var state = State.reading
    private var input = LineBuffer()
    private var reply: [UInt8]?

    static var failure: [UInt8] { Array("{\"error\":\"failed\"}\n".utf8) }

    mutating func receive(_ bytes: Span<UInt8>) {
        if input.count <= Control.limit { input.append(bytes) }
    }

    mutating func receiveEnd() { if case .reading = state { state = .ended } }
    mutating func expire() { state = .ended }
    mutating func shutDown() { if case .reading = state { state = .ended } }

    mutating func resume(_ answer: [UInt8]) {
        reply = answer
        state = .ended
    }

    mutating func next() -> Step<[UInt8]> {
        if let reply {
            self.reply = nil
            return .reply(reply)
        }
        switch state {
        case .ended: return .close
        case .asking: return .close
        case .reading:
            if let end = input.nextLineFeed() {
                state = .asking
                return .ask(Array(input.bytes.prefix(end)))
            }
            guard input.count <= Control.limit else {
                state = .ended
                return .close
            }
            return .needInput(Patience(.seconds(5)))
        }
    }
}

/// Answers commands.
final class ControlResponder: Responder {
    private let store: MailStore
    private let doors: @Sendable () -> [Control.Reply.Door]
    private let flush: @Sendable () -> Void
    private let rests: @Sendable ([String]) -> [String: Int64]
    private let signatures: @Sendable () -> LoadedSignatures?

    init(
        store: MailStore, flush: @escaping @Sendable () -> Void = {},
        rests: @escaping @Sendable ([String]) -> [String: Int64] = { _ in [:] },
        signatures: @escaping @Sendable () -> LoadedSignatures? = { nil },
        doors: @escaping @Sendable () -> [Control.Reply.Door]
    ) {
        self.rests = rests
        self.signatures = signatures
        self.store = store
        self.flush = flush
        self.doors = doors
    }

    func answer(_ question: [UInt8]) async throws -> [UInt8] {
        var reply = Control.Reply()
        if let request = try? JSONDecoder().decode(Control.Request.self, from: Data(question)) {
            switch request.verb {
            case .status:
                reply.version = Buzon.version
                reply.process = getpid()
                reply.doors = doors()
                reply.signatures = signatures()
            case .flush: flush()
            case .rests: reply.rests = rests(request.domains ?? [])
            case .snapshot:
                do {
                    reply.snapshot = try await store.takeSnapshot()
                } catch {
                    reply.error = error.code
                }
            }
        } else {
            reply.error = "request"
        }
        var line = Array(try JSONEncoder().encode(reply))
        line.append(0x0A)
        return line
    }

    func take(_ piece: [UInt8]) async {}
    func end() async {}
}
