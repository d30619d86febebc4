import Foundation
import Testing

@testable import Mail

/// The messages of corpora/mime against what another parser says of them. Every difference must be in `known`.
@Suite struct GoldenTests {
    static let files = Corpora.files(in: "mime/rfc", suffix: ".eml") + Corpora.files(in: "mime/thirdparty", suffix: ".eml")

    /// Where our answer differs on purpose: file, beginning of the difference, reason.
    static let known: [(file: String, difference: String, reason: String)] = []

    @Test(.enabled(if: Corpora.has("mime"), "corpora/mime is absent"), arguments: files, [false, true])
    func agrees(file: String, isCRLF: Bool) throws {
        let name = String(file.dropLast(4))
        let raw = try Corpora.bytes(file)
        let message = isCRLF ? Corpora.crlf(raw) : raw
        let json = try JSONSerialization.jsonObject(with: Data(try Corpora.bytes(name + (isCRLF ? ".crlf.json" : ".json"))))
        let expected = try #require(json as? [String: Any])
        var comparison = Comparison(message: message, isRaw: !isCRLF)
        comparison.compareMessage(expected, at: 0, path: "")
        if comparison.visited != comparison.structure.parts.count {
            comparison.differ("", "parts", "\(comparison.structure.parts.count)", "\(comparison.visited)")
        }
        let known = Self.known.filter { name.hasSuffix($0.file) }
        for difference in comparison.differences {
            let isKnown = known.contains { difference.hasPrefix($0.difference) }
            #expect(isKnown, "\(name) \(isCRLF ? "CRLF" : "LF"): \(difference)")
        }
        for entry in known {
            let isMet = comparison.differences.contains { $0.hasPrefix(entry.difference) }
            #expect(isMet, "\(name): no longer differs: \(entry.difference)")
        }
    }
}

private struct Comparison {
    let message: [UInt8]
    /// LF files are compared where they have been stored as they came.
    let isRaw: Bool
    let structure: MessageStructure
    var visited = 0
    var differences: [String] = []

    init(message: [UInt8], isRaw: Bool) {
        self.message = message
        self.isRaw = isRaw
        structure = MessageStructure(parsing: message.span)
    }

    mutating func differ(_ path: String, _ what: String, _ ours: String, _ theirs: String) {
        differences.append("\(path) \(what): \(ours.debugDescription) != \(theirs.debugDescription)")
    }

    mutating func check(_ path: String, _ what: String, _ ours: String, _ theirs: String) {
        if ours != theirs { differ(path, what, ours, theirs) }
    }

    mutating func compareMessage(_ expected: [String: Any], at index: Int, path: String) {
        compare(expected["parts"] as? [[String: Any]] ?? [], 0, at: index, path: path)
    }

    /// `list` is a message's parts; `number` one of them.
    mutating func compare(_ list: [[String: Any]], _ number: Int, at index: Int, path: String) {
        let path = path + "/\(number)"
        guard structure.parts.indices.contains(index), list.indices.contains(number) else {
            differ(path, "part", "none", "one")
            return
        }
        visited += 1
        let part = structure.parts[index]
        let expected = list[number]
        check(path, "header", "\(part.header.lowerBound)", "\(expected["offset_header"] ?? "")")
        check(path, "body", "\(part.body.lowerBound)", "\(expected["offset_body"] ?? "")")
        compareHeaders(expected["headers"] as? [[String: Any]] ?? [], part, path)
        let body = expected["body"] as? [String: Any] ?? [:]
        if let children = body["Multipart"] as? [Int] {
            // Theirs ends behind the closing delimiter, ours before the next delimiter outside (RFC 2046: the epilogue is inside).
            let ours = structure.children(of: index)
            check(path, "children", "\(ours.count)", "\(children.count)")
            for (child, other) in zip(ours, children) { compare(list, other, at: child, path: path) }
            return
        }
        check(path, "end", "\(part.body.upperBound)", "\(expected["offset_end"] ?? "")")
        if let nested = body["Message"] as? [String: Any] {
            check(path, "kind", "\(part.kind)", "message")
            compareMessage(nested, at: index + 1, path: path)
        } else if let text = (body["Text"] ?? body["Html"]) as? String {
            let ours = message.withUnsafeBufferPointer { structure.text(of: index, in: $0) }
            check(path, "text", ours, text)
        } else if let binary = (body["Binary"] ?? body["InlineBinary"]) as? [Int] {
            let ours = message.withUnsafeBufferPointer { structure.decodedBody(of: index, in: $0) }
            check(path, "bytes", "\(ours)", "\(binary)")
        } else {
            differ(path, "body", "\(part.kind)", "\(body.keys.sorted())")
        }
    }

    mutating func compareHeaders(_ expected: [[String: Any]], _ part: MessageStructure.Part, _ path: String) {
        message.withUnsafeBufferPointer { bytes in
            let header = UnsafeBufferPointer(rebasing: bytes[part.header])
            let section = HeaderSection(parsing: header)
            let offset = part.header.lowerBound
            var matched = 0
            for field in expected {
                let name = (field["name"] as? String) ?? (field["name"] as? [String: String])?["other"] ?? ""
                let spelled = name.replacing("_", with: "-")
                let start = field["offset_field"] as? Int ?? -1
                let ours = section.fields.first { $0.range.lowerBound + offset == start }
                guard let ours, String(decoding: header[ours.name], as: UTF8.self).lowercased() == spelled.lowercased() else {
                    differ(path, "field", "none", spelled)
                    continue
                }
                matched += 1
                check(path, "\(spelled) end", "\(ours.range.upperBound + offset)", "\(field["offset_end"] ?? "")")
                compareValue(field["value"], spelled, UnsafeBufferPointer(rebasing: header[ours.body]), path)
            }
            check(path, "fields", "\(section.fields.count)", "\(matched)")
        }
    }

