import Dispatch
import Filter

/// Looks at one message, on the thread that asks, until its deadline or soon after.
typealias Examine = (any InspectedContent, InspectionOrder, _ deadline: DispatchTime) -> Examination

/// Has what looks at messages.
protocol Examiner: Sendable {
    /// What tells its verdicts from those of yesterday's signatures and limits.
    func identity(_ order: InspectionOrder) -> String
    /// Waits while there is hope, at most until the deadline; nil: there is nothing to look with.
    func prepare(_ order: InspectionOrder, until deadline: DispatchTime) -> Examine?
}

/// By the engine of today.
struct EngineExaminer: Examiner {
    let signatures: Signatures

    func identity(_ order: InspectionOrder) -> String { signatures.identity(virus: order.virus) ?? "" }

    func prepare(_ order: InspectionOrder, until deadline: DispatchTime) -> Examine? {
        while let engine = signatures.engine(virus: order.virus, until: deadline) {
            // It died while nobody asked for it.
            if engine.isDead {
                signatures.lost(engine)
                continue
            }
            return { content, order, deadline in
                let examination = engine.examine(content, order, until: deadline)
                if engine.isDead { signatures.lost(engine) }
                return examination
            }
        }
        return nil
    }
}
