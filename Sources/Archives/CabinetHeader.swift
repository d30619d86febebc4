/// What a cabinet's header says of its members ([MS-CAB] §2). Read as far as it goes; libmspack gives up a header with one fault.
struct CabinetHeader {
    struct Member {
        let name: String
        let length: Int
        let offset: Int
        let folder: Int
    }

    private(set) var members: [Member] = []
    /// There is more than was read, or what readers take for the list of members differs.
    private(set) var isBroken = false
    let folders: Int

    private static let longestName = 4096

    /// Nil where no cabinet begins.
    init?(_ content: UnsafeRawBufferPointer, while goesOn: () -> Bool) {
        guard content.begins(0, Array("MSCF".utf8)), let listed = content.little(16, 4), let folders = content.little(26, 2),
            let count = content.little(28, 2), let flags = content.little(30, 2)
        else { return nil }
        self.folders = folders
        var position = 36
        var reserved = 0
        if flags & 4 != 0 {
            guard let header = content.little(36, 2), let folder = content.little(38, 1) else { return nil }
            position += 4 + header
            reserved = folder
        }
        // Name and disk of the cabinet before this one, and of the one behind it.
        for _ in 0..<(flags & 1 + (flags >> 1) & 1) * 2 { position += (content.text(position, limit: 256)?.count ?? 0) + 1 }
        position += folders * (8 + reserved)
        read(content, from: position, count, while: goesOn)
        // libmspack reads on behind the folders; others look where the header says.
        if listed != position {
            isBroken = true
            read(content, from: listed, count, while: goesOn)
        }
    }

    private mutating func read(_ content: UnsafeRawBufferPointer, from start: Int, _ count: Int, while goesOn: () -> Bool) {
        var position = start
        for _ in 0..<count {
            guard goesOn(), let length = content.little(position, 4), let offset = content.little(position + 4, 4),
                let folder = content.little(position + 8, 2), let name = content.text(position + 16, limit: Self.longestName)
            else {
                isBroken = true
                return
            }
            let text = String(ArchiveReader.text(name).map { $0 == "\\" ? "/" : $0 })
            members.append(Member(name: text, length: length, offset: offset, folder: folder))
            position += 16 + name.count + 1
        }
    }
}
