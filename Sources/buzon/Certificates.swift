import FoundationEssentials
import Glibc
import Logging
import Mail
import Store
import Synchronization
import TLS

/// The certificates that the doors show: those of files, those that were given, and the one that the server made itself, in this order.
/// A change makes a new context for the connections that come.
final class Certificates: Sendable {
    /// What a look at the files tells of them without reading them.
    private struct Stamp: Sendable, Equatable {
        var generation: UInt64
        var files: [String]
        /// Certificates come to their end without anybody's doing.
        var day: Int64
    }

    /// A file that holds more is none of ours.
    static let maximumFile = Certificate.maximumPEM
    /// A self-signed certificate is made anew so many seconds before its end.
    static let renewal: Int64 = 30 * 86_400

    private let store: MailStore
    private let log: Logger
    private let tickets: TicketKeys
    private let current: Mutex<ServerContext>
    /// Nil: it is to be tried again.
    private let seen: Mutex<Stamp?>
    private let told = Mutex<[String]>([])
    /// What each pair of files held when it was right, by its paths.
    private let kept: Mutex<[String: Certificate]>

    /// Makes the self-signed certificate when there is none. Throws when there is nothing to show at all.
    init(_ store: MailStore, log: Logger) async throws {
        self.store = store
        self.log = log
        tickets = TicketKeys(secret: try await store.secret(.ticket))
        let stamp = Self.stamp(store)
        seen = Mutex(stamp)
        let loaded = try await Self.load(store, tickets, [:])
        let context = loaded.context
        current = Mutex(context)
        kept = Mutex(loaded.files)
        told.withLock { $0 = loaded.complaints }
        for complaint in loaded.complaints { log.error("certificate: \(complaint)") }
        log.info("certificate: \(context.certificates[0].summary)")
    }

    var context: ServerContext { current.withLock { $0 } }

    /// Looks whether anything has changed, and takes it.
    func refresh() async {
        let stamp = Self.stamp(store)
        let isNew = seen.withLock { seen in
            defer { seen = stamp }
            return seen != stamp
        }
        guard isNew else { return }
        do {
            let loaded = try await Self.load(store, tickets, kept.withLock { $0 })
            kept.withLock { $0 = loaded.files }
            let isTold = told.withLock { told in
                defer { told = loaded.complaints }
                return told == loaded.complaints
            }
            if !isTold { for complaint in loaded.complaints { log.error("certificate: \(complaint)") } }
            let context = loaded.context
            guard !context.isSame(as: self.context) else { return }
            current.withLock { $0 = context }
            log.info("certificate: \(context.certificates[0].summary)")
        } catch {
            seen.withLock { $0 = nil }
            let complaint = "\(error)"
            let isTold = told.withLock { told in
                defer { told = [complaint] }
                return told == [complaint]
            }
            if !isTold { log.error("certificate: \(complaint)") }
        }
    }

    // MARK: Loading

    private struct Loaded {
        var context: ServerContext
        var files: [String: Certificate]
        /// What can't be used, and why.
        var complaints: [String]
    }

    /// A pair of files that is broken now and was right before goes on as it was, until it is mended or taken away.
    private static func load(
        _ store: MailStore, _ tickets: TicketKeys, _ kept: [String: Certificate]
    ) async throws -> Loaded {
        var complaints: [String] = []
        var certificates: [Certificate] = []
        var files: [String: Certificate] = [:]
        for pair in pairs(store) {
            let name = "\(pair.chain), \(pair.key)"
            do {
                files[name] = try Certificate(chainPEM: try read(pair.chain), keyPEM: try read(pair.key))
            } catch {
                complaints.append("\(name): \(error)")
                files[name] = kept[name]
            }
            if let certificate = files[name] { certificates.append(certificate) }
        }
        let hostname = Appliance.hostname(store)
        let stored = try await store.certificates()
        for one in stored where one.origin == .given {
            do {
                certificates.append(try Certificate(chainPEM: one.chain, keyPEM: one.key))
            } catch {
                complaints.append("\(one.id): \(error)")
            }
        }
        // One that is over shadows none that is not.
        let now = Int64(time(nil))
        certificates = certificates.filter { $0.notAfter > now } + certificates.filter { $0.notAfter <= now }
        let own = try await selfSigned(store, hostname, stored)
        certificates.append(own.certificate)
        if let complaint = own.complaint { complaints.append(complaint) }
        // RFC 6066 §3: a client that names nothing gets the one for the server's own name.
        if let place = certificates.firstIndex(where: { $0.covers(hostname) }) {
            certificates.insert(certificates.remove(at: place), at: 0)
        }
        let minimum = TLSVersion(rawValue: store.value(.tlsMinimum)) ?? .tls12
        let context = try ServerContext(certificates, tickets: tickets, options: ServerContext.Options(minimum: minimum))
        return Loaded(context: context, files: files, complaints: complaints)
    }

