import Filter

/// A policy's value for programs, as what it is: true, -1000, a list of rules, a word.
struct PolicyValue: Encodable {
    var key: PolicyKey
    /// Normalised.
    var stored: String

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch key.kind {
        case .bool: try container.encode(stored == "true")
        case .points: try container.encode(Points(stored)?.value ?? 0)
        case .names: try container.encode(stored.split { $0.isWhitespace }.map(String.init))
        case .destiny, .tag: try container.encode(stored)
        }
    }
}

extension SenderWord: Encodable {
    /// `white`, `black`, or points as a number.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .white, .black: try container.encode(text)
        case .points(let points): try container.encode(points.value)
        }
    }
}
