import Filter
import Mail

/// ISO 9660 images (ECMA-119), with Joliet's second tree of names and Rock Ridge's long ones. Files lie there as they are.
extension Walk {
    /// Whether an image begins here, which says so behind its first 32 KiB.
    func holdsImage(_ content: UnsafeRawBufferPointer) -> Bool { content.begins(32_769, Array("CD001".utf8)) }

    func image(_ content: UnsafeRawBufferPointer, own: [String], inner: Place) {
        var trees: [(root: ImageRecord, isJoliet: Bool)] = []
        // Readers pass over a block that is no descriptor, up to the hundredth; which of several trees they take differs.
        for block in 16..<100 {
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
        if (16..<100).contains(where: { content.begins($0 * ImageRecord.block + 1, Array("NSR0".utf8)) }) { note(unopened: own) }
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
        var directories: Set<Int> = []
        /// Names under which each was told.
        var files: [Int: Set<String>] = [:]
        var isJoliet = false
        var isFirst = true
    }

    private func directory(
        _ record: ImageRecord, _ content: UnsafeRawBufferPointer, _ path: [String], own: [String], inner: Place, _ course: inout ImageCourse
    ) {
        guard course.directories.insert(record.start).inserted else { return }
        guard path.count < 64 else { return reach(.depth) }
        guard expand(record.length) else { return }
        guard let list = content.slice(record.start, record.length) else { return note(unopened: own) }
        var position = 0
        var first: ImageRecord?
        while position < list.count, goesOn() {
            // Records don't cross blocks; zeros fill the rest of one.
            guard list[position] > 0 else {
                position = (position / ImageRecord.block + 1) * ImageRecord.block
                continue
            }
            guard var file = ImageRecord(list, at: position) else { return note(unopened: own) }
            position += file.size
            if file.isSelfOrParent { continue }
            // A file in pieces.
            if let begun = first {
                guard begun.start + begun.length == file.start else {
                    note(unopened: own)
                    continue
                }
                file.start = begun.start
                file.length += begun.length
                first = nil
            }
            if file.goesOn {
                first = file
                continue
            }
            let names = file.names(isJoliet: course.isJoliet).map { (path + [$0]).joined(separator: "/") }
            if file.isDirectory {
                if course.isFirst { for name in names { tell(NamedPart(path: inner.path + [name], kind: .directory)) } }
                let name = file.names(isJoliet: course.isJoliet).last ?? ""
                directory(file, content, path + [name], own: own, inner: inner, &course)
            } else {
                let known = course.files[file.start, default: []]
                course.files[file.start] = known.union(names.map { $0.lowercased() })
                let bytes = file.length == 0 ? UnsafeRawBufferPointer(start: nil, count: 0) : content.slice(file.start, file.length)
                if bytes == nil { note(unopened: own) }
                if course.isFirst || known.isEmpty {
                    meet(names, content: bytes, in: inner)
                } else {
                    for name in names where !known.contains(name.lowercased()) {
                        tell(NamedPart(path: inner.path + [name], kind: bytes.map { ContentKind(of: $0) }))
                    }
                }
            }
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
