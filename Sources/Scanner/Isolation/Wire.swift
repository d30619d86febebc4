/// Writes what goes over the socket between the server and the scanner's process: numbers as eight bytes, strings and lists with their
/// count before them.
struct WireWriter {
    private(set) var bytes: [UInt8] = []

    mutating func put(_ number: Int) {
        for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: number >> shift)) }
    }

    mutating func put(_ isTrue: Bool) { put(isTrue ? 1 : 0) }

    mutating func put(_ text: String) {
        put(text.utf8.count)
        bytes += text.utf8
    }

    mutating func put(_ list: [String]) {
        put(list.count)
        for text in list { put(text) }
    }
}

/// Reads the same. The other side may be in a stranger's hands: nothing is believed, and every count is bounded.
struct WireReader {
    struct Broken: Error {}

    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    mutating func number() throws(Broken) -> Int {
        guard rest.count >= 8 else { throw Broken() }
        var number: UInt64 = 0
        for byte in rest.prefix(8).reversed() { number = number << 8 | UInt64(byte) }
        rest = rest.dropFirst(8)
        return Int(bitPattern: UInt(number))
    }

    mutating func number(in range: ClosedRange<Int>) throws(Broken) -> Int {
        let number = try number()
        guard range.contains(number) else { throw Broken() }
        return number
    }

    mutating func bool() throws(Broken) -> Bool { try number(in: 0...1) == 1 }

    mutating func text() throws(Broken) -> String {
        let count = try number(in: 0...rest.count)
        defer { rest = rest.dropFirst(count) }
        return String(decoding: rest.prefix(count), as: UTF8.self)
    }

    mutating func texts(most: Int) throws(Broken) -> [String] {
        let count = try number(in: 0...most)
        var list: [String] = []
        for _ in 0..<count { list.append(try text()) }
        return list
    }

    func end() throws(Broken) {
        guard rest.isEmpty else { throw Broken() }
    }
}
