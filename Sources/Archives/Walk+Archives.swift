import Filter
import Glibc

extension Walk {
    /// Bytes of a member that say what it is.
    private static let head = 1024

    /// Goes through an archive's members. Where nothing is certain, an archive without members was none and is no finding.
    /// Returns whether there were members. Of a record that stands alone, one member is read.
    @discardableResult
    func archive(
        _ content: UnsafeRawBufferPointer, _ form: ArchiveReader.Form, own: [String], inner: Place, isCertain: Bool = true,
        isRecord: Bool = false
    ) -> Bool {
        guard let reader = ArchiveReader(content, form, clock) else {
            if isCertain, goesOn() { note(unopened: own) }
            return false
        }
        var members = Members()
        loop: while goesOn(), !isRecord || members.count == 0 {
            switch reader.next() {
            case .member:
                guard member(reader, form, own: own, in: inner, &members) else {
                    if goesOn() { remainingNames(content, form, behind: members.count, own: own, in: inner) }
                    break loop
                }
            case .end: break loop
            case .broken:
                guard !reader.isLate, goesOn() else { break loop }
                if !reader.isEncrypted, isCertain || members.count > 0 { note(unopened: own) }
                break loop
            }
        }
        if reader.isLate { reach(.time) }
        if reader.isEncrypted { note(encrypted: own) }
        if form == .zip, !isRecord, isCertain || members.count > 0 { zipRecords(content, members.names, own: own, inner: inner) }
        return members.count > 0
    }

    private struct Members {
        var count = 0
        /// Bytes that the next member must unpack before its own.
        var pending = 0
        /// Of a zip archive, in whose records others may be hidden.
        var names: Set<String> = []
    }

    /// False: nothing more is to be asked of this reader.
    private func member(
        _ reader: ArchiveReader, _ form: ArchiveReader.Form, own: [String], in place: Place, _ members: inout Members
    ) -> Bool {
        members.count += 1
        let names = form.isFilter ? Self.unpackedNames(own.last ?? "", reader.name) : [reader.name]
        if form == .zip { members.names.insert(names[0]) }
        func tell(_ kind: ContentKind?, _ isEncrypted: Bool = false) {
            for name in names { self.tell(NamedPart(path: place.path + [name], kind: kind, isEncrypted: isEncrypted)) }
        }
        let size = reader.size ?? 0
        if reader.isMemberEncrypted, !reader.isDirectory || size > 0 {
            note(encrypted: own)
            tell(nil, true)
            return true
        }
        if form.isSolid {
            guard expand(members.pending) else {
                tell(nil)
                return true
            }
            members.pending = size
        }
        var state = Filling.more
        hold { buffer in
            state = fill(&buffer, from: reader, upTo: Self.head)
            guard !buffer.bytes.isEmpty else {
                state = meetEmpty(reader, state, tell)
                let isMissed = takesFiles || form.isFilter || form.isReadWhole
                if state == .broken, isMissed || names.contains(where: Container.isNamedArchive) {
                    note(unopened: isMissed ? own : place.path + [names[0]])
                }
                return
            }
            var kind = ContentKind(of: buffer.bytes)
            if kind == .data, case .more = state {
                state = fill(&buffer, from: reader, upTo: ContentKind.headLength)
                kind = ContentKind(of: buffer.bytes)
            }
            tell(state == .broken && buffer.bytes.count < Self.head ? nil : kind)
            // Levels are asked for before anything is unpacked for them.
            let isOpened = names.contains { self.isContainer(kind, named: $0) } && mayOpen(place)
            if takesFiles || isOpened {
                if state == .more { state = fill(&buffer, from: reader, upTo: .max) }
                if state == .full {
                    if isOpened { reach(.size) } else { state = takeLarge(buffer.bytes, reader) }
                } else if state == .whole || state == .broken {
                    with(buffer) { take($0, isMessage: kind == .mail) }
                    if isOpened { with(buffer) { open($0, kind, names: names, in: place) } }
                }
            }
            if state == .broken, takesFiles || isOpened || form.isReadWhole {
                note(unopened: isOpened && !form.isFilter ? place.path + [names[0]] : own)
            }
            if form.isSolid { members.pending = max(0, size - buffer.bytes.count) }
        }
        guard form.isReadWhole, state == .more || state == .full else { return !form.isReadWhole || state == .whole }
        state = drain(reader) { _ in }
        if state == .broken { note(unopened: own) }
        return state == .whole
    }

