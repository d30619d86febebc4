import CSASL
import Dialogue
import Glibc

/// One authentication by the library. `@unchecked`: the library's object belongs to it alone, and one thread uses it at a time.
final class SASLExchange: AuthenticationExchange, @unchecked Sendable {
    /// Bytes of one client message; longer ones are none of any mechanism's. RFC 4954 §4 bounds the line at 12,288 octets of Base64.
    static let messageLimit = 12_288
    /// DIGEST-MD5, the longest, takes 3.
    static let stepLimit = 8

    private let terms: ExchangeTerms
    let source: any CredentialSource
    private(set) var mechanism = ""
    private var steps = 0
    /// Whether the client's first message has come.
    private var hasBegun = false
    private var connection: OpaquePointer?
    /// The library keeps pointers to these as long as the connection.
    private let callbacks: UnsafeMutablePointer<sasl_callback_t>
    private let binding: BoundChannel?

    init(_ terms: ExchangeTerms, _ source: any CredentialSource) {
        self.terms = terms
        self.source = source
        callbacks = .allocate(capacity: 3)
        binding = terms.tls?.binding.flatMap(BoundChannel.init)
        let context = Unmanaged.passUnretained(self).toOpaque()
        callbacks[0] = sasl_callback_t(
            id: UInt(SASL_CB_SERVER_USERDB_CHECKPASS), proc: unsafeBitCast(checkCallback, to: Procedure.self), context: context)
        callbacks[1] = sasl_callback_t(
            id: UInt(SASL_CB_CANON_USER), proc: unsafeBitCast(canonicalCallback, to: Procedure.self), context: context)
        callbacks[2] = sasl_callback_t(id: UInt(SASL_CB_LIST_END), proc: nil, context: nil)
        connection = newConnection()
    }

    deinit {
        end()
        callbacks.deallocate()
    }

    func take(_ move: AuthenticationMove) -> AuthenticationOutcome {
        steps += 1
        let outcome = steps > Self.stepLimit ? .failed(.malformed) : step(move)
        if case .challenge = outcome { return outcome }
        end()
        return outcome
    }

    /// In capitals; nil when there is none.
    func listedMechanisms() -> Set<String>? {
        var names: UnsafePointer<CChar>?
        guard let connection, sasl_listmech(connection, nil, "", " ", "", &names, nil, nil) == SASL_OK, let names else { return nil }
        return Set(String(cString: names).uppercased().split(separator: " ").map(String.init))
    }

    // MARK: Steps

    private func step(_ move: AuthenticationMove) -> AuthenticationOutcome {
        guard let connection else { return .failed(move == .cancel ? .cancelled : .temporary) }
        var output: UnsafePointer<CChar>?
        var length: UInt32 = 0
        switch move {
        case .cancel:
            return .failed(.cancelled)
        case .begin(let mechanism, let initial):
            guard self.mechanism.isEmpty, (initial?.bytes.count ?? 0) <= Self.messageLimit else { return .failed(.malformed) }
            self.mechanism = mechanism
            if let initial, !isBindingSound(initial) { return .failed(.wrong) }
            hasBegun = initial != nil
            let result = withMessage(initial) { sasl_server_start(connection, mechanism, $0, $1, &output, &length) }
            return outcome(result, output, length)
        case .response(let response):
            guard !mechanism.isEmpty, response.bytes.count <= Self.messageLimit else { return .failed(.malformed) }
            if !hasBegun, !isBindingSound(response) { return .failed(.wrong) }
            hasBegun = true
            let result = withMessage(response) { sasl_server_step(connection, $0, $1, &output, &length) }
            return outcome(result, output, length)
        }
    }

    /// RFC 5802 §6: whether the client's flag fits what this connection can do. `y` (it could bind, and thinks that we could not) where we
    /// can is a sign that somebody took the -PLUS names away; the library looks at it late or not at all.
    private func isBindingSound(_ first: Secret) -> Bool {
        guard mechanism.hasPrefix("SCRAM-") else { return true }
        let flag = first.bytes.prefix { $0 != UInt8(ascii: ",") }
        if mechanism.hasSuffix("-PLUS") {
            guard let name = terms.tls?.binding?.name else { return false }
            return flag.elementsEqual("p=\(name)".utf8)
        }
        return flag.elementsEqual("n".utf8) || (flag.elementsEqual("y".utf8) && binding == nil)
    }

    /// An absent message is a null pointer, an empty one is not.
    private func withMessage(_ message: Secret?, _ body: (UnsafePointer<CChar>?, UInt32) -> CInt) -> CInt {
        guard let message else { return body(nil, 0) }
        // With a NUL behind it, for plug-ins that take it for a string.
        return (message.bytes + [0]).withUnsafeBytes {
            body($0.baseAddress?.assumingMemoryBound(to: CChar.self), UInt32(message.bytes.count))
        }
    }

    private func outcome(_ result: CInt, _ output: UnsafePointer<CChar>?, _ length: UInt32) -> AuthenticationOutcome {
        switch result {
        case SASL_CONTINUE:
            return .challenge(output.map { Array(UnsafeRawBufferPointer(start: $0, count: Int(length))) } ?? [])
        case SASL_OK:
            var login: UnsafeRawPointer?
            guard let connection, sasl_getprop(connection, SASL_USERNAME, &login) == SASL_OK, let login else { return .failed(.temporary) }
            return .succeeded(login: String(cString: login.assumingMemoryBound(to: CChar.self)))
        case SASL_BADPROT:
            return .failed(.malformed)
        default:
            // Unknown user, no verifier, wrong password, another authorisation identity: all the same to whoever asks.
            return .failed(.wrong)
        }
    }

