import Filter
import Glibc

/// A message whose number can be changed. Unchecked: whoever made a copy changes it between inspections only.
final class Letter: InspectedContent, @unchecked Sendable {
    private static let mark = Array("X-Number: ".utf8)
    private static let digits = 12

    private let bytes: UnsafeMutableRawBufferPointer
    /// Where the number's digits are.
    private let place: Int
    private var number: Int

    init(file: String) throws {
        let descriptor = open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Oddity(words: "\(file): \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var status = stat()
        fstat(descriptor, &status)
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: Int(status.st_size), alignment: 16)
        guard read(descriptor, bytes.baseAddress, bytes.count) == bytes.count else { throw Oddity(words: "\(file): not read") }
        let last = bytes.count - Self.mark.count - Self.digits
        guard let found = (0..<max(0, last)).first(where: { bytes[$0...].starts(with: Self.mark) }) else {
            throw Oddity(words: "\(file): no X-Number with \(Self.digits) digits")
        }
        self.bytes = bytes
        place = found + Self.mark.count
        number = 0
    }

    private init(_ other: Letter, _ number: Int) {
        bytes = .allocate(byteCount: other.bytes.count, alignment: 16)
        bytes.copyMemory(from: UnsafeRawBufferPointer(other.bytes))
        place = other.place
        self.number = number
    }

    deinit { bytes.deallocate() }

    /// One of many, whose numbers are others.
    func copy(_ index: Int) -> Letter { Letter(self, (index + 1) * 1_000_000_000) }

    /// The next number.
    func change() {
        number += 1
        var rest = number
        for index in (place..<place + Self.digits).reversed() {
            bytes[index] = UInt8(0x30 + rest % 10)
            rest /= 10
        }
    }

    var count: Int { bytes.count }

    /// The server has it already when a message comes to be inspected: bodies are stored with it. Here the number does.
    var digest: [UInt8] {
        var digest = [UInt8](repeating: 0, count: 32)
        digest.withUnsafeMutableBytes {
            $0.storeBytes(of: number, as: Int.self)
            $0.storeBytes(of: place, toByteOffset: 8, as: Int.self)
            $0.storeBytes(of: bytes.count, toByteOffset: 16, as: Int.self)
        }
        return digest
    }

    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result {
        try body(UnsafeRawBufferPointer(bytes))
    }
}
