import Mail
import MailTesting
import Testing

@testable import IMAP

struct ViewTests {
    private func view(_ uids: UIDSet, recentFrom: UID? = nil) -> View {
        View(
            Selected(
                id: MailboxID(1), uidValidity: 1, uidNext: 1, highestModSeq: 1, uids: uids, recentFrom: recentFrom, firstUnseen: nil,
                keywords: []), isReadOnly: false)
    }

    /// Against a plain array, which is what the view saves having.
    @Test(arguments: 0..<30)
    func `as an array would`(_ seed: UInt64) throws {
        var random = SplitMix(state: seed)
        var model: [UID] = (1...200).filter { _ in random.next(below: 3) > 0 }
        var next: UID = 201
        var view = view(UIDSet(uids: model))
        for _ in 0..<60 {
            switch random.next(below: 4) {
            case 0:
                let arrived = UIDSet((next + UInt32(random.next(below: 3)))...(next + 3))
                next += 4
                #expect(view.arrive(arrived, recentFrom: nil) == arrived.count)
                model += Array(arrived)
            case 1:
                let gone = UIDSet(uids: model.filter { _ in random.next(below: 10) == 0 })
                view.lose(gone)
                #expect(view.count == model.count)
                var told = view.tellExpunges()
                while let number = told.next() { model.remove(at: number - 1) }
                #expect(model.allSatisfy { !gone.contains($0) })
            default:
                for (index, uid) in model.enumerated() { #expect(view.sequenceNumber(of: uid) == index + 1) }
                #expect(view.sequenceNumber(of: next) == nil)
                if model.isEmpty { continue }
                let low = 1 + random.next(below: model.count)
                let high = low + random.next(below: model.count - low + 1)
                var reader = CommandReader(Array("\(low):\(high),\(low)".utf8))
                #expect(Array(try view.resolve(reader.sequenceSet(), isUID: false)) == Array(model[(low - 1)..<high]))
            }
            #expect(view.count == model.count)
            #expect(Array(view.uids) == model)
        }
    }

    @Test func `a million messages are one run`() throws {
        var view = view(UIDSet(1...1_000_000), recentFrom: 999_999)
        #expect(view.sequenceNumber(of: 777_777) == 777_777)
        #expect(view.recent.count == 2)
        view.lose(UIDSet(500_000...500_000))
        var told = view.tellExpunges()
        #expect(told.next() == 500_000)
        #expect(told.next() == nil)
        #expect(view.sequenceNumber(of: 777_777) == 777_776)
        #expect(view.uids.ranges.count == 2)
    }

    @Test func `what is not there is refused or passed over`() throws {
        let view = view(UIDSet(5...7))
        #expect(throws: CommandError.self) { try view.resolve(SequenceSet(elements: [.init(first: 4, last: 4)]), isUID: false) }
        #expect(try view.resolve(SequenceSet(elements: [.init(first: 9, last: nil)]), isUID: true) == UIDSet(7...7))
        #expect(try view.resolve(SequenceSet(elements: [.init(first: 1, last: 4)]), isUID: true).isEmpty)
        let empty = self.view(UIDSet())
        #expect(throws: CommandError.self) { try empty.resolve(SequenceSet(elements: [.init(first: 1, last: nil)]), isUID: false) }
        #expect(try empty.resolve(SequenceSet(elements: [.init(first: 1, last: nil)]), isUID: true).isEmpty)
    }
}
