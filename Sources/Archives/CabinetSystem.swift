import CMspack
import Glibc

/// The surroundings that libmspack works in: no files, memory that is counted.
enum CabinetSystem {
    nonisolated(unsafe) static let shared: UnsafeMutablePointer<mspack_system> = {
        let system = UnsafeMutablePointer<mspack_system>.allocate(capacity: 1)
        system.initialize(to: mspack_system())
        install(system)
        buzon_cabinet_silence(system)
        return system
    }()

    /// The library allocates in the name of copies of what it was given, so the thread knows whose work it does.
    static func work<Result>(for reader: CabinetReader, _ body: () -> Result) -> Result {
        let before = pthread_getspecific(key)
        pthread_setspecific(key, Unmanaged.passUnretained(reader).toOpaque())
        defer { pthread_setspecific(key, before) }
        return body()
    }

    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        pthread_key_create(&key, nil)
        return key
    }()

    private static var reader: CabinetReader? {
        pthread_getspecific(key).map { Unmanaged<CabinetReader>.fromOpaque($0).takeUnretainedValue() }
    }

    /// A place in the cabinet; nil: where a member goes.
    private final class File {
        /// Outlives it: the library has the file open until its end.
        unowned(unsafe) let reader: CabinetReader
        var position: Int?

        init(_ reader: CabinetReader, _ position: Int?) {
            self.reader = reader
            self.position = position
        }

        static func of(_ file: UnsafeMutablePointer<mspack_file>?) -> File? {
            file.map { Unmanaged<File>.fromOpaque(UnsafeRawPointer($0)).takeUnretainedValue() }
        }
    }

    private static func install(_ system: UnsafeMutablePointer<mspack_system>) {
        system.pointee.open = { _, _, mode in
            guard let reader = CabinetSystem.reader else { return nil }
            let file = File(reader, mode == MSPACK_SYS_OPEN_READ ? 0 : nil)
            return Unmanaged.passRetained(file).toOpaque().assumingMemoryBound(to: mspack_file.self)
        }
        system.pointee.close = { file in
            if let file { Unmanaged<File>.fromOpaque(UnsafeRawPointer(file)).release() }
        }
        system.pointee.read = { file, buffer, count in
            guard let file = File.of(file), let buffer, let position = file.position,
                let part = file.reader.read(max(0, Int(count)), at: position)
            else { return -1 }
            UnsafeMutableRawBufferPointer(start: buffer, count: part.count).copyBytes(from: part)
            file.position = position + part.count
            return Int32(part.count)
        }
        system.pointee.write = { file, buffer, count in
            guard let file = File.of(file), let buffer, count >= 0 else { return -1 }
            return file.reader.write(UnsafeRawBufferPointer(start: buffer, count: Int(count))) ? count : -1
        }
        system.pointee.seek = { file, offset, mode in
            guard let file = File.of(file), let position = file.position else { return -1 }
            let origin = mode == MSPACK_SYS_SEEK_CUR ? position : mode == MSPACK_SYS_SEEK_END ? file.reader.count : 0
            let (target, overflows) = origin.addingReportingOverflow(Int(offset))
            guard !overflows, 0...file.reader.count ~= target else { return -1 }
            file.position = target
            return 0
        }
        system.pointee.tell = { file in off_t(File.of(file)?.position ?? 0) }
        system.pointee.alloc = { _, count in Block.allocate(Int(clamping: count)) }
        system.pointee.free = { Block.free($0) }
        system.pointee.copy = { source, target, count in
            if let source, let target { memmove(target, source, count) }
        }
    }

    /// What stands before memory that the library has: freeing says no more than where it is.
    private struct Block {
        let size: Int
        let owner: Unmanaged<CabinetReader>

        /// As calloc aligns.
        private static let room = 16

        static func allocate(_ count: Int) -> UnsafeMutableRawPointer? {
            let (size, overflows) = count.addingReportingOverflow(room)
            guard let reader = CabinetSystem.reader, !overflows, reader.mayTake(size) else { return nil }
            // Empty: what a damaged stream refers to without having written it says the same each time.
            guard let memory = calloc(1, size) else {
                _ = reader.mayTake(-size)
                return nil
            }
            memory.storeBytes(of: Block(size: size, owner: .passUnretained(reader)), as: Block.self)
            return memory + room
        }

        static func free(_ memory: UnsafeMutableRawPointer?) {
            guard let memory else { return }
            let block = (memory - room).load(as: Block.self)
            _ = block.owner.takeUnretainedValue().mayTake(-block.size)
            Glibc.free(memory - room)
        }
    }
}
