package import Filter
import Mail
import Store

/// Looks again, with new signatures, at what came lately: a virus that nobody knew yesterday leaves its mailbox for the quarantine, and
/// its owner gets one message. In idle time: most of the time it rests.
package struct Rescan: Sendable {
    /// Bodies that are looked at before what was found is acted on and noted.
    static let chunk = 200
    /// Rest for each second of work.
    static let rest = 3

    private let context: ReceptionContext
    private let inspector: any Inspector
    /// Today's; empty while there are none.
    private let signatures: @Sendable () -> String

    package init(_ context: ReceptionContext, _ inspector: any Inspector, signatures: @escaping @Sendable () -> String) {
        self.context = context
        self.inspector = inspector
        self.signatures = signatures
    }

    /// Does what is to be done by now, and answers when all is, or when the task is cancelled. What goes wrong is logged, and tried again.
    package func catchUp() async {
        do throws(StoreFailure) {
            var version: String
            repeat {
                version = signatures()
                // What comes from now on is seen by these signatures when it comes.
                let newest = try await context.store.newestBody()
                while try await step(version, upTo: newest) {}
            } while signatures() != version && !Task.isCancelled
        } catch {
            context.report("rescan", "\(error)")
        }
    }

    /// One chunk. False: nothing is left to do, for now.
    private func step(_ version: String, upTo newest: Int64) async throws(StoreFailure) -> Bool {
        let store = context.store
        let days = Int64(store.integer(.rescanDays))
        guard !version.isEmpty, version == signatures(), !Task.isCancelled else { return false }
        let known = try await store.rescanProgress()
        guard days > 0, var progress = known else {
            let done = RescanProgress(signatures: version, body: days > 0 ? 0 : .max)
            if known != done { try await store.note(done) }
            return days > 0
        }
        if progress.signatures != version { progress = RescanProgress(signatures: version, body: 0) }
        guard progress.body < newest else {
            if progress.body != .max { try await store.note(RescanProgress(signatures: version, body: .max)) }
            return false
        }
        let since = context.clock() / 1_000_000 - days * 86_400
        let bodies = try await store.bodies(after: progress.body, upTo: newest, since: since, limit: Self.chunk)
        var hits: [(body: BodyReference, names: [String])] = []
        var last = progress.body
        for body in bodies {
            do throws(StoreFailure) {
                guard let names = try await look(at: body) else { break }
                if !names.isEmpty { hits.append((body, names)) }
            } catch .ioError(let why) {
                // A damaged body keeps nobody from the others.
                context.report("rescan", "body \(body.id): \(why)")
            }
            last = body.id
        }
        try await act(on: hits)
        let isWhole = last == bodies.last?.id ?? last
        try await store.note(RescanProgress(signatures: version, body: isWhole && bodies.isEmpty ? newest : last))
        return isWhole
    }

    /// The viruses in it; nil: it could not be looked at now.
    private func look(at body: BodyReference) async throws(StoreFailure) -> [String]? {
        let spool = context.store.spool()
        while spool.count < body.length {
            let piece: [UInt8]
            do throws(StoreFailure) {
                piece = try await context.store.read(body, spool.count..<body.length)
            } catch .nonExistent {
                // Removed meanwhile.
                return []
            }
            guard !piece.isEmpty else { break }
            try spool.append(piece)
        }
        let start = ContinuousClock.now
        let found = await inspector.inspect(spool, InspectionOrder(virus: true))
        do { try await Task.sleep(for: (ContinuousClock.now - start) * Self.rest) } catch { return nil }
        switch found.virus {
        case .infected(let names): return names
        case .clean, .poisoned, .notAsked: return []
        // One that breaks the scanner each time is passed over; while there is none, or no time, all wait.
        case .unavailable("scan.failed"): return []
        case .unavailable: return nil
        }
    }

    // MARK: What was found

    private func act(on hits: [(body: BodyReference, names: [String])]) async throws(StoreFailure) {
        var owners: [String: [(message: HeldMessage, body: Int64, entry: Quarantined)]] = [:]
        for (body, names) in hits {
            // Who released it knew what it is; with the message goes his word, for as long as it is there.
            let holders = try await context.store.holders(of: body.id).filter { !Passage(reading: $0.beginning).isReleased }
            let layers = try await context.store.policies(holders.map { .user($0.email) })
            for holder in holders {
                guard let policy = layers[.user(holder.email)]?.effective, !policy.bypassVirusChecks,
                    policy.finalVirusDestiny != .pass, policy.finalVirusDestiny != .junk
                else { continue }
                owners[holder.email, default: []].append((holder, body.id, try await entry(holder, body, names)))
            }
        }
        for (email, messages) in owners.sorted(by: { $0.key < $1.key }) {
            try await context.store.seize(messages, notice: notice(email, messages.map(\.entry)))
            for message in messages {
                context.log("\(message.entry.queueID): taken from \(email.printable) into quarantine: new signatures found a virus")
            }
        }
    }

    private func entry(_ holder: HeldMessage, _ body: BodyReference, _ names: [String]) async throws(StoreFailure) -> Quarantined {
        let head: [UInt8]
        do throws(StoreFailure) {
            head = try await context.store.read(body, 0..<min(body.length, 65_536))
        } catch .nonExistent {
            head = []
        }
        let (view, messageID) = head.withUnsafeBufferPointer { (HeaderView(reading: $0), MessageSummary.summarise($0).messageID) }
        // Under the name that it came with, so that one story tells all of it; what a client put there has none.
        let passage = Passage(reading: holder.beginning)
        let queueID =
            passage.queueID.isEmpty ? context.queueIDs.next(microseconds: UInt64(clamping: context.clock())) : passage.queueID
        return Quarantined(
            queueID: queueID, received: holder.date, messageID: messageID ?? "", peer: passage.peer, sender: passage.sender,
            from: view.text(of: "from"), subject: view.text(of: "subject"), category: Category.virus.rawValue,
            reasons: [
                Reason("trace.rescan", ["names": names.prefix(5).joined(separator: ", "), "mailbox": holder.mailboxName]).stored
            ], recipients: [])
    }

    /// One for all that was found of this owner's.
    private func notice(_ email: String, _ entries: [Quarantined]) async throws(StoreFailure) -> Delivery? {
        var paragraphs = [Reason("notice.rescan.what", ["count": "\(entries.count)"])]
        for entry in entries.prefix(QuarantineNotice.named) {
            paragraphs.append(
                Reason(
                    "notice.rescan.entry",
                    [
                        "time": MailDate.format(seconds: entry.received.seconds, zoneMinutes: entry.received.zoneMinutes),
                        "from": entry.from, "subject": entry.subject,
                        "why": context.words(ofStored: entry.reasons),
                    ]))
        }
        if entries.count > QuarantineNotice.named {
            paragraphs.append(Reason("notice.quarantine.more", ["count": "\(entries.count - QuarantineNotice.named)"]))
        }
        paragraphs.append(Reason("notice.rescan.where"))
        let user = try? Address(parsing: email, allowUTF8: true, localPartLimit: Address.generatedLocalPartLimit)
        let notice = Notice(
            user: user, subject: Reason("notice.rescan.subject"), paragraphs: paragraphs, reason: Reason("trace.rescan-notice"))
        return try await notice.delivery(context)
    }
}
