import IMAP
import Store

// The store's values as the session's: the same names on both sides of a line that neither may cross.

extension Store.MailboxID {
    init(_ id: IMAP.MailboxID) { self.init(id.rawValue) }
}

extension Store.Fields {
    init(_ fields: IMAP.Fields) { self.init(rawValue: fields.rawValue) }
}

extension IMAP.MailboxEntry {
    init(_ entry: Store.MailboxEntry) {
        self.init(
            name: entry.name, exists: entry.exists, isSubscribed: entry.isSubscribed, specialUse: entry.specialUse, isMarked: entry.isMarked
        )
    }
}

extension IMAP.MailboxStatus {
    init(_ status: Store.MailboxStatus) {
        self.init(
            messages: status.messages, recent: status.recent, uidNext: status.uidNext, uidValidity: status.uidValidity,
            unseen: status.unseen, highestModSeq: status.highestModSeq, size: status.size)
    }
}

extension IMAP.Selected {
    init(_ selected: Store.Selected) {
        self.init(
            id: IMAP.MailboxID(selected.id.rawValue), uidValidity: selected.uidValidity, uidNext: selected.uidNext,
            highestModSeq: selected.highestModSeq, uids: selected.uids, recentFrom: selected.recentFrom,
            firstUnseen: selected.firstUnseen, keywords: selected.keywords)
    }
}

extension IMAP.Changes {
    init(_ changes: Store.Changes) {
        self.init(
            highestModSeq: changes.highestModSeq, uidNext: changes.uidNext, expunged: changes.expunged, arrived: changes.arrived,
            flagged: changes.flagged.map(IMAP.FlagChange.init), recentFrom: changes.recentFrom, isGone: changes.isGone)
    }
}

extension IMAP.FlagChange {
    init(_ change: Store.FlagChange) { self.init(uid: change.uid, flags: change.flags, modSeq: change.modSeq) }
}

extension IMAP.MessageRow {
    init(_ row: Store.MessageRow) {
        self.init(
            uid: row.uid, modSeq: row.modSeq, flags: row.flags, internalDate: row.internalDate, size: row.size, envelope: row.envelope,
            structure: row.structure, body: row.body)
    }
}

extension IMAP.Copied {
    init(_ copied: Store.Copied) {
        self.init(
            uidValidity: copied.uidValidity, sources: copied.sources, destinations: copied.destinations,
            sourceModSeq: copied.sourceModSeq)
    }
}
