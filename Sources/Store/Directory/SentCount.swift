import GRDB
import Mail

/// What a user has sent in one day.
package struct SentCount: Sendable, Equatable {
    package var recipients: Int
    /// Whether the administrator was told that it was too much.
    package var isTold: Bool

    package init(recipients: Int = 0, isTold: Bool = false) {
        self.recipients = recipients
        self.isTold = isTold
    }

    /// UTC days since 1970. `seconds`: since 1970.
    package static func day(_ seconds: Int64) -> Int64 { seconds / 86_400 }
}

/// What a delivery changes in a user's count of the day, in its own transaction. `login`: folded. A user who was removed meanwhile fails
/// it with `.notAllowed`.
package enum Tally: Sendable, Equatable {
    /// So many recipients more. Fails with `.limit` where the day would have more than `limit`.
    case sent(login: String, day: Int64, recipients: Int, limit: Int)
    /// The delivery tells the administrator. Fails with `.alreadyExists` when he was told.
    case told(login: String, day: Int64)
    /// The delivery tells the administrator of the quarantine. Fails with `.alreadyExists` when he was told of as much.
    case toldOfQuarantine(upTo: Int64, time: Int64)
}

extension MailStore {
    /// Days for which counts are kept.
    static let sentCountDays: Int64 = 30

    /// The count of a day (`SentCount.day`); nil: there is no such user.
    package func sentCount(_ login: String, day: Int64) async throws(StoreFailure) -> SentCount? {
        let login = folded(login.trimmed)
        return try await read { db in try db.userID(login).map { try db.sentCount($0, day) } }
    }

    func sweepSentCounts() async throws(StoreFailure) {
        let oldest = SentCount.day(now()) - Self.sentCountDays
        try await writer.write { db, _ in _ = try db.run("DELETE FROM sent WHERE day < ?", .integer(oldest)) }
    }
}

extension Database {
    fileprivate func sentCount(_ user: Int64, _ day: Int64) throws -> SentCount {
        try first("SELECT recipients, told FROM sent WHERE user_id = ? AND day = ?", .integer(user), .integer(day)) {
            SentCount(recipients: $0.int(0), isTold: $0.int(1) != 0)
        } ?? SentCount()
    }

    /// Whether `count` would succeed as things are: asked before a body is appended. Reads only.
    func check(_ tally: Tally) throws {
        switch tally {
        case .sent(let login, let day, let recipients, let limit):
            guard let user = try userID(login) else { throw StoreFailure.notAllowed }
            guard try sentCount(user, day).recipients + recipients <= limit else { throw StoreFailure.limit("recipients") }
        case .told(let login, let day):
            guard let user = try userID(login) else { throw StoreFailure.notAllowed }
            guard try !sentCount(user, day).isTold else { throw StoreFailure.alreadyExists }
        case .toldOfQuarantine(let id, _):
            guard try toldOfQuarantine() < id else { throw StoreFailure.alreadyExists }
        }
    }

    func count(_ tally: Tally) throws {
        try check(tally)
        switch tally {
        case .sent(let login, let day, let recipients, _):
            try run(
                """
                INSERT INTO sent (user_id, day, recipients) SELECT id, ?2, ?3 FROM user WHERE email = ?1
                ON CONFLICT DO UPDATE SET recipients = recipients + excluded.recipients
                """, .text(login), .integer(day), .int(recipients))
        case .told(let login, let day):
            try run(
                """
                INSERT INTO sent (user_id, day, told) SELECT id, ?2, 1 FROM user WHERE email = ?1
                ON CONFLICT DO UPDATE SET told = 1
                """, .text(login), .integer(day))
        case .toldOfQuarantine(let id, let time): try tellOfQuarantine(upTo: id, time: time)
        }
    }
}
