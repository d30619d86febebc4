import Dispatch
package import Filter

/// One generation of signatures, ready to look at messages: in this process or in another. It goes when its last owner lets it.
protocol ScanEngine: AnyObject, Sendable {
    var settings: ScanSettings { get }
    var version: SignatureVersion { get }
    /// How many signatures.
    var count: Int { get }
    /// Why it is not all that was asked for.
    var failures: [EngineFailure] { get }
    /// Memory that it takes where that is known; nil: what this process grew by.
    var bytes: Int? { get }
    /// It can't be used any more.
    var isDead: Bool { get }

    /// On the calling thread.
    func examine(_ content: any InspectedContent, _ order: InspectionOrder, until deadline: DispatchTime) -> Examination
}

enum Examination: Sendable {
    case done(Inspection)
    /// Who did it died of it, or was killed: another process, since this one lives.
    case died
    /// Another message killed it: to be tried again.
    case interrupted
}

/// Makes of a list of banned names (`InspectionOrder.bannedNames`) what tells the rule that a part meets.
package typealias NameMatcher = @Sendable (String) -> (NamedPart) -> String?
