import CMspack
import Glibc

/// One cabinet in memory, unpacked by libmspack.
final class CabinetReader {
    enum Result { case whole, stopped, broken }

    /// What was unpacked; false: no more is wanted.
    typealias Take = (UnsafeRawBufferPointer) -> Bool

    private let bytes: UnsafeRawBufferPointer
    private let clock: Clock
    private let claim: (Int) -> Bool
    private var decompressor: UnsafeMutablePointer<mscab_decompressor>?
    private var cabinet: UnsafeMutablePointer<mscabd_cabinet>?
    private var take: Take?
    private var wasStopped = false
    /// The members that the library read, in the header's order.
    private(set) var members: [UnsafeMutablePointer<mscabd_file>] = []
    /// The time was over in the middle of something.
    private(set) var isLate = false

    /// `claim` answers whether so many bytes of memory may be had; a negative number gives back.
    init?(_ bytes: UnsafeRawBufferPointer, _ clock: Clock, claim: @escaping (Int) -> Bool) {
        self.bytes = bytes
        self.clock = clock
        self.claim = claim
        CabinetSystem.work(for: self) {
            decompressor = mspack_create_cab_decompressor(CabinetSystem.shared)
            if let decompressor { cabinet = decompressor.pointee.open(decompressor, "") }
        }
        guard let cabinet else { return nil }
        var file = cabinet.pointee.files
        while let member = file {
            members.append(member)
            file = member.pointee.next
        }
    }

    deinit {
        guard let decompressor else { return }
        if let cabinet { decompressor.pointee.close(decompressor, cabinet) }
        mspack_destroy_cab_decompressor(decompressor)
    }

    /// Unpacks one member. Cheap where it lies behind the last one in the same folder: else all of the folder up to it is unpacked once more.
    func extract(_ member: UnsafeMutablePointer<mscabd_file>, _ take: Take) -> Result {
        guard let decompressor else { return .broken }
        return withoutActuallyEscaping(take) { take in
            self.take = take
            defer { self.take = nil }
            wasStopped = false
            let code = CabinetSystem.work(for: self) { decompressor.pointee.extract(decompressor, member, "") }
            return wasStopped ? .stopped : code == MSPACK_ERR_OK ? .whole : .broken
        }
    }

    // MARK: What the library asks for

    private var goesOn: Bool {
        if clock.isOver { isLate = true }
        return !isLate
    }

    func mayTake(_ memory: Int) -> Bool { claim(memory) }

    /// The cabinet's bytes from a position on, at most so many; nil: the time is over.
    func read(_ count: Int, at position: Int) -> Slice<UnsafeRawBufferPointer>? { goesOn ? bytes[position...].prefix(count) : nil }

    func write(_ unpacked: UnsafeRawBufferPointer) -> Bool {
        guard goesOn else { return false }
        if take?(unpacked) == true { return true }
        wasStopped = true
        return false
    }

    var count: Int { bytes.count }
}
