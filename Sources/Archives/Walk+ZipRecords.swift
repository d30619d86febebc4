import Filter

extension Walk {
    /// What a zip archive's records say that the walk through it did not: headers that the directory passes over (a second archive before
    /// or behind the first, a directory that lies), and names that directory and headers have differently. Which of them counts
    /// depends on who unpacks it.
    func zipRecords(_ content: UnsafeRawBufferPointer, _ names: Set<String>, own: [String], inner: Place) {
        var seen = names
        var position = 0
        var sawEnd = false
        while goesOn(), let found = find([0x50, 0x4B], in: content, from: position) {
            position = found + 2
            if content.begins(found + 2, [3, 4]), let record = ZipRecord(local: content, at: found) {
                position = record.end
                tell(record, &seen, content, own: own, inner: inner)
            } else if content.begins(found + 2, [1, 2]), let record = ZipRecord(central: content, at: found) {
                position = record.end
                tell(record, &seen, content, own: own, inner: inner)
            } else if content.begins(found + 2, [5, 6]), content.count - found >= 22 {
                sawEnd = true
            }
        }
        // Cut off: some of its members may be missing.
        if !sawEnd, goesOn() { note(unopened: own) }
    }

    private func tell(
        _ record: ZipRecord, _ seen: inout Set<String>, _ content: UnsafeRawBufferPointer, own: [String], inner: Place
    ) {
        guard let name = content.slice(record.name.lowerBound, record.name.count).map(ArchiveReader.text) else { return }
        guard seen.insert(name).inserted else { return }
        if record.isEncrypted { note(encrypted: own) }
        if name.hasSuffix("/") { return tell(NamedPart(path: inner.path + [name], kind: .directory)) }
        guard let stored = record.stored, let bytes = content.slice(stored.lowerBound, stored.count), !record.isEncrypted else {
            return tell(NamedPart(path: inner.path + [name], isEncrypted: record.isEncrypted))
        }
        meet([name], content: bytes, in: inner)
    }
}

/// A header of a zip archive.
private struct ZipRecord {
    let name: Range<Int>
    /// The content, where it is not packed.
    let stored: Range<Int>?
    let isEncrypted: Bool
    /// Where the next record may begin.
    let end: Int

    init?(local content: UnsafeRawBufferPointer, at start: Int) {
        guard let flags = content.little(start + 6, 2), let method = content.little(start + 8, 2),
            let packed = content.little(start + 18, 4),
            let nameLength = content.little(start + 26, 2), let extraLength = content.little(start + 28, 2),
            Self.isPlausible(method), nameLength > 0, content.slice(start + 30, nameLength) != nil
        else { return nil }
        name = (start + 30)..<(start + 30 + nameLength)
        isEncrypted = flags & 1 != 0
        let data = min(name.upperBound + extraLength, content.count)
        // With bit 3 the size stands behind the data.
        let length = flags & 8 == 0 && packed <= content.count - data ? packed : 0
        stored = method == 0 && length > 0 ? data..<(data + length) : nil
        end = data + length
    }

    init?(central content: UnsafeRawBufferPointer, at start: Int) {
        guard let flags = content.little(start + 8, 2), let method = content.little(start + 10, 2),
            let nameLength = content.little(start + 28, 2), Self.isPlausible(method), nameLength > 0,
            content.slice(start + 46, nameLength) != nil
        else { return nil }
        name = (start + 46)..<(start + 46 + nameLength)
        isEncrypted = flags & 1 != 0
        stored = nil
        end = name.upperBound
    }

    /// Methods that were given out (APPNOTE 4.4.5).
    private static func isPlausible(_ method: Int) -> Bool { method <= 20 || (92...99).contains(method) }
}
