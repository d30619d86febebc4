import ArgumentParser
import Mail
import Store
import TLS

/// The certificates that the server shows.
struct CertificateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "certificate", abstract: text("help.certificate"),
        subcommands: [List.self, Add.self, Remove.self, Renew.self])

    private struct Shown: Encodable {
        /// Nil for one of the setting certificate-files.
        var id: Int64?
        var origin: String
        var names: [String]
        /// Seconds since 1970.
        var notAfter: Int64
        var sha256: String
        /// RFC 6698: what a TLSA record for it holds.
        var tlsa: String

        init(_ certificate: Certificate, id: Int64?, origin: String) {
            self.id = id
            self.origin = origin
            names = certificate.names
            notAfter = certificate.notAfter
            sha256 = Certificate.hexadecimal(certificate.fingerprint)
            tlsa = "3 1 1 " + Certificate.hexadecimal(certificate.publicKeyHash)
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: text("help.certificate.list"))
        @OptionGroup var common: CommonOptions

        func run() async throws {
            let shown = try await common.withStore { store in
                var shown = Certificates.pairs(store).compactMap { pair -> Shown? in
                    do {
                        let certificate = try Certificate(
                            chainPEM: Certificates.read(pair.chain), keyPEM: Certificates.read(pair.key))
                        return Shown(certificate, id: nil, origin: pair.chain)
                    } catch {
                        // The others are shown all the same.
                        Output.complain("buzon: \(text("certificate.unusable", ["file": pair.chain, "reason": "\(error)"]))\n")
                        return nil
                    }
                }
                for one in try await store.certificates() {
                    shown.append(
                        Shown(
                            try Certificate(chainPEM: one.chain, keyPEM: one.key), id: one.id,
                            origin: text("certificate.origin.\(one.origin.rawValue)")))
                }
                return shown
            }
            if common.json { return try Output.json(shown) }
            Output.table(
                shown.map {
                    [
                        $0.id.map { "\($0)" } ?? "-", $0.origin, $0.names.joined(separator: " "), MailDate.format(seconds: $0.notAfter),
                        $0.sha256, $0.tlsa,
                    ]
                })
        }
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: text("help.certificate.add"))
        @OptionGroup var common: CommonOptions
        @Argument(help: ArgumentHelp(text("help.certificate.chain"), valueName: "CHAIN")) var chain: String
        @Argument(help: ArgumentHelp(text("help.certificate.key"), valueName: "KEY")) var key: String

        func run() async throws {
            let certificate: Certificate
            do {
                certificate = try Certificate(chainPEM: Certificates.read(chain), keyPEM: Certificates.read(key))
            } catch {
                throw CommandFailure(text("certificate.unusable", ["file": chain, "reason": "\(error)"]))
            }
            guard certificate.notAfter > Clock.microseconds() / 1_000_000 else {
                throw CommandFailure(text("certificate.expired", ["file": chain, "time": MailDate.format(seconds: certificate.notAfter)]))
            }
            let id = try await common.withStore { store in
                try await store.addCertificate(.given, chain: certificate.chainPEM, key: certificate.keyPEM)
            }
            try common.answer(
                Shown(certificate, id: id, origin: "given"),
                text("certificate.added", ["id": id, "names": certificate.names.joined(separator: ", ")]))
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: text("help.certificate.remove"))
        @OptionGroup var common: CommonOptions
        @Argument(help: ArgumentHelp(text("help.certificate.id"), valueName: "ID")) var id: Int64

        func run() async throws {
            try await common.withStore { store in
                try await telling({ $0 == .nonExistent ? text("certificate.unknown", ["id": id]) : nil }) {
                    try await store.removeCertificate(id)
                }
            }
            try common.answer(["id": id], text("certificate.removed", ["id": id]))
        }
    }

    struct Renew: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: text("help.certificate.renew"))
        @OptionGroup var common: CommonOptions

        func run() async throws {
            let certificate = try await common.withStore { store in
                do {
                    return try await Certificates.renew(store)
                } catch let failure as TLSFailure {
                    throw CommandFailure("\(failure)")
                }
            }
            try common.answer(
                Shown(certificate, id: nil, origin: "self-signed"),
                text("certificate.renewed", ["names": certificate.names.joined(separator: ", ")]))
        }
    }
}