    /// Where the settings name a subject that no certificate takes (a country of three letters), it is made without, and that is told:
    /// a server that can't show itself would be worse.
    private static func selfSigned(
        _ store: MailStore, _ hostname: String, _ stored: [StoredCertificate]
    ) async throws -> (certificate: Certificate, complaint: String?) {
        if let one = stored.first(where: { $0.origin == .selfSigned }),
            let certificate = try? Certificate(chainPEM: one.chain, keyPEM: one.key), certificate.covers(hostname),
            certificate.notAfter > Int64(time(nil)) + renewal
        {
            return (certificate, nil)
        }
        let request = SelfSignedRequest(store)
        do {
            return (try await keep(request.make(), store), nil)
        } catch let failure as TLSFailure {
            return (try await keep(SelfSignedRequest(name: request.name, key: request.key).make(), store), "\(failure)")
        }
    }

    /// Makes a new self-signed certificate, and keeps it.
    static func renew(_ store: MailStore) async throws -> Certificate { try await keep(SelfSignedRequest(store).make(), store) }

    private static func keep(_ certificate: Certificate, _ store: MailStore) async throws -> Certificate {
        _ = try await store.addCertificate(.selfSigned, chain: certificate.chainPEM, key: certificate.keyPEM)
        return certificate
    }

    // MARK: Files

    /// Of the setting `certificate-files`. A pair without a colon is one file with both.
    static func pairs(_ store: MailStore) -> [(chain: String, key: String)] {
        store.value(.certificateFiles).split(separator: ",").compactMap { pair in
            let parts = pair.split(separator: ":", maxSplits: 1).map { String($0).trimmed }
            guard let chain = parts.first else { return nil }
            return (chain, parts.count > 1 ? parts[1] : chain)
        }
    }

    static func read(_ path: String) throws -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw TLSFailure(.configuration, String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= maximumFile else {
            throw TLSFailure(.configuration, "no file of at most \(maximumFile) bytes")
        }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        guard count >= 0 else { throw TLSFailure(.configuration, String(cString: strerror(errno))) }
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }

    private static func stamp(_ store: MailStore) -> Stamp {
        var files: [String] = []
        for pair in pairs(store) {
            for path in [pair.chain, pair.key] {
                var status = stat()
                // Followed: certbot's files are links that move on.
                files.append(
                    stat(path, &status) == 0
                        ? "\(path) \(status.st_ino) \(status.st_size) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)" : path)
            }
        }
        return Stamp(generation: store.directoryGeneration, files: files, day: Int64(time(nil)) / 86_400)
    }
}

extension ServerContext {
    fileprivate func isSame(as other: ServerContext) -> Bool {
        certificates.map(\.fingerprint) == other.certificates.map(\.fingerprint) && options == other.options
    }
}

extension SelfSignedRequest {
    /// As the settings have it.
    init(_ store: MailStore) {
        self.init(name: Appliance.hostname(store), key: Key(rawValue: store.value(.certificateKey)) ?? .ecdsa)
        country = store.value(.certificateCountry)
        state = store.value(.certificateState)
        locality = store.value(.certificateLocality)
        organization = store.value(.certificateOrganization)
        unit = store.value(.certificateUnit)
        email = store.value(.certificateEmail)
    }
}
