import Filter
import Foundation
import Testing
@testable import Archives

@Suite struct ZZ {
    @Test func show() throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: "/usr/share/clamav-testfiles").sorted() {
            let w = walk(file: try Samples.file(name), name)
            print(name, w.parts.map { "\($0.title) [\($0.kind?.rawValue ?? "-")\($0.isEncrypted ? "!" : "")]" }, w.finding.encrypted, w.finding.unopened, w.finding.limits)
        }
        let members = [Samples.Member("años.exe", Samples.program), .init("dir/"), .init("dir/b.txt"), .init("empty", [])]
        for f in ["zip", "7zip", "gnutar", "pax", "newc", "odc", "iso9660", "arbsd", "xar"] {
            let a = Samples.archive(members, format: f)
            let w = walk(file: a, "x")
            print(f, a.count, w.parts.map { "\($0.title) [\($0.kind?.rawValue ?? "-")]" }, w.finding)
        }
        for f in ["gzip", "bzip2", "xz", "lzma", "lzip", "zstd", "lz4", "compress"] {
            let a = Samples.archive(members, format: "gnutar", filter: f)
            let w = walk(file: a, "x.tar.gz")
            print(f, a.count, w.parts.map { "\($0.title) [\($0.kind?.rawValue ?? "-")]" }, w.finding)
        }
        let w = walk(file: Samples.archive(members, password: "x"), "enc.zip")
        print(w.parts.map { "\($0.title) [\($0.kind?.rawValue ?? "-")\($0.isEncrypted ? "!" : "")]" }, w.finding)
    }
}
