/// Answers one session's questions. One for each connection, used by that connection's task only.
package protocol Responder<Question, Answer>: AnyObject, SendableMetatype {
    associatedtype Question: Sendable
    associatedtype Answer: Sendable

    /// Throws only what nobody expected; the driver logs it whole and gives the session its `failure`.
    func answer(_ question: Question) async throws -> Answer

    /// A piece of the incoming body. An error is remembered by the responder and becomes its answer to the next question.
    func take(_ piece: [UInt8]) async

    /// The connection is encrypted from now on. Called before the session's `secured`.
    func secured(_ tls: TLSFacts)

    /// The connection is over, whatever the reason. Called exactly once.
    func end() async
}

extension Responder {
    package func secured(_ tls: TLSFacts) {}
}
