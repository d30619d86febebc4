import CSASL
package import Dialogue
import Glibc
import Synchronization

/// libsasl2, initialised once for the life of the process.
package struct SASLLibrary: AuthenticationMechanisms {
    package struct Unusable: Error, Sendable, CustomStringConvertible {
        /// For the log.
        package let description: String
    }

    package let names: Set<String>

    /// Initialises the library at the first call; later ones answer the same.
    package static func load() throws(Unusable) -> SASLLibrary { try loaded.get() }

    private static let loaded: Result<SASLLibrary, Unusable> = {
        sasl_set_mutex(mutexAllocate, mutexLock, mutexUnlock, mutexFree)
        // Without an application name the library looks for no configuration file.
        guard sasl_server_init(globalCallbacks, nil) == SASL_OK else { return .failure(unusable("libsasl2 refuses to start")) }
        guard sasl_auxprop_add_plugin(Options.pluginName, propertyPlugin) == SASL_OK else {
            return .failure(unusable("libsasl2 refuses the property plug-in"))
        }
        do throws(Unusable) {
            var names = try announced(binding: false)
            names.formUnion(try announced(binding: true))
            return .success(SASLLibrary(names: names))
        } catch {
            return .failure(error)
        }
    }()

    private static func unusable(_ reason: String) -> Unusable {
        let heard = libraryLog.withLock { $0 }
        return Unusable(description: heard.isEmpty ? reason : reason + ": " + heard.joined(separator: "; "))
    }

    /// What the plug-ins that were found can do.
    private static func announced(binding: Bool) throws(Unusable) -> Set<String> {
        let tls = TLSFacts(
            version: "", cipher: "", bits: 256, binding: binding ? ChannelBinding(name: "tls-exporter", data: [0]) : nil)
        let exchange = SASLExchange(ExchangeTerms(service: "smtp", host: "localhost", isProtected: true, tls: tls), NoUsers())
        guard let names = exchange.listedMechanisms() else {
            throw unusable("libsasl2 knows no mechanism: is libsasl2-modules installed?")
        }
        return names
    }

    package func exchange(_ terms: ExchangeTerms, _ source: any CredentialSource) -> any AuthenticationExchange {
        SASLExchange(terms, source)
    }
}

private final class NoUsers: CredentialSource {
    func canonical(_ name: String) -> String? { nil }
    func verifiers(of login: String) -> [String] { [] }
    func plainPassword(of login: String) -> [UInt8] { [] }
    func isRight(_ password: Secret, of login: String) -> Bool { false }
}
