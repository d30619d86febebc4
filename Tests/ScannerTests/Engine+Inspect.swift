import Archives
import Dispatch
import Filter
import Testing

@testable import Scanner

extension Engine {
    /// As a server looks at a message that has no list of banned names.
    func inspect(_ message: [UInt8], until deadline: DispatchTime = .distantFuture) -> Inspection {
        let limits = settings.limits
        let names = NameWalk.Limits(depth: limits.depth, names: limits.files, expanded: limits.totalSize, seconds: limits.seconds)
        let local = LocalEngine(self, settings, names: names, matcher: { _ in { _ in nil } }, log: { Issue.record("\($0)") })
        return message.withUnsafeBytes { local.examine($0, InspectionOrder(virus: true), until: deadline) }
    }
}

extension Inspection {
    var viruses: [String] {
        if case .infected(let names) = virus { return names }
        return virus == .clean ? [] : ["\(virus)"]
    }
}
