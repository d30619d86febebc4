import Foundation

/// Test material that is not part of the checkout: `BUZON_CORPORA`, or `../shared/corpora` beside it.
enum Corpora {
    static let root: URL = {
        if let path = ProcessInfo.processInfo.environment["BUZON_CORPORA"] { return URL(fileURLWithPath: path) }
        return URL(fileURLWithPath: "../shared/corpora")
    }()

    static func has(_ folder: String) -> Bool {
        FileManager.default.fileExists(atPath: root.appendingPathComponent(folder).path)
    }

    static func bytes(_ path: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: root.appendingPathComponent(path)))
    }

    static func files(in folder: String, suffix: String) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: root.appendingPathComponent(folder).path)) ?? []
        return names.filter { $0.hasSuffix(suffix) }.sorted().map { folder + "/" + $0 }
    }

    /// Every line end as CRLF.
    static func crlf(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        for (index, byte) in bytes.enumerated() {
            if byte == 10, index == 0 || bytes[index - 1] != 13 { result.append(13) }
            result.append(byte)
        }
        return result
    }

    /// Every line end as LF.
    static func lf(_ bytes: [UInt8]) -> [UInt8] {
        bytes.enumerated().filter { $0.element != 13 || $0.offset + 1 >= bytes.count || bytes[$0.offset + 1] != 10 }.map(\.element)
    }

    /// The messages of an mbox file, with CRLF; the empty line before each "From " line is the format's.
    static func mbox(_ path: String) throws -> [[UInt8]] {
        var messages: [[UInt8]] = []
        for line in try bytes(path).split(separator: 10, omittingEmptySubsequences: false) {
            if line.starts(with: "From ".utf8) {
                if messages.last?.suffix(4) == [13, 10, 13, 10] { messages[messages.count - 1].removeLast(2) }
                messages.append([])
            } else if !messages.isEmpty {
                messages[messages.count - 1] += line + [13, 10]
            }
        }
        // What stands behind the last line end is no line.
        if messages.last?.suffix(2) == [13, 10] { messages[messages.count - 1].removeLast(2) }
        return messages
    }
}
