import Synchronization

/// A refusal's words on their way out of a transaction.
final class Problem: Sendable {
    private let words = Mutex<String?>(nil)

    func set(_ text: String) { words.withLock { $0 = text } }
    func take() -> String? { words.withLock { $0.take() } }
}