    private func end() {
        guard connection != nil else { return }
        sasl_dispose(&connection)
        connection = nil
    }

    // MARK: The connection

    private func newConnection() -> OpaquePointer? {
        var connection: OpaquePointer?
        // No realm of ours: a name stays as the client gave it. Without a host's name the library would look one up.
        guard sasl_server_new(terms.service, terms.host, nil, nil, nil, callbacks, 0, &connection) == SASL_OK else { return nil }
        // RFC 4422 §3.7: no security layer. TLS is the layer.
        var properties = sasl_security_properties_t()
        properties.security_flags = UInt32(SASL_SEC_NOANONYMOUS) | (terms.isProtected ? 0 : UInt32(SASL_SEC_NOPLAINTEXT))
        var isSet = sasl_setprop(connection, SASL_SEC_PROPS, &properties) == SASL_OK
        if let tls = terms.tls {
            var strength = sasl_ssf_t(clamping: tls.bits)
            isSet = isSet && sasl_setprop(connection, SASL_SSF_EXTERNAL, &strength) == SASL_OK
        }
        if let binding { isSet = isSet && sasl_setprop(connection, SASL_CHANNEL_BINDING, binding.pointer) == SASL_OK }
        guard isSet else {
            sasl_dispose(&connection)
            return nil
        }
        return connection
    }

    // MARK: What the library asks

    func property(_ name: String, of login: String) -> [[UInt8]] {
        switch name {
        // Where there is a password, SCRAM would take it instead and derive its keys each time.
        case "*authPassword" where mechanism.hasPrefix("SCRAM-"):
            return source.verifiers(of: login).map { Array($0.utf8) }
        case "*userPassword" where mechanism == "CRAM-MD5" || mechanism == "DIGEST-MD5":
            return [source.plainPassword(of: login)]
        default:
            return []
        }
    }

    func canonical(_ name: String) -> String? {
        guard mechanism == "DIGEST-MD5" else { return source.canonical(name) }
        // RFC 2831 names a realm beside the user. `user@domain` in the realm `domain` comes as `user@domain@domain`.
        let parts = name.split(separator: "@", maxSplits: 2, omittingEmptySubsequences: false)
        return source.canonical(parts.prefix(2).joined(separator: "@"))
    }
}

/// RFC 5056 channel binding, at a place that stays.
private final class BoundChannel {
    let pointer: UnsafeMutablePointer<sasl_channel_binding_t>
    private let name: UnsafeMutablePointer<CChar>
    private let data: UnsafeMutablePointer<UInt8>

    init?(_ binding: ChannelBinding) {
        guard let name = strdup(binding.name) else { return nil }
        self.name = name
        data = .allocate(capacity: max(1, binding.data.count))
        data.initialize(repeating: 0, count: max(1, binding.data.count))
        for (index, byte) in binding.data.enumerated() { data[index] = byte }
        pointer = .allocate(capacity: 1)
        // Not critical: who asks for no binding gets none.
        pointer.initialize(
            to: sasl_channel_binding_t(name: UnsafePointer(name), critical: 0, len: UInt(binding.data.count), data: UnsafePointer(data)))
    }

    deinit {
        pointer.deallocate()
        data.deallocate()
        free(name)
    }
}

private typealias CheckCallback =
    @convention(c) (
        OpaquePointer?, UnsafeMutableRawPointer?, UnsafePointer<CChar>?, UnsafePointer<CChar>?, UInt32, OpaquePointer?
    ) -> CInt

private let checkCallback: CheckCallback = { _, context, user, password, length, _ in
    guard let context, let user, let password else { return SASL_BADPARAM }
    let exchange = Unmanaged<SASLExchange>.fromOpaque(context).takeUnretainedValue()
    let secret = Secret(Array(UnsafeRawBufferPointer(start: password, count: Int(length))))
    return exchange.source.isRight(secret, of: String(cString: user)) ? SASL_OK : SASL_BADAUTH
}

private typealias CanonicalCallback =
    @convention(c) (
        OpaquePointer?, UnsafeMutableRawPointer?, UnsafePointer<CChar>?, UInt32, UInt32, UnsafePointer<CChar>?,
        UnsafeMutablePointer<CChar>?, UInt32, UnsafeMutablePointer<UInt32>?
    ) -> CInt

private let canonicalCallback: CanonicalCallback = { _, context, input, length, _, _, output, room, written in
    guard let context, let input, let output, let written else { return SASL_BADPARAM }
    let exchange = Unmanaged<SASLExchange>.fromOpaque(context).takeUnretainedValue()
    let name = Array(UnsafeRawBufferPointer(start: input, count: Int(length)))
    guard let text = String(validating: name, as: UTF8.self), let login = exchange.canonical(text) else { return SASL_BADAUTH }
    let bytes = Array(login.utf8)
    guard bytes.count < room, !bytes.contains(0) else { return SASL_BADAUTH }
    for (index, byte) in bytes.enumerated() { output[index] = CChar(bitPattern: byte) }
    output[bytes.count] = 0
    written.pointee = UInt32(bytes.count)
    return SASL_OK
}
