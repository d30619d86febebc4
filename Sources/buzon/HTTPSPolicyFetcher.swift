internal import Flow
internal import HTTPS
internal import Mail
internal import Resolution

/// Fetches policies from where our own resolver says that their hosts are (RFC 8461 §3.3).
struct HTTPSPolicyFetcher: PolicyFetcher {
    let resolver: any Resolver
    let client: HTTPSFetcher
    /// Another one in tests only.
    var port = 443

    func fetch(domain: String) async throws(PolicyFetchFailure) -> FetchedPolicy {
        let host = "mta-sts." + domain
        let four = await resolver.lookUp(ARecord.self, host).records.map(\.bytes)
        let six = await resolver.lookUp(AAAARecord.self, host).records.map(\.bytes)
        let addresses = (six + four).compactMap { IPAddress(bytes: $0)?.description }
        guard !addresses.isEmpty else { throw .other(reason: "\(host) has no address") }
        let request = HTTPSRequest(
            host: host, path: "/.well-known/mta-sts.txt", addresses: addresses, port: port, sizeLimit: STSPolicy.sizeLimit,
            timeLimit: .seconds(60))
        do throws(HTTPSFailure) {
            let response = try await client.get(request)
            return FetchedPolicy(contentType: response.contentType, body: response.body)
        } catch {
            if case .tls(let kind) = error, kind != .handshake { throw .certificate(reason: "\(kind)") }
            throw .other(reason: "\(error)")
        }
    }
}
