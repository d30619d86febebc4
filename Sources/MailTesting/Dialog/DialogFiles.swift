import Foundation

extension Dialog {
    /// Every `Dialogs/*.dialog` beside a test file (give `#filePath`), by name.
    package static func all(beside testFile: String) throws -> [Dialog] {
        try TestFiles.contents(of: "Dialogs", beside: testFile, suffix: ".dialog").map { file in
            do {
                return try Dialog(name: file.name, text: file.bytes)
            } catch let error as DialogError {
                throw DialogError(line: error.line, why: "\(file.name): \(error.why)")
            }
        }
    }
}

/// Files that tests read, found beside their source.
package enum TestFiles {
    package static func contents(of folder: String, beside testFile: String, suffix: String) throws -> [(name: String, bytes: [UInt8])] {
        let folder = URL(filePath: testFile).deletingLastPathComponent().appending(path: folder)
        return try FileManager.default.contentsOfDirectory(atPath: folder.path)
            .filter { $0.hasSuffix(suffix) }
            .sorted()
            .map { (String($0.dropLast(suffix.count)), [UInt8](try Data(contentsOf: folder.appending(path: $0)))) }
    }
}
