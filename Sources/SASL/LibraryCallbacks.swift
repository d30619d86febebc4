import CSASL
import Glibc
import Synchronization

/// What the library is told when it asks for options. No file is asked.
enum Options {
    static let pluginName = "buzon"

    /// Each plug-in by the name of its file up to `.so`.
    static let plugins: Set<String> = ["libplain", "liblogin", "libcrammd5", "libdigestmd5", "libscram"]

    /// The strings live as long as the process: the library keeps pointers.
    private nonisolated(unsafe) static let values: [String: UnsafeMutablePointer<CChar>?] = [
        // A check that failed in our callback must not go on to another method.
        "pwcheck_method": strdup("none"),
        "auxprop_plugin": strdup(pluginName),
        "mech_list": strdup("PLAIN LOGIN DIGEST-MD5 CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256"),
        // Logging in again by a remembered nonce would by-pass the check.
        "reauth_timeout": strdup("0"),
        "auto_transition": strdup("no"),
    ]

    static func value(_ name: String) -> UnsafeMutablePointer<CChar>? { values[name] ?? nil }
}

/// The library's own words at its start, for an error message; a few lines at most.
let libraryLog = Mutex<[String]>([])

typealias Procedure = @convention(c) () -> CInt

/// Kept for ever, since the library takes no copy.
nonisolated(unsafe) let globalCallbacks: UnsafeMutablePointer<sasl_callback_t> = {
    let list = UnsafeMutablePointer<sasl_callback_t>.allocate(capacity: 5)
    list[0] = sasl_callback_t(id: UInt(SASL_CB_GETOPT), proc: unsafeBitCast(optionCallback, to: Procedure.self), context: nil)
    list[1] = sasl_callback_t(id: UInt(SASL_CB_LOG), proc: unsafeBitCast(logCallback, to: Procedure.self), context: nil)
    list[2] = sasl_callback_t(id: UInt(SASL_CB_VERIFYFILE), proc: unsafeBitCast(fileCallback, to: Procedure.self), context: nil)
    list[3] = sasl_callback_t(id: UInt(SASL_CB_GETPATH), proc: unsafeBitCast(pathCallback, to: Procedure.self), context: nil)
    list[4] = sasl_callback_t(id: UInt(SASL_CB_LIST_END), proc: nil, context: nil)
    return list
}()

private typealias OptionCallback =
    @convention(c) (
        UnsafeMutableRawPointer?, UnsafePointer<CChar>?, UnsafePointer<CChar>?, UnsafeMutablePointer<UnsafePointer<CChar>?>?,
        UnsafeMutablePointer<UInt32>?
    ) -> CInt

private let optionCallback: OptionCallback = { _, _, option, result, length in
    guard let option, let result, let value = Options.value(String(cString: option)) else { return SASL_FAIL }
    result.pointee = UnsafePointer(value)
    length?.pointee = UInt32(strlen(value))
    return SASL_OK
}

private typealias LogCallback = @convention(c) (UnsafeMutableRawPointer?, CInt, UnsafePointer<CChar>?) -> CInt

/// All levels come, whatever the option says; the higher ones tell names and secrets.
private let logCallback: LogCallback = { _, level, message in
    guard level == SASL_LOG_ERR, let message else { return SASL_OK }
    let text = String(cString: message)
    libraryLog.withLock { if $0.count < 8 { $0.append(text) } }
    return SASL_OK
}

private typealias FileCallback = @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<CChar>?, sasl_verify_type_t) -> CInt

/// SASL_CONTINUE: pass it over.
private let fileCallback: FileCallback = { _, path, kind in
    guard kind == SASL_VRFY_PLUGIN, let path else { return SASL_CONTINUE }
    return Options.admits(String(cString: path)) ? SASL_OK : SASL_CONTINUE
}

private typealias PathCallback = @convention(c) (UnsafeMutableRawPointer?, UnsafeMutablePointer<UnsafePointer<CChar>?>?) -> CInt

/// Without it the library would look where the environment's SASL_PATH says.
private let pathCallback: PathCallback = { _, path in
    guard let path, let directory = Options.pluginDirectory else { return SASL_FAIL }
    path.pointee = UnsafePointer(directory)
    return SASL_OK
}

extension Options {
    /// The folder `sasl2` beside the library's own file. It lives as long as the process.
    nonisolated(unsafe) static let pluginDirectory: UnsafeMutablePointer<CChar>? = {
        var place = loaded_place()
        guard let symbol = dlsym(nil, "sasl_server_init"), find_loaded_place(symbol, &place) != 0, let file = place.file,
            let whole = realpath(file, nil)
        else { return nil }
        defer { free(whole) }
        let parts = String(cString: whole).split(separator: "/").dropLast()
        return strdup("/" + parts.joined(separator: "/") + "/sasl2")
    }()

    /// Whether a plug-in's file may be loaded.
    static func admits(_ path: String) -> Bool {
        let name = path.utf8.split(separator: UInt8(ascii: "/")).last.map { Substring($0) } ?? ""
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count >= 2 && parts[1] == "so" && plugins.contains(String(parts[0]))
    }
}

// The library's own mutexes do nothing.

let mutexAllocate: @convention(c) () -> UnsafeMutableRawPointer? = {
    let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    mutex.initialize(to: pthread_mutex_t())
    guard pthread_mutex_init(mutex, nil) == 0 else {
        mutex.deallocate()
        return nil
    }
    return UnsafeMutableRawPointer(mutex)
}

let mutexLock: @convention(c) (UnsafeMutableRawPointer?) -> CInt = { mutex in
    guard let mutex else { return SASL_FAIL }
    return pthread_mutex_lock(mutex.assumingMemoryBound(to: pthread_mutex_t.self)) == 0 ? SASL_OK : SASL_FAIL
}

let mutexUnlock: @convention(c) (UnsafeMutableRawPointer?) -> CInt = { mutex in
    guard let mutex else { return SASL_FAIL }
    return pthread_mutex_unlock(mutex.assumingMemoryBound(to: pthread_mutex_t.self)) == 0 ? SASL_OK : SASL_FAIL
}

let mutexFree: @convention(c) (UnsafeMutableRawPointer?) -> Void = { mutex in
    guard let mutex = mutex?.assumingMemoryBound(to: pthread_mutex_t.self) else { return }
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
}
