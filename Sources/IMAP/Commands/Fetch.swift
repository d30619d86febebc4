import Mail

/// FETCH in progress: a page of rows, one of them being said, perhaps one of its sections being read.
struct Fetch {
    var arguments: FetchArguments
    var completion: Completion
    var fields: Fields
    var marksSeen: Bool
    var rest: UIDCursor
    /// What of the page that was asked for has not been answered yet.
    var page = UIDSet()
    var asked = 0
    var answered = 0

    var rows: [MessageRow] = []
    var row = 0
    /// Rows before this one have their \Seen.
    var seenUntil = 0
    /// UIDs of rows whose flags changed by being fetched.
    var newlySeen = UIDSet()

    /// The next item of the row; nil before its `* n FETCH (`.
    var item: Int?
    var structure: MessageStructure?
    var header: FetchedHeader?
    var reading: Reading?
    var failed = false

    /// Bytes of a message on their way.
    struct Reading {
        /// Of the concatenation: what is still to be read.
        var rest: Range<Int>
        /// Nil: into `header`, as the whole of this range.
        var announces: Int?
        var isHeader: Bool
        var whole: Range<Int>
        var bytes: [UInt8] = []
    }
}

extension MailboxSession {
    mutating func fetch(_ arguments: consuming FetchArguments, _ completion: consuming Completion) throws(CommandError) {
        guard let view else { throw .bad("No mailbox is selected") }
        let uids = try view.resolve(arguments.set, isUID: arguments.isUID)
        var fields: Fields = []
        var marksSeen = false
        for item in arguments.items {
            switch item {
            case .flags: fields.insert(.flags)
            case .internalDate: fields.insert(.internalDate)
            case .size: fields.insert(.size)
            case .uid: break
            case .envelope: fields.insert(.envelope)
            case .body, .bodyStructure: fields.insert(.structure)
            case .section(let section):
                fields.insert(.body)
                if !section.path.isEmpty || section.content != .everything { fields.insert(.structure) }
                if !section.isPeek { marksSeen = true }
            }
        }
        // RFC 3501 §6.4.5: no flags change in a read-only mailbox.
        if view.isReadOnly { marksSeen = false }
        if marksSeen { fields.insert(.flags) }
        phase = .fetching(
            Fetch(arguments: arguments, completion: completion, fields: fields, marksSeen: marksSeen, rest: UIDCursor(uids)))
    }

    /// Says rows until something must be asked or enough has been said.
    mutating func advanceFetch(_ fetch: consuming Fetch) {
        guard let view else {
            refuse(fetch.completion, Self.failure)
            return
        }
        while true {
            if isStepFull {
                phase = .fetching(fetch)
                return
            }
            guard fetch.row < fetch.rows.count else {
                if isShuttingDown { return bye("Server is shutting down") }
                if fetch.page.isEmpty {
                    fetch.page = fetch.rest.next(Self.rowPage)
                    fetch.asked += fetch.page.count
                }
                if fetch.page.isEmpty { return finishFetch(fetch) }
                ask(.messages(view.id, fetch.page, fetch.fields), .rows(fetch))
                return
            }
            if fetch.item == nil {
                if fetch.marksSeen, fetch.row >= fetch.seenUntil {
                    let end = min(fetch.row + limits.seenPage, fetch.rows.count)
                    let unseen = UIDSet(uids: fetch.rows[fetch.row..<end].lazy.filter { !$0.flags.system.contains(.seen) }.map(\.uid))
                    fetch.seenUntil = end
                    if !unseen.isEmpty {
                        ask(.store(view.id, unseen, .add, Flags(.seen)), .seen(fetch))
                        return
                    }
                }
                guard let number = view.sequenceNumber(of: fetch.rows[fetch.row].uid) else {
                    fetch.row += 1
                    continue
                }
                output.append("* ")
                output.append(decimal: number)
                output.append(" FETCH (")
                fetch.item = 0
                fetch.structure = nil
                fetch.header = nil
            }
            guard sayItems(&fetch, isRecent: view.isRecent(fetch.rows[fetch.row].uid)) else {
                readMore(fetch)
                return
            }
            fetch.row += 1
            fetch.item = nil
        }
    }

    /// Rows that one question asks for.
    private static var rowPage: Int { 256 }

    private mutating func finishFetch(_ fetch: consuming Fetch) {
        if fetch.failed {
            fetch.completion.status = Array("NO [UNAVAILABLE] Some messages could not be read".utf8)
        } else if fetch.answered < fetch.asked, !fetch.arguments.isUID {
            // RFC 2180 §4.1: others have expunged some of them; what is left was answered.
            fetch.completion.status = Array("OK [EXPUNGEISSUED] Some messages no longer exist".utf8)
        }
        complete(fetch.completion)
    }

