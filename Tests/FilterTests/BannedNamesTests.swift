import Testing

@testable import Filter

@Suite struct BannedNamesTests {
    private static func part(_ name: String, type: String = "", kind: String? = nil) -> NamedPart {
        NamedPart(path: [name], contentType: type, kind: kind.map { ContentKind(rawValue: $0) })
    }

    private static func rule(_ list: String, _ part: NamedPart) throws -> String? { try BannedNames(parsing: list).rule(meeting: part) }

    // MARK: Names

    @Test(arguments: [
        "a.exe", "A.EXE", "a.Exe", ".exe", "a.exe.", "a.exe . .", "a.exe\t", "a.exe\u{0}", "a.exe\u{1}\u{7F}", "a.exe\u{200B}",
        "photo\u{202E}gpj.exe", "a\u{202E}.exe", "a.e\u{200D}xe", "a.ex\u{AD}e", "a.\u{FF45}\u{FF58}\u{FF45}", "a\u{FF0E}exe",
        "a\u{2024}exe",
        "a.exe\u{3000}", "a.exe\u{A0}", "dir/a.exe", "dir\\a.exe", "a.exe/", "C:\\dir\\a.exe", "a.exe:stream", "a.txt:b.exe",
        "a.exe::$DATA",
        "a.exe\u{0}.txt", "a.txt\u{0}.exe", "\"a.exe\"", "años.exe", "日本.exe", "a.exe\u{FE0F}",
        String(repeating: "x", count: 5000) + ".exe",
        "a. exe",
    ]) func hiddenExtensions(_ name: String) throws {
        #expect(try Self.rule(".exe", Self.part(name)) == ".exe")
    }

    @Test(arguments: ["a.exe.txt", "aexe", "exe", "a.exe_", "a.exec", "", "exe.", "a.exe/b.txt", "a.\u{435}x\u{435}", "a.exe\u{FFFD}"])
    func otherExtensions(_ name: String) throws {
        #expect(try Self.rule(".exe", Self.part(name)) == nil)
    }

    @Test(arguments: [
        ("*.doc.*", "a.doc.js", true), ("*.doc.*", "a.doc", false), ("invoice*", "Invoice 12.pdf", true), ("invoice*", "my invoice", false),
        ("invoice*", "old/invoice.pdf", true), ("invoice*", " \"invoice.pdf", true), ("invoice*", "old\\invoice.pdf", true),
        ("*a*b*c*", "xaxbxcx", true), ("*a*b*c*", "xaxcxbx", false), ("a?c", "abc", true),
        ("a?c", "añc", true), ("a?c", "ac", false), ("a?c", "abbc", false), (".tar.gz", "x.TAR.GZ", true), (".tar.gz", "x.gz", false),
        ("*.ñandú", "X.ÑANDÚ", true), ("*.js*", "a.json", true), ("x*y", "xy", true), ("?.js", ".js", false),
    ]) func patterns(_ rule: String, _ name: String, _ isMet: Bool) throws {
        #expect(try (Self.rule(rule, Self.part(name)) != nil) == isMet)
    }

    @Test func patternsCostLittle() throws {
        let list = (0..<500).map { "*a*a*a*a*a*a*b\($0)" }.joined(separator: " ")
        let names = try BannedNames(parsing: list)
        let start = ContinuousClock.now
        #expect(names.rule(meeting: Self.part(String(repeating: "a", count: 100_000))) == nil)
        #expect(ContinuousClock.now - start < .seconds(2))
    }

    // MARK: Words

    /// AMaViS: `\.[^./]*\.(exe|vbs|pif|scr|bat|cmd|com|cpl|dll)\.?$`.
    @Test(arguments: [
        ("x.pdf.exe", true), ("x.pdf      .exe", true), ("x.PDF.Scr.", true), ("x.exe", false), ("x.exe.pdf", false), ("a.b/x.exe", false),
        ("www.example.com", true), ("v1.2.dll", true), (".a.exe", true), ("x..exe", true), ("x.pdf.js", false),
    ]) func double(_ name: String, _ isMet: Bool) throws {
        #expect(try (Self.rule("double", Self.part(name)) != nil) == isMet)
    }

