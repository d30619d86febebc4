import MailTesting
import Testing

@Suite struct ImapTestScriptTests {
    private static func parse(_ text: String, _ environment: [String: String] = [:]) throws -> ImapTestScript {
        try ImapTestScript.parse(Array(text.utf8), environment: environment)
    }

    @Test func `header`() throws {
        let script = try Self.parse(
            """
            # said first
            capabilities: children LIST-EXTENDED
            connections: 2
            state: created
            messages: 3
            user 2: $user2
            ignore_extra_untagged: no

            1 ok noop

            """)
        #expect(script.capabilities == ["CHILDREN", "LIST-EXTENDED"] && !script.isBase)
        #expect(script.connections == 2 && script.state == .created && script.messages == 3)
        #expect(script.accounts == [1: 1] && !script.ignoresExtraUntagged)
    }

    @Test func `defaults`() throws {
        let script = try Self.parse("\nok noop\n")
        #expect(
            script.isBase && script.connections == 1 && script.messages == nil && script.state == .selected && script.ignoresExtraUntagged)
    }

    @Test func `the three ways to write a command`() throws {
        let script = try Self.parse(
            """

            ok select $mailbox
            * 0 exists
            ! 1 exists
            ? 0 recent
            select $mailbox
            * 0 exists
            ok [read-write]
            "" check
            tag1 noop
            tag2 select x
            * 1 exists
            tag1 bad
            tag2 no

            """)
        #expect(script.groups.map(\.commands.count) == [1, 1, 1, 2])
        #expect(script.groups[0].expectations.map(\.existence) == [.must, .mustNot, .may])
        #expect(script.groups[1].commands[0].reply == [.text(Array("ok".utf8)), .text(Array("[read-write]".utf8))])
        #expect(script.groups[2].commands[0].reply == [])
        #expect(script.groups[3].commands.map(\.replySource) == ["bad", "no"])
        #expect(script.groups[3].commands.map(\.tag) == [1, 2] && script.groups[3].line == 10)
    }

    @Test func `connections`() throws {
        let script = try Self.parse(
            "connections: 2\n\n1 ok noop\n2 select x\n2 no [nonexistent]\n1 tag1 noop\n1 tag2 noop\n1 tag1 ok\n1 tag2 ok\n")
        #expect(script.groups.map(\.connection) == [0, 1, 0])
    }

    @Test func `literals`() throws {
        let script = try Self.parse("\nok append x {{{\na\n\n}}} ~{{{\nb\0\nc\n}}} (x)\n* 1 fetch (body[] {{{\n\n}}})\n")
        let fragments = script.groups[0].commands[0].fragments
        #expect(fragments == ["append x ", .literal(Array("a\r\n".utf8)), " ", .literal8(Array("b\0\nc".utf8)), " (x)"])
        #expect(script.groups[0].expectations[0].arguments.count == 3)
    }

    @Test(arguments: [([:], ["noop", "check", "close"]), (["HAVE_FOO": "1"], ["foo", "close"]), (["HAVE_BAR": ""], ["noop", "close"])])
    func `conditions`(environment: [String: String], expected: [String]) throws {
        let script = try Self.parse(
            "\n!ifenv HAVE_FOO\nok foo\n!else\nok noop\n!ifnenv HAVE_BAR\nok check\n!endif\n!endif\nok close\n", environment)
        #expect(script.groups.flatMap(\.commands).map(\.source) == expected)
    }

    @Test func `pauses, BYE and the greeting`() throws {
        let script = try Self.parse("\n* ok [capability $]\nok noop\n!sleep 500 ms\n!output done\n\"\" idle\n* bye\n")
        #expect(script.groups.map(\.commands.count) == [0, 1, 1])
        #expect(script.groups.map(\.pause) == [0, 500, 0] && script.groups.map(\.awaitsBye) == [false, false, true])
    }

    @Test(arguments: [
        ("state: lost\n\nok noop\n", 1), ("nonsense\n\nok noop\n", 1), ("connections: 101\n\n1 ok noop\n", 1), ("what: x\n\nok noop\n", 1),
        ("connections: 2\n\nok noop\n", 3), ("\nnoop\n", 2), ("\n", 1), ("\nnoop\nselect x\nok\n", 3),
        ("\ntag1 noop\ntag1 noop\ntag1 ok\n", 3),
        ("\nok append x {{{\nabc\n", 2), ("\n!ifenv X\n", 2), ("\n!endif\n", 2), ("\n!else\n", 2), ("\nok noop\n* 1 fetch (uid\n", 3),
        ("\nok noop\n* x ($!odd)\n", 3), ("\ntag1 noop\ntag2 ok\n", 3), ("connections: 2\n\n1 tag1 noop\n2 tag2 noop\n", 4),
        ("\nok noop\n!sleep long\n", 3),
    ])
    func `mistakes are found on their line`(text: String, line: Int) throws {
        let error = #expect(throws: ImapTestScript.SyntaxError.self) { try Self.parse(text) }
        #expect(error?.line == line)
    }
}
