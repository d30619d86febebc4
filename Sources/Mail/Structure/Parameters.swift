/// The parameters of a Content-Type or Content-Disposition (RFC 2045 §5.1), as given: quotes undone, RFC 2231 not.
package struct Parameters: Sendable, Hashable {
    package struct Parameter: Sendable, Hashable {
        package let name: [UInt8]
        package let value: [UInt8]

        package init(name: [UInt8], value: [UInt8]) {
            self.name = name
            self.value = value
        }
    }

    /// In the field's order, at most `MessageLimits.parameters`.
    package private(set) var list: [Parameter]

    package init(_ list: [Parameter] = []) { self.list = list }

    /// Reads what follows the type: `; name=value` again and again. Semicolons that are missing or one too many are
    /// forgiven, a name without a value is left out.
    init(_ lexer: inout FieldLexer) {
        list = []
        while list.count < MessageLimits.parameters {
            lexer.skipBlanksAndComments()
            guard let byte = lexer.current else { return }
            if byte == UInt8(ascii: ";") || byte == UInt8(ascii: "=") || byte == UInt8(ascii: "\"") {
                if byte == UInt8(ascii: "\"") { _ = lexer.quotedString() } else { lexer.advance() }
                continue
            }
            let name = lexer.token(stops: "=;\"(")
            lexer.skipBlanksAndComments()
            guard lexer.current == UInt8(ascii: "=") else { continue }
            lexer.advance()
            lexer.skipBlanksAndComments()
            list.append(Parameter(name: name, value: Self.value(&lexer)))
        }
    }

    private static func value(_ lexer: inout FieldLexer) -> [UInt8] {
        if lexer.current == UInt8(ascii: "\"") { return lexer.quotedString() }
        var value = lexer.token(stops: ";")
        let gap = lexer.position
        lexer.skipBlanksAndComments()
        if let byte = lexer.current, byte != UInt8(ascii: ";") {
            let rest = lexer.restOfValue()
            if !rest.isEmpty {
                if lexer.position > gap { value.append(.space) }
                value += rest
            }
        }
        return value
    }

    /// The first value of that name as it was given, without RFC 2231.
    package func raw(_ lowercaseName: StaticString) -> [UInt8]? {
        list.first { $0.name.isCaseInsensitivelyEqual(toLowercase: lowercaseName) }?.value
    }

    /// The value's bytes with RFC 2231 undone, and the charset that it names. An extended value (`name*`, `name*0*` …)
    /// is preferred to a plain one that stands beside it (RFC 6266 §4.3 says so for file names).
    package func bytes(_ name: String) -> (value: [UInt8], charset: String?)? {
        let name = Array(name.utf8)
        var plain: [UInt8]?
        var extended: [UInt8]?
        var pieces: [Piece] = []
        for parameter in list {
            guard parameter.name.count >= name.count else { continue }
            guard zip(parameter.name, name).allSatisfy({ $0.asciiLowercased == $1.asciiLowercased }) else { continue }
            switch Self.form(parameter.name[name.count...]) {
            case .plain: plain = plain ?? parameter.value
            case .whole: extended = extended ?? parameter.value
            case .piece(let number, let isExtended): pieces.append((number, isExtended, parameter.value))
            case .other: break
            }
        }
        if let extended { return Self.decode([(0, true, extended)]) }
        // RFC 2231 §3: pieces may come in any order; they end at the first number that is missing.
        pieces.sort { $0.number < $1.number }
        var chain: [Piece] = []
        for piece in pieces where piece.number == chain.count { chain.append(piece) }
        if !chain.isEmpty { return Self.decode(chain) }
        return plain.map { ($0, nil) }
    }

    typealias Piece = (number: Int, isExtended: Bool, value: [UInt8])

    enum Form { case plain, whole, piece(Int, isExtended: Bool), other }

    /// What stands behind the name: nothing, `*`, `*0`, `*0*`.
    static func form(_ suffix: ArraySlice<UInt8>) -> Form {
        var suffix = suffix
        guard let star = suffix.popFirst() else { return .plain }
        guard star == UInt8(ascii: "*") else { return .other }
        if suffix.isEmpty { return .whole }
        var isExtended = false
        if suffix.last == UInt8(ascii: "*") {
            isExtended = true
            suffix.removeLast()
        }
        guard !suffix.isEmpty, suffix.count <= 4, suffix.allSatisfy(\.isASCIIDigit) else { return .other }
        return .piece(suffix.reduce(0) { $0 * 10 + Int($1 - 48) }, isExtended: isExtended)
    }

    /// RFC 2231 §4: charset'language'value in the first piece, %XX in each piece that is marked so.
    static func decode(_ pieces: [Piece]) -> (value: [UInt8], charset: String?) {
        var charset: String?
        var result: [UInt8] = []
        for (position, piece) in pieces.enumerated() {
            var value = piece.value[...]
            if position == 0, piece.isExtended, let first = value.firstIndex(of: 39),
                let second = value[(first + 1)...].firstIndex(of: 39)
            {
                if first > value.startIndex { charset = String(decoding: value[..<first], as: UTF8.self) }
                value = value[(second + 1)...]
            }
            if piece.isExtended { percentDecode(value, into: &result) } else { result += value }
        }
        return (result, charset)
    }

    private static func percentDecode(_ value: ArraySlice<UInt8>, into result: inout [UInt8]) {
        var index = value.startIndex
        while index < value.endIndex {
            if value[index] == UInt8(ascii: "%"), index + 2 < value.endIndex, let high = value[index + 1].hexDigitValue,
                let low = value[index + 2].hexDigitValue
            {
                result.append(high << 4 | low)
                index += 3
            } else {
                result.append(value[index])
                index += 1
            }
        }
    }
}
