import Mail

/// The open maildrop: message numbers count from 1 in the order in which it was opened (RFC 1939 §5).
struct Maildrop: Sendable {
    let messages: [MaildropMessage]
    private var isDeleted: [Bool]
    private(set) var count: Int
    /// Octets of what is not marked.
    private(set) var size: Int

    init(_ messages: [MaildropMessage]) {
        self.messages = messages
        isDeleted = Array(repeating: false, count: messages.count)
        count = messages.count
        size = messages.reduce(0) { $0 + $1.body.size }
    }

    /// A message that exists and is not marked as deleted.
    subscript(number: Int) -> MaildropMessage? {
        guard number >= 1, number <= messages.count, !isDeleted[number - 1] else { return nil }
        return messages[number - 1]
    }

    mutating func delete(_ number: Int) -> Bool {
        guard let message = self[number] else { return false }
        isDeleted[number - 1] = true
        count -= 1
        size -= message.body.size
        return true
    }

    mutating func reset() { self = Maildrop(messages) }

    /// Message numbers that are marked, as places in `messages`.
    var marked: [Int] { isDeleted.indices.filter { isDeleted[$0] } }
}
