import Mail
import Store
import Testing

@testable import Flow

@Suite struct OwnAddressesTests {
    /// Address, and who owns it of ana, luis and pepe.
    @Test(arguments: [
        ("ana@mi.dominio", ["ana"]), ("ANA@Mi.Dominio", ["ana"]), ("ana+tienda@mi.dominio", ["ana"]), ("ana+@mi.dominio", ["ana"]),
        // A forwarding, one through another, the same with a tag, a list.
        ("ventas@mi.dominio", ["ana"]), ("info@mi.dominio", ["ana"]), ("info+x@mi.dominio", ["ana"]),
        ("todos@mi.dominio", ["ana", "luis"]),
        // Forwarded away: still her own, and now his too.
        ("pepe@mi.dominio", ["ana", "pepe"]), ("pepe+x@mi.dominio", ["ana", "pepe"]),
        // What looks like a tag of ana's is luis's: a row of its own, or a user of its own.
        ("ana+club@mi.dominio", ["luis"]), ("ana+otra@mi.dominio", []),
        // Catch-alls: to a user, to another domain, and what a user or a row takes out of them.
        ("loquesea@tienda.test", ["luis"]), ("fija@tienda.test", ["ana"]), ("ana@espejo.test", ["ana"]), ("nadie@espejo.test", []),
        // A row for an address elsewhere is the administrator's word that it is hers.
        ("ana@gmail.test", ["ana"]), ("otra@gmail.test", []),
        ("admin@mi.dominio", []), ("nadie@mi.dominio", []), ("vuelta@mi.dominio", []), ("ana@[192.0.2.1]", []), ("ana@mi.dominio.test", []),
        ("fuera@mi.dominio", []),
        // The server's own name, and the roles.
        ("ana@mail.host", ["ana"]), ("postmaster@mi.dominio", []),
    ])
    func table(_ address: String, _ owners: [String]) async throws {
        try await SubmittingServer.run { server in
            let store = server.store
            try await store.addDomain("tienda.test")
            try await store.addDomain("espejo.test")
            for user in ["ana+otra@mi.dominio", "pepe@mi.dominio"] { try await store.addUser(user, password: [0x78]) }
            let rows = [
                "ventas@mi.dominio": "ana@mi.dominio", "info@mi.dominio": "ventas@mi.dominio, alguien@gmail.test",
                "todos@mi.dominio": "ana@mi.dominio, luis@mi.dominio",
                "ana+club@mi.dominio": "luis@mi.dominio", "@tienda.test": "luis@mi.dominio",
                "fija@tienda.test": "ana@mi.dominio", "@espejo.test": "@mi.dominio", "ana@gmail.test": "ana@mi.dominio",
                "fuera@mi.dominio": "ana@otro.test", "ana": "ana@mi.dominio", "pepe@mi.dominio": "ana@mi.dominio",
                "vuelta@mi.dominio": "otravuelta@mi.dominio", "otravuelta@mi.dominio": "vuelta@mi.dominio",
            ]
            for (origin, destination) in rows {
                _ = try await store.changeForwarding(origin, { _ in destination.split(separator: ",").map(String.init) })
            }
            let wanted = try Address(parsing: address, allowUTF8: true)
            for name in ["ana", "luis", "pepe"] {
                // Twice: the second time from what is kept.
                for _ in 0..<2 {
                    let foreign = try await server.context.ownAddresses.firstForeign(
                        [wanted], to: "\(name)@mi.dominio", server.context.recipients, store)
                    #expect(foreign == (owners.contains(name) ? nil : wanted), "\(name) \(address)")
                }
            }
        }
    }

    @Test func aChangeOfTheDirectoryCountsAtOnce() async throws {
        try await SubmittingServer.run { server in
            let own = server.context.ownAddresses
            let address = try Address(parsing: "info@mi.dominio", allowUTF8: true)
            func isOwned() async throws -> Bool {
                try await own.firstForeign([address], to: SubmittingServer.ana, server.context.recipients, server.store) == nil
            }
            #expect(try await !isOwned())
            _ = try await server.store.changeForwarding("info@mi.dominio", { _ in [SubmittingServer.ana] })
            #expect(try await isOwned())
            #expect(own.count == 1)
            _ = try await server.store.changeForwarding("info@mi.dominio", { _ in [SubmittingServer.luis] })
            #expect(try await !isOwned())
            // The separator is a setting.
            let tagged = try Address(parsing: "ana-x@mi.dominio", allowUTF8: true)
            #expect(try await own.firstForeign([tagged], to: SubmittingServer.ana, server.context.recipients, server.store) == tagged)
            try await server.store.set(.separator, to: "-")
            #expect(try await own.firstForeign([tagged], to: SubmittingServer.ana, server.context.recipients, server.store) == nil)
            try await server.store.removeUser(SubmittingServer.ana)
            #expect(try await own.firstForeign([tagged], to: SubmittingServer.ana, server.context.recipients, server.store) == tagged)
        }
    }

    @Test func whatIsKeptIsBounded() async throws {
        try await SubmittingServer.run { server in
            let own = server.context.ownAddresses
            for round in 0..<3 {
                let addresses = try (0..<4_000).map { try Address(parsing: "ana+\(round)x\($0)@mi.dominio", allowUTF8: true) }
                #expect(try await own.firstForeign(addresses, to: SubmittingServer.ana, server.context.recipients, server.store) == nil)
                #expect(own.count <= OwnAddresses.limit)
            }
            #expect(own.count == 4_000)
        }
    }
}
