import Glibc

/// What libfreshclam wrote into its log file: the only place where it says what happened to a transfer.
struct FreshclamLog: Sendable, Equatable {
    private static let longest = 65_536

    /// libcurl's code and words for the transfer that broke off last.
    private(set) var curlCode: Int?
    private(set) var curlWords = ""
    /// The last answer that was none of those it expects.
    private(set) var status: Int?
    private(set) var isAbsent = false
    /// It has said so of an answer that its result is silent about.
    private(set) var hasTooManyRequests = false
    /// The last complaint that is none of the above.
    private(set) var complaint = ""

    init(_ text: String) {
        for line in text.split(separator: "\n") { read(line) }
    }

    /// From `offset` on, which is moved to the end.
    init(file: String, offset: inout Int) {
        let descriptor = open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let end = Int(lseek(descriptor, 0, SEEK_END))
        let start = max(offset, end - Self.longest)
        offset = end
        var bytes = [UInt8](repeating: 0, count: max(0, end - start))
        let count = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, off_t(start)) }
        for line in String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).split(separator: "\n") { read(line) }
    }

    private mutating func read(_ line: Substring) {
        if let range = line.firstRange(of: "ownload failed (") {
            forget()
            curlCode = Self.number(line[range.upperBound...])
            if let words = line.firstRange(of: "Message: ") { curlWords = Self.clean(line[words.upperBound...]) }
        } else if let words = line.firstRange(of: " Message: "), curlCode != nil {
            curlWords = Self.clean(line[words.upperBound...])
        } else if let range = line.firstRange(of: "Unexpected response (") {
            forget()
            status = Self.number(line[range.upperBound...])
        } else if line.contains("Origin Connection Time-out") {
            forget()
            status = 522
        } else if line.contains("file not found: ") {
            forget()
            isAbsent = true
        } else if line.contains("received error code 429") {
            hasTooManyRequests = true
        } else if line.hasPrefix("ERROR: Failed to load new database: ") || line.hasPrefix("ERROR: Verification: ") {
            complaint = Self.clean(line.dropFirst("ERROR: ".count))
        } else if line.hasPrefix("ERROR: "), complaint.isEmpty {
            complaint = Self.clean(line.dropFirst("ERROR: ".count))
        }
    }

    private mutating func forget() {
        curlCode = nil
        curlWords = ""
        status = nil
        isAbsent = false
    }

    private static func number(_ text: Substring) -> Int? { Int(text.prefix { $0.isNumber || $0 == "-" }) }

    /// One line without control characters, and without the name and password that a URL may have.
    private static func clean(_ text: Substring) -> String {
        let words = text.prefix(200).split(separator: " ").map { DatabaseURL.withoutUser(String($0)) }
        return String(String.UnicodeScalarView(words.joined(separator: " ").unicodeScalars.filter { (32...126).contains($0.value) }))
    }
}
