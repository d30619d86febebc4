import Mail

/// The numbers of a search on their way out.
struct SearchResults {
    var rest: UIDCursor
    var isUID: Bool
    var completion: Completion
    var hasBegun = false
}

extension MailboxSession {
    mutating func search(_ arguments: SearchArguments, _ completion: consuming Completion) throws(CommandError) {
        guard let view else { throw .bad("No mailbox is selected") }
        let (candidates, key) = arguments.key.resolved(view).narrowed(view.uids)
        guard let key, !candidates.isEmpty else {
            phase = .listingResults(SearchResults(rest: UIDCursor(candidates), isUID: arguments.isUID, completion: completion))
            return
        }
        ask(.search(view.id, candidates, SearchProgram(key)), .searched(isUID: arguments.isUID, completion))
    }

    mutating func proceedSearch(isUID: Bool, _ completion: consuming Completion, _ answer: consuming Answer) {
        guard let view, case .uids(let found) = answer else {
            refuse(completion, answer)
            return
        }
        let known = found.intersection(view.uids)
        phase = .listingResults(SearchResults(rest: UIDCursor(known), isUID: isUID, completion: completion))
    }

    /// RFC 3501 §7.2.5.
    mutating func advanceSearchResults(_ results: consuming SearchResults) {
        if !results.hasBegun {
            output.append("* SEARCH")
            results.hasBegun = true
        }
        while output.count < limits.reply {
            let page = results.rest.next(1_000)
            if page.isEmpty {
                output.crlf()
                complete(results.completion)
                return
            }
            for uid in page {
                guard let number = results.isUID ? Int(uid) : view?.sequenceNumber(of: uid) else { continue }
                output.append(0x20)
                output.append(decimal: number)
            }
        }
        phase = .listingResults(results)
    }
}
