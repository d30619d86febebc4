import Glibc

/// libclamav looks for mail where a file begins like one, and knows some twenty beginnings. A message is always mail, whatever its
/// first line says: one that begins otherwise gets a first line of ours.
enum MailFraming {
    static let firstLine = Array("Received: by localhost\r\n".utf8)

    /// Fields that libclamav 1.4 knows and that say nothing else to it, unlike `From ` (a mailbox file with many messages, which the
    /// body may then pretend to be) or `P I ` (a header to skip).
    private static let known = ["Received: ", "Return-Path: ", "From: ", "To: ", "Subject: ", "Date: ", "Message-ID: ", "Delivered-To: "]
        .map { Array($0.utf8) }

    static func isNeeded(_ message: UnsafeRawBufferPointer) -> Bool { !known.contains { message.starts(with: $0) } }

    static func framed<Result>(_ message: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        if !isNeeded(message) { return body(message) }
        let rest = UnsafeRawBufferPointer(rebasing: message[headerStart(message)...])
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: firstLine.count + rest.count, alignment: 1)
        defer { copy.deallocate() }
        copy.copyBytes(from: firstLine)
        UnsafeMutableRawBufferPointer(rebasing: copy[firstLine.count...]).copyMemory(from: rest)
        return body(UnsafeRawBufferPointer(copy))
    }

    /// Behind what some readers of mail skip before a header: a byte order mark, empty lines, a mailbox file's `From ` line.
    static func headerStart(_ message: UnsafeRawBufferPointer) -> Int {
        var index = 0
        if message.starts(with: [0xef, 0xbb, 0xbf]) { index = 3 }
        while index < message.count, [0x0d, 0x0a, 0x20, 0x09].contains(message[index]) { index += 1 }
        let line = message[index...]
        if line.starts(with: Array("From ".utf8)) || line.starts(with: Array(">From ".utf8)) {
            guard let end = line.firstIndex(of: 0x0a) else { return index }
            return end + 1
        }
        return index
    }
}
