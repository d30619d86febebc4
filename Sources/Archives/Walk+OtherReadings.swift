import Filter
import Mail

/// Messages that one reader takes apart differently from another: two boundaries, parts behind the end.
extension Walk {
    /// Boundaries of one part that are tried.
    private static let boundaries = 4

    /// Finds the parts that `MessageStructure` did not, since it believes the first boundary and stops at the closing delimiter.
    func otherReadings(
        _ index: Int, of structure: MessageStructure, in bytes: UnsafeBufferPointer<UInt8>, _ description: PartDescription, _ place: Place
    ) {
        let part = structure.parts[index]
        let used = part.kind == .multipart ? part.contentType.boundary : nil
        if part.kind == .multipart {
            // One field says that it has parts, another that it is a file.
            if description.types.contains(where: { !$0.hasPrefix("multipart/") }) { note(unopened: place.path + [description.types[0]]) }
            if let used { behindTheEnd(index, of: structure, in: bytes, used, place) }
        }
        var tried = used.map { [$0] } ?? []
        for (type, boundaries) in description.multiparts {
            if !boundaries.isWhole { note(unopened: place.path + [description.types[0]]) }
            for boundary in boundaries.list where !tried.contains(boundary) {
                guard tried.count < Self.boundaries else { return reach(.size) }
                tried.append(boundary)
                parts(of: type, UnsafeBufferPointer(rebasing: bytes[part.body]), boundary, place)
            }
        }
    }

    private func parts(of type: ContentType, _ body: UnsafeBufferPointer<UInt8>, _ boundary: [UInt8], _ place: Place) {
        // Counted as a level and as work: each one may hold further ones.
        guard !body.isEmpty, mayOpen(place), expand(body.count + 1024) else { return }
        parts(MessageStructure(parsing: body, of: type, boundary: boundary), body, place.within(""), told: boundary)
    }

    func behindTheEnd(
        _ index: Int, of structure: MessageStructure, in bytes: UnsafeBufferPointer<UInt8>, _ boundary: [UInt8], _ place: Place
    ) {
        guard let epilogue = epilogue(index, of: structure, in: bytes, boundary) else { return }
        parts(of: structure.parts[index].contentType, UnsafeBufferPointer(rebasing: bytes[epilogue]), boundary, place)
    }

    /// What stands behind the closing delimiter, if parts begin there.
    private func epilogue(
        _ index: Int, of structure: MessageStructure, in bytes: UnsafeBufferPointer<UInt8>, _ boundary: [UInt8]
    ) -> Range<Int>? {
        let parts = structure.parts
        let body = parts[index].body
        // The last part within, whatever that holds itself.
        var last = index
        var next = index + 1
        while next < parts.count, let parent = parts[next].parent, parent >= index {
            if parent == index { last = next }
            next += 1
        }
        let start = last == index ? body.lowerBound : parts[last].body.upperBound
        guard start < body.upperBound else { return nil }
        let content = UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: bytes[..<body.upperBound]))
        let delimiter = [UInt8(ascii: "-"), UInt8(ascii: "-")] + boundary
        var position = start
        var isClosed = false
        while let found = find(delimiter, in: content, from: position) {
            position = found + delimiter.count
            guard found == 0 || content[found - 1] == 10 else { continue }
            if isClosed, !content.begins(position, [0x2D, 0x2D]) { return found..<body.upperBound }
            isClosed = true
        }
        return nil
    }
}
