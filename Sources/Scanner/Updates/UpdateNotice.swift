/// Something that the administrator should read: a text's key and its values.
package struct UpdateNotice: Sendable, Hashable {
    /// For what is told once until it is over.
    package var kind: String
    package var key: String
    package var values: [Value]
    /// Else it is good news.
    package var isTrouble: Bool

    package struct Value: Sendable, Hashable {
        package var name: String
        package var text: String
        /// `text` is a failure's key, whose text with `detail` is the value.
        package var detail: String?
    }

    /// `{source}`, `{file}`, `{reason}`
    static func failed(_ source: String, _ file: String, _ failure: UpdateFailure) -> UpdateNotice {
        UpdateNotice(
            kind: "signatures \(source) \(failure.kind.rawValue)", key: "signatures.failed",
            values: [
                Value(name: "source", text: source), Value(name: "file", text: file),
                Value(name: "reason", text: failure.key, detail: failure.detail),
            ], isTrouble: true)
    }

    /// `{source}`
    static func recovered(_ source: String) -> UpdateNotice {
        UpdateNotice(
            kind: "signatures \(source)", key: "signatures.recovered", values: [Value(name: "source", text: source)], isTrouble: false)
    }

    /// `{reason}`
    static func hindered(_ failure: UpdateFailure) -> UpdateNotice {
        UpdateNotice(
            kind: "signatures \(failure)", key: "signatures.hindered",
            values: [Value(name: "reason", text: failure.key, detail: failure.detail)], isTrouble: true)
    }
}