    mutating func proceedRows(_ fetch: consuming Fetch, _ answer: consuming Answer) {
        guard case .messages(let rows) = answer else {
            refuse(fetch.completion, answer)
            return
        }
        fetch.answered += rows.count
        if let last = rows.last, let pageLast = fetch.page.last, last.uid < pageLast {
            fetch.page = fetch.page.intersection(UIDSet((last.uid + 1)...pageLast))
        } else {
            fetch.page = UIDSet()
        }
        if fetch.fields.contains(.flags) { learnKeywords(rows.lazy.map(\.flags)) }
        fetch.rows = rows
        fetch.row = 0
        fetch.seenUntil = 0
        phase = .fetching(fetch)
    }

    mutating func proceedSeen(_ fetch: consuming Fetch, _ answer: consuming Answer) {
        // A store that refuses (a full disk) does not keep anybody from reading.
        if case .stored(let changes, _) = answer {
            view?.rememberOwn(changes)
            var row = fetch.row
            for change in changes {
                while row < fetch.rows.count, fetch.rows[row].uid < change.uid { row += 1 }
                guard row < fetch.rows.count else { break }
                if fetch.rows[row].uid == change.uid { fetch.rows[row].flags = change.flags }
            }
            fetch.newlySeen = UIDSet(uids: changes.lazy.map(\.uid))
        } else {
            fetch.newlySeen = UIDSet()
        }
        phase = .fetching(fetch)
    }

    /// Says the items of the current row. False: bytes must be read first (`fetch.reading`), or enough was done for one step.
    private mutating func sayItems(_ fetch: inout Fetch, isRecent: Bool) -> Bool {
        var place = fetch.item ?? 0
        while place < fetch.arguments.items.count {
            switch fetch.arguments.items[place] {
            case .flags:
                separate(place)
                output.append("FLAGS ")
                output.append(fetch.rows[fetch.row].flags, isRecent: isRecent)
            case .internalDate:
                separate(place)
                output.append("INTERNALDATE ")
                output.append(fetch.rows[fetch.row].internalDate)
            case .size:
                separate(place)
                output.append("RFC822.SIZE ")
                output.append(decimal: fetch.rows[fetch.row].size)
            case .uid:
                separate(place)
                output.append("UID ")
                output.append(decimal: fetch.rows[fetch.row].uid)
            case .envelope:
                separate(place)
                output.append("ENVELOPE ")
                output.append(fetch.rows[fetch.row].envelope)
            case .body:
                separate(place)
                output.append("BODY ")
                sayStructure(&fetch, extended: false)
            case .bodyStructure:
                separate(place)
                output.append("BODYSTRUCTURE ")
                sayStructure(&fetch, extended: true)
            case .section(let section):
                if !begin(section, at: place, &fetch) {
                    fetch.item = place
                    return false
                }
            }
            place += 1
            fetch.item = place
            if isStepFull { return false }
        }
        if !fetch.newlySeen.isEmpty, fetch.newlySeen.contains(fetch.rows[fetch.row].uid), !fetch.arguments.items.contains(.flags) {
            // RFC 3501 §6.4.5: \Seen is set implicitly, and the answer says so.
            output.append(" FLAGS ")
            output.append(fetch.rows[fetch.row].flags, isRecent: isRecent)
        }
        output.append(")\r\n")
        return true
    }

    mutating func separate(_ place: Int) {
        if place > 0 { output.append(0x20) }
    }

    private mutating func sayStructure(_ fetch: inout Fetch, extended: Bool) {
        if fetch.structure == nil { fetch.structure = MessageStructure(decoding: fetch.rows[fetch.row].structure) }
        effort += fetch.rows[fetch.row].structure.count
        if let structure = fetch.structure {
            output.append(structure.bodyStructure(extended: extended))
        } else {
            fetch.failed = true
            output.append("(\"application\" \"octet-stream\" NIL NIL NIL \"7bit\" 0)")
        }
    }
}

/// Walks through a set, page by page, without copying what is left.
struct UIDCursor {
    private let set: UIDSet
    private var range = 0
    private var offset = 0

    init(_ set: UIDSet) { self.set = set }

    /// The next so many members; empty at the end.
    mutating func next(_ limit: Int) -> UIDSet {
        var page = UIDSet()
        var left = limit
        while left > 0, range < set.ranges.count {
            let current = set.ranges[range]
            let length = min(current.count - offset, left)
            let first = current.lowerBound + UInt32(offset)
            page.append(first...(first + UInt32(length - 1)))
            left -= length
            offset += length
            if offset == current.count {
                range += 1
                offset = 0
            }
        }
        return page
    }
}
