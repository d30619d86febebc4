import Mail
import SMTP
import Store

/// What a message of a client of ours goes through before it is treated as any other (RFC 6409): whose it says it is must be the login's,
/// what is missing is added, what is for nobody's eyes is removed.
struct Submission: Sendable {
    enum Outcome: Sendable {
        /// What is to be delivered: the content as it came, or as it has become.
        case ready(Spool)
        case refused(Reply, Reason)
    }

    let context: ReceptionContext
    /// Nil for a client that is one of `networks`: whatever it sends as is taken.
    let login: String?

    func take(_ spool: Spool, from reversePath: ReversePath, _ stamp: MessageStamp) async throws(StoreFailure) -> Outcome {
        let header = try await spool.read(context.workshop) { SubmittedHeader(reading: $0) }
        if let login {
            if let defect = header.defect { return Self.refuse(defect) }
            if let foreign = try await context.ownAddresses.firstForeign(header.authors, to: login, context.recipients, context.store) {
                return .refused(
                    // RFC 3463 §3.8: X.7.1, not authorized.
                    Reply(550, "5.7.1", "<\(foreign)>: From or Sender not owned by user \(login)"),
                    Reason("trace.not-owned", ["address": foreign.description, "login": login]))
            }
        } else if header.defect == .tooLong {
            // What can't be read can't be freed of its Bcc.
            return Self.refuse(.tooLong)
        }
        let added = added(header, reversePath, stamp)
        let gap = login == nil ? nil : header.gap
        guard !added.isEmpty || !header.removed.isEmpty || gap != nil else { return .ready(spool) }
        return .ready(try await rewrite(spool, header, added, gap))
    }

    private static func refuse(_ defect: SubmittedHeader.Defect) -> Outcome {
        let why =
            switch defect {
            case .tooLong: "the header is longer than \(MessageLimits.header) octets"
            case .repeated(let field): "more than one \(field) header field"
            case .malformed(let field): "the \(field) header field names no valid address"
            case .tooManyAuthors: "more than \(SubmittedHeader.authorLimit) addresses in From and Sender"
            }
        // RFC 3463 §3.7: X.6.0, the content.
        return .refused(Reply(550, "5.6.0", "Message not accepted: \(why)"), Reason("trace.submission", ["reason": why]))
    }

    /// The fields that the client left out.
    private func added(_ header: SubmittedHeader, _ reversePath: ReversePath, _ stamp: MessageStamp) -> [UInt8] {
        let date = stamp.date
        var text = ""
        // RFC 6409 §8 lets a submission server complete a message. From is what programs forget that pass on a few lines of text; it becomes
        // an address that was found to be the login's.
        if let login, !header.hasFrom {
            let author = reversePath.text
            text += "From: \(author.isEmpty ? login : author)\r\n"
        }
        // RFC 6409 §8.2.
        if !header.hasDate { text += "Date: \(MailDate.format(seconds: date.seconds, zoneMinutes: date.zoneMinutes))\r\n" }
        // RFC 6409 §8.3.
        if !header.hasMessageID { text += "Message-ID: <\(stamp.queueID)@\(context.hostname)>\r\n" }
        return Array(text.utf8)
    }

    private func rewrite(
        _ spool: Spool, _ header: SubmittedHeader, _ added: [UInt8], _ gap: Int?
    ) async throws(StoreFailure) -> Spool {
        let store = context.store
        return try await spool.read(context.workshop) { bytes in
            let target = store.spool()
            try target.append(added)
            // Where the original has no header, an empty line ends ours.
            if !header.isPresent { try target.append([0x0D, 0x0A]) }
            let content = UnsafeRawBufferPointer(bytes)
            var start = try target.append(content, without: header.removed)
            if let gap {
                try target.append(UnsafeRawBufferPointer(rebasing: content[start..<gap]), by: 1 << 20)
                try target.append([0x0D, 0x0A])
                start = gap
            }
            try target.append(UnsafeRawBufferPointer(rebasing: content[start...]), by: 1 << 20)
            target.descend(from: spool.mark)
            return target
        }
    }
}

extension Spool {
    /// Runs `work` on the content: at once where it lies in memory, which is faster than a thread changes hands, and on the workshop's
    /// threads where it is a file.
    func read<Result: Sendable>(
        _ workshop: Workshop, _ work: @escaping @Sendable (UnsafeBufferPointer<UInt8>) throws -> Result
    ) async throws(StoreFailure) -> Result {
        do {
            guard count > Self.memoryLimit else { return try withBytes { try work($0.assumingMemoryBound(to: UInt8.self)) } }
            return try await workshop.run { try self.withBytes { try work($0.assumingMemoryBound(to: UInt8.self)) } }
        } catch {
            throw error as? StoreFailure ?? .unavailable
        }
    }

    /// Appends `bytes` up to the last of the ranges, without them. They are in order and do not overlap. Answers where the rest begins.
    func append(_ bytes: UnsafeRawBufferPointer, without ranges: [Range<Int>]) throws(StoreFailure) -> Int {
        var start = 0
        for range in ranges {
            try append(UnsafeRawBufferPointer(rebasing: bytes[start..<range.lowerBound]), by: 1 << 20)
            start = range.upperBound
        }
        return start
    }

    /// Appends piece by piece, so that each finds out whether there is room for it.
    func append(_ bytes: UnsafeRawBufferPointer, by length: Int) throws(StoreFailure) {
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + length)
            try append(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
            start = end
        }
    }
}
