/// The bytes that a session has received and not yet worked off.
///
/// Consumption moves a start index; the array is compacted only when more than half of it is dead, so that a pipeline of
/// n commands costs O(n).
package struct LineBuffer: Sendable {
    package private(set) var storage: [UInt8] = []
    package private(set) var start = 0
    /// Where the search for a line's end goes on: what was searched once is not searched again.
    private var searched = 0

    package init() {}

    package var count: Int { storage.count - start }
    package var isEmpty: Bool { start == storage.count }

    /// The unconsumed bytes. Valid until the next mutation.
    package var bytes: ArraySlice<UInt8> { storage[start...] }

    package mutating func append(_ new: Span<UInt8>) {
        compact()
        new.withUnsafeBufferPointer { storage.append(contentsOf: $0) }
    }

    package mutating func append(_ new: some Collection<UInt8>) {
        compact()
        storage.append(contentsOf: new)
    }

    /// Forgets so many bytes, all of them when there are fewer.
    package mutating func consume(_ length: Int) {
        start += min(max(0, length), count)
        searched = max(searched, start)
        if isEmpty { removeAll() }
    }

    /// Forgets everything, and gives large storage back.
    package mutating func removeAll() {
        if storage.capacity > 4096 { storage = [] } else { storage.removeAll(keepingCapacity: true) }
        start = 0
        searched = 0
    }

    /// The position of the next LF relative to `bytes.startIndex`, or nil when there is none yet.
    package mutating func nextLineFeed() -> Int? {
        let from = max(searched, start)
        let found = storage.withUnsafeBufferPointer { buffer -> Int? in
            var index = from
            while index < buffer.count {
                if buffer[index] == 0x0A { return index }
                index += 1
            }
            return nil
        }
        searched = found ?? storage.count
        return found.map { $0 - start }
    }

    private mutating func compact() {
        guard start > 0, start * 2 > storage.count else { return }
        storage.removeSubrange(..<start)
        searched -= start
        start = 0
    }
}
