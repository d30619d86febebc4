import Foundation
import Testing

/// `data/rfc.tsv` says of each RFC how much of it is there. It has to be true to the sources' citations.
@Suite struct RFCIndexTests {
    private struct Row {
        let number: Int
        let title: String
        let status: String
        let modules: [String]
        let missing: String
    }

    private func rows() throws -> [Row] {
        let text = try String(contentsOf: checkout.appendingPathComponent("data/rfc.tsv"), encoding: .utf8)
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.removeFirst() == "number\ttitle\tstatus\tmodule\tmissing")
        #expect(lines.removeLast() == "", "the file ends in a line end")
        return try lines.map { line in
            let columns = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            try #require(columns.count == 5, "\(line)")
            return Row(
                number: try #require(Int(columns[0]), "\(line)"), title: columns[1], status: columns[2],
                modules: columns[3].split(separator: " ").map(String.init), missing: columns[4])
        }
    }

    /// The modules that cite each RFC.
    private func citations() throws -> [Int: Set<String>] {
        let sources = checkout.appendingPathComponent("Sources")
        let files = try #require(FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil))
        var citations: [Int: Set<String>] = [:]
        for case let file as URL in files where file.pathExtension == "swift" {
            let module = file.path.dropFirst(sources.path.count + 1).prefix { $0 != "/" }
            for match in try String(contentsOf: file, encoding: .utf8).matches(of: /RFC ([0-9]+)/) {
                if let number = Int(match.1) { citations[number, default: []].insert(String(module)) }
            }
        }
        #expect(citations.count > 40)
        return citations
    }

    @Test func rowsAreSortedAndWhole() throws {
        let rows = try rows()
        for (row, next) in zip(rows, rows.dropFirst()) { #expect(row.number < next.number, "\(next.number)") }
        for row in rows {
            #expect(["yes", "partial", "no"].contains(row.status), "\(row.number)")
            #expect(!row.title.isEmpty, "\(row.number)")
            // What is not all there says what is missing, and nothing else does.
            #expect(row.missing.isEmpty == (row.status == "yes"), "\(row.number)")
        }
    }

    @Test func whatIsCitedIsListedAndTheOtherWayRound() throws {
        let rows = try rows()
        let citations = try citations()
        let listed = Set(rows.map(\.number))
        for number in citations.keys.sorted() { #expect(listed.contains(number), "RFC \(number) is cited and not in data/rfc.tsv") }
        for row in rows {
            if row.status != "no" { #expect(citations[row.number] != nil, "RFC \(row.number) is cited nowhere") }
            for module in row.modules {
                #expect(citations[row.number]?.contains(module) == true, "\(module) does not cite RFC \(row.number)")
            }
        }
    }
}
