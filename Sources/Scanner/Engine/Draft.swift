import CClamAV
import Glibc

/// The library's engine, freed with its last owner.
final class EnginePointer {
    let pointer: OpaquePointer

    init(_ pointer: OpaquePointer) { self.pointer = pointer }

    deinit { cl_engine_free(pointer) }
}

/// An engine that signatures are still added to.
struct Draft {
    let owner: EnginePointer
    private var pointer: OpaquePointer { owner.pointer }
    private let temporaryDirectory: String
    private let options: UInt32
    private(set) var count: UInt32 = 0

    init(_ settings: ScanSettings) throws(EngineFailure) {
        guard let pointer = cl_engine_new() else { throw EngineFailure(reason: .memory, path: "", detail: "cl_engine_new") }
        owner = EnginePointer(pointer)
        temporaryDirectory = settings.temporaryDirectory
        var options = UInt32(CL_DB_BYTECODE)
        if settings.switches.phishing { options |= UInt32(CL_DB_PHISHING | CL_DB_PHISHING_URLS) }
        self.options = options
        try configure(settings)
    }

    private func configure(_ settings: ScanSettings) throws(EngineFailure) {
        let limits = settings.limits
        let numbers: [(cl_engine_field, Int)] = [
            (CL_ENGINE_MAX_FILESIZE, limits.fileSize), (CL_ENGINE_MAX_SCANSIZE, limits.totalSize),
            // The message and the part of it that holds an archive are levels to libclamav, and no archives.
            (CL_ENGINE_MAX_RECURSION, limits.depth + 2), (CL_ENGINE_MAX_FILES, limits.files),
            // A tenth of the time is left for what libclamav does between two looks at the clock. It counts from each call's beginning:
            // what is left of the inspection's own time, the callback below sees to.
            (CL_ENGINE_MAX_SCANTIME, limits.seconds * 900),
            // Its cache of clean files knows neither limits nor options, and hides what lies within at the second time: the same
            // archive twice would be judged differently. `VerdictCache` knows both.
            (CL_ENGINE_DISABLE_CACHE, 1),
        ]
        for (field, number) in numbers where cl_engine_set_num(pointer, field, Int64(number)) != CL_SUCCESS {
            throw EngineFailure(reason: .library, path: "", detail: "cl_engine_set_num \(field.rawValue)")
        }
        guard cl_engine_set_str(pointer, CL_ENGINE_TMPDIR, settings.temporaryDirectory) == CL_SUCCESS else {
            throw EngineFailure(reason: .library, path: settings.temporaryDirectory, detail: "CL_ENGINE_TMPDIR")
        }
        cl_engine_set_clcb_virus_found(pointer) { _, name, context in
            guard let name, let context else { return }
            context.assumingMemoryBound(to: ScanRecord.self).pointee.alerts.add(String(cString: name))
        }
        cl_engine_set_clcb_file_inspection(pointer) { _, _, _, _, _, count, bytes, level, _, context in
            guard let context else { return CL_SUCCESS }
            let file = UnsafeRawBufferPointer(start: bytes, count: bytes == nil ? 0 : count)
            return context.assumingMemoryBound(to: ScanRecord.self).pointee.see(file, level: level) ? CL_SUCCESS : CL_BREAK
        }
    }

    /// A database, or a directory of them.
    mutating func add(_ path: String) throws(EngineFailure) {
        let code = cl_load(path, pointer, &count, options)
        guard code != CL_SUCCESS else { return }
        let detail = String(cString: cl_strerror(code))
        switch code {
        case CL_EMEM, CL_EMAP: throw EngineFailure(reason: .memory, path: path, detail: detail)
        case CL_EOPEN, CL_EACCES, CL_ESTAT, CL_EREAD: throw EngineFailure(reason: .unreadable, path: path, detail: detail)
        default: throw EngineFailure(reason: .damaged, path: path, detail: detail)
        }
    }

    /// libclamav reads files only, and tells their format by the ending of their name.
    mutating func addEmbedded() throws(EngineFailure) {
        for (ending, text) in EmbeddedSignature.databases {
            var template = Array("\(temporaryDirectory)/embedded-XXXXXX.\(ending)\0".utf8CString)
            let descriptor = mkstemps(&template, CInt(ending.utf8.count + 1))
            let path = String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            guard descriptor >= 0 else {
                throw EngineFailure(reason: .library, path: path, detail: String(cString: strerror(errno)))
            }
            defer { unlink(path) }
            let written = write(descriptor, text, text.utf8.count)
            close(descriptor)
            guard written == text.utf8.count else {
                throw EngineFailure(reason: .library, path: path, detail: String(cString: strerror(errno)))
            }
            try add(path)
        }
    }

    func compile() throws(EngineFailure) {
        let code = cl_engine_compile(pointer)
        guard code == CL_SUCCESS else {
            throw EngineFailure(reason: code == CL_EMEM ? .memory : .library, path: "", detail: String(cString: cl_strerror(code)))
        }
    }
}
