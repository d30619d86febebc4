import Filter
import Glibc
import Mail

/// Files that stand in a text, as mail carried them before MIME: uuencode and yEnc.
extension Walk {
    /// Looks for them in a text of that name at `place`.
    func encodedFiles(_ text: UnsafeRawBufferPointer, named outer: String, in place: Place) {
        let inner = place.within(outer)
        var position = 0
        while goesOn(), let start = find(Self.begin, in: text, from: position) {
            position = start + Self.begin.count
            guard start == 0 || text[start - 1] == 10, let line = line(text, start), let name = Self.uuName(line) else { continue }
            guard mayOpen(place) else { return }
            let end = find(Self.end, in: text, from: start + line.count) ?? text.count
            hold { buffer in
                var decoder = UUDecoder()
                decode(text, from: start, to: min(end + 5, text.count), &buffer) { decoder.decode($0, into: &$1) }
                with(buffer) { meet([name], content: $0, in: inner) }
            }
            position = end
        }
        position = 0
        while goesOn(), let start = find(Self.yEncBegin, in: text, from: position) {
            position = start + Self.yEncBegin.count
            guard start == 0 || text[start - 1] == 10, let line = line(text, start),
                let found = find(Self.yEncName, in: line, from: 0)
            else { continue }
            guard mayOpen(place) else { return }
            let name = ArchiveReader.text(UnsafeRawBufferPointer(rebasing: line[(found + Self.yEncName.count)...]))
            let end = find(Self.yEncEnd, in: text, from: start + line.count) ?? text.count
            hold { buffer in
                var decoder = YEncDecoder()
                decode(text, from: start, to: end, &buffer) { decoder.decode($0, into: &$1) }
                with(buffer) { meet([name], content: $0, in: inner) }
            }
            position = end
        }
    }

    /// The names in a body whose header says that it is uuencoded.
    func encodedNames(_ text: UnsafeRawBufferPointer, _ visit: (String) -> Void) {
        var position = 0
        while goesOn(), let start = find(Self.begin, in: text, from: position) {
            position = start + Self.begin.count
            guard start == 0 || text[start - 1] == 10, let name = line(text, start).flatMap(Self.uuName) else { continue }
            visit(name)
            position = find(Self.end, in: text, from: position) ?? text.count
        }
    }

    private static let begin = Array("begin ".utf8)
    private static let end = Array("\nend".utf8)
    private static let yEncBegin = Array("=ybegin ".utf8)
    private static let yEncName = Array(" name=".utf8)
    private static let yEncEnd = Array("\n=yend".utf8)

    private func decode(
        _ text: UnsafeRawBufferPointer, from start: Int, to end: Int, _ buffer: inout Held,
        _ step: (ArraySlice<UInt8>, inout [UInt8]) -> Void
    ) {
        var position = start
        var output: [UInt8] = []
        while position < end, goesOn() {
            let next = min(position + 1 << 16, end)
            output.removeAll(keepingCapacity: true)
            step([UInt8](text[position..<next])[...], &output)
            position = next
            guard output.withUnsafeBytes({ buffer.append($0) }) else { return reach(.size) }
        }
    }

    /// A line without its end, at most 1,000 bytes of it.
    private func line(_ text: UnsafeRawBufferPointer, _ start: Int) -> UnsafeRawBufferPointer? {
        var end = start
        while end < text.count, end - start < 1000, text[end] != 10, text[end] != 13 { end += 1 }
        return text.slice(start, end - start)
    }

    /// `begin 644 name`.
    private static func uuName(_ line: UnsafeRawBufferPointer) -> String? {
        let rest = line.dropFirst(begin.count)
        let mode = rest.prefix { (0x30...0x37).contains($0) }
        guard (3...4).contains(mode.count), rest.dropFirst(mode.count).first == 0x20 else { return nil }
        let name = rest.dropFirst(mode.count + 1)
        return name.isEmpty ? nil : ArchiveReader.text(UnsafeRawBufferPointer(rebasing: name))
    }
}

/// The lines between `=ybegin` and `=yend`: bytes moved by 42, a few of them behind `=` by 64 more.
private struct YEncDecoder {
    private var isEscaped = false
    private var isAtLineStart = true
    private var isInControl = false

    mutating func decode(_ bytes: ArraySlice<UInt8>, into output: inout [UInt8]) {
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let byte = bytes[index]
            index += 1
            if byte == 10 || byte == 13 {
                (isAtLineStart, isInControl, isEscaped) = (true, false, false)
                continue
            }
            if isInControl { continue }
            if isEscaped {
                isEscaped = false
                // `=ybegin`, `=ypart`.
                if isAtLineStart, byte == UInt8(ascii: "y") {
                    isInControl = true
                    continue
                }
                output.append(byte &- 64 &- 42)
            } else if byte == UInt8(ascii: "=") {
                isEscaped = true
                continue
            } else {
                output.append(byte &- 42)
            }
            isAtLineStart = false
        }
    }
}
