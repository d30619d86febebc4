import Testing

@testable import SMTP

struct CommandTableTests {
    @Test func everyRowIsFoundByItsName() {
        for row in CommandTable.rows {
            #expect(CommandTable.row(Array(row.name.utf8))?.verb == row.verb)
            #expect(CommandTable.row(Array(row.name.lowercased().utf8))?.name == row.name)
        }
        #expect(Set(CommandTable.rows.map(\.key)).count == CommandTable.rows.count)
    }

    @Test(arguments: ["", "MAI", "MAILX", "STARTTLSX", "M@IL", "MAIL\u{0}", "m\u{C1}il", "1"])
    func othersAreNot(verb: String) {
        #expect(CommandTable.row(Array(verb.utf8)) == nil)
    }
}
