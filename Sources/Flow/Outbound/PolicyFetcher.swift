/// Fetches `https://mta-sts.DOMAIN/.well-known/mta-sts.txt` (RFC 8461 §3.3): certificate verified for that name, no redirects, at most
/// `STSPolicy.sizeLimit` octets and a minute. The network is behind it; tests have their own.
package protocol PolicyFetcher: Sendable {
    func fetch(domain: String) async throws(PolicyFetchFailure) -> FetchedPolicy
}

package struct FetchedPolicy: Sendable, Hashable {
    package var contentType: String
    package var body: [UInt8]

    package init(contentType: String, body: [UInt8]) {
        self.contentType = contentType
        self.body = body
    }

    /// RFC 8461 §3.2: the media type is text/plain, whatever its parameters.
    var isPlainText: Bool {
        let type = contentType.prefix { $0 != ";" }.filter { $0 != " " && $0 != "\t" }
        return type.lowercased() == "text/plain"
    }
}

package enum PolicyFetchFailure: Error, Hashable {
    /// The certificate proves nothing.
    case certificate(reason: String)
    case other(reason: String)
}
