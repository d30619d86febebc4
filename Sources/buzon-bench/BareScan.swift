import CClamAV
import Glibc
import Scanner

/// libclamav as a program uses it that wants to know no more than whether there is a virus: the limits, options and signatures are those of
/// our engine with the settings' defaults, and the cache of clean files is off as there. Unchecked: nobody changes a compiled engine.
final class BareScan: @unchecked Sendable {
    private let engine: OpaquePointer

    init(directory: String) throws {
        guard cl_init(UInt32(CL_INIT_DEFAULT)) == CL_SUCCESS, let engine = cl_engine_new() else { throw Oddity(words: "libclamav") }
        self.engine = engine
        let limits = ScanLimits()
        let numbers: [(cl_engine_field, Int)] = [
            (CL_ENGINE_MAX_FILESIZE, limits.fileSize), (CL_ENGINE_MAX_SCANSIZE, limits.totalSize),
            (CL_ENGINE_MAX_RECURSION, limits.depth + 2), (CL_ENGINE_MAX_FILES, limits.files),
            (CL_ENGINE_MAX_SCANTIME, limits.seconds * 900), (CL_ENGINE_DISABLE_CACHE, 1),
        ]
        for (field, number) in numbers { cl_engine_set_num(engine, field, Int64(number)) }
        mkdir(directory + "/scan", 0o700)
        cl_engine_set_str(engine, CL_ENGINE_TMPDIR, directory + "/scan")
        var count: UInt32 = 0
        let kinds = UInt32(CL_DB_BYTECODE | CL_DB_PHISHING | CL_DB_PHISHING_URLS)
        let loaded = cl_load(directory + "/signatures", engine, &count, kinds)
        guard loaded == CL_SUCCESS, cl_engine_compile(engine) == CL_SUCCESS else {
            throw Oddity(words: "\(directory)/signatures: \(String(cString: cl_strerror(loaded)))")
        }
    }

    deinit { cl_engine_free(engine) }

    func run(_ letter: Letter) {
        try? letter.withBytes { bytes in
            guard let map = cl_fmap_open_memory(bytes.baseAddress, bytes.count) else { Oddity(words: "cl_fmap_open_memory").end() }
            defer { cl_fmap_close(map) }
            var options = cl_scan_options(
                general: UInt32(CL_SCAN_GENERAL_ALLMATCHES | CL_SCAN_GENERAL_HEURISTICS), parse: .max,
                heuristic: UInt32(CL_SCAN_HEURISTIC_EXCEEDS_MAX | CL_SCAN_HEURISTIC_ENCRYPTED_ARCHIVE | CL_SCAN_HEURISTIC_ENCRYPTED_DOC),
                mail: 0, dev: 0)
            var name: UnsafePointer<CChar>?
            var scanned: UInt = 0
            let code = cl_scanmap_callback(map, nil, &name, &scanned, engine, &options, nil)
            guard code == CL_SUCCESS else { Oddity(words: String(cString: cl_strerror(code))).end() }
        }
    }
}
