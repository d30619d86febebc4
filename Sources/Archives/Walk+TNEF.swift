import Filter
import Glibc
import Mail

/// Outlook's winmail.dat ([MS-OXTNEF]): attributes one behind the other; those of an attachment follow its `attAttachRendData`.
extension Walk {
    func tnef(_ content: UnsafeRawBufferPointer, own: [String], inner: Place) {
        var position = 6
        var attachment = TNEFAttachment()
        // Some writers leave a byte behind the last one.
        while goesOn(), content.count - position > 1 {
            guard let attribute = content.little(position + 1, 2), let length = content.little(position + 5, 4),
                let data = content.slice(position + 9, length), content.slice(position + 9 + length, 2) != nil
            else {
                tell(attachment, in: inner)
                return note(unopened: own)
            }
            position += 9 + length + 2
            switch attribute {
            case 0x9002:
                tell(attachment, in: inner)
                attachment = TNEFAttachment()
            case 0x8010, 0x9001: attachment.add(data.text(0, limit: 1024).map(ArchiveReader.text))
            case 0x800F: attachment.add(data)
            case 0x9005: if !properties(data, &attachment) { note(unopened: own) }
            default: break
            }
        }
        tell(attachment, in: inner)
    }

    private func tell(_ attachment: TNEFAttachment, in place: Place) {
        guard !attachment.contents.isEmpty || !attachment.names.isEmpty else { return }
        if attachment.isIncomplete { reach(.size) }
        for content in attachment.contents.isEmpty ? [UnsafeRawBufferPointer(start: nil, count: 0)] : attachment.contents {
            meet(attachment.names, contentType: attachment.type, content: content, in: place)
        }
    }

    /// MAPI properties ([MS-OXTNEF] §2.1.3.4), of which names, type and content are wanted. False: not all could be read.
    private func properties(_ data: UnsafeRawBufferPointer, _ attachment: inout TNEFAttachment) -> Bool {
        guard let count = data.little(0, 4) else { return false }
        var position = 4
        for _ in 0..<count {
            guard goesOn(), let type = data.little(position, 2), let id = data.little(position + 2, 2) else { return false }
            position += 4
            if id >= 0x8000 {
                guard let kind = data.little(position + 16, 4), let length = data.little(position + 20, 4) else { return false }
                position += 24 + (kind == 1 ? (length + 3) & ~3 : 0)
            }
            let base = type & 0x0FFF
            let isVariable = [0x1E, 0x1F, 0x102, 0x0D].contains(base)
            var values = 1
            if type & 0x1000 != 0 || isVariable {
                guard let number = data.little(position, 4) else { return false }
                values = number
                position += 4
            }
            guard isVariable else {
                let size = [0x05, 0x06, 0x07, 0x14, 0x40].contains(base) ? 8 : base == 0x48 ? 16 : 4
                guard values <= (data.count - position) / size else { return false }
                position += values * size
                continue
            }
            for _ in 0..<values {
                guard let length = data.little(position, 4), let value = data.slice(position + 4, length) else { return false }
                position += 4 + (length + 3) & ~3
                attachment.take(id, base, value)
            }
        }
        return true
    }
}

private struct TNEFAttachment {
    var names: [String] = []
    var type = ""
    /// Of several, readers take the first or the last.
    var contents: [UnsafeRawBufferPointer] = []
    /// There was more than is kept.
    var isIncomplete = false

    /// Names and contents of one attachment.
    private static let limit = 8

    mutating func add(_ name: String?) {
        guard let name, !name.isEmpty, !names.contains(name) else { return }
        if names.count < Self.limit { names.append(name) } else { isIncomplete = true }
    }

    mutating func add(_ content: UnsafeRawBufferPointer) {
        if contents.count < Self.limit { contents.append(content) } else { isIncomplete = true }
    }

    mutating func take(_ id: Int, _ type: Int, _ value: UnsafeRawBufferPointer) {
        switch id {
        // PidTagAttachLongFilename, PidTagAttachFilename, PidTagDisplayName, PidTagAttachPathname.
        case 0x3707, 0x3704, 0x3001, 0x3708: add(Self.text(type, value))
        case 0x370E: self.type = Self.text(type, value).asciiLowercased
        // PidTagAttachData; an object has its interface's identifier in front.
        case 0x3701: if let content = type == 0x0D ? value.slice(16, value.count - 16) : value { add(content) }
        default: break
        }
    }

    private static func text(_ type: Int, _ value: UnsafeRawBufferPointer) -> String {
        if type == 0x1E { return value.text(0, limit: 1024).map(ArchiveReader.text) ?? "" }
        let bytes = Array(value.prefix(2048))
        return String(Charset.decode(bytes[...], named: "UTF-16LE").prefix { $0 != "\0" })
    }
}
