// IMAP: RFC 3501 as a value, with STARTTLS, LITERAL+, SASL-IR, ID, ENABLE, IDLE, NAMESPACE, CHILDREN, UIDPLUS, UNSELECT, MOVE, SPECIAL-USE.
//
// Grammar/ reads commands, Commands/ executes them (the same names), Session/ holds what lasts from one command to the
// next, Search/ is evaluated outside of the session. Invariants:
//  - only `View` knows what the peer has been told of the selected mailbox; every number on the wire comes from there.
//  - an answer may hold a page of rows or 64 KiB of a body; nothing accumulates over pages but the peer's own command.
//  - what is said leaves in pieces of at most `Limits.reply` bytes.
//  - the length of a literal is known before its first byte is said, and kept.
package import Dialogue
import Mail

/// The server's side of one IMAP connection.
package struct MailboxSession: ServerSession, ~Copyable {
    package typealias Question = IMAP.Question
    package typealias Answer = IMAP.Answer

    package static var failure: Answer { .refused(Refusal(code: "UNAVAILABLE", "Internal error, try again later")) }

    var connection: Connection
    let configuration: Configuration
    var assembler = CommandAssembler()
    var output = ResponseBuffer()
    var phase = Phase.greeting
    var isLoggedIn = false
    var view: View?
    /// RFC 5161 §3.1: what the client enabled.
    var enabled: Set<String> = []
    /// Before login in all, after it since the last right command.
    var badCommands = 0
    var loginFailures = 0
    /// Bytes that were looked at since the last step.
    var effort = 0
    var isWoken = false
    var isEnded = false
    var isExpired = false
    var isShuttingDown = false

    package init(connection: Connection, configuration: Configuration) {
        self.connection = connection
        self.configuration = configuration
    }

    var limits: Limits { configuration.limits }

    /// Bytes that the session holds for its peer: commands that arrive, replies that wait.
    package var heldBytes: Int { assembler.heldBytes + output.heldBytes }

    package mutating func receive(_ bytes: Span<UInt8>) {
        switch phase {
        case .startingTLS, .handshake, .closed: return
        default: assembler.receive(bytes)
        }
    }

    package mutating func receiveEnd() { isEnded = true }
    package mutating func wake() { isWoken = true }
    package mutating func expire() { isExpired = true }
    package mutating func shutDown() { isShuttingDown = true }

    package mutating func resume(_ answer: Answer) {
        guard case .waiting = phase else { return }
        let taken = takePhase()
        switch consume taken {
        case .waiting(let continuation): phase = .answered(continuation, answer)
        default: break
        }
    }

    package mutating func next() -> Step<Question> {
        while true {
            if isStepFull {
                effort = 0
                if !output.isEmpty { return .reply(output.take(limits.reply)) }
            }
            if let step = advance() {
                effort = 0
                return step
            }
        }
    }

    /// Enough was said or looked at: what comes next is another step's, so that none takes long.
    var isStepFull: Bool { output.count >= limits.reply || effort >= limits.stepEffort }

    private mutating func takePhase() -> Phase {
        var taken = Phase.deciding
        swap(&taken, &phase)
        return taken
    }

    /// One move. Nil: something was decided, go on.
    private mutating func advance() -> Step<Question>? {
        let taken = takePhase()
        switch consume taken {
        case .greeting:
            greet()
            return nil
        case .command: return advanceCommand()
        case .asking(let question, let continuation):
            phase = .waiting(continuation)
            return .ask(question)
        case .waiting(let continuation):
            // The driver calls `next` only after `resume`: a question without an answer has failed.
            phase = .answered(continuation, Self.failure)
            return nil
        case .answered(let continuation, let answer):
            proceed(continuation, answer)
            return nil
        case .authenticating(let tag): return advanceAuthenticate(tag)
        case .startingTLS: return advanceStartTLS()
        case .idling(let tag): return advanceIdle(tag)
        case .appending(let append): return advanceAppend(append)
        case .fetching(let fetch):
            advanceFetch(fetch)
            return nil
        case .storing(let store):
            advanceStored(store)
            return nil
        case .listing(let listing):
            advanceListing(listing)
            return nil
        case .listingResults(let results):
            advanceSearchResults(results)
            return nil
        case .telling(let telling):
            tell(telling)
            return nil
        case .leaving: return leave()
        // A handshake that failed leaves nothing to talk over.
        case .handshake, .deciding, .closed:
            phase = .closed
            return .close
        }
    }

    private mutating func proceed(_ continuation: consuming Continuation, _ answer: consuming Answer) {
        switch consume continuation {
        case .login(let tag): proceedLogin(tag, answer)
        case .authentication(let tag): proceedAuthenticate(tag, answer)
        case .simple(let completion): proceedSimple(completion, answer)
        case .deselected(let then): proceedDeselected(then)
        case .selected(let tag, let readOnly): proceedSelect(tag, readOnly: readOnly, answer)
        case .mailboxes(let arguments, let completion): proceedList(arguments, completion, answer)
        case .status(let name, let items, let completion): proceedStatus(name, items, completion, answer)
        case .changes(let completion): proceedChanges(.complete(completion), answer)
        case .idleChanges(let tag): proceedChanges(.idle(tag: tag), answer)
        case .rows(let fetch): proceedRows(fetch, answer)
        case .seen(let fetch): proceedSeen(fetch, answer)
        case .bytes(let fetch): proceedBytes(fetch, answer)
        case .searched(let isUID, let completion): proceedSearch(isUID: isUID, completion, answer)
        case .stored(let store): proceedStore(store, answer)
        case .copied(let isMove, let completion): proceedCopy(isMove: isMove, completion, answer)
        case .expunged(let completion): proceedExpunge(completion, answer)
        case .closingExpunged(let completion): proceedCloseExpunged(completion, answer)
        case .appendOpened(let append): proceedAppendOpened(append, answer)
        case .appended(let completion): proceedAppended(completion, answer)
        case .discarded(let then): proceedDiscarded(then)
        case .left: phase = .leaving
        case .cancelled: phase = .command
        }
    }

    // MARK: What every command uses

    mutating func ask(_ question: Question, _ continuation: consuming Continuation) { phase = .asking(question, continuation) }

    /// Ends a command. In the selected state, what happened to the mailbox is told first (RFC 3501 §5.2, §7).
    mutating func complete(_ completion: consuming Completion) {
        guard let view else {
            sayTagged(completion)
            phase = .command
            return
        }
        isWoken = false
        ask(.changes(view.id, since: view.modSeq), .changes(completion))
    }

    mutating func sayTagged(_ completion: borrowing Completion) {
        output.append(completion.tag)
        output.append(0x20)
        output.append(completion.status)
        output.crlf()
    }

    mutating func say(untagged text: String) {
        output.append("* ")
        output.append(text: text)
        output.crlf()
    }

    /// Ends a command that an answer refused, or that was answered with something unexpected.
    mutating func refuse(_ completion: consuming Completion, _ answer: borrowing Answer) {
        completion.status = Self.status(of: answer)
        complete(completion)
    }

    static func status(of answer: borrowing Answer) -> [UInt8] {
        switch copy answer {
        case .refused(let refusal): status(of: refusal)
        default: status(of: failure)
        }
    }

    static func status(of refusal: Refusal) -> [UInt8] {
        Array("NO \(refusal.code.map { "[\($0)] " } ?? "")\(singleLine(refusal.text))".utf8)
    }

    private static func singleLine(_ text: String) -> String {
        text.utf8.contains { $0 < 0x20 || $0 >= 0x7F }
            ? String(text.unicodeScalars.map { $0.value < 0x20 || $0.value >= 0x7F ? "?" : Character($0) }) : text
    }

    /// Waits for bytes, once everything that was said has left.
    mutating func wait(_ patience: Patience, in phase: consuming Phase) -> Step<Question>? {
        if !output.isEmpty {
            self.phase = phase
            return .reply(output.take(limits.reply))
        }
        if isEnded {
            sayNothingMore()
            return nil
        }
        if isExpired {
            say(untagged: "BYE Autologout; idle for too long")
            sayNothingMore()
            return nil
        }
        self.phase = phase
        return .needInput(patience)
    }

    /// RFC 3501 §7.1.5, then the end.
    mutating func bye(_ text: String) {
        say(untagged: "BYE \(text)")
        sayNothingMore()
    }

    mutating func sayNothingMore() {
        assembler.removeAll()
        phase = .leaving
    }

    private mutating func leave() -> Step<Question>? {
        if !output.isEmpty {
            phase = .leaving
            return .reply(output.take(limits.reply))
        }
        if let view {
            self.view = nil
            ask(.deselect(view.id), .left)
            return nil
        }
        phase = .closed
        return .close
    }
}
