import Filter
import Mail
import SMTP
import Store

/// Judges a message before it is answered: whose policies it meets, what they ask to be looked for, what was found, what each makes of it.
struct Filtering: Sendable {
    let context: ReceptionContext

    init(_ context: ReceptionContext) { self.context = context }

    /// What is known of a message before anything is looked for in it.
    struct Basis: Sendable {
        var inspector: any Inspector
        var layers: [PolicyScope: PolicyLayers]
        /// How recipients will see the header.
        var header: HeaderView
    }

    /// Nil where nobody's policy has anything to say: mail that only leaves, unless `filter-outbound` is on, and recipients who bypass all
    /// checks. Before anything else is found out of the message: one that brings forged fields deep down is stored without them.
    func prepare(_ arrival: inout Arrival) async throws(StoreFailure) -> Basis? {
        guard let inspector = context.inspector, isToBeLooked(at: arrival) else { return nil }
        let layers = try await context.store.policies(scopes(of: arrival))
        // Who wants nothing of it gets his mail as it came.
        guard layers.values.contains(where: { !$0.effective.isBypassed }) else { return nil }
        return Basis(inspector: inspector, layers: layers, header: try await view(&arrival))
    }

    private func view(_ arrival: inout Arrival) async throws(StoreFailure) -> HeaderView {
        let recipients = arrival.recipients.reduce(0) { $0 + $1.expansion.locals.count }
        let view = try await arrival.spool.read(context.workshop) { HeaderView(reading: $0, recipients: recipients) }
        guard view.isTooDeep else { return view }
        let store = context.store
        let forged = view.forged
        let mark = arrival.spool.mark
        arrival.spool = try await arrival.spool.read(context.workshop) { bytes in
            let target = store.spool()
            target.descend(from: mark)
            let content = UnsafeRawBufferPointer(bytes)
            let rest = try target.append(content, without: forged)
            try target.append(UnsafeRawBufferPointer(rebasing: content[rest...]), by: 1 << 20)
            return target
        }
        return try await arrival.spool.read(context.workshop) { HeaderView(reading: $0, recipients: recipients) }
    }

    func look(at arrival: Arrival, _ basis: Basis) async -> Filtered {
        let policies = basis.layers.mapValues(\.effective)
        var order = InspectionOrder(virus: false)
        for policy in policies.values {
            if !policy.bypassVirusChecks { order.virus = true }
            if !policy.bypassBannedChecks, !policy.bannedNames.isEmpty, !order.bannedNames.contains(policy.bannedNames) {
                order.bannedNames.append(policy.bannedNames)
            }
        }
        // Of two equal orders one is in the cache.
        order.bannedNames.sort()
        var evidence = Evidence(inspection: order.isEmpty ? Inspection() : await inspect(arrival.spool, order, basis.inspector))
        // What checks of content will add to it begins here.
        if policies.values.contains(where: { !$0.bypassSpamChecks }) { evidence.score = 0 }
        let sender = arrival.transaction.reversePath.address
        var verdicts: [PolicyScope: Verdict] = [:]
        for (scope, layers) in basis.layers { verdicts[scope] = Verdict(evidence, layers.effective, layers.opinion(of: sender)) }
        return Filtered(order: order, evidence: evidence, policies: policies, verdicts: verdicts, header: basis.header)
    }

    private func scopes(of arrival: Arrival) -> [PolicyScope] {
        var scopes: Set<PolicyScope> = []
        for recipient in arrival.recipients {
            for local in recipient.expansion.locals { scopes.insert(.user(local.user.address)) }
            if !recipient.expansion.foreign.isEmpty { scopes.insert(Self.scope(ofForwarded: recipient.address)) }
        }
        return Array(scopes)
    }

    /// What is forwarded elsewhere is judged by the domain that it was sent to.
    static func scope(ofForwarded address: String) -> PolicyScope {
        let domain = (try? Address(parsing: address, allowUTF8: true, localPartLimit: Address.generatedLocalPartLimit))?.domain.ascii
        return domain.map { .domain($0) } ?? .server
    }

    private func isToBeLooked(at arrival: Arrival) -> Bool {
        if context.store.bool(.filterOutbound) { return true }
        return arrival.recipients.contains { !$0.expansion.locals.isEmpty || $0.isForwarded }
    }

    private func inspect(_ spool: Spool, _ order: InspectionOrder, _ inspector: any Inspector) async -> Inspection {
        let seconds = context.store.integer(.filterSeconds)
        return await withTaskGroup(of: Inspection?.self) { group in
            group.addTask { await inspector.inspect(spool, order) }
            group.addTask {
                try? await Task.sleep(for: .seconds(seconds))
                return nil
            }
            defer { group.cancelAll() }
            // Which came first; a check that goes on all the same was told to end.
            guard let first = await group.next(), let found = first else {
                return Inspection(
                    virus: order.virus ? .unavailable("scan.slow") : .notAsked, limits: order.virus ? [] : ["time"])
            }
            return found
        }
    }
}

/// A message with what was found out about it.
struct Filtered: Sendable {
    var order: InspectionOrder
    var evidence: Evidence
    var policies: [PolicyScope: Policy]
    var verdicts: [PolicyScope: Verdict]
    var header: HeaderView

    func verdict(_ scope: PolicyScope) -> Verdict { verdicts[scope] ?? Verdict() }

    /// For who is elsewhere, where no mailbox for junk is known: `address` is the one that led there.
    func verdict(forwarding address: String) -> Verdict {
        var verdict = verdict(Filtering.scope(ofForwarded: address))
        if verdict.destiny == .junk { verdict.destiny = .pass }
        return verdict
    }

    /// What the message would have been seen with by this recipient; `quarantineID`: where a copy of it lies.
    func fields(_ scope: PolicyScope, hostname: String, quarantineID: String?) -> FilterFields? {
        policies[scope].map {
            FilterFields(hostname: hostname, evidence: evidence, verdict: verdict(scope), policy: $0, quarantineID: quarantineID)
        }
    }

    /// What stands before the subject for this recipient; empty: nothing.
    func tag(_ scope: PolicyScope) -> String { verdict(scope).isSpam ? policies[scope]?.spamSubjectTag ?? "" : "" }

    /// Why the scan was not done, where somebody wants one.
    var unscanned: String? {
        guard case .unavailable(let reason) = evidence.inspection.virus else { return nil }
        return reason
    }
}
