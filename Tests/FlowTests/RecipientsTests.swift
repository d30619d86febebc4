import Mail
import Testing

@testable import Flow

/// Tables in memory.
private struct Tables: RecipientBook {
    var domains: Set<String> = ["mi.dominio", "otro.dominio"]
    var users: [String] = []
    var forwardings: [String: String] = [:]

    func isOurs(domain: String) -> Bool { domains.contains(domain) }

    func oldestUser() -> String? { users.first }

    func localUser(_ key: String) -> LocalUser? {
        users.firstIndex(of: key).map { LocalUser(id: Int64($0), address: key) }
    }

    func destinations(of key: String) -> [String]? {
        forwardings[key].map { $0.split(separator: ",").map { String($0.filter { $0 != " " }) } }
    }
}

private func expand(
    _ address: String, _ tables: Tables, separator: String = "+", administrator: String? = nil
) throws -> (locals: [String], foreign: [String], dead: [String]) {
    let recipients = Recipients(hostname: "mail.host", tagSeparator: separator, administrator: administrator)
    let result = try recipients.expand(Address(parsing: address, allowUTF8: true), in: tables)
    return (result.locals.map(\.user.address), result.foreign.map(\.description), result.dead)
}

@Suite struct RecipientsTests {
    /// The classic guide's step 10, a row each.
    @Test(arguments: [
        ("postmaster@mi.dominio", ["postmaster@mi.dominio": "alejandro@mi.dominio"], ["alejandro@mi.dominio"], [String]()),
        ("nadie@mi.dominio", ["@mi.dominio": "m77@mi.dominio"], ["m77@mi.dominio"], []),
        ("webmaster@mi.dominio", ["@mi.dominio": "m77@mi.dominio"], ["webmaster@mi.dominio"], []),
        ("m77@mi.dominio", ["@mi.dominio": "@otro.dominio"], ["m77@mi.dominio"], []),
        ("ana@mi.dominio", ["@mi.dominio": "@otro.dominio"], ["ana@otro.dominio"], []),
        (
            "gulag@mi.dominio", ["gulag@mi.dominio": "alejandro@mi.dominio ,m77@gmail.com"], ["alejandro@mi.dominio"],
            ["m77@gmail.com"]
        ),
    ])
    func stepTen(_ address: String, _ forwardings: [String: String], _ locals: [String], _ foreign: [String]) throws {
        let tables = Tables(
            users: ["alejandro@mi.dominio", "m77@mi.dominio", "webmaster@mi.dominio", "ana@otro.dominio"], forwardings: forwardings)
        let result = try expand(address, tables)
        #expect(result.locals == locals)
        #expect(result.foreign == foreign)
        #expect(result.dead.isEmpty)
    }

    @Test func aUserWithAForwardingReceivesOnlyIfHeIsAmongItsDestinations() throws {
        var tables = Tables(users: ["ana@mi.dominio", "luis@mi.dominio"], forwardings: ["ana@mi.dominio": "luis@mi.dominio"])
        #expect(try expand("ana@mi.dominio", tables).locals == ["luis@mi.dominio"])
        tables.forwardings["ana@mi.dominio"] = "luis@mi.dominio, ana@mi.dominio"
        #expect(try expand("ana@mi.dominio", tables).locals.sorted() == ["ana@mi.dominio", "luis@mi.dominio"])
    }

    @Test func duplicatesFold() throws {
        let tables = Tables(
            users: ["ana@mi.dominio"],
            forwardings: [
                "todos@mi.dominio": "a@mi.dominio,b@mi.dominio,x@gmail.com,X@GMAIL.com", "a@mi.dominio": "ana@mi.dominio",
                "b@mi.dominio": "ana@mi.dominio",
            ])
        let result = try expand("todos@mi.dominio", tables)
        #expect(result.locals == ["ana@mi.dominio"])
        #expect(result.foreign == ["x@gmail.com"])
    }

    @Test func keysFoldCase() throws {
        let tables = Tables(users: ["ana@mi.dominio"], forwardings: ["info@mi.dominio": "Ana@Mi.Dominio"])
        #expect(try expand("INFO@MI.DOMINIO", tables).locals == ["ana@mi.dominio"])
    }

    @Test func tagsReachTheUserAndGoAlong() throws {
        let tables = Tables(
            users: ["ana@mi.dominio"],
            forwardings: [
                "info@mi.dominio": "ana@mi.dominio,luis@gmail.com", "exacta+x@mi.dominio": "pepe@gmail.com",
                "exacta@mi.dominio": "no@gmail.com",
            ])
        #expect(try expand("ana+tag@mi.dominio", tables).locals == ["ana@mi.dominio"])
        #expect(try expand("info+tag@mi.dominio", tables).foreign == ["luis+tag@gmail.com"])
        #expect(try expand("exacta+x@mi.dominio", tables).foreign == ["pepe@gmail.com"])
        #expect(try expand("ana+tag@mi.dominio", tables, separator: "").dead == ["ana+tag@mi.dominio"])
    }

    @Test func aCatchAllKeepsTheTagOfTheWholeDomain() throws {
        let tables = Tables(users: ["ana@otro.dominio"], forwardings: ["@mi.dominio": "@otro.dominio"])
        let result = try expand("ana+tag@mi.dominio", tables)
        #expect(result.locals == ["ana@otro.dominio"])
    }

    @Test(arguments: [
        ["a@mi.dominio": "b@mi.dominio", "b@mi.dominio": "a@mi.dominio"],
        ["a@mi.dominio": "b@mi.dominio", "b@mi.dominio": "c@mi.dominio,x@gmail.com", "c@mi.dominio": "b@mi.dominio"],
        ["@mi.dominio": "@otro.dominio", "@otro.dominio": "@mi.dominio"],
    ])
    func loopsAreFound(_ forwardings: [String: String]) {
        #expect(throws: ExpansionFailure.self) { try expand("a@mi.dominio", Tables(forwardings: forwardings)) }
    }

