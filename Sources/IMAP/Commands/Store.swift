import Mail

/// STORE in progress: large sets are stored a page at a time.
struct Store {
    var rest: UIDCursor
    var asked = 0
    var stored = 0
    var arguments: StoreArguments
    var completion: Completion
    /// What a page has changed, and how much of it was said.
    var changes: [FlagChange] = []
    var next = 0
}

extension MailboxSession {
    mutating func store(_ arguments: StoreArguments, _ completion: consuming Completion) throws(CommandError) {
        let view = try writableView()
        let uids = try view.resolve(arguments.set, isUID: arguments.isUID)
        advanceStore(Store(rest: UIDCursor(uids), arguments: arguments, completion: completion))
    }

    private mutating func advanceStore(_ store: consuming Store) {
        let page = store.rest.next(limits.storePage)
        guard let view, !page.isEmpty else {
            if store.stored < store.asked, !store.arguments.isUID {
                // RFC 2180 §4.2.2: others have expunged some of them.
                store.completion.status = Array("NO [EXPUNGEISSUED] Some messages no longer exist".utf8)
            }
            complete(store.completion)
            return
        }
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
        if store.arguments.isSilent {
            advanceStore(store)
            return
        }
        store.changes = changes
        store.next = 0
        phase = .storing(store)
    }

    /// Says what a page has changed until enough has been said.
    mutating func advanceStored(_ store: consuming Store) {
        while store.next < store.changes.count {
            if isStepFull {
                phase = .storing(store)
                return
            }
            sayFlags(store.changes[store.next], withUID: store.arguments.isUID)
            store.next += 1
        }
        store.changes = []
        advanceStore(store)
    }
}
