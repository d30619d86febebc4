/// A password's hash of another system, `{SCHEME}value` as Dovecot and Courier write it.
package struct ForeignHash: Sendable, Hashable {
    /// Bytes of a whole one.
    static let limit = 1_024

    private let scheme: HashScheme
    private let encoding: HashEncoding?
    private let value: Substring

    /// Nil for text without a known scheme: it may be a password that begins with a brace.
    package init?(_ text: String) {
        guard text.utf8.first == UInt8(ascii: "{"), let end = text.utf8.firstIndex(of: UInt8(ascii: "}")) else { return nil }
        let name = text[text.index(after: text.startIndex)..<end].uppercased()
        let parts = name.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let scheme = HashScheme(first) else { return nil }
        if parts.count == 2 {
            guard let encoding = HashEncoding(parts[1]) else { return nil }
            self.encoding = encoding
        } else {
            encoding = nil
        }
        self.scheme = scheme
        value = text[text.index(after: end)...]
    }

    /// Text that came as bytes, which need not be UTF-8.
    package init?(_ bytes: [UInt8]) {
        guard bytes.first == UInt8(ascii: "{"), let text = String(validating: bytes, as: UTF8.self) else { return nil }
        self.init(text)
    }

    /// The password itself, where the scheme keeps it.
    package var password: [UInt8]? {
        guard scheme == .plain else { return nil }
        guard let encoding else { return value.isEmpty ? nil : Array(value.utf8) }
        return encoding.decoded(value)
    }

    /// Whether a password can be right at all: the value is well-formed, and its check costs a bounded time.
    package var isUsable: Bool {
        switch form {
        case .none: false
        case .some: true
        }
    }

    /// Whether the password is the one: up to a second of CPU. The comparison itself does not stop at a difference.
    package func matches(_ password: [UInt8]) -> Bool {
        switch form {
        case .none: false
        case .plain(let right): areEqual(right, password)
        case .crypt(let value): crypted(password, as: value).map { areEqual($0, Array(value.utf8)) } ?? false
        case .digest(let function, let right, let salt): function.digest(password + salt).map { areEqual($0, right) } ?? false
        }
    }

    private enum Form {
        case plain([UInt8])
        case crypt(Substring)
        case digest(DigestFunction, [UInt8], salt: [UInt8])
    }

    private var form: Form? {
        guard value.utf8.count <= Self.limit, !value.isEmpty else { return nil }
        switch scheme {
        case .plain:
            return password.map { .plain($0) }
        case .crypt(let methods):
            return crypt(of: methods)
        case .unsalted(let function):
            return unsalted(function)
        case .salted(let function):
            guard let bytes = (encoding ?? .base64).decoded(value), bytes.count > function.length else { return nil }
            return .digest(function, Array(bytes.prefix(function.length)), salt: Array(bytes.dropFirst(function.length)))
        case .anyMD5:
            return crypt(of: [.md5]) ?? unsalted(.md5)
        }
    }

    private func crypt(of methods: Set<CryptMethod>) -> Form? {
        var text = value
        if let encoding {
            guard let bytes = encoding.decoded(value), let decoded = String(validating: bytes, as: UTF8.self) else { return nil }
            text = decoded[...]
        }
        guard let method = CryptMethod(text), methods.contains(method) else { return nil }
        return .crypt(text)
    }

    /// Which of the two encodings it is, its length tells where its name does not.
    private func unsalted(_ function: DigestFunction) -> Form? {
        let encodings: [HashEncoding] = encoding.map { [$0] } ?? [.hexadecimal, .base64]
        for encoding in encodings {
            guard let bytes = encoding.decoded(value), bytes.count == function.length else { continue }
            return .digest(function, bytes, salt: [])
        }
        return nil
    }
}
