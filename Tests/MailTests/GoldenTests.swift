import Foundation
import Testing

@testable import Mail

/// The messages of corpora/mime against what another parser says of them. Every difference must be in `known`.
@Suite struct GoldenTests {
    static let files = Corpora.files(in: "mime/rfc", suffix: ".eml") + Corpora.files(in: "mime/thirdparty", suffix: ".eml")

    /// Where our answer differs on purpose: file, beginning of the difference, reason.
    static let known: [(file: String, difference: String, reason: String)] = [
        ("rfc/000", "/0/3/4 text", "no base64: theirs shows the raw body, ours what decoding gives, as mail readers do"),
        ("rfc/000", "/0/3/5 text", "the same"),
        ("rfc/000", "/0/7/0 from", "a comment alone is no mailbox (RFC 5322 §3.4)"),
        ("rfc/000", "/0/7/0 to", "the same"),
        ("rfc/002", "/0/2/0 to", "a comment is no part of the display name that stands beside it (RFC 5322 §3.2.2)"),
        ("rfc/008", "/0/2/0 ", "message/rfc822 in base64, which RFC 2046 §5.2.1 forbids: theirs counts in the decoded bytes; IMAP cannot"),
        ("thirdparty/002", "/0/2 text", "text behind the padding of base64"),
        ("thirdparty/002", "/0/3 text", "no base64, as above"),
        ("thirdparty/004", "/0/3 content-transfer-encoding", "RFC 2045 §6.1: a mechanism is a token, `8 bit` is `8`"),
        ("thirdparty/005", "/0/1 text", "UTF-16 whose line ends were rewritten ends in half a character: ours shows U+FFFD"),
        ("thirdparty/005", "/0/5 end", "a delimiter begins a line (RFC 2046 §5.1.1): `invalid--1--` is text"),
        ("thirdparty/005", "/0/5 text", "the same"),
        ("thirdparty/010", "/0 content-type comment", "of two parameters of one name the first counts, though it is empty"),
        ("thirdparty/010", "/0 content-type parameters", "the same"),
        (
            "thirdparty/015", "",
            "three messages whose headers end in the outer delimiter, without an empty line: RFC 2046 §5.1.2 ends them there, as Dovecot "
                + "does; theirs goes on to the next empty line and loses two of them"
        ),
    ]

    @Test(.enabled(if: Corpora.has("mime"), "corpora/mime is absent"), arguments: files)
    func agrees(file: String) throws {
        let name = String(file.dropLast(4))
        let known = Self.known.filter { name.hasSuffix($0.file) }
        var met: Set<String> = []
        for isCRLF in [false, true] {
            let raw = try Corpora.bytes(file)
            let json = try JSONSerialization.jsonObject(with: Data(try Corpora.bytes(name + (isCRLF ? ".crlf.json" : ".json"))))
            let expected = try #require(json as? [String: Any])
            var comparison = Comparison(message: isCRLF ? Corpora.crlf(raw) : Corpora.lf(raw))
            comparison.compareMessage(expected, at: 0, path: "")
            comparison.check("", "parts", "\(comparison.structure.parts.count)", "\(comparison.visited)")
            for difference in comparison.differences {
                let entry = known.first { difference.hasPrefix($0.difference) }
                #expect(entry != nil, "\(name) \(isCRLF ? "CRLF" : "LF"): \(difference)")
                if let entry { met.insert(entry.difference) }
            }
        }
        for entry in known { #expect(met.contains(entry.difference), "\(name): no longer differs: \(entry.difference)") }
    }
}

private struct Comparison {
    let message: [UInt8]
    let structure: MessageStructure
    var visited = 0
    var differences: [String] = []

    init(message: [UInt8]) {
        self.message = message
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
        // "Empty": theirs found nothing there.
        guard let value = value as? [String: Any] else { return }
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
            let local = String(decoding: mailbox.localPart, as: UTF8.self)
            // A word alone is a name to theirs, a local part to ours.
            if mailbox.domain.isEmpty { return mailbox.displayName == nil ? "\(local) <>" : "\(name) <\(local)>" }
            return "\(name) <\(local)@\(String(decoding: mailbox.domain, as: UTF8.self))>"
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
