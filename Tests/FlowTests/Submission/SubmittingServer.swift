import Dialogue
import Filter
import Foundation
import Mail
import SMTP
import Store
import Synchronization
import Testing

@testable import Flow

/// A data directory with users, and receptions of connections to it.
final class SubmittingServer: Sendable {
    static let ana = "ana@mi.dominio"
    static let luis = "luis@mi.dominio"
    static let administrator = "admin@mi.dominio"

    let directory: String
    let store: MailStore
    let context: ReceptionContext
    /// Seconds since 1970: 2026-11-27 12:00 UTC.
    let now = Mutex<Int64>(1_795_780_800)
    let reports = Mutex<[String]>([])
    /// What it told the log.
    let lines = Mutex<[String]>([])

    private init(_ directory: String, _ store: MailStore, _ inspector: (any Inspector)?) {
        self.directory = directory
        self.store = store
        let owner = Owner()
        var context = ReceptionContext(
            store: store, workshop: Workshop(threads: 2), queueIDs: QueueIDs(), name: { "mail.host" },
            clock: { (owner.server?.now.withLock { $0 } ?? 0) * 1_000_000 }, zone: { _ in 60 },
            report: { kind, _ in owner.server?.reports.withLock { $0.append(kind) } },
            words: { reason, language in ([reason.key, language] + reason.values.map(\.value)).joined(separator: " ") })
        context.inspector = inspector
        context.log = { line in owner.server?.lines.withLock { $0.append(line) } }
        self.context = context
        owner.hold(self)
    }

    /// With ana, luis and admin at mi.dominio; the administrator is admin.
    static func run(inspector: (any Inspector)? = nil, _ body: (SubmittingServer) async throws -> Void) async throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("buzon-flow-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: directory) }
        var options = MailStore.Options()
        options.keepsHouse = false
        let store = try await MailStore.open(directory: directory, options: options)
        try await store.set(.iterations, to: "4096")
        try await store.addDomain("mi.dominio")
        for user in [administrator, ana, luis] { try await store.addUser(user, password: Array("x".utf8)) }
        try await store.set(.administrator, to: administrator)
        let server = SubmittingServer(directory, store, inspector)
        do {
            try await body(server)
            let report = try await store.verify(deep: true)
            #expect(report.isClean, "\(report.problems)")
        } catch {
            await store.close()
            throw error
        }
        await store.close()
    }

    func connection(_ peer: String = "192.0.2.7", tls: TLSFacts? = nil) -> Connection {
        Connection(
            peerAddress: peer, peerPort: 1, localAddress: "192.0.2.1", localPort: 587, isLoopback: peer == "127.0.0.1", tls: tls, id: 1)
    }

    func reception(_ login: String?, peer: String = "192.0.2.7", tls: TLSFacts? = nil) -> Reception {
        let reception = Reception(context, connection(peer, tls: tls))
        reception.login = login
        return reception
    }

    func content(_ bytes: [UInt8]) throws -> Spool {
        let spool = store.spool()
        try spool.append(bytes)
        return spool
    }

    /// The messages of a user's INBOX as a reader sees them, oldest first.
    func inbox(_ user: String) async throws -> [[UInt8]] { try await messages(of: user, in: "INBOX") }

    func messages(of user: String, in name: String) async throws -> [[UInt8]] {
        guard let id = try await store.user(user)?.id else { return [] }
        let mailbox = try await store.status(id, name).id
        var messages: [[UInt8]] = []
        for row in try await store.messages(mailbox, UIDSet(1...UID.max), [.flags, .body, .envelope, .structure, .size]) {
            var bytes: [UInt8] = []
            while bytes.count < row.size { bytes += try await store.read(row.body, bytes.count..<row.size) }
            messages.append(bytes)
        }
        return messages
    }

    private final class Owner: Sendable {
        private let reference = Mutex<Weak>(Weak())
        private struct Weak: Sendable { weak var server: SubmittingServer? }
        var server: SubmittingServer? { reference.withLock { $0.server } }
        func hold(_ server: SubmittingServer) { reference.withLock { $0.server = server } }
    }
}

extension Reception {
    func mail(_ from: String, _ parameters: MailParameters = MailParameters()) async throws -> SMTP.Answer {
        try await answer(.sender(reversePath(from), parameters))
    }

    func rcpt(_ to: String) async throws -> SMTP.Answer {
        try await answer(.recipient(.mailbox(Address(parsing: to, allowUTF8: true)), RecipientParameters()))
    }

    /// A whole transaction; the first refusal is its answer.
    func submit(
        from: String, to: [String], _ content: [UInt8], _ parameters: MailParameters = MailParameters(),
        asks: RecipientParameters = RecipientParameters()
    ) async throws -> SMTP.Answer {
        let sender = try await mail(from, parameters)
        guard sender == .accepted else { return sender }
        for recipient in to {
            let answer = try await rcpt(recipient)
            guard answer == .accepted else { return answer }
        }
        return try await data(from: from, to: to, content, parameters, asks: asks)
    }

    func data(
        from: String, to: [String], _ content: [UInt8], _ parameters: MailParameters = MailParameters(),
        asks: RecipientParameters = RecipientParameters()
    ) async throws -> SMTP.Answer {
        _ = try await answer(.openBody)
        for start in stride(from: 0, to: content.count, by: 65_536) {
            await take(Array(content[start..<min(content.count, start + 65_536)]))
        }
        return try await answer(
            .deliver(
                Transaction(
                    greeting: "client.test", transmissionType: "ESMTPSA", reversePath: reversePath(from), mail: parameters,
                    recipients: to.map {
                        Transaction.Recipient(path: .mailbox(try Address(parsing: $0, allowUTF8: true)), parameters: asks)
                    }, size: content.count, login: login)))
    }

    private func reversePath(_ text: String) throws -> ReversePath {
        text.isEmpty ? .null : .mailbox(try Address(parsing: text, allowUTF8: true))
    }
}

extension SMTP.Answer {
    /// The code of a refusal, 250 for what was taken.
    var code: Int {
        switch self {
        case .refused(let reply): reply.code
        case .accepted, .delivered: 250
        case .authentication: 0
        }
    }
}

extension [UInt8] {
    init(_ text: String) { self = Array(text.utf8) }
    var text: String { String(decoding: self, as: UTF8.self) }
}
