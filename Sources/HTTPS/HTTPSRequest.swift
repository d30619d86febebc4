/// A GET.
package struct HTTPSRequest: Sendable, Hashable {
    /// An A-label: for SNI, the certificate and the Host header field.
    package var host: String
    /// With the slash at its beginning.
    package var path: String
    /// Where the host is, tried as libcurl likes.
    package var addresses: [String]
    package var port: Int
    /// Octets of the body.
    package var sizeLimit: Int
    /// For everything, from the connection to the last octet.
    package var timeLimit: Duration

    package init(
        host: String, path: String, addresses: [String], port: Int = 443, sizeLimit: Int = 65_536, timeLimit: Duration = .seconds(60)
    ) {
        self.host = host
        self.path = path
        self.addresses = addresses
        self.port = port
        self.sizeLimit = sizeLimit
        self.timeLimit = timeLimit
    }
}

/// What came with status 200.
package struct HTTPSResponse: Sendable, Hashable {
    /// As it was sent; empty when it wasn't.
    package var contentType: String
    package var body: [UInt8]
}

package enum HTTPSFailure: Error, Hashable {
    package enum TLSKind: Sendable, Hashable {
        case expired
        case otherName
        case untrusted
        /// No agreement, or nothing that is TLS.
        case handshake
    }

    case unreachable(reason: String)
    case tls(TLSKind)
    /// Any but 200.
    case status(Int)
    case tooLarge
    case timedOut
    /// Too many requests of ours wait.
    case overloaded
}
