import Glibc
import Mail
import Store
import TLS

extension Doctor {
    /// Days before its end from which a certificate is worth a warning.
    private static let warningDays: Int64 = 14

    /// The certificate that clients see first, and files that can't be used.
    func certificates(_ store: MailStore) async throws -> [Finding] {
        var findings: [Finding] = []
        var found: [Certificate] = []
        for pair in Certificates.pairs(store) {
            do {
                found.append(try Certificate(chainPEM: Certificates.read(pair.chain), keyPEM: Certificates.read(pair.key)))
            } catch {
                findings.append(
                    Finding("certificate", .problem, text("doctor.certificate.unusable", ["file": pair.chain, "reason": "\(error)"])))
            }
        }
        for one in try await store.certificates() {
            if let certificate = try? Certificate(chainPEM: one.chain, keyPEM: one.key) { found.append(certificate) }
        }
        let name = Appliance.hostname(store)
        guard let shown = found.first(where: { $0.covers(name) }) ?? found.first else { return findings }
        let values: KeyValuePairs<String, any CustomStringConvertible> = [
            "names": shown.names.joined(separator: ", "), "time": MailDate.format(seconds: shown.notAfter),
        ]
        if shown.notAfter < Int64(time(nil)) + Self.warningDays * 86_400 {
            findings.append(Finding("certificate", .problem, text("doctor.certificate.ending", values)))
        } else if shown.isSelfSigned {
            findings.append(Finding("certificate", .warning, text("doctor.certificate.self-signed", values)))
        } else {
            findings.append(Finding("certificate", .ok, text("doctor.certificate.ok", values)))
        }
        return findings
    }
}
