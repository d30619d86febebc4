/// A reply as a value (RFC 5321 §4.2, RFC 2034).
package struct Reply: Sendable, Equatable, Hashable {
    /// 200 … 599.
    package var code: Int
    /// RFC 3463. nil for replies that carry none (greeting, EHLO, 354).
    package var enhanced: EnhancedStatus?
    /// One string for each line, without CRLF. Never empty; ASCII unless the peer knows SMTPUTF8.
    package var lines: [String]

    package init(_ code: Int, _ enhanced: EnhancedStatus? = nil, _ text: String) {
        self.init(code, enhanced, lines: [text])
    }

    package init(_ code: Int, _ enhanced: EnhancedStatus? = nil, lines: [String]) {
        self.code = code
        self.enhanced = enhanced
        self.lines = lines
    }

    package var isPositive: Bool { code < 400 }
    package var isTransient: Bool { (400..<500).contains(code) }
    package var isPermanent: Bool { code >= 500 }
}

/// RFC 3463: class.subject.detail.
package struct EnhancedStatus: Sendable, Equatable, Hashable, CustomStringConvertible, ExpressibleByStringLiteral {
    package var `class`: Int
    package var subject: Int
    package var detail: Int

    package init(_ class: Int, _ subject: Int, _ detail: Int) {
        self.class = `class`
        self.subject = subject
        self.detail = detail
    }

    /// From a literal such as "5.1.1". A literal of another shape is a mistake of the program: it becomes 5.0.0.
    package init(stringLiteral value: String) {
        let numbers = value.split(separator: ".").compactMap { Int($0) }
        if numbers.count == 3 { self.init(numbers[0], numbers[1], numbers[2]) } else { self.init(5, 0, 0) }
    }

    package var description: String { "\(`class`).\(subject).\(detail)" }
}