    @Test(arguments: [
        ("a.{3050F4D8-98B5-11CF-BB82-00AA00BDCE0B}", true), ("{3050f4d8-98b5-11cf-bb82-00aa00bdce0b", true),
        ("a.{3050F4D8-98B5-11CF-BB82-00AA00BDCE0B}.txt", false), ("3050F4D8-98B5-11CF-BB82-00AA00BDCE0B", false),
        ("{3050F4D8-98B5-11CF-BB82-00AA00BDCE0}", false), ("{3050F4D8398B5-11CF-BB82-00AA00BDCE0B}", false),
        ("{3050F4G8-98B5-11CF-BB82-00AA00BDCE0B}", false), ("dir.{3050F4D8-98B5-11CF-BB82-00AA00BDCE0B}/", true),
    ]) func classIDs(_ name: String, _ isMet: Bool) throws {
        #expect(try (Self.rule("clsid", Self.part(name)) != nil) == isMet)
    }

    @Test func types() throws {
        let part = Self.part("", type: "application/hta")
        #expect(try Self.rule("type:Application/HTA", part) == "type:application/hta")
        #expect(try Self.rule("type:application/*", part) == "type:application/*")
        #expect(try Self.rule("type:application/htax type:app/*", part) == nil)
        #expect(try Self.rule("type:application/hta type:application/ht", Self.part("", type: "application/htax")) == nil)
        #expect(try Self.rule("type:application/*", Self.part("a")) == nil)
    }

    @Test func kinds() throws {
        #expect(try Self.rule("kind:exe-ms", Self.part("a.txt", kind: "exe-ms")) == "kind:exe-ms")
        #expect(try Self.rule("kind:exe-ms", Self.part("a.txt", kind: "dll")) == "kind:exe-ms")
        #expect(try Self.rule("KIND:archive", Self.part("", kind: "rar")) == "kind:archive")
        #expect(try Self.rule("kind:Z", Self.part("", kind: "Z")) == "kind:Z")
        #expect(try Self.rule("kind:archive", Self.part("", kind: "pdf")) == nil)
        #expect(try Self.rule("kind:archive", Self.part("a.zip")) == nil)
    }

    @Test(arguments: [
        ("a.txt", "", "exe-ms", true), ("a.exe", "", "exe-ms", false), ("a.scr", "", "exe-ms", false), ("a", "", "exe-ms", false),
        ("", "image/jpeg", "exe-ms", true), ("", "application/octet-stream", "exe-ms", false), ("a.xyz", "", "exe-ms", true),
        ("a.dll", "", "dll", false), ("a.jpg", "", "lnk", true), ("a.lnk", "", "lnk", false), ("a.exe", "", "lnk", true),
        ("a.pdf", "", "elf", true), ("a.so.1", "", "elf", false), ("a", "", "elf", false), ("a.pdf", "", "script", true),
        ("a.txt", "", "script", false), ("a.sh", "", "script", false), ("a.jpg", "", "zip", true), ("a.pdf", "", "rar", true),
        ("a.doc", "", "zip", true), ("a.doc", "", "ooxml", false), ("a.docx", "", "zip", false), ("a.docx", "", "ooxml", false),
        ("a.docx", "", "rar", true), ("a.doc", "", "ole", false), ("a.doc", "", "rtf", false), ("a.zip", "", "rar", false),
        ("a.jpg", "", "png", false), ("a.jpg", "", "txt", false), ("a.jpg", "", "dat", false), ("a.pdf", "", "html", false),
        ("a.exe\u{202E}gpj", "", "exe-ms", true), ("a.epub", "", "zip", false), ("a.txt", "", "uue", true), ("a.svg", "", "svg", false),
    ]) func mismatches(_ name: String, _ type: String, _ kind: String, _ isMet: Bool) throws {
        #expect(try (Self.rule("mismatch", Self.part(name, type: type, kind: kind)) != nil) == isMet)
    }

    // MARK: Lists

