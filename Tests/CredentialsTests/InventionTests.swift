import Testing

@testable import Credentials

struct InventionTests {
    let invention = Invention(secret: [UInt8](repeating: 7, count: 32))
    let names = (0..<2_000).map { "nadie\($0)@mi.dominio" }

    @Test func isTheSameForTheSameName() {
        let invention = Invention(secret: [UInt8](repeating: 7, count: 32))
        let other = Invention(secret: [UInt8](repeating: 8, count: 32))
        let first = invention.verifier(of: "nadie@virtual.test", hash: .sha256, iterations: 10_000)
        #expect(first == invention.verifier(of: "nadie@virtual.test", hash: .sha256, iterations: 10_000))
        #expect(first.salt != invention.verifier(of: "nadia@virtual.test", hash: .sha256, iterations: 10_000).salt)
        #expect(first.salt != other.verifier(of: "nadie@virtual.test", hash: .sha256, iterations: 10_000).salt)
        #expect(first.salt != invention.verifier(of: "nadie@virtual.test", hash: .sha1, iterations: 10_000).salt)
        #expect(Verifier(first.stored) == first)
        #expect(!invention.password(of: "nadie@virtual.test").contains(0))
    }

    @Test func countsAreInProportion() {
        let users = [4_096: 1, 10_000: 3, 20_000: 0]
        let counts = names.map { invention.iterations(of: $0, among: users) }
        #expect((400...600).contains(counts.count { $0 == 4_096 }))
        #expect(counts.allSatisfy { $0 == 4_096 || $0 == 10_000 })
        #expect(counts == names.map { invention.iterations(of: $0, among: users) })
        #expect(invention.iterations(of: "x", among: [:]) == nil && invention.iterations(of: "x", among: [4_096: 0]) == nil)
    }

    /// As users go over from one count to another, names do: each once, and none back.
    @Test func namesMoveAsUsersDo() {
        for name in names.prefix(200) {
            let course = (0...20).map { invention.iterations(of: name, among: [4_096: 20 - $0, 10_000: $0]) }
            #expect(course.first == 4_096 && course.last == 10_000)
            #expect(zip(course, course.dropFirst()).count { $0 != $1 } == 1)
        }
    }
}
