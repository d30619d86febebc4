import Mail
import Testing

@Suite struct FlagsTests {
    @Test func keywords() {
        var flags = Flags([.seen], keywords: ["$Junk", "beta", "Alpha", "BETA"])
        #expect(flags.keywords == ["$Junk", "Alpha", "beta"])
        #expect(flags.contains(keyword: "ALPHA"))
        flags.remove(keyword: "$junk")
        #expect(flags.keywords == ["Alpha", "beta"])
        #expect(flags == Flags([.seen], keywords: ["beta", "Alpha"]))
    }

    @Test func limits() {
        var flags = Flags(keywords: (0..<200).map { "k\($0)" })
        func insert(_ keyword: String) -> Bool { flags.insert(keyword: keyword) }
        #expect(flags.keywords.count == Flags.maximumKeywords)
        #expect(flags.isFull)
        func add(_ other: Flags) -> Bool { flags.apply(.add, other) }
        #expect(add(Flags(keywords: ["one-more"])) == false)
        #expect(add(Flags(.seen, keywords: ["k0", "K1"])) == true)
        #expect(insert("another") == false)
        #expect(insert("K0") == true)
        flags.remove(keyword: "k0")
        #expect(insert(String(repeating: "x", count: Flags.maximumKeywordLength)) == true)
        flags.remove(keyword: "k1")
        #expect(insert(String(repeating: "x", count: Flags.maximumKeywordLength + 1)) == false)
        #expect(insert("") == false)
    }

    @Test func operations() {
        var flags = Flags([.seen, .draft], keywords: ["a"])
        flags.apply(.add, Flags([.flagged], keywords: ["b", "A"]))
        #expect(flags == Flags([.seen, .draft, .flagged], keywords: ["a", "b"]))
        flags.apply(.remove, Flags([.draft, .deleted], keywords: ["B", "c"]))
        #expect(flags == Flags([.seen, .flagged], keywords: ["a"]))
        flags.apply(.replace, Flags([.answered]))
        #expect(flags == Flags([.answered]))
        #expect(SystemFlags.all.map(\.name) == ["\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft"])
    }

    @Test func concatenationSize() {
        #expect(BodyReference(id: 1, length: 100, prefix: [1, 2, 3], hidden: 10..<20).size == 93)
        #expect(BodyReference(id: 1, length: 100).size == 100)
    }
}
