package import Dialogue

extension TLSFacts {
    /// A handshake without a channel binding, for tests.
    package static let plain = TLSFacts(version: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384", bits: 256)
    package static let bound = TLSFacts(
        version: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384", bits: 256,
        binding: ChannelBinding(name: "tls-exporter", data: [UInt8](repeating: 7, count: 32)))
}
