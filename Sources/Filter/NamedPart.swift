/// One thing inside a message that has a name, a type, or both: a MIME part, a member of an archive.
package struct NamedPart: Sendable, Hashable {
    /// Names from the outermost on, this part's own last: `["docs.zip", "sub/inner.tar", "a.exe"]`. A part without a name has an empty one.
    package var path: [String]
    /// As its MIME header declares it, lower case, without parameters: `application/zip`; empty for members of archives.
    package var contentType: String
    /// By its first bytes; nil where they could not be read (encrypted, beyond a limit).
    package var kind: ContentKind?
    package var isEncrypted: Bool

    package init(path: [String], contentType: String = "", kind: ContentKind? = nil, isEncrypted: Bool = false) {
        self.path = path
        self.contentType = contentType
        self.kind = kind
        self.isEncrypted = isEncrypted
    }

    package var name: String { path.last ?? "" }

    /// Characters of a name that people are shown.
    private static let shown = 200

    /// As people read it: `docs.zip › sub/inner.tar › a.exe`, in one line without characters that nobody sees; where it has no name, its type.
    package var title: String {
        let path = name.isEmpty ? path.dropLast() + [contentType.isEmpty ? "?" : contentType] : path[...]
        return path.map(Self.legible).joined(separator: " › ")
    }

    private static func legible(_ name: String) -> String {
        var text = ""
        var count = 0
        for scalar in name.unicodeScalars {
            count += 1
            if count > shown {
                text += "…"
                break
            }
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: text += "\u{FFFD}"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}
