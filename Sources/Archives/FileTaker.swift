/// Who wants the files that a walk comes across.
package protocol FileTaker: AnyObject {
    /// Nothing more is wanted.
    var isOver: Bool { get }
    /// A file as a whole, or as far as it can be unpacked. `isMessage`: it was declared as one, or looks like one.
    func take(_ file: UnsafeRawBufferPointer, isMessage: Bool)
    /// A file that is too large to be held.
    func take(large file: Fingerprint)
}

/// What tells one file from another without keeping either: its size, and a hash of all its bytes whose key nobody outside of
/// this process knows (SipHash): no other file is made to look like one that was scanned.
package struct Fingerprint: Hashable, Sendable {
    private let count: Int
    private let sum: Int

    package init(_ bytes: UnsafeRawBufferPointer) {
        var course = Course()
        course.add(bytes)
        self = course.end
    }

    private init(count: Int, sum: Int) {
        self.count = count
        self.sum = sum
    }

    /// Of a file that comes in pieces, however it is cut.
    package struct Course {
        private var count = 0
        private var hasher = Hasher()

        package init() {}

        package mutating func add(_ bytes: UnsafeRawBufferPointer) {
            count += bytes.count
            hasher.combine(bytes: bytes)
        }

        package var end: Fingerprint { Fingerprint(count: count, sum: hasher.finalize()) }
    }
}
