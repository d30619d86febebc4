extension Parameters {
    /// With continuations in one piece, as BODYSTRUCTURE says them (RFC 2231 §6): `name*0`, `name*1` become `name`; where one of
    /// them is extended they become `name*`, still encoded. The parameter stands where the first of its pieces stood. Pieces behind a
    /// missing number, and those that come twice, stay as they are.
    ///
    /// `limit` is how many pieces may still be joined; where there are more, all stay as they are.
    func joined(_ limit: inout Int) -> [Parameter] {
        let starred = list.count { $0.name.contains(UInt8(ascii: "*")) }
        guard starred > 0, starred <= limit else { return list }
        limit -= starred
        var chains: [[UInt8]: [Int: (index: Int, isExtended: Bool)]] = [:]
        for (index, parameter) in list.enumerated() {
            guard let star = parameter.name.firstIndex(of: UInt8(ascii: "*")), star > 0,
                case .piece(let number, let isExtended) = Self.form(parameter.name[star...])
            else { continue }
            let stem = parameter.name[..<star].map(\.asciiLowercased)
            if chains[stem]?[number] == nil { chains[stem, default: [:]][number] = (index, isExtended) }
        }
        if chains.isEmpty { return list }
        var places = list.map(Optional.some)
        for (stem, chain) in chains {
            var pieces: [(index: Int, isExtended: Bool)] = []
            while let piece = chain[pieces.count] { pieces.append(piece) }
            guard let first = pieces.first, let place = pieces.map(\.index).min() else { continue }
            let name = Array(list[first.index].name.prefix(stem.count))
            let value = value(of: pieces)
            for piece in pieces { places[piece.index] = nil }
            places[place] =
                value.isExtended
                ? Parameter(name: name + [UInt8(ascii: "*")], value: value.bytes) : Parameter(name: name, value: value.bytes)
        }
        return places.compactMap { $0 }
    }

    private func value(of pieces: [(index: Int, isExtended: Bool)]) -> (bytes: [UInt8], isExtended: Bool) {
        let isExtended = pieces.contains { $0.isExtended }
        var bytes: [UInt8] = []
        // RFC 2231 §4: charset and language stand in the first piece only, and may be empty.
        if isExtended, let first = pieces.first, !first.isExtended { bytes += "''".utf8 }
        for piece in pieces {
            let value = list[piece.index].value
            if isExtended, !piece.isExtended { Self.percentEncode(value, into: &bytes) } else { bytes += value }
        }
        return (bytes, isExtended)
    }

    /// RFC 2231 §7 `attribute-char`: everything else is written as %XX.
    private static func percentEncode(_ value: [UInt8], into bytes: inout [UInt8]) {
        let digits = Array("0123456789ABCDEF".utf8)
        for byte in value {
            let isPlain = byte > 0x20 && byte < 0x7F && !specials.contains(byte)
            if isPlain {
                bytes.append(byte)
            } else {
                bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 0x0F)]]
            }
        }
    }

    /// RFC 2045 §5.1 `tspecials`, and `*`, `'`, `%`.
    private static let specials = Set("()<>@,;:\\\"/[]?=*'%".utf8)
}
