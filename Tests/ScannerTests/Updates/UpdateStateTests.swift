import Foundation
import Testing

@testable import Scanner

@Suite struct UpdateStateTests {
    private let fixture: UpdateFixture

    init() throws {
        fixture = try UpdateFixture()
        try fixture.directory.create()
    }

    @Test func itComesBackAsItWas() throws {
        var state = UpdateState()
        let settings = UpdateFixture.settings(urls: ["http://127.0.0.1/own.hdb"])
        let name = settings.sources[0].name
        func entry(_ outcome: UpdateReport.Outcome) -> UpdateReport.Entry { .init(file: "own.hdb", source: name, outcome: outcome) }
        state.note(settings.sources[0], [entry(.failed(UpdateFailure(.forbidden, until: 900)))], settings, now: 100, spread: 0.25)
        #expect(state.sources[name]?.failures == 1 && state.sources[name]?.restUntil == 900 && state.sources[name]?.succeeded == 0)
        state.note(settings.sources[0], [entry(.updated(version: 1, signatures: 2, isTested: true))], settings, now: 200, spread: 0.5)
        #expect(state.sources[name]?.failures == 0 && state.sources[name]?.restUntil == 0 && state.sources[name]?.succeeded == 200)
        #expect(state.changes == 1 && state.changed == 200)
        state.note(settings.sources[0], [entry(.upToDate(version: 1))], settings, now: 300, spread: 0.5)
        #expect(state.changes == 1 && state.sources[name]?.files == ["own.hdb"])
        try state.write(directory: fixture.directory.path)
        #expect(fixture.state == state)
    }

    @Test(arguments: ["", "{", "[]", #"{"sources":{"mirror":{"checked":"x"}}}"#, String(repeating: "[", count: 100_000)])
    func aFileThatIsNone(_ text: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: fixture.directory.path + "/updates.json"))
        #expect(fixture.state == UpdateState())
    }

    @Test func aPlaceThatCannotBeWritten() {
        #expect(throws: UpdateFailure(.notWritable, "/nowhere/updates.json.new: No such file or directory")) {
            try UpdateState().write(directory: "/nowhere")
        }
    }

    @Test func freshclamsOwnMemory() throws {
        let path = URL(fileURLWithPath: fixture.directory.path + "/freshclam.dat")
        #expect(FreshclamMemory.rest(fixture.directory) == 0)
        var bytes = Array("FreshClamData".utf8) + [1, 0, 0, 0] + [UInt8](repeating: 0x41, count: 44) + [0x39, 0x30, 0, 0, 0, 0, 0, 0]
        bytes += [UInt8](repeating: 0, count: 21)
        try Data(bytes).write(to: path)
        #expect(FreshclamMemory.rest(fixture.directory) == 12_345)
        FreshclamMemory.forgetRest(fixture.directory)
        #expect(FreshclamMemory.rest(fixture.directory) == 0)
        bytes.replaceSubrange(61..<69, with: [UInt8](repeating: 0, count: 8))
        #expect(try Data(contentsOf: path) == Data(bytes))
        for broken in [[], Array(bytes.prefix(20)), Array("freshclamdata".utf8) + bytes.dropFirst(13)] as [[UInt8]] {
            try Data(broken).write(to: path)
            FreshclamMemory.forgetRest(fixture.directory)
            #expect(FreshclamMemory.rest(fixture.directory) == 0)
            #expect(try Data(contentsOf: path) == Data(broken))
        }
    }
}
