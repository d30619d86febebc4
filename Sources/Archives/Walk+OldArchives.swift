import Filter

/// Formats that libarchive doesn't read, by their headers. Members that are not packed are looked into; of others only the name is known.
extension Walk {
    /// ARJ: a header of the archive, then one before each member; the first `0` says that it is over.
    func arj(_ content: UnsafeRawBufferPointer, own: [String], inner: Place) {
        var position = 0
        var isMain = true
        while goesOn() {
            guard content.begins(position, [0x60, 0xEA]), let length = content.little(position + 2, 2), length <= 2600 else {
                return note(unopened: own)
            }
            if length == 0 { return }
            let header = position + 4
            guard let fixed = content.little(header, 1), let flags = content.little(header + 4, 1),
                let method = content.little(header + 5, 1),
                let type = content.little(header + 6, 1), let packed = content.little(header + 12, 4), fixed >= 30, fixed < length,
                let name = content.slice(header, length)?.text(fixed, limit: 2600)
            else { return note(unopened: own) }
            // The header's checksum, then extended headers.
            position = header + length + 4
            while let extra = content.little(position, 2), extra > 0 { position += 2 + extra + 4 }
            position += 2
            if isMain {
                isMain = false
                continue
            }
            let data = content.slice(position, packed)
            old(
                name, data: data, isStored: method == 0, isDirectory: type == 3, isEncrypted: flags & 1 != 0,
                isReadElsewhere: (1...4).contains(method),
                in: inner)
            guard data != nil else { return note(unopened: own) }
            position += packed
        }
    }

    /// ZOO: a list of headers, each of which says where the next one is.
    func zoo(_ content: UnsafeRawBufferPointer, own: [String], inner: Place) {
        guard var position = content.little(24, 4) else { return note(unopened: own) }
        while goesOn() {
            guard content.begins(position, [0xDC, 0xA7, 0xC4, 0xFD]), let type = content.little(position + 4, 1),
                let method = content.little(position + 5, 1), let next = content.little(position + 6, 4),
                let start = content.little(position + 10, 4), let packed = content.little(position + 24, 4),
                var name = content.text(position + 38, limit: 13)
            else { return note(unopened: own) }
            if next == 0 { return }
            if type == 2, let length = content.little(position + 56, 1), length > 0, let long = content.text(position + 58, limit: length) {
                name = long
            }
            let data = content.slice(start, packed)
            old(name, data: data, isStored: method == 0, isDirectory: false, isEncrypted: false, in: inner)
            // Forwards only: a list that bites its tail has no end.
            guard data != nil, next > position else { return note(unopened: own) }
            position = next
        }
    }

    /// ACE: blocks with their length in front, of which type 1 is a member.
    func ace(_ content: UnsafeRawBufferPointer, own: [String], inner: Place) {
        var position = 0
        while goesOn(), position < content.count {
            guard let length = content.little(position + 2, 2), let type = content.little(position + 4, 1),
                let flags = content.little(position + 5, 2), length >= 3, let block = content.slice(position + 4, length)
            else { return note(unopened: own) }
            position += 4 + length
            // Bit 0: data of that length follow.
            let packed = flags & 1 != 0 ? block.little(3, 4) ?? 0 : 0
            let data = content.slice(position, packed)
            if type == 1 {
                guard let method = block.little(23, 1), let nameLength = block.little(29, 2), let name = block.slice(31, nameLength) else {
                    return note(unopened: own)
                }
                let isEncrypted = flags & 0x4000 != 0
                old(name, data: data, isStored: method == 0, isDirectory: false, isEncrypted: isEncrypted, in: inner)
            }
            guard data != nil else { return note(unopened: own) }
            position += packed
        }
    }

    /// ARC: members one behind the other, up to the method 0.
    func arc(_ content: UnsafeRawBufferPointer, own: [String], inner: Place) {
        var position = 0
        while goesOn() {
            guard content.begins(position, [0x1A]), let method = content.little(position + 1, 1) else { return note(unopened: own) }
            if method == 0 { return }
            guard let name = content.text(position + 2, limit: 13), let packed = content.little(position + 15, 4) else {
                return note(unopened: own)
            }
            position += method == 1 ? 25 : 29
            let data = content.slice(position, packed)
            old(name, data: data, isStored: method == 1 || method == 2, isDirectory: false, isEncrypted: false, in: inner)
            guard data != nil else { return note(unopened: own) }
            position += packed
        }
    }

    private func old(
        _ name: UnsafeRawBufferPointer, data: UnsafeRawBufferPointer?, isStored: Bool, isDirectory: Bool, isEncrypted: Bool,
        isReadElsewhere: Bool = false, in place: Place
    ) {
        let text = ArchiveReader.text(name)
        if isDirectory { return tell(NamedPart(path: place.path + [text], kind: .directory)) }
        meet([text], content: isStored ? data : nil, isEncrypted: isEncrypted, isReadElsewhere: isReadElsewhere && data != nil, in: place)
    }
}
