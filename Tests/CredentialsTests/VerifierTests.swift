import Testing

@testable import Credentials

struct VerifierTests {
    /// RFC 7677 §3's exchange: password "pencil".
    @Test func knownAnswer() throws {
        let salt = try #require(base64Decoded("W22ZaJ0SNY7soEsUEjb6gQ=="))
        let verifier = try #require(Verifier(password: Array("pencil".utf8), hash: .sha256, iterations: 4096, salt: salt))
        #expect(base64Encoded(verifier.storedKey) == "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=")
        #expect(base64Encoded(verifier.serverKey) == "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=")
    }

    /// RFC 5802 §5's exchange: the client proof there holds for this StoredKey.
    @Test func knownAnswerSHA1() throws {
        let salt = try #require(base64Decoded("QSXCR+Q6sek8bf92"))
        let verifier = try #require(Verifier(password: Array("pencil".utf8), hash: .sha1, iterations: 4096, salt: salt))
        #expect(base64Encoded(verifier.storedKey) == "6dlGYMOdZcOPutkcNY8U2g7vK9Y=")
        #expect(base64Encoded(verifier.serverKey) == "D+CSWLOshSulAsxiupA+qs2/fTE=")
    }

    @Test(arguments: VerifierHash.allCases) func storedFormRoundTrips(hash: VerifierHash) throws {
        let verifier = try #require(Verifier(password: Array("secreto".utf8), hash: hash, iterations: 4096))
        let again = try #require(Verifier(verifier.stored))
        #expect(again == verifier)
        #expect(again.matches(Array("secreto".utf8)))
        #expect(!again.matches(Array("Secreto".utf8)))
        #expect(!again.matches([]))
        let other = try #require(Verifier(password: Array("secreto".utf8), hash: hash, iterations: 4096))
        #expect(other.salt != verifier.salt)
    }

    @Test(arguments: [
        "", "SCRAM-SHA-256", "SCRAM-SHA-256$4096:AAAA$AAAA:AAAA", "SCRAM-SHA-512$4096:AAAA$AAAA:AAAA", "SCRAM-SHA-256$4096:$x:y",
        "SCRAM-SHA-256$1:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
        "SCRAM-SHA-256$4096:W22Z$====:====", "$$", "SCRAM-SHA-256$4096:W22Z$WG5d8oPm:wfPLwcE6",
    ]) func refusesOtherForms(text: String) {
        #expect(Verifier(text) == nil)
    }

    @Test func iterationsAreClamped() throws {
        #expect(try #require(Verifier(password: [1], hash: .sha1, iterations: 1)).iterations == 4_096)
        #expect(try #require(Verifier(password: [1], hash: .sha1, iterations: .max)).iterations == 65_536)
    }

    @Test func withoutAUserItIsWrong() {
        #expect(!isRight(Array("x".utf8), for: nil, iterations: 4096))
    }

    @Test func bothSchemes() {
        let both = verifiers(for: Array("x".utf8), iterations: 4096)
        #expect(both.map(\.hash.rawValue) == ["SCRAM-SHA-256", "SCRAM-SHA-1"])
        #expect(both.allSatisfy { $0.matches(Array("x".utf8)) })
    }
}

struct DigestTests {
    @Test func streamedEqualsWhole() {
        let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        var stream = SHA256Stream()
        for start in stride(from: 0, to: bytes.count, by: 777) {
            bytes[start..<min(start + 777, bytes.count)].withUnsafeBytes { stream.update($0) }
        }
        #expect(stream.finish() == sha256(bytes))
        #expect(sha256(Array("abc".utf8)).prefix(4) == [0xBA, 0x78, 0x16, 0xBF])
        #expect(stream.finish() == sha256([]))
    }

    @Test func randomBytesDiffer() {
        #expect(randomBytes(16) != randomBytes(16))
        #expect(randomBytes(0).isEmpty)
    }
}
