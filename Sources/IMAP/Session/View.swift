import Mail

/// The session's own picture of the selected mailbox: what the peer has been told, in the order in which it counts.
///
/// Messages without gaps cost nothing: runs of UIDs, with the number of messages before each.
struct View {
    let id: MailboxID
    let isReadOnly: Bool
    /// The messages that the peer knows of, those included that are gone but not yet told as expunged.
    private(set) var uids: UIDSet
    /// For each range of `uids`, how many messages come before it.
    private var starts: [Int] = []
    private(set) var count = 0
    /// `\Recent` in this session.
    private(set) var recent: UIDSet
    /// Everything up to here is in the picture.
    var modSeq: ModSeq
    /// Gone, but RFC 3501 §7.4.1 did not let it be said yet.
    private(set) var pendingExpunges = UIDSet()
    /// Flag changes that this session made itself and has answered: `.changes` tells them a second time.
    private var own: [ModSeq: UIDSet] = [:]
    /// Keywords that the peer knows of (RFC 3501 §7.2.6 FLAGS), folded to lower case for comparison.
    private(set) var keywords: [String] = []
    private var foldedKeywords: Set<String> = []
    private var spelledKeywords: Set<String> = []

    /// Keywords that FLAGS lists at most.
    static let maximumKeywords = 300

    init(_ selected: Selected, isReadOnly: Bool) {
        id = selected.id
        self.isReadOnly = isReadOnly
        uids = selected.uids
        modSeq = selected.highestModSeq
        recent = UIDSet()
        count(from: 0)
        if let from = selected.recentFrom { recent = uids.intersection(UIDSet(from...UID.max)) }
        for keyword in selected.keywords { _ = learn(keyword: keyword) }
    }

    private mutating func count(from index: Int) {
        starts.removeSubrange(min(index, starts.count)...)
        var total = index > 0 ? starts[index - 1] + uids.ranges[index - 1].count : 0
        for range in uids.ranges[index...] {
            starts.append(total)
            total += range.count
        }
        count = total
    }

    func isRecent(_ uid: UID) -> Bool { !recent.isEmpty && recent.contains(uid) }

    /// The sequence number of a message, from 1. O(log n).
    func sequenceNumber(of uid: UID) -> Int? {
        var low = 0
        var high = starts.count
        while low < high {
            let middle = (low + high) / 2
            if uids.ranges[middle].upperBound < uid { low = middle + 1 } else { high = middle }
        }
        guard low < starts.count, uids.ranges[low].contains(uid) else { return nil }
        return starts[low] + Int(uid - uids.ranges[low].lowerBound) + 1
    }

    /// The messages that a command names.
    func resolve(_ set: SequenceSet, isUID: Bool) throws(CommandError) -> UIDSet {
        if isUID {
            // RFC 3501 §6.4.8: identifiers of no message are no error.
            return set.resolved(largest: uids.last ?? 0).intersection(uids)
        }
        // RFC 3501 §9 `seq-number`: BAD beyond the number of messages, `*` in an empty mailbox included.
        guard count > 0, (set.largestNumber ?? 0) <= count else { throw .bad("No such message") }
        return messages(set.resolved(largest: UInt32(clamping: count)))
    }

    /// As `resolve`, for SEARCH: numbers beyond the last message name none.
    func resolveLeniently(_ set: SequenceSet) -> UIDSet {
        guard count > 0 else { return UIDSet() }
        return messages(set.resolved(largest: UInt32(clamping: count)).intersection(UIDSet(1...UInt32(clamping: count))))
    }

    private func messages(_ numbers: UIDSet) -> UIDSet {
        var result = UIDSet()
        var run = 0
        for range in numbers.ranges {
            // Both ascend: the next range lies in this run or behind it. A binary search, since runs may be many.
            var place = Int(range.lowerBound) - 1
            let end = Int(range.upperBound)
            var high = starts.count
            while high - run > 1 {
                let middle = (run + high) / 2
                if starts[middle] <= place { run = middle } else { high = middle }
            }
            while place < end, run < starts.count {
                let uidRange = uids.ranges[run]
                let offset = place - starts[run]
                let length = min(uidRange.count - offset, end - place)
                let first = uidRange.lowerBound + UInt32(offset)
                result.append(first...(first + UInt32(length - 1)))
                place += length
                if place < end { run += 1 }
            }
        }
        return result
    }

    // MARK: What happens to it

    /// Appends those that are new. Returns how many.
    mutating func arrive(_ arrived: UIDSet, recentFrom: UID?) -> Int {
        let last = uids.last ?? 0
        guard last < UID.max else { return 0 }
        let new = arrived.intersection(UIDSet((last + 1)...UID.max))
        if new.isEmpty { return 0 }
        let before = count
        let firstTouched = max(0, uids.ranges.count - 1)
        for range in new.ranges { uids.append(range) }
        count(from: firstTouched)
        if let recentFrom { recent = recent.union(new.intersection(UIDSet(recentFrom...UID.max))) }
        return count - before
    }

    /// These are gone. They stay countable until `tellExpunges`.
    mutating func lose(_ gone: UIDSet) {
        let known = gone.intersection(uids)
        if !known.isEmpty { pendingExpunges = pendingExpunges.union(known) }
    }

    /// Takes the lost messages out, and says the numbers to tell, one after the other, each counted after those before it.
    mutating func tellExpunges() -> ExpungeNumbers {
        let gone = pendingExpunges
        if gone.isEmpty { return ExpungeNumbers(runs: []) }
        var runs: [(number: Int, count: Int)] = []
        var removed = 0
        for range in gone.ranges {
            // A range of the intersection with `uids` is contiguous there, so its numbers are as well.
            guard let number = sequenceNumber(of: range.lowerBound) else { continue }
            runs.append((number - removed, range.count))
            removed += range.count
        }
        uids = uids.subtracting(gone)
        recent = recent.subtracting(gone)
        pendingExpunges = UIDSet()
        count(from: 0)
        return ExpungeNumbers(runs: runs)
    }

    /// The flags of this change have been answered already, or were asked not to be (.SILENT).
    mutating func rememberOwn(_ changes: [FlagChange]) {
        for change in changes where change.modSeq > modSeq {
            own[change.modSeq, default: UIDSet()].append(change.uid)
        }
    }

    func isOwn(_ change: FlagChange) -> Bool { own[change.modSeq]?.contains(change.uid) ?? false }

    mutating func forgetOwn() { own.removeAll() }

    /// Whether it was unknown, and now is not.
    mutating func learn(keyword: String) -> Bool {
        if spelledKeywords.contains(keyword) { return false }
        guard keywords.count < Self.maximumKeywords else { return false }
        spelledKeywords.insert(keyword)
        guard foldedKeywords.insert(keyword.lowercased()).inserted else { return false }
        keywords.append(keyword)
        return true
    }
}

/// The numbers of EXPUNGE responses, one after the other.
struct ExpungeNumbers {
    private var runs: [(number: Int, count: Int)]
    private var run = 0

    /// Each run is the same number, so many times.
    init(runs: [(number: Int, count: Int)]) { self.runs = runs }

    mutating func next() -> Int? {
        guard run < runs.count else { return nil }
        let number = runs[run].number
        runs[run].count -= 1
        if runs[run].count == 0 { run += 1 }
        return number
    }
}
