import Dispatch
import Filter

/// Looks at one message, on the thread that asks.
protocol Examiner: Sendable {
    /// What tells its verdicts from those of yesterday's signatures and limits; nil: there are no signatures.
    var identity: String? { get }
    func examine(_ content: any InspectedContent, _ order: InspectionOrder, until deadline: DispatchTime) -> Examination
}

/// By the engine of today.
struct EngineExaminer: Examiner {
    let signatures: Signatures

    var identity: String? { signatures.identity }

    func examine(_ content: any InspectedContent, _ order: InspectionOrder, until deadline: DispatchTime) -> Examination {
        guard let engine = signatures.engine(until: deadline), !order.virus || signatures.isEnabled else {
            return .done(Inspection(virus: .unavailable("scan.no-signatures")))
        }
        let examination = engine.examine(content, order, until: deadline)
        if engine.isDead { signatures.lost(engine) }
        return examination
    }
}
