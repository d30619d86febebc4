import Filter
import Testing

@testable import Scanner

@Suite struct KnownListsTests {
    @Test func eachListForbidsItsOwnHoweverManyThereAre() {
        let lists = KnownLists()
        // The second time some are known and some were forgotten.
        for _ in 0..<2 {
            for number in 0..<150 {
                let matcher = lists.matcher(".x\(number) .y")
                #expect(matcher(NamedPart(path: ["a.x\(number)"])) == ".x\(number)")
                #expect(matcher(NamedPart(path: ["a.y"])) == ".y")
                #expect(matcher(NamedPart(path: ["a.x\(number + 1)"])) == nil)
            }
        }
    }

    @Test func whatIsNoListForbidsNothing() {
        let lists = KnownLists()
        for _ in 0..<2 { #expect(lists.matcher(".exe nonsense")(NamedPart(path: ["a.exe"])) == nil) }
    }
}
