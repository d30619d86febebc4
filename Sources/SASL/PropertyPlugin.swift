import CSASL
import Dialogue
import Glibc

/// The library's door to what is known of a user: an auxiliary property plug-in of our own.
let propertyPlugin:
    @convention(c) (
        UnsafePointer<sasl_utils_t>?, CInt, UnsafeMutablePointer<CInt>?, UnsafeMutablePointer<UnsafeMutablePointer<sasl_auxprop_plug_t>?>?,
        UnsafePointer<CChar>?
    ) -> CInt = { _, newest, version, plugin, _ in
        guard newest >= SASL_AUXPROP_PLUG_VERSION, let version, let plugin else { return SASL_BADVERS }
        version.pointee = CInt(SASL_AUXPROP_PLUG_VERSION)
        plugin.pointee = description
        return SASL_OK
    }

/// Kept for ever, since the library takes no copy.
private nonisolated(unsafe) let description: UnsafeMutablePointer<sasl_auxprop_plug_t> = {
    let plugin = UnsafeMutablePointer<sasl_auxprop_plug_t>.allocate(capacity: 1)
    plugin.initialize(to: sasl_auxprop_plug_t())
    plugin.pointee.name = strdup(Options.pluginName)
    plugin.pointee.auxprop_lookup = lookUp
    return plugin
}()

/// Called twice for each login, once for the authentication identity and once for the authorisation identity; only the first one's
/// properties exist.
private let lookUp:
    @convention(c) (
        UnsafeMutableRawPointer?, UnsafeMutablePointer<sasl_server_params_t>?, UInt32, UnsafePointer<CChar>?, UInt32
    ) -> CInt = { _, parameters, flags, user, length in
        guard flags & UInt32(SASL_AUXPROP_AUTHZID) == 0 else { return SASL_OK }
        guard let parameters, let utilities = parameters.pointee.utils, let user, let exchange = exchange(utilities),
            let get = utilities.pointee.prop_get, let set = utilities.pointee.prop_set, let properties = parameters.pointee.propctx,
            let wanted = get(properties)
        else { return SASL_FAIL }
        let login = String(decoding: UnsafeRawBufferPointer(start: user, count: Int(length)), as: UTF8.self)
        var entry = wanted
        while let name = entry.pointee.name {
            defer { entry += 1 }
            guard entry.pointee.values == nil else { continue }
            var key: UnsafePointer<CChar>? = name
            for value in exchange.property(String(cString: name), of: login) {
                let result = value.withUnsafeBytes {
                    set(properties, key, $0.baseAddress?.assumingMemoryBound(to: CChar.self), CInt(clamping: $0.count))
                }
                guard result == SASL_OK else { return result }
                // A further value of the same property.
                key = nil
            }
        }
        return SASL_OK
    }

/// The connection's callbacks carry the exchange that it belongs to.
private func exchange(_ utilities: UnsafePointer<sasl_utils_t>) -> SASLExchange? {
    var procedure: sasl_callback_ft?
    var context: UnsafeMutableRawPointer?
    guard let conn = utilities.pointee.conn,
        utilities.pointee.getcallback(conn, UInt(SASL_CB_SERVER_USERDB_CHECKPASS), &procedure, &context) == SASL_OK
    else { return nil }
    return context.map { Unmanaged<SASLExchange>.fromOpaque($0).takeUnretainedValue() }
}