    mutating func compareValue(_ value: Any?, _ name: String, _ body: UnsafeBufferPointer<UInt8>, _ path: String) {
        guard let value = value as? [String: Any] else {
            // "Empty": theirs found nothing there.
            return
        }
        if let text = value["Text"] as? String {
            var ours = EncodedWord.decode(unfold(body, 0..<body.count))
            switch name {
            case "message-id", "in-reply-to", "content-id", "return-path":
                if ours.hasPrefix("<"), ours.hasSuffix(">") { ours = String(ours.dropFirst().dropLast()) }
            case "content-transfer-encoding":
                ours = String(decoding: part(encoding: body), as: UTF8.self)
            default: break
            }
            check(path, name, ours, unfolded(text))
        } else if let type = value["ContentType"] as? [String: Any] {
            compareType(type, name, body, path)
        } else if let date = value["DateTime"] as? [String: Any] {
            compareDate(date, name, body, path)
        } else if let addresses = value["Address"] as? [String: Any], !name.hasPrefix("list-") {
            compareAddresses(addresses, name, body, path)
        }
    }

    /// Theirs keeps the folding in text.
    private func unfolded(_ text: String) -> String {
        let bytes = Array(text.utf8)
        return String(decoding: unfold(bytes[...]), as: UTF8.self)
    }

    private func part(encoding body: UnsafeBufferPointer<UInt8>) -> [UInt8] {
        var lexer = FieldLexer(body)
        lexer.skipBlanksAndComments()
        return lexer.token(stops: ";(")
    }

    mutating func compareType(_ expected: [String: Any], _ name: String, _ body: UnsafeBufferPointer<UInt8>, _ path: String) {
        let attributes = expected["attributes"] as? [[String: String]] ?? []
        let parameters: Parameters
        var ours: String
        if name == "content-type" {
            let type = ContentType(parsing: body)
            parameters = type?.parameters ?? Parameters()
            ours = type.map { String(decoding: $0.type + [47] + $0.subtype, as: UTF8.self) } ?? "none"
        } else {
            let disposition = ContentDisposition(parsing: body)
            parameters = disposition?.parameters ?? Parameters()
            ours = disposition.map { String(decoding: $0.type, as: UTF8.self) } ?? "none"
        }
        var theirs = expected["c_type"] as? String ?? ""
        if let subtype = expected["c_subtype"] as? String { theirs += "/" + subtype }
        check(path, name, ours.lowercased(), theirs.lowercased())
        for attribute in attributes {
            let key = attribute["name"] ?? ""
            check(path, "\(name) \(key)", parameters.text(key) ?? "none", attribute["value"] ?? "")
        }
        check(path, "\(name) parameters", "\(parameters.list.count)", "\(attributes.count)")
    }

    mutating func compareDate(_ expected: [String: Any], _ name: String, _ body: UnsafeBufferPointer<UInt8>, _ path: String) {
        func number(_ key: String) -> Int { expected[key] as? Int ?? 0 }
        let zone = (number("tz_hour") * 60 + number("tz_minute")) * (expected["tz_before_gmt"] as? Bool == true ? -1 : 1)
        let day = CivilDate(year: number("year"), month: number("month"), day: number("day")).daysSinceEpoch
        let seconds = day * 86_400 + number("hour") * 3600 + number("minute") * 60 + number("second") - zone * 60
        let ours = MailDate.parse([UInt8](body)[...])
        check(path, name, "\(ours?.seconds ?? -1) \(ours?.zoneMinutes ?? -1)", "\(seconds) \(zone)")
    }

    mutating func compareAddresses(_ expected: [String: Any], _ name: String, _ body: UnsafeBufferPointer<UInt8>, _ path: String) {
        func text(_ mailbox: [String: Any]) -> String { "\(mailbox["name"] as? String ?? "-") <\(mailbox["address"] as? String ?? "")>" }
        func text(_ mailbox: MailboxAddress) -> String {
            let name = mailbox.displayName.map { EncodedWord.decode($0) } ?? "-"
            let domain = mailbox.domain.isEmpty ? [] : [64] + mailbox.domain
            return "\(name) <\(String(decoding: mailbox.localPart + domain, as: UTF8.self))>"
        }
        var theirs: [String] = []
        for mailbox in expected["List"] as? [[String: Any]] ?? [] { theirs.append(text(mailbox)) }
        for group in expected["Group"] as? [[String: Any]] ?? [] {
            theirs.append("\(group["name"] as? String ?? "-"):")
            for mailbox in group["addresses"] as? [[String: Any]] ?? [] { theirs.append(text(mailbox)) }
        }
        var ours: [String] = []
        for item in AddressList.parse([UInt8](body)[...]) {
            switch item {
            case .mailbox(let mailbox): ours.append(text(mailbox))
            case .group(let name, let members):
                ours.append(EncodedWord.decode(name) + ":")
                ours += members.map { text($0) }
            }
        }
        check(path, name, ours.joined(separator: ", "), theirs.joined(separator: ", "))
    }
}
