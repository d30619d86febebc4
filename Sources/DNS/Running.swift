internal import CUnbound

/// A question that libunbound has. Used by its context's thread only.
final class Running {
    let question: Question
    private var identifier: CInt = 0
    /// libunbound has given it back, or never took it.
    private var isReturned = false

    /// Nil when it is over already.
    init?(_ question: Question, in library: OpaquePointer) {
        self.question = question
        if question.isResolved { return nil }
        guard question.deadline > .now else {
            question.resolve(.failed("time-out"))
            return nil
        }
        let reference = Unmanaged.passRetained(self)
        let error = ub_resolve_async(
            library, question.name.text + ".", CInt(question.type), 1, reference.toOpaque(),
            { argument, error, result in
                if let argument { Unmanaged<Running>.fromOpaque(argument).takeRetainedValue().finish(Answer(error: error, result: result)) }
                ub_resolve_free(result)
            }, &identifier)
        guard error == 0 else {
            reference.release()
            question.resolve(.failed(libraryText(error)))
            return nil
        }
    }

    private func finish(_ answer: Answer) {
        isReturned = true
        question.resolve(answer)
    }

    /// Takes it back from libunbound when nobody waits for it any more.
    func isOver(in library: OpaquePointer) -> Bool {
        if isReturned { return true }
        guard question.isResolved || question.deadline <= .now else { return false }
        // After 0 the callback won't be called.
        if ub_cancel(library, identifier) == 0 { Unmanaged.passUnretained(self).release() }
        question.resolve(.failed("time-out"))
        return true
    }
}
