extension NamedPart {
    /// Whether the name, or else the type, says something harmless about a content that is not: a program that is called otherwise than
    /// programs are, or an archive that is called a picture, a sound, a film, a document or a text.
    func isMisnamed(_ readings: [PlainName]) -> Bool {
        guard let kind, !kind.isText || kind.rawValue == "script", kind != .data, kind != .directory else { return false }
        let suffixes = readings.map(\.suffixText)
        let isCalledHarmless =
            suffixes.contains { Self.harmless.contains($0) || Self.zipped.contains($0) }
            || ((name.isEmpty || suffixes.allSatisfy(\.isEmpty)) && Self.harmlessTypes.contains { contentType.hasPrefix($0) })
        if kind.isNamed("exe-ms") || kind.rawValue == "lnk" {
            let own = kind.rawValue == "lnk" ? Self.links : Self.programs
            return suffixes.contains { !$0.isEmpty && !own.contains($0) } || isCalledHarmless
        }
        // What Unix runs has any name or none.
        if kind.isProgram || kind.rawValue == "script" {
            let isCode = kind.rawValue == "script" && suffixes.contains { Self.texts.contains($0) }
            return isCalledHarmless && !isCode
        }
        guard kind.isArchive else { return false }
        // Documents and packages that are archives themselves.
        if kind == .zip || kind.rawValue == "jar", suffixes.contains(where: Self.zipped.contains) { return false }
        return isCalledHarmless
    }

    private static let programs: Set<String> = [
        "exe", "dll", "com", "scr", "cpl", "ocx", "sys", "drv", "pif", "ax", "efi", "mui", "acm", "vxd", "bpl", "node", "pyd", "rll", "tsp",
        "fon", "msstyles", "xll", "wll", "bin", "ex_", "dl_",
    ]
    private static let links: Set<String> = ["lnk", "pif"]
    private static let texts: Set<String> = ["txt", "text", "log", "md", "csv"]
    private static let harmless: Set<String> = texts.union([
        "jpg", "jpeg", "jpe", "png", "gif", "bmp", "tif", "tiff", "webp", "heic", "ico", "svg", "psd", "mp3", "wav", "ogg", "oga", "flac",
        "m4a", "aac", "wma", "mid", "mp4", "m4v", "avi", "mov", "mpg", "mpeg", "mkv", "webm", "wmv", "pdf", "rtf", "doc", "dot", "xls",
        "xlt",
        "ppt", "pps", "pot", "htm", "html", "xml", "json", "ics", "vcf", "eml", "ps", "eps",
    ])
    /// What is a zip archive by design.
    private static let zipped: Set<String> = [
        "docx", "docm", "dotx", "dotm", "xlsx", "xlsm", "xlsb", "xltx", "xltm", "xlam", "pptx", "pptm", "ppsx", "ppsm", "potx", "potm",
        "vsdx",
        "odt", "ods", "odp", "odg", "odf", "odc", "ott", "ots", "otp", "epub", "pages", "numbers", "key", "xps", "oxps", "sxw", "sxc",
        "sxi",
    ]
    private static let harmlessTypes = ["image/", "audio/", "video/", "text/", "application/pdf"]
}
