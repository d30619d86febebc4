import Testing

@testable import buzon

@Suite struct ControlTests {
    @Test func statusTellsTheDoors() async throws {
        try await ServedAppliance.run { served in
            let reply = try Control.ask(.status, directory: served.directory)
            let names = ["smtp", "submission", "submissions", "pop3", "pop3s", "imap", "imaps"]
            #expect(reply?.doors?.map(\.name) == names)
            #expect(reply?.doors?.map { UInt16($0.port) } == names.map(served.port))
            #expect(reply?.error == nil)
        }
    }

    @Test func aSnapshotIsTaken() async throws {
        try await ServedAppliance.run { served in
            let reply = try Control.ask(.snapshot, directory: served.directory)
            #expect(reply?.snapshot != nil && reply?.error == nil)
        }
    }

    @Test func withoutAServerNobodyAnswers() throws {
        let scratch = try ScratchDirectory()
        #expect(try Control.ask(.status, directory: scratch.path) == nil)
    }
}
