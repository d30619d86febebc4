import Filter
import Mail

/// ISO 9660 images (ECMA-119), with Joliet's second tree of names and Rock Ridge's long ones. Files lie there as they are.
extension Walk {
    /// Whether an image begins here, which says so behind its first 32 KiB: readers pass over a block that is no descriptor, up to the hundredth.
    func holdsImage(_ content: UnsafeRawBufferPointer) -> Bool {
        Self.descriptors.contains { content.begins($0 * ImageRecord.block + 1, Array("CD001".utf8)) }
    }

    private static let descriptors = 16..<100

    func image(_ content: UnsafeRawBufferPointer, own: [String], inner: Place) {
        var trees: [(root: ImageRecord, isJoliet: Bool)] = []
        // Which of several trees a reader takes differs.
        for block in Self.descriptors {
            let position = block * ImageRecord.block
            guard content.begins(position + 1, Array("CD001".utf8)) else { continue }
            if content[position] == 255 { break }
            guard content[position] == 1 || content[position] == 2, let root = ImageRecord(content, at: position + 156) else { continue }
            guard trees.count < Self.mostTrees else {
                note(unopened: own)
                break
            }
            trees.append((root, content.begins(position + 88, Array("%/".utf8))))
        }
        // UDF's tree, which has names of its own, is read by nobody here.
        if Self.descriptors.contains(where: { content.begins($0 * ImageRecord.block + 1, Array("NSR0".utf8)) }) { note(unopened: own) }
        if trees.isEmpty { return note(unopened: own) }
        // Of a file that two trees have, the second tells another name only.
        var course = ImageCourse()
        for tree in trees.filter(\.isJoliet) + trees.filter({ !$0.isJoliet }) {
            course.directories = []
            course.isJoliet = tree.isJoliet
            directory(tree.root, content, [], own: own, inner: inner, &course)
            course.isFirst = false
        }
    }

    private static let mostTrees = 16

    private struct ImageCourse {
        /// Where directories lie that were gone through: a tree that bites its tail has no end.
        var directories: Set<Range<Int>> = []
        /// Names under which each was told.
        var files: [Range<Int>: Set<String>] = [:]
        var isJoliet = false
        var isFirst = true
    }

    private func directory(
        _ record: ImageRecord, _ content: UnsafeRawBufferPointer, _ path: [String], own: [String], inner: Place, _ course: inout ImageCourse
    ) {
        guard course.directories.insert(record.extent).inserted else { return }
        guard path.count < 64 else { return reach(.depth) }
        guard expand(record.length) else { return }
        guard let list = content.slice(record.start, record.length) else { return note(unopened: own) }
        var position = 0
        // A file in pieces, under the names of all of them.
        var pieces: (file: ImageRecord, names: [String])?
        while position < list.count, goesOn() {
            // Records don't cross blocks; zeros fill the rest of one.
            guard list[position] > 0 else {
                position = (position / ImageRecord.block + 1) * ImageRecord.block
                continue
            }
            guard var file = ImageRecord(list, at: position) else {
                note(unopened: own)
                break
            }
            position += file.size
            if file.isSelfOrParent { continue }
            var names = file.names(isJoliet: course.isJoliet).map { (path + [$0]).joined(separator: "/") }
            if let begun = pieces {
                pieces = nil
                if begun.file.start + begun.file.length == file.start, !file.isDirectory {
                    file.start = begun.file.start
                    file.length += begun.file.length
                    names = begun.names + names.filter { !begun.names.contains($0) }
                } else {
                    note(unopened: own)
                    meet(begun.file, begun.names, content, own: own, inner: inner, &course)
                }
            }
            if file.isDirectory {
                if course.isFirst { for name in names { tell(NamedPart(path: inner.path + [name], kind: .directory)) } }
                let name = file.names(isJoliet: course.isJoliet).last ?? ""
                directory(file, content, path + [name], own: own, inner: inner, &course)
            } else if file.goesOn, names.count < Self.mostPieces {
                pieces = (file, names)
            } else {
                meet(file, names, content, own: own, inner: inner, &course)
            }
        }
        if let pieces {
            note(unopened: own)
            meet(pieces.file, pieces.names, content, own: own, inner: inner, &course)
        }
    }

    /// Names of one file.
    private static let mostPieces = 100

    private func meet(
        _ file: ImageRecord, _ names: [String], _ content: UnsafeRawBufferPointer, own: [String], inner: Place, _ course: inout ImageCourse
    ) {
        let known = course.files[file.extent, default: []]
        course.files[file.extent] = known.union(names.map { $0.lowercased() })
        let bytes = file.length == 0 ? UnsafeRawBufferPointer(start: nil, count: 0) : content.slice(file.start, file.length)
        if bytes == nil { note(unopened: own) }
        // Where many records lead to the same bytes, these are looked at once.
        if known.isEmpty { return meet(names, content: bytes, in: inner) }
        for name in names where course.isFirst || !known.contains(name.lowercased()) {
            tell(NamedPart(path: inner.path + [name], kind: bytes.map { ContentKind(of: $0) }))
        }
    }
}

/// A directory record (ECMA-119 §9.1).
private struct ImageRecord {
    static let block = 2048

    /// Bytes of the record itself.
    let size: Int
    var start: Int
    var length: Int
    let isDirectory: Bool
    /// The next record has more of the same file.
    let goesOn: Bool
    private let name: UnsafeRawBufferPointer
    private let rest: UnsafeRawBufferPointer

    init?(_ bytes: UnsafeRawBufferPointer, at position: Int) {
        guard let size = bytes.little(position, 1), size >= 34, let record = bytes.slice(position, size), let before = record.little(1, 1),
            let block = record.little(2, 4), let length = record.little(10, 4), let flags = record.little(25, 1),
            let count = record.little(32, 1), let name = record.slice(33, count)
        else { return nil }
        self.size = size
        start = (block + before) * Self.block
        self.length = length
        isDirectory = flags & 2 != 0
        goesOn = flags & 0x80 != 0
        self.name = name
        let end = 33 + count + (count + 1) % 2
        rest = record.slice(end, size - end) ?? UnsafeRawBufferPointer(start: nil, count: 0)
    }

    var extent: Range<Int> { start..<start + length }
    var isSelfOrParent: Bool { name.isEmpty || name.count == 1 && name[0] <= 1 }

    /// Its own and Rock Ridge's.
    func names(isJoliet: Bool) -> [String] {
        var own = isJoliet ? Charset.decode([UInt8](name)[...], named: "UTF-16BE") : ArchiveReader.text(name)
        // The version, and the dot of a name without an ending.
        if let semicolon = own.lastIndex(of: ";"), own[semicolon...].dropFirst().allSatisfy(\.isNumber) { own = String(own[..<semicolon]) }
        if !isJoliet, own.hasSuffix(".") { own.removeLast() }
        let long = isJoliet ? "" : longName
        return long.isEmpty || long == own ? [own] : [own, long]
    }

    /// Rock Ridge's name, as far as it stands in the record itself: what lies elsewhere is not looked for.
    private var longName: String {
        var position = 0
        var long: [UInt8] = []
        while let length = rest.little(position + 2, 1), length >= 4, let entry = rest.slice(position, length) {
            if length > 5, entry.begins(0, Array("NM".utf8)) { long += entry[5...] }
            position += length
        }
        return long.withUnsafeBytes(ArchiveReader.text)
    }
}
