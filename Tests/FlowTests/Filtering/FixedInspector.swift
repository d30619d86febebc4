import Filter
import Synchronization

/// Answers what a test says, and remembers what it was asked for.
final class FixedInspector: Inspector {
    private let answer: @Sendable (InspectionOrder) async -> Inspection
    let orders = Mutex<[InspectionOrder]>([])

    init(_ answer: @escaping @Sendable (InspectionOrder) async -> Inspection) { self.answer = answer }

    static var infected: FixedInspector {
        FixedInspector {
            Inspection(virus: $0.virus ? .infected(["Eicar-Test-Signature"]) : .notAsked, virusMilliseconds: 3, signatures: "1")
        }
    }

    static var clean: FixedInspector {
        FixedInspector { Inspection(virus: $0.virus ? .clean : .notAsked, virusMilliseconds: 3, signatures: "1") }
    }

    func inspect(_ content: any InspectedContent, _ order: InspectionOrder) async -> Inspection {
        orders.withLock { $0.append(order) }
        return await answer(order)
    }
}
