import CMspack
import Filter

extension Walk {
    /// Steps of libmspack along its list of folders, which it takes from the start for each member.
    private static let patience = 1 << 24
    /// Bytes of a member that say what it is.
    private static let head = 1024

    /// Goes through a cabinet's members. Where nothing is certain, a cabinet without members was none and is no finding.
    /// Returns whether there were members.
    @discardableResult
    func cabinet(_ content: UnsafeRawBufferPointer, own: [String], inner: Place, isCertain: Bool = true) -> Bool {
        guard let header = CabinetHeader(content, while: goesOn), !header.members.isEmpty else {
            if isCertain, goesOn() { note(unopened: own) }
            return false
        }
        var reader: CabinetReader?
        if header.folders * header.members.count <= Self.patience { reader = CabinetReader(content, clock, claim: claim) }
        let known = min(reader?.members.count ?? 0, header.members.count)
        if goesOn(), header.isBroken || known < header.members.count { note(unopened: own) }
        var course = Course()
        for (index, member) in header.members.enumerated() {
            guard goesOn() else { break }
            guard index < known, let reader, member.length > 0, mayReach(member, &course) else {
                tell(NamedPart(path: inner.path + [member.name], kind: index < known && member.length == 0 ? .empty : nil))
                continue
            }
            let isLast = index + 1 == known || header.members[index + 1].folder != member.folder
            let result = unpack(member, reader.members[index], reader, isLast: isLast, in: inner, &course)
            if reader.isLate { reach(.time) }
            if result == .broken, goesOn() {
                course.broken.insert(member.folder)
                note(unopened: own)
            }
        }
        return true
    }

    /// How far the unpacking has come: a folder is one stream.
    private struct Course {
        var folder = -1
        var position = 0
        /// Folders of whose streams no more is to be had.
        var broken: Set<Int> = []
        /// No more is to be unpacked.
        var isLimited = false
    }

    /// Blocks are unpacked as a whole.
    private static let block = 1 << 15

    /// Whether what is to be unpacked in vain before the member is within the limits: nothing, where members lie one behind the other.
    private func mayReach(_ member: CabinetHeader.Member, _ course: inout Course) -> Bool {
        if course.isLimited || course.broken.contains(member.folder) { return false }
        let isAhead = member.folder == course.folder && member.offset >= course.position
        guard expand(isAhead ? member.offset - course.position : (member.offset / Self.block + 1) * Self.block) else {
            course.isLimited = true
            return false
        }
        course.folder = member.folder
        course.position = member.offset
        return true
    }

    private func unpack(
        _ member: CabinetHeader.Member, _ file: UnsafeMutablePointer<mscabd_file>, _ reader: CabinetReader, isLast: Bool, in place: Place,
        _ course: inout Course
    ) -> CabinetReader.Result {
        var result = CabinetReader.Result.broken
        hold { buffer in
            var kind: ContentKind?
            // Without it the rest passes unseen, since the next member lies behind it.
            var isWanted = true
            var isCut = false
            // Of what is too large to be held.
            var large: Fingerprint.Course?
            result = reader.extract(file) { bytes in
                course.position += bytes.count
                guard goesOn(), expand(bytes.count) else {
                    course.isLimited = true
                    return false
                }
                guard isWanted else { return !isLast }
                let before = buffer.bytes.count
                if large == nil, !buffer.append(bytes) {
                    isCut = true
                    guard takesFiles, let kind, !isContainer(kind, named: member.name) else {
                        reach(.size)
                        isWanted = false
                        return !isLast
                    }
                    // What was appended of it is part of the buffer.
                    var course = Fingerprint.Course()
                    course.add(buffer.bytes)
                    course.add(UnsafeRawBufferPointer(rebasing: bytes[(buffer.bytes.count - before)...]))
                    large = course
                    return true
                }
                large?.add(bytes)
                if kind == nil, buffer.bytes.count >= Self.head {
                    kind = ContentKind(of: buffer.bytes)
                    if kind == .data, buffer.bytes.count < ContentKind.headLength { kind = nil }
                    if let kind { isWanted = takesFiles || isContainer(kind, named: member.name) && mayOpen(place) }
                }
                return isWanted || !isLast
            }
            if kind == nil, result == .whole || buffer.bytes.count >= Self.head { kind = ContentKind(of: buffer.bytes) }
            tell(NamedPart(path: place.path + [member.name], kind: kind))
            if let large, result == .whole { take(large: large.end) }
            guard let kind, isWanted, !isCut, !course.isLimited else { return }
            with(buffer) { take($0, isMessage: kind == .mail) }
            guard isContainer(kind, named: member.name), mayOpen(place) else { return }
            with(buffer) { open($0, kind, names: [member.name], in: place) }
        }
        return course.isLimited ? .stopped : result
    }
}
