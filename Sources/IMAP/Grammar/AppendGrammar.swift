import Mail

/// APPEND up to its message (RFC 3501 §6.3.11).
struct AppendArguments: Equatable, Sendable {
    var mailbox: MailboxName
    var flags: Flags
    var date: InternalDate?
}

extension CommandReader {
    /// What stands between the name of the command and the literal that ends `bytes`. Nil when that literal is the mailbox
    /// name and not yet the message.
    mutating func append() throws(CommandError) -> AppendArguments? {
        try space()
        if current == 0x7B, isAnnouncementAtEnd { return nil }
        let wire = try astring()
        try space()
        var flags = Flags()
        if current == 0x28 {
            flags = try flagList(needsParentheses: true)
            try space()
        }
        var date: InternalDate?
        if current == 0x22 {
            date = try dateTime()
            try space()
        }
        guard current == 0x7B, isAnnouncementAtEnd else { throw .bad("Message literal expected") }
        return AppendArguments(mailbox: try MailboxName(wire: wire), flags: flags, date: date)
    }

    private var isAnnouncementAtEnd: Bool { LiteralAnnouncement(endOf: bytes[index...])?.length(in: bytes) == bytes.count - index }
}

/// `{n}` or `{n+}` at the end of a line (RFC 3501 §4.3, RFC 7888 §3).
struct LiteralAnnouncement: Equatable {
    var size: Int
    var isSynchronising: Bool
    /// Where the brace stands.
    var start: Int

    /// `line` without its line end. Nil when it announces nothing; a number beyond 63 bits counts as the largest.
    init?(endOf line: ArraySlice<UInt8>) {
        guard line.last == 0x7D else { return nil }
        var index = line.endIndex - 2
        isSynchronising = true
        if index >= line.startIndex, line[index] == 0x2B {
            isSynchronising = false
            index -= 1
        }
        let end = index
        size = 0
        while index >= line.startIndex, line[index] >= 0x30, line[index] <= 0x39 { index -= 1 }
        guard index >= line.startIndex, line[index] == 0x7B, index < end else { return nil }
        for digit in line[(index + 1)...end] {
            let (product, overflow) = size.multipliedReportingOverflow(by: 10)
            let (sum, carried) = product.addingReportingOverflow(Int(digit - 0x30))
            size = overflow || carried ? Int.max : sum
            if overflow || carried { break }
        }
        start = index
    }

    func length(in bytes: [UInt8]) -> Int { bytes.count - start }
}
