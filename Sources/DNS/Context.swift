internal import CUnbound
internal import Glibc
internal import Synchronization

/// A context of libunbound and the thread that alone touches it; both end once `end` was called and the last look-up is over.
/// @unchecked: `library` is used by that thread only.
final class Context: @unchecked Sendable {
    private struct Inbox {
        var questions: [Question] = []
        /// In the inbox, waiting and running.
        var count = 0
        var isEnding = false

        mutating func take(_ question: Question, backlog: Int) -> Reception {
            if isEnding { return .ended }
            if count >= backlog { return .full }
            count += 1
            questions.append(question)
            return .taken
        }
    }

    private enum Reception { case taken, full, ended }

    private let library: OpaquePointer
    private let options: Options
    private let bell: Bell
    private let inbox = Mutex(Inbox())

    init(_ options: Options) throws(OptionsFailure) {
        guard let bell = Bell() else { throw .library("pipe") }
        self.bell = bell
        self.options = options
        library = try makeContext(options)
        var thread = pthread_t()
        let reference = Unmanaged.passRetained(self)
        let status = pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<Context>.fromOpaque(argument).takeRetainedValue().run() }
                return nil
            }, reference.toOpaque())
        guard status == 0 else {
            reference.release()
            ub_ctx_delete(library)
            throw .library("pthread_create")
        }
        pthread_detach(thread)
    }

    /// Nil when the context has ended.
    func ask(_ name: QueryName, _ type: UInt16) async -> Answer? {
        let question = Question(name, type: type, deadline: .now + options.timeLimit)
        switch inbox.withLock({ $0.take(question, backlog: options.backlog) }) {
        case .ended: return nil
        case .full: return .failed("too many look-ups")
        case .taken: bell.ring()
        }
        return await withTaskCancellationHandler {
            await question.answer()
        } onCancel: {
            question.resolve(.failed("cancelled"))
            bell.ring()
        }
    }

    /// Takes no more questions.
    func end() {
        inbox.withLock { $0.isEnding = true }
        bell.ring()
    }

    private func run() {
        var waiting: ArraySlice<Question> = []
        var running: [Running] = []
        while true {
            let (questions, isEnding) = inbox.withLock { inbox in
                defer { inbox.questions = [] }
                return (inbox.questions, inbox.isEnding)
            }
            waiting += questions
            let before = waiting.count + running.count
            running.removeAll { $0.isOver(in: library) }
            while let question = waiting.first, running.count < options.concurrency || question.deadline <= .now || question.isResolved {
                waiting.removeFirst()
                if let started = Running(question, in: library) { running.append(started) }
            }
            inbox.withLock { $0.count -= before - waiting.count - running.count }
            if isEnding, waiting.isEmpty, running.isEmpty { break }
            wait(until: (running.map(\.question.deadline) + waiting.prefix(1).map(\.deadline)).min())
        }
        ub_ctx_delete(library)
    }

    /// Until libunbound has answers, which are given out, the bell rings, or the time comes.
    private func wait(until deadline: ContinuousClock.Instant?) {
        var milliseconds: CInt = -1
        if let deadline {
            let (seconds, attoseconds) = (deadline - .now).components
            milliseconds = CInt(clamping: max(0, seconds * 1_000 + attoseconds / 1_000_000_000_000_000 + 1))
        }
        var descriptors = [
            pollfd(fd: ub_fd(library), events: Int16(POLLIN), revents: 0), pollfd(fd: bell.reading, events: Int16(POLLIN), revents: 0),
        ]
        guard poll(&descriptors, 2, milliseconds) > 0 else { return }
        if descriptors[1].revents != 0 { bell.silence() }
        if descriptors[0].revents != 0 { ub_process(library) }
    }
}