    @Test func firstRuleCounts() throws {
        #expect(try Self.rule("a* .exe double", Self.part("a.b.exe")) == "a*")
        #expect(try Self.rule(".exe a* double", Self.part("a.b.exe")) == ".exe")
        #expect(try Self.rule("double .exe", Self.part("a.b.exe")) == "double")
        // Of two readings of one name too.
        #expect(try Self.rule(".txt .exe", Self.part("a.txt:b.exe")) == ".txt")
        #expect(try Self.rule(".exe .txt", Self.part("a.txt:b.exe")) == ".exe")
    }

    @Test func normalForm() throws {
        #expect(try BannedNames(parsing: " .EXE,\n.exe\tDouble  Kind:EXE-MS ").text == ".exe double kind:exe-ms")
        #expect(try BannedNames(parsing: BannedNames.standard).text == BannedNames.standard)
        #expect(try BannedNames(parsing: ", \n") == BannedNames.none)
        #expect(BannedNames.none.isEmpty && BannedNames.none.rule(meeting: Self.part("a.exe", kind: "exe-ms")) == nil)
    }

    @Test(arguments: [
        ("exe", BannedNames.Fault.Reason.unknown), (".", .unknown), (".exe.", .unknown), ("doubles", .unknown), ("kind:exes", .noKind),
        ("kind:", .noKind), ("type:hta", .noType), ("type:/x", .noType), ("type:*/*", .noType), ("type:a/b/c", .noType), ("*", .everything),
        ("*.*", .everything), ("??*", .everything), ("dir/*", .folder), ("dir\\a.exe", .folder),
    ]) func faults(_ rule: String, _ reason: BannedNames.Fault.Reason) {
        #expect(throws: BannedNames.Fault(rule: rule, reason: reason)) { try BannedNames(parsing: ".exe \(rule) .bat") }
    }

    @Test func bounds() throws {
        let most = (0..<500).map { ".e\($0)" }
        #expect(try BannedNames(parsing: most.joined(separator: " ")).rule(meeting: Self.part("a.e499")) == ".e499")
        #expect(throws: BannedNames.Fault(rule: "", reason: .tooMany)) { try BannedNames(parsing: (most + [".x"]).joined(separator: " ")) }
        #expect(throws: BannedNames.Fault(rule: "", reason: .tooLong)) { try BannedNames(parsing: String(repeating: " ", count: 10_001)) }
    }

    /// Debian's 20-debian_defaults, line by line.
    @Test(arguments: [
        ("x.pdf.exe", "", nil, "double"), ("a.{3050F4D8-98B5-11CF-BB82-00AA00BDCE0B}", "", nil, "clsid"),
        ("a", "application/x-msdownload", nil, "type:application/x-msdownload"),
        ("a", "application/x-msdos-program", nil, "type:application/x-msdos-program"), ("", "application/hta", nil, "type:application/hta"),
        ("a.exe", "", nil, ".exe"), ("a.vbs", "", nil, ".vbs"), ("a.pif", "", nil, ".pif"), ("a.scr", "", nil, ".scr"),
        ("a.bat", "", nil, ".bat"), ("a.cmd", "", nil, ".cmd"), ("a.com", "", nil, ".com"), ("a.cpl", "", nil, ".cpl"),
        ("a.txt", "", "exe-ms", "kind:exe-ms"), ("a.dll", "", nil, nil), ("a.js", "", "txt", nil), ("a.zip", "application/zip", "zip", nil),
    ]) func standard(_ name: String, _ type: String, _ kind: String?, _ rule: String?) throws {
        #expect(try Self.rule(BannedNames.standard, Self.part(name, type: type, kind: kind)) == rule)
    }

    @Test func titles() {
        #expect(NamedPart(path: ["docs.zip", "a\u{202E}\nb.exe"]).title == "docs.zip › a\u{FFFD}\u{FFFD}b.exe")
        #expect(NamedPart(path: ["m.eml", ""], contentType: "text/html").title == "m.eml › text/html")
        #expect(NamedPart(path: [""]).title == "?")
        #expect(NamedPart(path: [String(repeating: "ñ", count: 1000)]).title.count == 201)
    }
}
