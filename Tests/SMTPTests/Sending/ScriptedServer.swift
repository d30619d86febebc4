import Dialogue
import Testing

@testable import SMTP

/// A server made of canned replies, and a client session that talks to it without a network.
struct ScriptedServer {
    /// What is said to a line that begins so; each once, unless the key ends in `*`. nil: the connection closes.
    var answers: [(String, String?)]
    var banner: String?
    /// Said when the content is over.
    var end: String?

    init(
        _ answers: [(String, String?)] = [], banner: String? = "220 mx.example ESMTP", ehlo: String? = "250-mx.example\n250 PIPELINING",
        end: String? = "250 2.0.0 Queued as 1"
    ) {
        self.answers =
            answers + [
                ("EHLO*", ehlo), ("HELO*", "250 mx.example"), ("RSET*", "250 2.0.0 Ok"), ("MAIL*", "250 2.1.0 Ok"),
                ("RCPT*", "250 2.1.5 Ok"), ("DATA*", "354 Go on"), ("QUIT*", "221 2.0.0 Bye"),
            ]
        self.banner = banner
        self.end = end
    }

    /// What the client said, and what it made of the answers.
    struct Course: Equatable {
        var lines: [String] = []
        var contents: [String] = []
        var outcomes: [[RecipientOutcome]] = []
        var failure: SendingFailure?
        var isClosed = false
        var mostHeld = 0
    }

    func converse(_ messages: [(OutgoingMessage, String)], cut: Int = .max) -> Course {
        converse(SendingConfiguration(hostname: "me.example"), messages, cut: cut)
    }

    /// The server's bytes come in pieces of `cut`. TLS handshakes succeed and yield `tls`.
    func converse(
        _ configuration: SendingConfiguration, isLoopback: Bool = false,
        _ messages: [(OutgoingMessage, String)] = [], cut: Int = .max, isVerified: Bool = true
    ) -> Course {
        var session = SendingSession(configuration, isLoopback: isLoopback)
        var course = Course()
        var answers = answers
        var incoming = Array((banner.map { $0.wire } ?? "").utf8)
        var isEnding = banner == nil
        var outgoing: [UInt8] = []
        var content: [UInt8]?
        var messages = messages[...]
        var rest: [UInt8] = []
        let facts = TLSFacts(version: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384", bits: 256)
        if configuration.tls == .implicit { session.secured(facts, isVerified: isVerified) }

        func answer(_ line: String) {
            course.lines.append(line)
            guard let index = answers.firstIndex(where: { line.hasPrefix($0.0.filter { $0 != "*" }) }) else { return }
            guard let reply = answers[index].1 else {
                isEnding = true
                return
            }
            incoming += Array(reply.wire.utf8)
            if reply.hasPrefix("354"), line == "DATA" { content = [] }
            if !answers[index].0.hasSuffix("*") { answers.remove(at: index) }
        }
        func hear(_ bytes: [UInt8]) {
            for byte in bytes {
                if content != nil {
                    content?.append(byte)
                    guard let got = content, got.suffix(5) == Array("\r\n.\r\n".utf8)[...] || got == Array(".\r\n".utf8) else { continue }
                    course.contents.append(String(decoding: got, as: UTF8.self))
                    content = nil
                    if let end { incoming += Array(end.wire.utf8) } else { isEnding = true }
                    continue
                }
                outgoing.append(byte)
                if byte == 0x0A {
                    answer(String(decoding: outgoing.dropLast(2), as: UTF8.self))
                    outgoing = []
                }
            }
        }

        for _ in 0..<2_000_000 {
            switch session.next() {
            case .send(let bytes): hear(bytes)
            case .content:
                if !incoming.isEmpty {
                    let early = Array(incoming.prefix(min(cut, 65_536)))
                    incoming.removeFirst(early.count)
                    session.receive(early.span)
                    continue
                }
                let piece = Array(rest.prefix(cut))
                rest.removeFirst(piece.count)
                session.supply(piece)
            case .startTLS:
                incoming = []
                session.secured(facts, isVerified: isVerified)
            case .needInput:
                let piece = Array(incoming.prefix(min(cut, 65_536)))
                incoming.removeFirst(piece.count)
                if !piece.isEmpty {
                    session.receive(piece.span)
                    course.mostHeld = max(course.mostHeld, session.heldBytes)
                } else if isEnding {
                    session.receiveEnd()
                } else {
                    session.expire()
                }
            case .ready:
                if !incoming.isEmpty {
                    let unasked = Array(incoming.prefix(65_536))
                    incoming = []
                    session.receive(unasked.span)
                }
                guard let (message, text) = messages.popFirst() else {
                    session.quit()
                    continue
                }
                rest = Array(text.utf8)
                session.begin(message)
            case .finished(let outcomes): course.outcomes.append(outcomes)
            case .failed(let failure): course.failure = failure
            case .close:
                course.isClosed = true
                return course
            }
        }
        return course
    }
}

extension String {
    fileprivate var wire: String {
        split(separator: "\n", omittingEmptySubsequences: false).map { $0 + "\r\n" }.joined()
    }
}

extension OutgoingMessage {
    /// To `a`, `b`… at dest.example.
    static func to(_ names: String..., size: Int = 10) -> OutgoingMessage {
        OutgoingMessage(sender: "s@me.example", recipients: names.map { Recipient(address: "\($0)@dest.example") }, size: size)
    }
}

let cuts = [1, 2, 3, 7, 64, Int.max]
