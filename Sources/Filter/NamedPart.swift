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
}
