import Mail

/// STORE in progress: large sets are stored a page at a time.
struct Store {
    var rest: UIDSet
    var asked = 0
    var stored = 0
    var arguments: StoreArguments
    var completion: Completion
}

extension IMAPSession {
    mutating func store(_ arguments: StoreArguments, _ completion: consuming Completion) throws(CommandError) {
        let view = try writableView()
        let uids = try view.resolve(arguments.set, isUID: arguments.isUID)
        advanceStore(Store(rest: uids, arguments: arguments, completion: completion))
    }

    private mutating func advanceStore(_ store: consuming Store) {
        guard let view, !store.rest.isEmpty else {
            if store.stored < store.asked, !store.arguments.isUID {
                // RFC 2180 §4.2.2: others have expunged some of them.
                store.completion.status = Array("NO [EXPUNGEISSUED] Some messages no longer exist".utf8)
            }
            complete(store.completion)
            return
        }
        let page = store.rest.prefix(count: limits.storePage)
        store.rest = store.rest.subtracting(page)
        store.asked += page.count
        let arguments = store.arguments
        ask(.store(view.id, page, arguments.operation, arguments.flags), .stored(store))
    }

    mutating func proceedStore(_ store: consuming Store, _ answer: consuming Answer) {
        guard case .stored(let changes, _) = answer else {
            refuse(store.completion, answer)
            return
        }
        store.stored += changes.count
        view?.rememberOwn(changes)
        learnKeywords(changes.lazy.map(\.flags))
        if !store.arguments.isSilent {
            for change in changes { sayFlags(change, withUID: store.arguments.isUID) }
        }
        advanceStore(store)
    }
}

extension UIDSet {
    /// The first so many members.
    func prefix(count limit: Int) -> UIDSet {
        var result = UIDSet()
        var left = limit
        for range in ranges where left > 0 {
            let length = Swift.min(range.count, left)
            result.append(range.lowerBound...(range.lowerBound + UInt32(length - 1)))
            left -= length
        }
        return result
    }
}
