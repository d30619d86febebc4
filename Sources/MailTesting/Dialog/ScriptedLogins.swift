package import Dialogue

/// SASL exchanges for dialogs: a mechanism that takes an initial response, or asks for one (empty challenge), and then judges it.
///
/// A response of `secreto`, or one that ends in NUL and `secreto`, is right. `more` is answered with the challenge `again`;
/// `temporary`, `throttled` and `malformed` with that failure; any other is wrong.
package final class ScriptedLogins {
    package static let login = "usuario@virtual.test"

    package init() {}

    package func answer(_ move: AuthenticationMove) -> AuthenticationOutcome {
        switch move {
        case .begin(_, initial: nil): .challenge([])
        case .begin(_, initial: .some(let response)), .response(let response): judge(response.bytes)
        case .cancel: .failed(.cancelled)
        }
    }

    private func judge(_ response: [UInt8]) -> AuthenticationOutcome {
        let last = response.split(separator: 0, omittingEmptySubsequences: false).last ?? []
        return switch String(decoding: last, as: UTF8.self) {
        case "secreto": .succeeded(login: Self.login)
        case "more": .challenge(Array("again".utf8))
        case "temporary": .failed(.temporary)
        case "throttled": .failed(.throttled)
        case "malformed": .failed(.malformed)
        default: .failed(.wrong)
        }
    }

    /// As `Q:` lines write it.
    package static func describe(_ move: AuthenticationMove) -> String {
        switch move {
        case .begin(let mechanism, let initial): "begin \(mechanism)" + (initial.map { " \(text($0))" } ?? "")
        case .response(let response): "response \(text(response))"
        case .cancel: "cancel"
        }
    }

    private static func text(_ secret: Secret) -> String {
        String(decoding: secret.bytes.map { $0 == 0 ? UInt8(ascii: "|") : $0 }, as: UTF8.self)
    }
}
