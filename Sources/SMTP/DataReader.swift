import Glibc

/// What is wrong with a message as it came over the line.
enum Defect: Sendable, Equatable {
    case bareCR, bareLF, tooLarge
}

/// Finds the end of DATA and takes the transparency dots away (RFC 5321 §4.5.2).
///
/// Only CRLF ends a line, only CRLF.CRLF ends the message (RFC 5321 §2.3.8, §4.1.1.4). Once a bare CR or LF was seen,
/// the content is worth nothing: the reader goes on to the true end and hands out no more.
///
/// NUL and octets above 127 pass, announced or not, as they do through Postfix: what to make of them is the filter's decision.
struct DataReader: Sendable {
    private enum Position: Sendable {
        /// Behind CRLF, or before anything: DATA's own CRLF counts as the first of CRLF.CRLF.
        case lineStart
        case text
        case textCR
        /// A dot at the beginning of a line. It is no content, whatever follows.
        case dot
        case dotCR
        case end
    }

    private var position = Position.lineStart
    /// The last eight bytes that came, the newest lowest.
    private var tail: UInt64 = 0x0D0A
    private(set) var defect: Defect?
    /// Content octets handed out.
    private(set) var size = 0
    /// Octets that came, wanted or not.
    private(set) var received = 0
    let maximumSize: Int

    init(maximumSize: Int) { self.maximumSize = maximumSize }

    var isAtEnd: Bool { position == .end }

    /// Reads up to the message's end or the input's. `used` octets are done with; `content` is to be kept.
    mutating func read(_ input: UnsafeBufferPointer<UInt8>) -> (used: Int, content: [UInt8]) {
        guard let base = input.baseAddress else { return (0, []) }
        let count = input.count
        var content: [UInt8] = []
        if defect == nil { content.reserveCapacity(count) }
        var run = 0
        var index = 0
        func take(to end: Int) {
            guard end > run, defect == nil else { return }
            content.append(contentsOf: UnsafeBufferPointer(start: base + run, count: end - run))
        }
        scan: while index < count {
            switch position {
            case .lineStart:
                if base[index] == UInt8(ascii: ".") {
                    take(to: index)
                    index += 1
                    run = index
                    position = .dot
                } else {
                    position = .text
                }
            case .dot:
                if base[index] == 0x0D {
                    index += 1
                    run = index
                    position = .dotCR
                } else {
                    position = .text
                }
            case .dotCR:
                if base[index] == 0x0A {
                    index += 1
                    run = index
                    position = .end
                    break scan
                }
                note(.bareCR)
                position = .text
            case .textCR:
                if base[index] == 0x0A {
                    index += 1
                    position = .lineStart
                } else {
                    note(.bareCR)
                    position = .text
                }
            case .text:
                index = line(base, index, count)
            case .end: break scan
            }
        }
        take(to: index)
        remember(base, index)
        if defect == nil {
            if content.count > maximumSize - size { defect = .tooLarge } else { size += content.count }
        }
        return (index, defect == nil ? content : [])
    }

    /// From within a line to the position behind its LF, or to the input's end.
    private mutating func line(_ base: UnsafePointer<UInt8>, _ index: Int, _ count: Int) -> Int {
        let found = memchr(base + index, 0x0A, count - index)
        let end = found.map { UnsafeRawPointer($0) - UnsafeRawPointer(base) } ?? count
        // What may be a CR and still be right: the octet before LF, or the input's last.
        let isCR = end > index && base[end - 1] == 0x0D
        let checked = (isCR ? end - 1 : end) - index
        if !isDirty, checked > 0, memchr(base + index, 0x0D, checked) != nil { note(.bareCR) }
        if found == nil {
            position = isCR ? .textCR : .text
            return count
        }
        if !isCR { note(.bareLF) }
        position = isCR ? .lineStart : .text
        return end + 1
    }

    /// A bare CR or LF counts for more than the size: it ends the session.
    private mutating func note(_ new: Defect) { if !isDirty { defect = new } }

    private var isDirty: Bool { defect == .bareCR || defect == .bareLF }

    private mutating func remember(_ base: UnsafePointer<UInt8>, _ used: Int) {
        received += used
        for place in max(0, used - 8)..<used { tail = tail << 8 | UInt64(base[place]) }
    }

    /// What could be an end to a peer that waits now.
    enum SupposedEnd: Equatable {
        case none
        /// CRLF, dot, CR: the LF may be on its way.
        case half
        /// A dot alone between line ends of which one at least is wrong.
        case wrong
    }

    /// Asked when the input is used up and nothing more has come: is the peer waiting for the reply to its message?
    var supposedEnd: SupposedEnd {
        var rest = tail
        var after = 0
        var ends: UInt64 = 0
        while after < 5, rest & 0xFF == 0x0D || rest & 0xFF == 0x0A {
            ends |= (rest & 0xFF) << (8 * UInt64(after))
            rest >>= 8
            after += 1
        }
        guard after > 0, rest & 0xFF == 0x2E else { return .none }
        let before = (rest >> 8) & 0xFFFF
        let last = before & 0xFF
        guard last == 0x0D || last == 0x0A else { return .none }
        return before == 0x0D0A && ends == 0x0D ? .half : .wrong
    }
}

/// The content of BDAT chunks (RFC 3030 §2): octets as they are, under the same rule for CR and LF. A CRLF may be cut by a
/// chunk's end.
struct ChunkReader: Sendable {
    private var endsInCR = false
    private(set) var defect: Defect?
    private(set) var size = 0

    /// Judges the octets that come next.
    mutating func read(_ input: UnsafeBufferPointer<UInt8>) {
        size += input.count
        guard let base = input.baseAddress, !input.isEmpty, defect == nil else { return }
        var index = 0
        if endsInCR {
            guard base[0] == 0x0A else {
                defect = .bareCR
                return
            }
            index = 1
        }
        endsInCR = false
        while index < input.count {
            let found = memchr(base + index, 0x0A, input.count - index)
            let end = found.map { UnsafeRawPointer($0) - UnsafeRawPointer(base) } ?? input.count
            let isCR = end > index && base[end - 1] == 0x0D
            let checked = (isCR ? end - 1 : end) - index
            if checked > 0, memchr(base + index, 0x0D, checked) != nil {
                defect = .bareCR
                return
            }
            if found == nil {
                endsInCR = isCR
            } else if !isCR {
                defect = .bareLF
                return
            }
            index = end + 1
        }
    }

    /// The last chunk is over.
    mutating func finish() { if endsInCR, defect == nil { defect = .bareCR } }
}