    @Test func aDiamondIsNoLoop() throws {
        let tables = Tables(
            users: ["d@mi.dominio"],
            forwardings: ["a@mi.dominio": "b@mi.dominio,c@mi.dominio", "b@mi.dominio": "d@mi.dominio", "c@mi.dominio": "d@mi.dominio"])
        #expect(try expand("a@mi.dominio", tables).locals == ["d@mi.dominio"])
    }

    /// Postfix delivers one copy each.
    @Test(arguments: [
        ["ana@mi.dominio": "ana@mi.dominio,beto@mi.dominio", "beto@mi.dominio": "beto@mi.dominio,ana@mi.dominio"],
        ["ana@mi.dominio": "ana@mi.dominio,beto@mi.dominio", "beto@mi.dominio": "beto@mi.dominio,ana@mi.dominio,ana@mi.dominio"],
    ])
    func mutualCopiesAreNoLoop(_ forwardings: [String: String]) throws {
        let tables = Tables(users: ["ana@mi.dominio", "beto@mi.dominio"], forwardings: forwardings)
        for address in ["ana@mi.dominio", "beto@mi.dominio"] {
            #expect(try expand(address, tables).locals.sorted() == ["ana@mi.dominio", "beto@mi.dominio"])
        }
    }

    @Test func aCircleThroughAFinalAddressIsNoLoop() throws {
        let tables = Tables(
            users: ["ana@mi.dominio", "beto@mi.dominio"],
            forwardings: ["ana@mi.dominio": "ana@mi.dominio,beto@mi.dominio", "beto@mi.dominio": "ana@mi.dominio"])
        for address in ["ana@mi.dominio", "beto@mi.dominio"] {
            #expect(try expand(address, tables).locals == ["ana@mi.dominio"])
        }
    }

    @Test func aTagThatGrowsIsALoop() {
        let tables = Tables(forwardings: ["beto@mi.dominio": "x@gmail.com,beto+dos@mi.dominio"])
        #expect(throws: ExpansionFailure.self) { try expand("beto+dos@mi.dominio", tables) }
    }

    @Test func moreThanTheLimitIsRefused() {
        let many = (0...Recipients.maximumResults).map { "u\($0)@gmail.com" }.joined(separator: ",")
        #expect(throws: ExpansionFailure.tooMany) { try expand("a@mi.dominio", Tables(forwardings: ["a@mi.dominio": many])) }
        let just = (0..<Recipients.maximumResults).map { "u\($0)@gmail.com" }.joined(separator: ",")
        #expect(throws: Never.self) { try expand("a@mi.dominio", Tables(forwardings: ["a@mi.dominio": just])) }
    }

    @Test func namesWithoutADomainAreTheServersOwn() throws {
        let tables = Tables(users: ["ana@mi.dominio"], forwardings: ["root": "ana@mi.dominio", "x@mi.dominio": "root"])
        #expect(try expand("root@mail.host", tables).locals == ["ana@mi.dominio"])
        #expect(try expand("root@mi.dominio", tables).dead == ["root@mi.dominio"])
        #expect(try expand("x@mi.dominio", tables).locals == ["ana@mi.dominio"])
    }

    @Test func aForwardingAppliesToForeignDomainsToo() throws {
        let tables = Tables(users: ["ana@mi.dominio"], forwardings: ["jefe@gmail.com": "ana@mi.dominio"])
        #expect(try expand("jefe@gmail.com", tables).locals == ["ana@mi.dominio"])
        #expect(try expand("otro@gmail.com", tables).foreign == ["otro@gmail.com"])
    }

    @Test(arguments: ["postmaster@mi.dominio", "abuse@mi.dominio", "Postmaster@mail.host"])
    func roleAddressesReachTheAdministrator(_ address: String) throws {
        var tables = Tables(users: ["ana@mi.dominio", "luis@mi.dominio"])
        #expect(try expand(address, tables, administrator: "ana@mi.dominio").locals == ["ana@mi.dominio"])
        tables.users = []
        #expect(try expand(address, tables).dead == [address])
        tables.users = ["luis@mi.dominio", "ana@mi.dominio"]
        #expect(try expand(address, tables).locals == ["luis@mi.dominio"])
        tables.forwardings = [
            "postmaster@mi.dominio": "luis@mi.dominio", "@mi.dominio": "luis@mi.dominio", "@mail.host": "luis@mi.dominio",
        ]
        #expect(try expand(address, tables, administrator: "ana@mi.dominio").locals == ["luis@mi.dominio"])
    }

    @Test func internationalDomainsAreFoundInBothForms() throws {
        var tables = Tables(users: ["ana@mi.dominio"], forwardings: ["x@ñandú.es": "ana@mi.dominio"])
        tables.domains.insert("xn--and-6ma2c.es")
        #expect(try expand("x@xn--and-6ma2c.es", tables).locals == ["ana@mi.dominio"])
        #expect(try expand("x@ÑANDÚ.es", tables).locals == ["ana@mi.dominio"])
        tables.forwardings = ["@ñandú.es": "ana@mi.dominio"]
        #expect(try expand("y@ñandú.es", tables).locals == ["ana@mi.dominio"])
    }

    @Test func whatNobodyHasIsDead() throws {
        let tables = Tables(forwardings: ["a@mi.dominio": "nadie@mi.dominio, sin sentido@@, x@gmail.com"])
        let result = try expand("a@mi.dominio", tables)
        #expect(result.dead.sorted() == ["nadie@mi.dominio", "sinsentido@@"])
        #expect(result.foreign == ["x@gmail.com"])
    }
}
