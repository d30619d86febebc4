import CArchive
import Filter
import Mail

/// What a content is opened as.
enum Container {
    case message
    case library(ArchiveReader.Form)
    case iso, cab, arj, zoo, ace, arc, tnef, uuencode
    /// An archive of a kind that nothing here reads.
    case closed

    /// By content; nil for what holds nothing.
    init?(_ kind: ContentKind) {
        switch kind.rawValue {
        case "mail": self = .message
        case "zip", "jar", "ooxml", "odf": self = .library(.zip)
        case "rar": self = .library(.rar)
        case "7z": self = .library(.sevenZip)
        case "cab": self = .cab
        case "lha": self = .library(.lha)
        case "iso": self = .iso
        case "tar": self = .library(.tar)
        case "cpio": self = .library(.cpio)
        case "a", "deb": self = .library(.ar)
        case "gz": self = .library(.gzip)
        case "bz2": self = .library(.bzip2)
        case "xz": self = .library(.xz)
        case "lzma": self = .library(.lzma)
        case "lz": self = .library(.lzip)
        case "lz4": self = .library(.lz4)
        case "zst": self = .library(.zstd)
        case "Z": self = .library(.compress)
        case "rpm": self = .library(.rpm)
        case "arj": self = .arj
        case "zoo": self = .zoo
        case "ace": self = .ace
        case "arc": self = .arc
        case "tnef": self = .tnef
        case "uue": self = .uuencode
        default:
            if kind.isArchive { self = .closed } else { return nil }
        }
    }

    static func isNamedArchive(_ name: String) -> Bool { !name.isEmpty && archiveSuffixes.contains(PlainName(name).suffixText) }
    static func isNamedMessage(_ name: String) -> Bool { !name.isEmpty && messageSuffixes.contains(PlainName(name).suffixText) }
    static func isDeclaredArchive(_ type: String) -> Bool { archiveTypes.contains(type) }

    static let imageSuffixes: Set<String> = ["iso", "img", "udf"]
    static let zipSuffixes: Set<String> = [
        "zip", "zipx", "jar", "apk", "docx", "docm", "xlsx", "xlsm", "xlsb", "pptx", "pptm", "odt", "ods", "odp",
    ]
    private static let archiveSuffixes: Set<String> = [
        "zip", "zipx", "rar", "r00", "r01", "001", "7z", "gz", "tgz", "bz2", "tbz", "tbz2", "xz", "txz", "zst", "tzst", "lz", "tlz", "lzma",
        "z", "taz", "tar", "cpio", "rpm", "deb", "cab", "arj", "zoo", "lha", "lzh", "ace", "arc", "iso", "img", "udf", "vhd", "vhdx", "xar",
        "alz", "egg", "sit", "sitx", "wim", "lzo", "uue", "uu", "hqx", "jar", "docx", "docm", "xlsx", "xlsm", "xlsb", "pptx", "pptm",
    ]
    private static let messageSuffixes: Set<String> = ["eml", "mht", "mhtml", "nws", "mbox", "mbx"]
    private static let archiveTypes: Set<String> = [
        "application/zip", "application/x-zip", "application/x-zip-compressed", "application/vnd.rar", "application/x-rar",
        "application/x-rar-compressed", "application/x-7z-compressed", "application/x-iso9660-image", "application/gzip",
        "application/x-gzip",
        "application/x-tar", "application/ms-tnef", "application/vnd.ms-tnef", "application/java-archive", "application/x-arj",
        "application/x-lzh-compressed", "application/x-ace-compressed", "application/vnd.ms-cab-compressed",
    ]
}

extension Walk {
    /// Whether all of a member's content is worth unpacking.
    func isContainer(_ kind: ContentKind, named name: String) -> Bool {
        if Container(kind) != nil || kind.isNamed("exe") || kind.rawValue == "ole" { return true }
        return Container.isNamedArchive(name) || Container.isNamedMessage(name)
    }

    /// Looks into a content that was told already.
    func open(_ content: UnsafeRawBufferPointer, _ kind: ContentKind, names: [String], contentType: String = "", in place: Place) {
        guard !isOver else { return }
        let own = Self.own(names, contentType, place)
        let inner = place.within(names.first ?? "")
        let container = Container(kind)
        switch container {
        case .message?:
            // Whether it is one that was meant so, or a text that begins like one, is no matter: a name is a name.
            if mayOpen(place) { message(content, inner) }
        case .library(let form)?:
            if mayOpen(place) { archive(content, form, own: own, inner: inner) }
        case .iso?: if mayOpen(place) { image(content, own: own, inner: inner) }
        case .cab?: if mayOpen(place) { cabinet(content, own: own, inner: inner) }
        case .arj?: if mayOpen(place) { arj(content, own: own, inner: inner) }
        case .zoo?: if mayOpen(place) { zoo(content, own: own, inner: inner) }
        case .ace?: if mayOpen(place) { ace(content, own: own, inner: inner) }
        case .arc?: if mayOpen(place) { arc(content, own: own, inner: inner) }
        case .tnef?: if mayOpen(place) { tnef(content, own: own, inner: inner) }
        case .uuencode?: encodedFiles(content, named: names.first ?? "", in: place)
        case .closed?: note(unopened: own)
        case nil:
            if kind.isNamed("exe") {
                if mayOpen(place) { selfExtracting(content, own: own, inner: inner) }
            } else if kind.rawValue == "ole", holds(content, Self.encryptedPackage) {
                note(encrypted: own)
            } else {
                openByName(content, kind, names: names, contentType: contentType, in: place)
            }
        }
        if let container { openBehind(container, content, names, contentType, own: own, inner: inner, in: place) }
    }

