internal import CCurl
internal import Synchronization

/// One request in libcurl's hands. Used by the thread that made it.
final class Transfer {
    private static let isLibraryReady = curl_global_init(Int(CURL_GLOBAL_ALL)) == CURLE_OK

    private let handle: OpaquePointer
    private let limit: Int
    private let isAbandoned: Abandonment
    private var body: [UInt8] = []
    private var isTooLarge = false

    /// Blocks until it is over.
    static func run(
        _ request: HTTPSRequest, _ roots: Roots, deadline: ContinuousClock.Instant, _ isAbandoned: Abandonment
    ) -> Result<HTTPSResponse, HTTPSFailure> {
        let milliseconds = (deadline - .now) / .milliseconds(1)
        guard milliseconds >= 1, !isAbandoned.value.load(ordering: .relaxed) else { return .failure(.timedOut) }
        guard isPlain(request) else { return .failure(.unreachable(reason: "no such host")) }
        guard isLibraryReady, let handle = curl_easy_init() else { return .failure(.unreachable(reason: "libcurl")) }
        let transfer = Transfer(OpaquePointer(handle), limit: request.sizeLimit, isAbandoned)
        return transfer.run(request, roots, milliseconds: Int(milliseconds))
    }

    /// Nothing that could mean something else to libcurl.
    private static func isPlain(_ request: HTTPSRequest) -> Bool {
        let isHost = request.host.utf8.allSatisfy {
            switch $0 {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "-"), UInt8(ascii: "."):
                true
            default: false
            }
        }
        let isPath = request.path.hasPrefix("/") && request.path.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
        let areAddresses = request.addresses.allSatisfy { $0.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ",") } }
        return isHost && !request.host.isEmpty && isPath && !request.addresses.isEmpty && areAddresses
            && (1...65_535).contains(request.port)
    }

    private init(_ handle: OpaquePointer, limit: Int, _ isAbandoned: Abandonment) {
        self.handle = handle
        self.limit = limit
        self.isAbandoned = isAbandoned
    }

    deinit { curl_easy_cleanup(UnsafeMutableRawPointer(handle)) }

    private func run(_ request: HTTPSRequest, _ roots: Roots, milliseconds: Int) -> Result<HTTPSResponse, HTTPSFailure> {
        var places: UnsafeMutablePointer<curl_slist>?
        defer { curl_slist_free_all(places) }
        let addresses = request.addresses.prefix(16).map { $0.contains(":") ? "[\($0)]" : $0 }.joined(separator: ",")
        places = curl_slist_append(nil, "\(request.host):\(request.port):\(addresses)")
        guard places != nil, configure(request, roots, milliseconds, places) else { return .failure(.unreachable(reason: "libcurl")) }
        let code = curl_easy_perform(UnsafeMutableRawPointer(handle))
        guard code == CURLE_OK else { return .failure(failure(code)) }
        let status = number(CURLINFO_RESPONSE_CODE)
        guard status == 200 else { return .failure(.status(status)) }
        var type: UnsafeMutablePointer<CChar>?
        _ = buzon_curl_get_string(UnsafeMutableRawPointer(handle), CURLINFO_CONTENT_TYPE, &type)
        return .success(HTTPSResponse(contentType: type.map { String(cString: $0) } ?? "", body: body))
    }

    private func configure(
        _ request: HTTPSRequest, _ roots: Roots, _ milliseconds: Int, _ places: UnsafeMutablePointer<curl_slist>?
    ) -> Bool {
        let numbers: [(CURLoption, Int)] = [
            (CURLOPT_NOSIGNAL, 1), (CURLOPT_FOLLOWLOCATION, 0), (CURLOPT_HTTPGET, 1), (CURLOPT_SSL_VERIFYPEER, 1),
            (CURLOPT_SSL_VERIFYHOST, 2), (CURLOPT_SSLVERSION, 6), (CURLOPT_HTTP_VERSION, 2), (CURLOPT_TIMEOUT_MS, milliseconds),
            (CURLOPT_CONNECTTIMEOUT_MS, milliseconds), (CURLOPT_NOPROGRESS, 0), (CURLOPT_FRESH_CONNECT, 1), (CURLOPT_FORBID_REUSE, 1),
        ]
        var texts: [(CURLoption, String)] = [
            (CURLOPT_URL, "https://\(request.host):\(request.port)\(request.path)"), (CURLOPT_PROTOCOLS_STR, "https"),
            // Not even what the environment says.
            (CURLOPT_PROXY, ""), (CURLOPT_NOPROXY, "*"), (CURLOPT_CAPATH, Roots.directory),
        ]
        if let file = roots.extraFile { texts.append((CURLOPT_CAINFO, file)) }
        if request.port == 443 { texts[0].1 = "https://\(request.host)\(request.path)" }
        let handle = UnsafeMutableRawPointer(handle)
        let context = Unmanaged.passUnretained(self).toOpaque()
        let write: @convention(c) (UnsafeMutablePointer<CChar>?, Int, Int, UnsafeMutableRawPointer?) -> Int = {
            bytes, size, count, context in
            guard let bytes, let context else { return 0 }
            return Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue().take(
                UnsafeRawBufferPointer(start: bytes, count: size * count))
        }
        let progress: @convention(c) (UnsafeMutableRawPointer?, curl_off_t, curl_off_t, curl_off_t, curl_off_t) -> CInt = {
            context, _, _, _, _ in
            guard let context else { return 1 }
            return Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue().isAbandoned.value.load(ordering: .relaxed) ? 1 : 0
        }
        return numbers.allSatisfy { buzon_curl_set_long(handle, $0, $1) == CURLE_OK }
            && texts.allSatisfy { option, text in text.withCString { buzon_curl_set_pointer(handle, option, $0) == CURLE_OK } }
            && buzon_curl_set_pointer(handle, CURLOPT_RESOLVE, places) == CURLE_OK
            && buzon_curl_set_write(handle, write) == CURLE_OK && buzon_curl_set_pointer(handle, CURLOPT_WRITEDATA, context) == CURLE_OK
            && buzon_curl_set_pointer(handle, CURLOPT_XFERINFOFUNCTION, unsafeBitCast(progress, to: UnsafeRawPointer.self)) == CURLE_OK
            && buzon_curl_set_pointer(handle, CURLOPT_XFERINFODATA, context) == CURLE_OK
    }

    /// Anything but the count makes libcurl give up.
    private func take(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard body.count + bytes.count <= limit else {
            isTooLarge = true
            return 0
        }
        body.append(contentsOf: bytes)
        return bytes.count
    }

    private func number(_ name: CURLINFO) -> Int {
        var value = 0
        _ = buzon_curl_get_long(UnsafeMutableRawPointer(handle), name, &value)
        return value
    }

    private func failure(_ code: CURLcode) -> HTTPSFailure {
        if isTooLarge { return .tooLarge }
        switch code {
        case CURLE_OPERATION_TIMEDOUT, CURLE_ABORTED_BY_CALLBACK: return .timedOut
        case CURLE_PEER_FAILED_VERIFICATION:
            // X509_V_ERR of OpenSSL: CERT_NOT_YET_VALID, CERT_HAS_EXPIRED; OK when it was the name.
            switch number(CURLINFO_SSL_VERIFYRESULT) {
            case 0: return .tls(.otherName)
            case 9, 10: return .tls(.expired)
            default: return .tls(.untrusted)
            }
        case CURLE_SSL_CONNECT_ERROR, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_INVALIDCERTSTATUS, CURLE_SSL_CIPHER: return .tls(.handshake)
        default: return .unreachable(reason: String(cString: curl_easy_strerror(code)))
        }
    }
}
