import Mail

extension MailboxSession {
    /// The store says what happened in the selected mailbox since the session last knew.
    mutating func proceedChanges(_ purpose: consuming Telling.Purpose, _ answer: consuming Answer) {
        if Self.saysGone(answer) {
            // RFC 2180 §3.3: the mailbox was deleted by another session. Nothing could be answered about it any more.
            if case .complete(let completion) = purpose, completion.mayDeleteSelected {
                deselect(then: .complete(completion))
                return
            }
            bye("The selected mailbox was deleted")
            return
        }
        guard case .changes(let changes) = answer, var view = take(&view) else {
            // Nothing can be told now. The next command asks again.
            finishTelling(purpose)
            return
        }
        let mayTellExpunges: Bool
        switch purpose {
        case .complete(let completion): mayTellExpunges = completion.mayTellExpunges
        case .idle: mayTellExpunges = true
        }
        view.lose(changes.expunged)
        var expunges = ExpungeNumbers(runs: [])
        if mayTellExpunges { expunges = view.tellExpunges() }
        let known = view.uids.last ?? 0
        let arrived = view.arrive(changes.arrived, recentFrom: changes.recentFrom)
        // What the client has just been told of, or is about to hear of for the first time, it asks for itself.
        let isNews = { (change: FlagChange) in change.uid <= known && !view.isOwn(change) }
        let flagged = changes.flagged.allSatisfy(isNews) ? changes.flagged : changes.flagged.filter(isNews)
        view.forgetOwn()
        view.modSeq = max(view.modSeq, changes.highestModSeq)
        let exists = arrived > 0 ? view.count : nil
        self.view = view
        learnKeywords(flagged.lazy.map(\.flags))
        phase = .telling(Telling(expunges: expunges, exists: exists, flagged: flagged, purpose: purpose))
    }

    private static func saysGone(_ answer: borrowing Answer) -> Bool {
        switch copy answer {
        case .changes(let changes): changes.isGone
        case .refused(let refusal): refusal.code == "NONEXISTENT"
        default: false
        }
    }

    /// Says a piece of it.
    mutating func tell(_ telling: consuming Telling) {
        while output.count < limits.reply, let number = telling.expunges.next() {
            output.append("* ")
            output.append(decimal: number)
            output.append(" EXPUNGE\r\n")
        }
        guard output.count < limits.reply else {
            phase = .telling(telling)
            return
        }
        if let exists = telling.exists {
            telling.exists = nil
            sayExists(exists)
        }
        while telling.next < telling.flagged.count {
            if output.count >= limits.reply {
                phase = .telling(telling)
                return
            }
            sayFlags(telling.flagged[telling.next], withUID: false)
            telling.next += 1
        }
        finishTelling(telling.purpose)
    }

    private mutating func finishTelling(_ purpose: consuming Telling.Purpose) {
        switch consume purpose {
        case .complete(let completion):
            sayTagged(completion)
            phase = .command
        case .idle(let tag): phase = .idling(tag: tag)
        }
    }

    mutating func sayExists(_ count: Int) {
        output.append("* ")
        output.append(decimal: count)
        output.append(" EXISTS\r\n* ")
        output.append(decimal: view?.recent.count ?? 0)
        output.append(" RECENT\r\n")
    }

    /// RFC 3501 §7.4.2, as it is sent for flags that changed.
    mutating func sayFlags(_ change: FlagChange, withUID: Bool) {
        guard let number = view?.sequenceNumber(of: change.uid) else { return }
        output.append("* ")
        output.append(decimal: number)
        output.append(" FETCH (")
        if withUID {
            output.append("UID ")
            output.append(decimal: change.uid)
            output.append(0x20)
        }
        output.append("FLAGS ")
        output.append(change.flags, isRecent: view?.isRecent(change.uid) ?? false)
        output.append(")\r\n")
    }

    /// RFC 3501 §7.2.6: a keyword that the client has not heard of is announced before it is used.
    mutating func learnKeywords(_ flags: some Sequence<Flags>) {
        var learned = false
        var last: [String] = []
        for flags in flags where !flags.keywords.isEmpty && flags.keywords != last {
            last = flags.keywords
            for keyword in flags.keywords where view?.learn(keyword: keyword) ?? false { learned = true }
        }
        if learned { sayKnownFlags() }
    }

    mutating func sayKnownFlags() {
        guard let view else { return }
        output.append("* FLAGS ")
        output.appendSystemFlags(and: view.keywords)
        output.crlf()
        output.append("* OK [PERMANENTFLAGS ")
        if view.isReadOnly {
            output.append("()")
        } else {
            // RFC 3501 §7.1: \* says that new keywords may be made.
            output.appendSystemFlags(and: view.keywords + ["\\*"])
        }
        output.append("] Flags permitted\r\n")
    }
}

/// Moves a value out, so that changing it copies nothing.
func take<Value>(_ place: inout Value?) -> Value? {
    var taken: Value?
    swap(&taken, &place)
    return taken
}

extension ResponseBuffer {
    /// `keywords` as they come: a `Flags` keeps no more than a message may have.
    fileprivate mutating func appendSystemFlags(and keywords: [String]) {
        append(0x28)
        for (place, known) in SystemFlags.all.enumerated() {
            if place > 0 { append(0x20) }
            append(text: known.name)
        }
        for keyword in keywords {
            append(0x20)
            append(text: keyword)
        }
        append(0x29)
    }
}
