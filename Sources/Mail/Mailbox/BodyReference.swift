/// A delivered message as its readers see it: `prefix` (trace headers, different for each recipient), then the original
/// bytes without the range `hidden`. Every offset that a reader uses counts in that concatenation.
package struct BodyReference: Hashable, Sendable {
    /// The body's identity in the store.
    package var id: Int64
    /// Bytes of the original.
    package var length: Int
    /// Bytes that stand before the original for this recipient.
    package var prefix: [UInt8]
    /// The range of the original that this recipient does not see (a rewritten Subject), or nil.
    package var hidden: Range<Int>?

    package init(id: Int64, length: Int, prefix: [UInt8] = [], hidden: Range<Int>? = nil) {
        self.id = id
        self.length = length
        self.prefix = prefix
        self.hidden = hidden
    }

    /// RFC822.SIZE: bytes of the concatenation.
    package var size: Int { prefix.count + length - (hidden?.count ?? 0) }
}
