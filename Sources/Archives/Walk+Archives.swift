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
        func tell(_ kind: ContentKind?, isEncrypted: Bool = false) {
            for name in names { self.tell(NamedPart(path: place.path + [name], kind: kind, isEncrypted: isEncrypted)) }
        }
        if reader.isDirectory {
            tell(.directory)
            return true
        }
        if reader.isMemberEncrypted {
            note(encrypted: own)
            tell(nil, isEncrypted: true)
            return true
        }
        guard reader.isFile else {
            tell(nil)
            return !form.isReadWhole || drain(reader) == .whole
        }
        let size = reader.size ?? 0
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
            var kind = ContentKind(of: buffer.bytes)
            if kind == .data, case .more = state {
                state = fill(&buffer, from: reader, upTo: ContentKind.headLength)
                kind = ContentKind(of: buffer.bytes)
            }
            guard state != .broken || !buffer.bytes.isEmpty else {
                tell(nil)
                if takesFiles { note(unopened: own) }
                if form.isFilter || names.contains(where: Container.isNamedArchive) {
                    note(unopened: form.isFilter ? own : place.path + [names[0]])
                }
                return
            }
            tell(state == .broken && buffer.bytes.count < Self.head ? nil : kind)
            let isContainer = names.contains { self.isContainer(kind, named: $0) }
            // Levels are asked for before anything is unpacked for them.
            if takesFiles || isContainer && mayOpen(place) {
                if case .more = state { state = fill(&buffer, from: reader, upTo: .max) }
                if takesFiles {
                    if state == .broken { note(unopened: own) }
                    if state != .limited { with(buffer) { take($0, isMessage: kind == .mail) } }
                }
            }
            if isContainer, mayOpen(place) {
                if state == .broken { note(unopened: form.isFilter ? own : place.path + [names[0]]) }
                if state != .limited { with(buffer) { open($0, kind, names: names, in: place) } }
            }
            if form.isSolid { members.pending = max(0, size - buffer.bytes.count) }
        }
        guard form.isReadWhole else { return true }
        if state == .more { state = drain(reader) }
        if state == .broken { note(unopened: own) }
        return state == .whole
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

    /// Unpacks the rest of a member in vain.
    private func drain(_ reader: ArchiveReader) -> Filling {
        var scratch = Held(limit: 1 << 16)
        defer { scratch.free() }
        while goesOn() {
            guard let room = scratch.room(1 << 16) else { break }
            guard let read = reader.read(into: room) else {
                if reader.isLate { reach(.time) }
                return reader.isLate ? .limited : .broken
            }
            if read == 0 { return .whole }
            guard expand(read) else { break }
        }
        return .limited
    }

    private enum Filling { case whole, more, broken, limited }

    /// Unpacks until the buffer has so many bytes.
    private func fill(_ buffer: inout Held, from reader: ArchiveReader, upTo count: Int) -> Filling {
        while buffer.bytes.count < count {
            guard goesOn() else { return .limited }
            guard let room = buffer.room(min(count - buffer.bytes.count, 1 << 16)) else {
                reach(.size)
                return .limited
            }
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
