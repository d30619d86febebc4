import CClamAV
import Dispatch
import Filter

extension Engine {
    struct Failure: Error {
        var words: String
    }

    /// libclamav's own look at a whole message. What it passed over, `SecondLook` sees.
    func scan(message: UnsafeRawBufferPointer, until deadline: DispatchTime) -> Result<ScanRecord, Failure> {
        guard message.count <= settings.limits.fileSize else {
            var record = ScanRecord(settings.switches, until: deadline)
            record.alerts.reach("size")
            return .success(record)
        }
        guard message.count > 0 else { return .success(ScanRecord(settings.switches, until: deadline)) }
        return run(message, isMail: true, until: deadline)
    }

    /// `isMail`: as a message, whatever it begins with; else for what the bytes are.
    func run(_ bytes: UnsafeRawBufferPointer, isMail: Bool, until deadline: DispatchTime) -> Result<ScanRecord, Failure> {
        isMail ? MailFraming.framed(bytes) { run($0, until: deadline) } : run(bytes, until: deadline)
    }

    /// Bytes that are scanned for what they are.
    func run(_ bytes: UnsafeRawBufferPointer, until deadline: DispatchTime = .distantFuture) -> Result<ScanRecord, Failure> {
        guard let map = cl_fmap_open_memory(bytes.baseAddress, bytes.count) else {
            return .failure(Failure(words: "cl_fmap_open_memory"))
        }
        defer { cl_fmap_close(map) }
        var record = ScanRecord(settings.switches, until: deadline)
        var options = options
        var name: UnsafePointer<CChar>?
        var scanned: UInt = 0
        let code = withUnsafeMutablePointer(to: &record) {
            cl_scanmap_callback(map, nil, &name, &scanned, pointer, &options, $0)
        }
        switch code {
        case CL_SUCCESS, CL_VIRUS: return .success(record)
        default: return .failure(Failure(words: String(cString: cl_strerror(code))))
        }
    }

    private var options: cl_scan_options {
        // Without ALLMATCHES only the last heuristic alert would be told: an encrypted archive behind a document with macros would
        // hide it. All of them cost a clean message nothing.
        var general = CL_SCAN_GENERAL_ALLMATCHES
        if settings.switches.heuristics { general |= CL_SCAN_GENERAL_HEURISTICS }
        var heuristic =
            CL_SCAN_HEURISTIC_EXCEEDS_MAX | CL_SCAN_HEURISTIC_ENCRYPTED_ARCHIVE | CL_SCAN_HEURISTIC_ENCRYPTED_DOC
        if settings.switches.macros { heuristic |= CL_SCAN_HEURISTIC_MACROS }
        // Every parser, those of later versions too.
        return cl_scan_options(general: UInt32(general), parse: .max, heuristic: UInt32(heuristic), mail: 0, dev: 0)
    }
}
