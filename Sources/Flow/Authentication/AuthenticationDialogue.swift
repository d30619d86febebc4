package import Dialogue
import Store

/// The logins of one connection, one after the other. Used by the connection's task only.
package final class AuthenticationDialogue {
    private let authenticator: Authenticator
    private let connection: Connection
    private let service: Authenticator.Service
    private let origin: BruteForce.Origin
    private var exchange: Exchange?

    /// A SASL exchange, and whom it asks.
    private struct Exchange: Sendable {
        var steps: any AuthenticationExchange
        var source: DirectoryCredentials
        var showsPassword: Bool
    }

    init(_ authenticator: Authenticator, _ connection: Connection, _ service: Authenticator.Service) {
        self.authenticator = authenticator
        self.connection = connection
        self.service = service
        origin = BruteForce.Origin(connection)
    }

    /// One move of a SASL exchange. `tls`: of the connection as it is now. An answer to a wrong password takes its time; no thread
    /// waits for it.
    package func move(_ move: AuthenticationMove, _ tls: TLSFacts?) async -> AuthenticationOutcome {
        let asked = ContinuousClock.now
        switch move {
        case .cancel:
            exchange = nil
            return .failed(.cancelled)
        case .begin(let mechanism, _):
            exchange = begin(mechanism, tls)
        case .response:
            break
        }
        guard let exchange else { return .failed(.malformed) }
        let (bruteForce, origin) = (authenticator.bruteForce, origin)
        let outcome: AuthenticationOutcome
        do {
            outcome = try await authenticator.workshop.run {
                guard bruteForce.admits(origin, account: nil) else { return .failed(.throttled) }
                return exchange.steps.take(move)
            }
        } catch {
            self.exchange = nil
            return .failed(.temporary)
        }
        return await conclude(outcome, exchange, asked)
    }

    /// A name and a password by themselves: USER and PASS, LOGIN. Over TLS or loopback only: whether that is so, the session knows.
    package func check(user: String, password: Secret) async -> AuthenticationOutcome {
        let asked = ContinuousClock.now
        let source = newSource()
        let (bruteForce, origin) = (authenticator.bruteForce, origin)
        let outcome: AuthenticationOutcome
        do {
            outcome = try await authenticator.workshop.run {
                guard bruteForce.admits(origin, account: nil) else { return .failed(.throttled) }
                // What can be no name is nobody's; it costs as much.
                let login = source.canonical(user) ?? ""
                return source.isRight(password, of: login) ? .succeeded(login: login) : .failed(.wrong)
            }
        } catch {
            return .failed(.temporary)
        }
        return await conclude(outcome, source, showsPassword: true, asked)
    }

    // MARK: The two ends of an exchange

    private func newSource() -> DirectoryCredentials {
        DirectoryCredentials(
            authenticator.store, authenticator.invention, authenticator.iterations, authenticator.bruteForce,
            authenticator.verified, origin)
    }

    /// Nil for a mechanism that is not offered to this connection.
    private func begin(_ mechanism: String, _ tls: TLSFacts?) -> Exchange? {
        var now = connection
        now.tls = tls
        guard authenticator.offer.mechanisms(for: now).contains(mechanism) else { return nil }
        let source = newSource()
        let terms = ExchangeTerms(
            service: service.rawValue, host: authenticator.name(), isProtected: tls != nil || connection.isLoopback, tls: tls)
        return Exchange(
            steps: authenticator.mechanisms.exchange(terms, source), source: source,
            showsPassword: Authenticator.showingThePassword.contains(mechanism))
    }

    private func conclude(
        _ outcome: AuthenticationOutcome, _ exchange: Exchange, _ asked: ContinuousClock.Instant
    ) async -> AuthenticationOutcome {
        if case .challenge = outcome, !exchange.source.attempt.isThrottled, exchange.source.attempt.failure == nil { return outcome }
        self.exchange = nil
        return await conclude(outcome, exchange.source, showsPassword: exchange.showsPassword, asked)
    }

    private func conclude(
        _ outcome: AuthenticationOutcome, _ source: DirectoryCredentials, showsPassword: Bool, _ asked: ContinuousClock.Instant
    ) async -> AuthenticationOutcome {
        let attempt = source.attempt
        if let failure = attempt.failure {
            authenticator.report("login", "\(failure)")
            return .failed(.temporary)
        }
        if attempt.isThrottled || outcome == .failed(.throttled) {
            // As slow as a guess, so that asking again and again is worth nothing.
            await wait(BruteForce.firstDelay, since: asked)
            return .failed(.throttled)
        }
        switch outcome {
        case .succeeded(let login):
            await welcome(login, attempt)
            return .succeeded(login: login)
        case .failed(.wrong):
            await wait(max(await count(attempt, showsPassword: showsPassword), await leastDelay(showsPassword)), since: asked)
            return outcome
        case .failed, .challenge:
            return outcome
        }
    }

    /// A right password with another's name to act for is no wrong password.
    private func count(_ attempt: DirectoryCredentials.Attempt, showsPassword: Bool) async -> Duration {
        guard let account = attempt.account, attempt.isRight != true else { return BruteForce.firstDelay }
        return await authenticator.bruteForce.failed(origin, account: account, password: showsPassword ? attempt.password?.bytes : nil)
    }

    /// Longer than any check takes.
    private func leastDelay(_ showsPassword: Bool) async -> Duration {
        let isSlow = showsPassword ? (try? await authenticator.store.hasForeignHashes()) ?? true : false
        return isSlow ? BruteForce.foreignDelay : BruteForce.firstDelay
    }

    private func welcome(_ login: String, _ attempt: DirectoryCredentials.Attempt) async {
        await authenticator.bruteForce.succeeded(origin, account: login)
        guard let found = attempt.found, let password = attempt.password else { return }
        do throws(StoreFailure) {
            try await authenticator.store.renew(found, password: password.bytes)
        } catch {
            // He is in all the same; the next login tries again.
            authenticator.report("login", "\(error)")
        }
    }

    /// The time is counted from the question, so that it does not tell how long the check took.
    private func wait(_ delay: Duration, since asked: ContinuousClock.Instant) async {
        try? await Task.sleep(until: asked + delay, clock: .continuous)
    }
}
