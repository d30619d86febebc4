/// The messages of an mbox file, one after the other and from the front again at the end, as scripts take them.
package struct MboxMessages: Sendable {
    package struct Message: Sendable, Equatable {
        /// CRLF behind each line; the empty line in front of the next From-line belongs to the message.
        package let octets: [UInt8]
        /// From the From-line, as APPEND wants it: `22-Feb-2008 17:06:23 +0200`. Without a zone it is UTC.
        package let internalDate: String

        package init(octets: [UInt8], internalDate: String) {
            self.octets = octets
            self.internalDate = internalDate
        }
    }

    package let messages: [Message]
    private var position = 0

    /// Reads an mbox file's octets; what stands before the first From-line is ignored.
    package init(_ mbox: [UInt8]) {
        var messages: [Message] = []
        var date: String?
        var octets: [UInt8] = []
        for line in mbox.split(separator: 0x0A, omittingEmptySubsequences: false).dropLast(mbox.last == 0x0A ? 1 : 0) {
            if let next = Self.internalDate(ofFromLine: line) {
                if let date { messages.append(Message(octets: octets, internalDate: date)) }
                date = next
                octets = []
            } else {
                octets += line.last == 0x0D ? line.dropLast() : line
                octets += [0x0D, 0x0A]
            }
        }
        if let date { messages.append(Message(octets: octets, internalDate: date)) }
        self.messages = messages
    }

    /// Nil only for an empty mbox.
    package mutating func next() -> Message? {
        guard !messages.isEmpty else { return nil }
        defer { position = (position + 1) % messages.count }
        return messages[position]
    }

    /// `From sender Fri Feb 22 17:06:23 2008 +0200`; nil for a line that is none.
    package static func internalDate(ofFromLine line: ArraySlice<UInt8>) -> String? {
        guard line.starts(with: "From ".utf8) else { return nil }
        let end = line.last == 0x0D ? line.endIndex - 1 : line.endIndex
        let words = String(decoding: line[..<end], as: UTF8.self).split(separator: " ").dropFirst(2).map(String.init)
        guard words.count >= 5, weekdays.contains(words[0]), months.contains(words[1]), let day = Int(words[2]), 1...31 ~= day,
            let year = Int(words[4]), 1900...9999 ~= year
        else { return nil }
        let clock = words[3].split(separator: ":")
        guard clock.count == 3, clock.allSatisfy({ $0.count == 2 && Int($0) != nil }) else { return nil }
        let zone = words.count > 5 && words[5].count == 5 && (words[5].hasPrefix("+") || words[5].hasPrefix("-")) ? words[5] : "+0000"
        return "\(day < 10 ? "0" : "")\(day)-\(words[1])-\(year) \(words[3]) \(zone)"
    }

    private static let weekdays: Set = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    private static let months: Set = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
}
