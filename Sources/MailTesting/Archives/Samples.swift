import CArchive
import Glibc

/// Archives for tests, made by libarchive's writer.
package enum Samples {
    package struct Member {
        package var name: String
        package var content: [UInt8]

        package init(_ name: String, _ content: [UInt8] = Array("hello".utf8)) {
            self.name = name
            self.content = content
        }
    }

    /// `format` and `filter` as libarchive names them: `zip`, `7zip`, `gnutar`, `newc`, `iso9660`, `arbsd`, `xar`; `gzip`, `bzip2`, `xz`…
    package static func archive(
        _ members: [Member], format: String = "zip", filter: String? = nil, options: String? = nil, password: String? = nil
    ) -> [UInt8] {
        let locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nil)
        let previous = uselocale(locale)
        defer {
            uselocale(previous)
            freelocale(locale)
        }
        guard let archive = archive_write_new() else { return [] }
        defer { archive_write_free(archive) }
        archive_write_set_format_by_name(archive, format)
        if let filter { archive_write_add_filter_by_name(archive, filter) }
        archive_write_set_bytes_per_block(archive, 0)
        if let options { archive_write_set_options(archive, options) }
        if let password {
            archive_write_set_options(archive, "zip:encryption=aes256")
            archive_write_set_passphrase(archive, password)
        }
        let size = members.reduce(4 << 20) { $0 + $1.content.count + 4096 + 4 * $1.name.utf8.count }
        var used = 0
        let output = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            archive_write_open_memory(archive, buffer.baseAddress, buffer.count, &used)
            for member in members {
                guard let entry = archive_entry_new() else { continue }
                let isDirectory = member.name.hasSuffix("/")
                archive_entry_set_pathname_utf8(entry, member.name)
                archive_entry_set_filetype(entry, isDirectory ? 0o040000 : 0o100000)
                archive_entry_set_perm(entry, 0o644)
                if format != "raw" { archive_entry_set_size(entry, Int64(member.content.count)) }
                archive_write_header(archive, entry)
                if !isDirectory, !member.content.isEmpty { archive_write_data(archive, member.content, member.content.count) }
                archive_entry_free(entry)
            }
            archive_write_close(archive)
            count = used
        }
        return output
    }

    /// One file compressed, without an archive around it.
    package static func compressed(_ content: [UInt8], _ filter: String) -> [UInt8] {
        archive([Member("data", content)], format: "raw", filter: filter)
    }

    /// The lowest byte first.
    package static func little(_ value: Int, _ bytes: Int) -> [UInt8] { (0..<bytes).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
}
