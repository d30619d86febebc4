package import Mail

/// A search whose numbers have been resolved: the same whoever evaluates it, in any thread.
package struct SearchProgram: Sendable, Equatable {
    /// What of a message must be read to evaluate it, beyond its row.
    package enum Needs: Int, Comparable, Sendable {
        case row, header, body
        package static func < (left: Needs, right: Needs) -> Bool { left.rawValue < right.rawValue }
    }

    package let key: SearchKey
    /// Columns that `matches` looks at.
    package let fields: Fields
    package let needs: Needs

    package init(_ key: SearchKey) {
        self.key = key.orderedByCost
        fields = key.fields
        needs = key.needs
    }

    /// Whether a message matches. `read` gives bytes of its concatenation, at most 64 KiB at once; it is called only when
    /// `needs` says so, and as late as possible. What it throws ends the evaluation. Holds at most the header and about
    /// `SearchEvaluation.window` decoded bytes.
    ///
    /// `isCancelled` is asked before each read of at most 64 KiB and before each key that looks into the header: once it says
    /// true, the evaluation ends and the answer is false, whatever the program. Who cancels drops the answers.
    package func matches<Failure: Error>(
        _ row: MessageRow, isCancelled: () -> Bool = { false }, read: (Range<Int>) throws(Failure) -> [UInt8]
    ) throws(Failure) -> Bool {
        var evaluation = SearchEvaluation(row: row)
        do throws(SearchEnd<Failure>) {
            return try evaluation.matches(key) { (range) throws(SearchEnd<Failure>) in
                if isCancelled() { throw .cancelled }
                if range.isEmpty { return [] }
                do throws(Failure) { return try read(range) } catch { throw .failed(error) }
            }
        } catch {
            switch error {
            case .cancelled: return false
            case .failed(let failure): throw failure
            }
        }
    }
}

/// What ends an evaluation before its answer is known.
private enum SearchEnd<Failure: Error>: Error {
    case cancelled
    case failed(Failure)
}

extension SearchKey {
    var needs: SearchProgram.Needs {
        switch self {
        case .all, .numbers, .uids, .recent, .messages, .flag, .keyword, .larger, .smaller, .before, .on, .since: .row
        case .sentBefore, .sentOn, .sentSince, .subject: .row
        case .header: .header
        case .body, .text: .body
        case .not(let key): key.needs
        case .and(let keys): keys.map(\.needs).max() ?? .row
        case .or(let first, let second): max(first.needs, second.needs)
        }
    }

    var fields: Fields {
        switch self {
        case .all, .numbers, .uids, .recent, .messages: []
        case .flag, .keyword: .flags
        case .larger, .smaller: .size
        case .before, .on, .since: .internalDate
        // The envelope holds both as they stand in the header.
        case .sentBefore, .sentOn, .sentSince, .subject: .envelope
        case .header: .body
        case .body, .text: [.body, .structure]
        case .not(let key): key.fields
        case .and(let keys): keys.reduce([]) { $0.union($1.fields) }
        case .or(let first, let second): first.fields.union(second.fields)
        }
    }

    /// What is known without reading is asked first.
    var orderedByCost: SearchKey {
        switch self {
        case .and(let keys):
            let ordered = keys.map(\.orderedByCost)
            return .and(SearchProgram.Needs.allInOrder.flatMap { needs in ordered.filter { $0.needs == needs } })
        case .or(let first, let second):
            return first.needs <= second.needs
                ? .or(first.orderedByCost, second.orderedByCost) : .or(second.orderedByCost, first.orderedByCost)
        case .not(let key): return .not(key.orderedByCost)
        default: return self
        }
    }

    /// With sets of messages in the place of all that only the session knows.
    func resolved(_ view: borrowing View) -> SearchKey {
        switch self {
        case .numbers(let set): .messages(view.resolveLeniently(set))
        case .uids(let set): .messages(set.resolved(largest: view.uids.last ?? 0))
        case .recent: .messages(view.recent)
        case .not(let key): .not(key.resolved(view))
        case .and(let keys): .and(keys.map { $0.resolved(view) })
        case .or(let first, let second): .or(first.resolved(view), second.resolved(view))
        default: self
        }
    }

    /// Splits off what limits the messages: the set, and what is left to ask of its members (nil: nothing).
    func narrowed(_ candidates: UIDSet) -> (UIDSet, SearchKey?) {
        switch self {
        case .all: return (candidates, nil)
        case .messages(let set): return (candidates.intersection(set), nil)
        case .not(.messages(let set)): return (candidates.subtracting(set), nil)
        case .and(let keys):
            var candidates = candidates
            var rest: [SearchKey] = []
            for key in keys {
                let (narrowed, left) = key.narrowed(candidates)
                candidates = narrowed
                if let left { rest.append(left) }
            }
            return (candidates, rest.isEmpty ? nil : rest.count == 1 ? rest[0] : .and(rest))
        default: return (candidates, self)
        }
    }
}

extension SearchProgram.Needs {
    fileprivate static let allInOrder: [SearchProgram.Needs] = [.row, .header, .body]
}
