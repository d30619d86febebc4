import Mail
import Testing

@Suite struct UIDSetTests {
    @Test func building() {
        #expect(UIDSet([5...7, 1...2, 3...3, 6...9, 20...20]).description == "1:3,5:9,20")
        #expect(UIDSet(uids: [3, 1, 2, 2, 9]).description == "1:3,9")
        #expect(UIDSet().description == "")
        #expect(UIDSet().first == nil && UIDSet().last == nil && UIDSet().isEmpty)
        var set = UIDSet(10...20)
        set.append(21)
        set.append(12...15)
        #expect(set.description == "10:21")
        // Out of order.
        set.append(3)
        #expect(set.description == "3,10:21")
        #expect(set.first == 3 && set.last == 21 && set.count == 13)
    }

    @Test func extremes() {
        let all = UIDSet(1...UID.max)
        #expect(all.count == 4_294_967_295)
        #expect(all.underestimatedCount <= 65_536)
        #expect(all.contains(UID.max) && !all.contains(0))
        #expect(all.subtracting(UIDSet(1...UID.max)).isEmpty)
        #expect(all.subtracting(UIDSet([1...1, UID.max...UID.max])).ranges == [2...(UID.max - 1)])
        #expect(Array(UIDSet((UID.max - 1)...UID.max)) == [UID.max - 1, UID.max])
        #expect(UIDSet([UID.max...UID.max, 0...0]).ranges == [0...0, UID.max...UID.max])
        #expect(all.union(all) == all && all.intersection(all) == all)
    }

    /// Against Swift's own sets.
    @Test func algebra() {
        var noise = Noise(seed: 9)
        func random() -> (UIDSet, Set<UID>) {
            let ranges = (0..<Int.random(in: 0..<8, using: &noise)).map { _ in
                let low = UID.random(in: 1...60, using: &noise)
                return low...(low + UID.random(in: 0...9, using: &noise))
            }
            return (UIDSet(ranges), Set(ranges.joined()))
        }
        for _ in 0..<3000 {
            let (a, setA) = random()
            let (b, setB) = random()
            #expect(Array(a) == setA.sorted())
            #expect(a.count == setA.count)
            #expect(Array(a.union(b)) == setA.union(setB).sorted())
            #expect(Array(a.intersection(b)) == setA.intersection(setB).sorted())
            #expect(Array(a.subtracting(b)) == setA.subtracting(setB).sorted())
            for uid in 0...75 as ClosedRange<UID> where a.contains(uid) != setA.contains(uid) { Issue.record("\(uid) in \(a)") }
            for (left, right) in zip(a.ranges, a.ranges.dropFirst()) where left.upperBound + 1 >= right.lowerBound {
                Issue.record("not disjoint: \(a)")
            }
        }
    }
}
