import Foundation
import Store
import Testing

@testable import Flow

struct VerifiedPasswordsTests {
    @Test func onlyTheVeryPasswordIsKnown() async throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("buzon-verified-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let store = try await MailStore.open(directory: directory)
        try await store.addDomain("virtual.test")
        _ = try await store.addUser("ana@virtual.test", password: Array("secreto".utf8))
        _ = try await store.addUser("luis@virtual.test", password: Array("secreto".utf8))
        let ana = try #require(try store.credentials(of: "ana@virtual.test"))
        let luis = try #require(try store.credentials(of: "luis@virtual.test"))
        let verified = VerifiedPasswords()
        #expect(!verified.contains(Array("secreto".utf8), of: ana))
        verified.keep(Array("secreto".utf8), of: ana)
        #expect(verified.contains(Array("secreto".utf8), of: ana))
        #expect(!verified.contains(Array("secretO".utf8), of: ana) && !verified.contains(Array("secreto".utf8), of: luis))
        // A change of the password, even to the same one, makes other verifiers.
        try await store.setPassword("ana@virtual.test", Array("secreto".utf8))
        let changed = try #require(try store.credentials(of: "ana@virtual.test"))
        #expect(!verified.contains(Array("secreto".utf8), of: changed))
        await store.close()
    }
}
