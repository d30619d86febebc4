import Filter

extension Walk {
    /// What a zip archive's records say that the walk through it did not: headers that the directory passes over (a second archive before
    /// or behind the first, a directory that lies), and names that directory and headers have differently. Which of them counts
    /// depends on who unpacks it.
    ///
    /// A name that comes once is known by it. Of several headers with one name the walk read one and nobody knows which: all are opened.
    func zipRecords(_ content: UnsafeRawBufferPointer, _ names: Set<String>, own: [String], inner: Place) {
        var seen = names
        /// Where the first header of a name stands; nil once it was opened.
        var headers: [String: Int?] = [:]
        var position = 0
        var sawEnd = false
        while goesOn(), let found = find([0x50, 0x4B], in: content, from: position) {
            position = found + 2
            if content.begins(found + 2, [3, 4]), let record = ZipRecord(local: content, at: found) {
                position = record.end
                guard let name = content.slice(record.name.lowerBound, record.name.count).map(ArchiveReader.text) else { continue }
                if let first = headers[name] {
                    if let first, let record = ZipRecord(local: content, at: first) {
                        open(record, at: first, name, content, own: own, inner: inner)
                        headers[name] = .some(nil)
                    }
                    open(record, at: found, name, content, own: own, inner: inner)
                } else if seen.insert(name).inserted {
                    headers[name] = .some(nil)
                    open(record, at: found, name, content, own: own, inner: inner)
                } else {
                    headers[name] = found
                }
            } else if content.begins(found + 2, [1, 2]), let record = ZipRecord(central: content, at: found) {
                position = record.end
                guard let name = content.slice(record.name.lowerBound, record.name.count).map(ArchiveReader.text) else { continue }
                if seen.insert(name).inserted { open(record, at: found, name, content, own: own, inner: inner) }
            } else if content.begins(found + 2, [5, 6]), content.count - found >= 22 {
                sawEnd = true
            }
        }
        // Cut off: some of its members may be missing.
        if !sawEnd, goesOn() { note(unopened: own) }
    }

    private func open(
        _ record: ZipRecord, at start: Int, _ name: String, _ content: UnsafeRawBufferPointer, own: [String], inner: Place
    ) {
        if record.isEncrypted { note(encrypted: own) }
        // One with content is a file to whoever unpacks it.
        if name.hasSuffix("/"), !record.isLocal || record.isSized && record.end == record.data {
            return tell(NamedPart(path: inner.path + [name], kind: .directory))
        }
        if record.isEncrypted { return tell(NamedPart(path: inner.path + [name], isEncrypted: true)) }
        guard record.isLocal, let body = body(of: record, at: start, content), let data = content.slice(record.data, body.packed) else {
            return meet([name], content: nil, in: inner)
        }
        let flags = content.little(start + 6, 2) ?? 0
        let method = content.little(start + 8, 2) ?? 0
        if method == 0 { return meet([name], content: data, in: inner) }
        // As an archive of its own: what is packed may look like a directory.
        var isOpened = false
        hold { buffer in
            let label = UnsafeRawBufferPointer(rebasing: content[record.name])
            let fields =
                Self.bytes(20, 2) + Self.bytes(flags & 0x0806, 2) + Self.bytes(method, 2) + Self.bytes(0, 4) + Self.bytes(body.crc, 4)
                + Self.bytes(body.packed, 4) + Self.bytes(body.size, 4) + Self.bytes(label.count, 2) + Self.bytes(0, 2)
            let offset = 30 + label.count + data.count
            let central = [0x50, 0x4B, 1, 2, 20, 0] + fields + [UInt8](repeating: 0, count: 14)
            let end =
                [0x50, 0x4B, 5, 6, 0, 0, 0, 0, 1, 0, 1, 0] + Self.bytes(46 + label.count, 4) + Self.bytes(offset, 4) + Self.bytes(0, 2)
            let isWhole =
                ([0x50, 0x4B, 3, 4] + fields).withUnsafeBytes { buffer.append($0) } && buffer.append(label) && buffer.append(data)
                && central.withUnsafeBytes { buffer.append($0) } && buffer.append(label) && end.withUnsafeBytes { buffer.append($0) }
            guard isWhole else { return reach(.size) }
            with(buffer) { isOpened = archive($0, .zip, own: own, inner: inner, isCertain: false, isRecord: true) }
        }
        if !isOpened { meet([name], content: nil, in: inner) }
    }

    private static func bytes(_ value: Int, _ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }

    /// What the header says of its content, or the record behind that (APPNOTE 4.3.9).
    private func body(
        of record: ZipRecord, at start: Int, _ content: UnsafeRawBufferPointer
    ) -> (crc: Int, packed: Int, size: Int)? {
        if record.isSized {
            guard let crc = content.little(start + 14, 4), let size = content.little(start + 22, 4) else { return nil }
            return (crc, record.end - record.data, size)
        }
        var position = record.data
        while goesOn(), let found = find([0x50, 0x4B, 7, 8], in: content, from: position) {
            position = found + 4
            guard let crc = content.little(found + 4, 4), let packed = content.little(found + 8, 4) else { return nil }
            guard packed == found - record.data else { continue }
            // With 64 bits for each size the upper half of the first stands here.
            guard let next = content.little(found + 12, 4), let long = content.little(found + 16, 4) else { return nil }
            return (crc, packed, next == 0 && packed > 0 ? long : next)
        }
        return nil
    }
}

/// A header of a zip archive.
private struct ZipRecord {
    let name: Range<Int>
    let isLocal: Bool
    /// Where the content begins.
    let data: Int
    let isEncrypted: Bool
    /// Whether `end` is where that ends.
    let isSized: Bool
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
        isLocal = true
        data = min(name.upperBound + extraLength, content.count)
        // With bit 3 the size stands behind the data.
        isSized = flags & 8 == 0 && packed <= content.count - data
        end = data + (isSized ? packed : 0)
    }

    init?(central content: UnsafeRawBufferPointer, at start: Int) {
        guard let flags = content.little(start + 8, 2), let method = content.little(start + 10, 2),
            let nameLength = content.little(start + 28, 2), Self.isPlausible(method), nameLength > 0,
            content.slice(start + 46, nameLength) != nil
        else { return nil }
        name = (start + 46)..<(start + 46 + nameLength)
        isEncrypted = flags & 1 != 0
        isLocal = false
        isSized = false
        data = name.upperBound
        end = data
    }

    /// Methods that were given out (APPNOTE 4.4.5).
    private static func isPlausible(_ method: Int) -> Bool { method <= 20 || (92...99).contains(method) }
}
