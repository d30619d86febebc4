import CSASL
import Dialogue
import Glibc
import Synchronization

@testable import SASL

/// Cyrus's own client library, in this process.
final class CyrusClient {
    struct Identity: Sendable {
        var name: String
        var password: String
        /// Empty: none is said.
        var authorization = ""
    }

    private static let isInitialised: Bool = {
        sasl_set_mutex(mutexAllocate, mutexLock, mutexUnlock, mutexFree)
        return sasl_client_init(nil) == SASL_OK
    }()

    private var connection: OpaquePointer?
    private let callbacks: UnsafeMutablePointer<sasl_callback_t>
    private let name: UnsafeMutablePointer<CChar>
    private let authorization: UnsafeMutablePointer<CChar>
    private let secret: UnsafeMutablePointer<sasl_secret_t>
    private let binding: UnsafeMutablePointer<sasl_channel_binding_t>?
    private let bindingData: UnsafeMutablePointer<UInt8>

    init?(_ identity: Identity, service: String = "smtp", host: String = "mail.host", binding: ChannelBinding? = nil) {
        name = strdup(identity.name)
        authorization = strdup(identity.authorization)
        let password = Array(identity.password.utf8)
        let memory = UnsafeMutableRawPointer.allocate(byteCount: MemoryLayout<sasl_secret_t>.size + password.count, alignment: 16)
        secret = memory.bindMemory(to: sasl_secret_t.self, capacity: 1)
        secret.pointee.len = UInt(password.count)
        let offset = MemoryLayout<sasl_secret_t>.offset(of: \.data) ?? 8
        memory.advanced(by: offset).copyMemory(from: password + [0], byteCount: password.count + 1)
        let bindingData = UnsafeMutablePointer<UInt8>.allocate(capacity: max(1, binding?.data.count ?? 0))
        self.bindingData = bindingData
        for (index, byte) in (binding?.data ?? []).enumerated() { bindingData[index] = byte }
        self.binding = binding.map { binding in
            let pointer = UnsafeMutablePointer<sasl_channel_binding_t>.allocate(capacity: 1)
            pointer.initialize(
                to: sasl_channel_binding_t(
                    name: strdup(binding.name), critical: 1, len: UInt(binding.data.count), data: UnsafePointer(bindingData)))
            return pointer
        }
        callbacks = .allocate(capacity: 5)
        let context = Unmanaged.passUnretained(self).toOpaque()
        callbacks[0] = sasl_callback_t(id: UInt(SASL_CB_USER), proc: unsafeBitCast(simple, to: Procedure.self), context: context)
        callbacks[1] = sasl_callback_t(id: UInt(SASL_CB_AUTHNAME), proc: unsafeBitCast(simple, to: Procedure.self), context: context)
        callbacks[2] = sasl_callback_t(id: UInt(SASL_CB_PASS), proc: unsafeBitCast(giveSecret, to: Procedure.self), context: context)
        callbacks[3] = sasl_callback_t(id: UInt(SASL_CB_GETREALM), proc: unsafeBitCast(giveRealm, to: Procedure.self), context: context)
        callbacks[4] = sasl_callback_t(id: UInt(SASL_CB_LIST_END), proc: nil, context: nil)
        guard Self.isInitialised, sasl_client_new(service, host, nil, nil, callbacks, 0, &connection) == SASL_OK else { return nil }
        var properties = sasl_security_properties_t()
        guard sasl_setprop(connection, SASL_SEC_PROPS, &properties) == SASL_OK else { return nil }
        if let pointer = self.binding { sasl_setprop(connection, SASL_CHANNEL_BINDING, pointer) }
    }

    deinit {
        sasl_dispose(&connection)
        callbacks.deallocate()
        free(name)
        free(authorization)
        UnsafeMutableRawPointer(secret).deallocate()
        binding?.deallocate()
        bindingData.deallocate()
    }

    /// The initial response, if the mechanism has one; nil when the library refuses.
    func start(_ mechanism: String) -> Secret?? {
        var output: UnsafePointer<CChar>?
        var length: UInt32 = 0
        var chosen: UnsafePointer<CChar>?
        let result = sasl_client_start(connection, mechanism, nil, &output, &length, &chosen)
        guard result == SASL_OK || result == SASL_CONTINUE else { return nil }
        return .some(output.map { Secret(Array(UnsafeRawBufferPointer(start: $0, count: Int(length)))) })
    }

    /// Nil when the library does not believe the server.
    func step(_ challenge: [UInt8]) -> Secret? {
        var output: UnsafePointer<CChar>?
        var length: UInt32 = 0
        let result = (challenge + [0]).withUnsafeBytes {
            sasl_client_step(
                connection, $0.baseAddress?.assumingMemoryBound(to: CChar.self), UInt32(challenge.count), nil, &output, &length)
        }
        guard result == SASL_OK || result == SASL_CONTINUE else { return nil }
        return Secret(output.map { Array(UnsafeRawBufferPointer(start: $0, count: Int(length))) } ?? [])
    }

    fileprivate func answer(_ id: CInt) -> UnsafeMutablePointer<CChar> { id == CInt(SASL_CB_USER) ? authorization : name }
    fileprivate var secretPointer: UnsafeMutablePointer<sasl_secret_t> { secret }
}

private func client(_ context: UnsafeMutableRawPointer) -> CyrusClient {
    Unmanaged<CyrusClient>.fromOpaque(context).takeUnretainedValue()
}

private let simple:
    @convention(c) (UnsafeMutableRawPointer?, CInt, UnsafeMutablePointer<UnsafePointer<CChar>?>?, UnsafeMutablePointer<UInt32>?) -> CInt = {
        context, id, result, length in
        guard let context, let result else { return SASL_BADPARAM }
        let text = client(context).answer(id)
        result.pointee = UnsafePointer(text)
        length?.pointee = UInt32(strlen(text))
        return SASL_OK
    }

private let giveSecret:
    @convention(c) (OpaquePointer?, UnsafeMutableRawPointer?, CInt, UnsafeMutablePointer<UnsafeMutablePointer<sasl_secret_t>?>?) -> CInt = {
        _, context, _, result in
        guard let context, let result else { return SASL_BADPARAM }
        result.pointee = client(context).secretPointer
        return SASL_OK
    }

private let giveRealm:
    @convention(c) (
        UnsafeMutableRawPointer?, CInt, UnsafeMutablePointer<UnsafePointer<CChar>?>?, UnsafeMutablePointer<UnsafePointer<CChar>?>?
    ) -> CInt = { _, _, offered, result in
        guard let result else { return SASL_BADPARAM }
        // Asked only where there are several; of one the library makes no question.
        result.pointee = offered?.pointee
        return SASL_OK
    }
