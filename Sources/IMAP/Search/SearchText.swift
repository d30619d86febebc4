internal import Glibc

/// Text that is looked for, case folded.
package struct SearchText: Sendable, Equatable {
    let folded: [UInt8]
    /// Knuth, Morris, Pratt: how much of the beginning still fits when the byte behind so many does not.
    private let fallbacks: [Int]

    package init(_ text: String) {
        folded = CaseFolding.fold(Array(text.utf8))
        var fallbacks = [Int](repeating: 0, count: folded.count)
        var fitting = 0
        for index in folded.indices.dropFirst() {
            while fitting > 0, folded[index] != folded[fitting] { fitting = fallbacks[fitting - 1] }
            if folded[index] == folded[fitting] { fitting += 1 }
            fallbacks[index] = fitting
        }
        self.fallbacks = fallbacks
    }

    var isEmpty: Bool { folded.isEmpty }

    /// Whether it occurs in folded bytes. Linear, whatever they are.
    func occurs(in bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let first = folded.first else { return true }
        guard let base = bytes.baseAddress else { return false }
        return folded.withUnsafeBufferPointer { wanted in
            var index = 0
            var fitting = 0
            while index < bytes.count {
                if fitting == 0 {
                    guard let found = memchr(base + index, Int32(first), bytes.count - index) else { return false }
                    index = UnsafeRawPointer(found) - UnsafeRawPointer(base) + 1
                    fitting = 1
                } else if bytes[index] == wanted[fitting] {
                    fitting += 1
                    index += 1
                } else {
                    fitting = fallbacks[fitting - 1]
                    continue
                }
                if fitting == wanted.count { return true }
            }
            return false
        }
    }

    /// Whether it occurs in text, whatever its case.
    func occurs(in text: String) -> Bool {
        if isEmpty { return true }
        var bytes: [UInt8] = []
        var text = text
        text.withUTF8 { CaseFolding.fold($0, into: &bytes) }
        return bytes.withUnsafeBufferPointer { occurs(in: $0) }
    }
}