    /// A zip archive ends, and an image begins, far from where another archive begins: who is told by the name that it is one of these
    /// finds it there.
    private func openBehind(
        _ container: Container, _ content: UnsafeRawBufferPointer, _ names: [String], _ contentType: String, own: [String], inner: Place,
        in place: Place
    ) {
        if case .message = container { return }
        let suffixes = names.map { PlainName($0).suffixText }
        if case .iso = container {
        } else if suffixes.contains(where: Container.imageSuffixes.contains) || contentType == "application/x-iso9660-image" {
            if holdsImage(content), mayOpen(place) { image(content, own: own, inner: inner) }
        }
        if case .library(.zip) = container { return }
        guard suffixes.contains(where: Container.zipSuffixes.contains) || contentType.contains("zip"), holdsZipEnd(content), mayOpen(place)
        else { return }
        archive(content, .zip, own: own, inner: inner, isCertain: false)
    }

    /// How findings call it.
    private static func own(_ names: [String], _ contentType: String, _ place: Place) -> [String] {
        let name = names.first ?? ""
        return place.path + [name.isEmpty ? contentType : name]
    }

    /// What by its beginning is no archive: one with something before it, one whose format has no beginning, or none.
    private func openByName(_ content: UnsafeRawBufferPointer, _ kind: ContentKind, names: [String], contentType: String, in place: Place) {
        let own = Self.own(names, contentType, place)
        let inner = place.within(names.first ?? "")
        if names.contains(where: Container.isNamedMessage) {
            if mayOpen(place) { message(content, inner) }
            return
        }
        if holdsZipEnd(content) {
            guard mayOpen(place) else { return }
            let wasRead = archive(content, .zip, own: own, inner: inner, isCertain: false)
            if wasRead { return }
        }
        guard names.contains(where: Container.isNamedArchive) || Container.isDeclaredArchive(contentType), kind != .empty else {
            if kind.isText { encodedFiles(content, named: names.first ?? "", in: place) }
            return
        }
        guard mayOpen(place) else { return }
        if holdsImage(content) { return image(content, own: own, inner: inner) }
        if kind.isText { encodedFiles(content, named: names.first ?? "", in: place) }
        if !kind.isText, archive(content, .unmarked, own: own, inner: inner, isCertain: false) { return }
        note(unopened: own)
    }

    /// A program with an archive behind it. Most have none: only what opens counts.
    private func selfExtracting(_ content: UnsafeRawBufferPointer, own: [String], inner: Place) {
        if holdsZipEnd(content) { _ = archive(content, .zip, own: own, inner: inner, isCertain: false) }
        // One that a computer can be started from.
        if holdsImage(content) { image(content, own: own, inner: inner) }
        for (signature, form) in Self.packed {
            var start = 1
            // Installers name the signatures in their own code.
            for _ in 0..<4 {
                guard goesOn(), let found = find(signature, in: content, from: start) else { break }
                let rest = UnsafeRawBufferPointer(rebasing: content[found...])
                let wasRead = form.map { archive(rest, $0, own: own, inner: inner, isCertain: false) }
                if wasRead ?? cabinet(rest, own: own, inner: inner, isCertain: false) { break }
                start = found + 1
            }
        }
    }

    /// Without a form: a cabinet.
    private static let packed: [([UInt8], ArchiveReader.Form?)] = [
        (Array("Rar!\u{1A}\u{7}".utf8), .rar), ([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], .sevenZip), (Array("MSCF\0\0\0\0".utf8), nil),
    ]

    /// The stream in which Office keeps an encrypted document.
    private static let encryptedPackage: [UInt8] = "EncryptedPackage".utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }

    /// Whether a zip archive may end here: its last record, behind which a comment of 64 KiB has room.
    private func holdsZipEnd(_ content: UnsafeRawBufferPointer) -> Bool {
        guard content.count >= 22 else { return false }
        return find([0x50, 0x4B, 5, 6], in: content, from: max(0, content.count - 22 - 65_535)) != nil
    }

    func holds(_ content: UnsafeRawBufferPointer, _ bytes: [UInt8]) -> Bool { find(bytes, in: content, from: 0) != nil }

    func find(_ bytes: [UInt8], in content: UnsafeRawBufferPointer, from start: Int) -> Int? {
        guard start < content.count, let base = content.baseAddress else { return nil }
        guard let hit = memmem(base + start, content.count - start, bytes, bytes.count) else { return nil }
        return UnsafeRawPointer(hit) - base
    }
}