    /// A member that gave no byte: empty, a directory, a link, or one that can't be read. Whether it is whole.
    ///
    /// What a mode says is the archive's claim, and many unpackers write a file all the same: a directory or link that has content counts as
    /// one that can't be read, except that a link's is its target.
    private func meetEmpty(_ reader: ArchiveReader, _ state: Filling, _ tell: (ContentKind?, Bool) -> Void) -> Filling {
        if state == .full { reach(.size) }
        let isEmpty = (reader.size ?? 0) == 0
        if reader.isDirectory {
            tell(.directory, false)
            return isEmpty ? .whole : .broken
        }
        guard state == .whole else {
            tell(nil, false)
            return state
        }
        tell(reader.isFile && isEmpty ? .empty : nil, false)
        if isEmpty, reader.target.isEmpty { return .whole }
        take(reader.target, isMessage: false)
        return isEmpty || reader.target.count == reader.size ? .whole : .broken
    }

    /// Goes through the rest of what found no room, to know whether it was seen before.
    private func takeLarge(_ beginning: UnsafeRawBufferPointer, _ reader: ArchiveReader) -> Filling {
        var course = Fingerprint.Course()
        course.add(beginning)
        let state = drain(reader) { course.add($0) }
        if state == .whole { take(large: course.end) }
        return state
    }

    /// Members behind so many, of which only headers are read.
    private func remainingNames(
        _ content: UnsafeRawBufferPointer, _ form: ArchiveReader.Form, behind count: Int, own: [String], in place: Place
    ) {
        guard let reader = ArchiveReader(content, form, clock) else { return }
        var index = 0
        while goesOn(), reader.next() == .member {
            index += 1
            guard index > count else { continue }
            if reader.isMemberEncrypted { note(encrypted: own) }
            tell(
                NamedPart(
                    path: place.path + [reader.name], kind: reader.isDirectory ? .directory : nil, isEncrypted: reader.isMemberEncrypted))
        }
        if reader.isLate { reach(.time) }
    }

    /// Unpacks the rest of a member without keeping it.
    private func drain(_ reader: ArchiveReader, _ body: (UnsafeRawBufferPointer) -> Void) -> Filling {
        var scratch = Held(limit: 1 << 16)
        defer { scratch.free() }
        while goesOn() {
            guard let room = scratch.room(1 << 16) else { break }
            guard let read = reader.read(into: room) else {
                if reader.isLate { reach(.time) }
                return reader.isLate ? .limited : .broken
            }
            if read == 0 { return .whole }
            body(UnsafeRawBufferPointer(rebasing: room[..<read]))
            guard expand(read) else { break }
        }
        return .limited
    }

    private enum Filling {
        case whole, more, broken, limited
        /// No more can be held.
        case full
    }

    /// Unpacks until the buffer has so many bytes.
    private func fill(_ buffer: inout Held, from reader: ArchiveReader, upTo count: Int) -> Filling {
        while buffer.bytes.count < count {
            guard goesOn() else { return .limited }
            guard let room = buffer.room(min(count - buffer.bytes.count, 1 << 16)) else { return .full }
            guard let read = reader.read(into: room) else {
                if reader.isLate { reach(.time) }
                return reader.isLate ? .limited : .broken
            }
            if read == 0 { return .whole }
            buffer.grow(by: read)
            guard expand(read) else { return .limited }
        }
        return .more
    }

    /// What unpacking a compressed file makes of its name, and the name that was stored in it.
    private static func unpackedNames(_ outer: String, _ stored: String) -> [String] {
        let suffix = PlainName(outer).suffixText
        var name = outer
        if let dot = outer.lastIndex(of: ".") {
            if ["tgz", "taz", "tbz", "tbz2", "txz", "tlz", "tzst"].contains(suffix) {
                name = outer[..<dot] + ".tar"
            } else if ["gz", "bz2", "xz", "lzma", "lz", "lz4", "zst", "z", "rpm"].contains(suffix) {
                name = String(outer[..<dot])
            }
        }
        // "data" is what libarchive calls a file without a stored name.
        return stored.isEmpty || stored == "data" || stored == name ? [name] : [name, stored]
    }
}
