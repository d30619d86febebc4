import Testing

@testable import Credentials

struct ForeignHashTests {
    /// "secreto", made with the tools of other systems: openssl passwd, mkpasswd, Python's hashlib and Perl's crypt.
    static let secreto: [String] = [
        "{PLAIN}secreto",
        "{CLEARTEXT}secreto",
        "{plain.b64}c2VjcmV0bw==",
        "{PLAIN.HEX}7365637265746f",
        "{CRYPT}abIqm9XIDUtLI",
        "{CRYPT}$1$sAltsAlt$mdkXwOQg3QMNwxX7p8DcQ.",
        "{CRYPT}$5$rounds=1000$sAltsAltsAlt$IL4SD3Tk8dG/K.jn4e5sLjgmGPdCbmpVK/ad.HItDQ.",
        "{CRYPT}$5$sAltsAltsAlt$rw.S9dXJRxmM.auctljbaSEp1Lkrb/O74udpWa8x58B",
        "{CRYPT}$6$sAltsAltsAlt$WB3MOgTXN9Jj6z.ai6b40YaeXU.BWr.bOFLNQiA1khQE7SJ8YLZcyi6LcmPsWWbJMrKqUGolWbrhNo2r75PZ80",
        "{CRYPT}$2y$05$abcdefghijklmnopqrstuutmkKRgkHzrS3haayYHsZx6e9bQ6n6oG",
        "{CRYPT}$y$j75$abcdefgh$zgiZJUA66hlT1oVf82VQaV1zKNo.a3bTCXxmTfE/Af5",
        "{CRYPT}$y$j9T$abcdefgh$wv/Or0g3nJoURBF9QfEEH1yIdrTO24uv/kL0Mi8vkCA",
        "{MD5-CRYPT}$1$sAltsAlt$mdkXwOQg3QMNwxX7p8DcQ.",
        "{MD5}$1$sAltsAlt$mdkXwOQg3QMNwxX7p8DcQ.",
        "{SHA256-CRYPT}$5$rounds=1000$sAltsAltsAlt$IL4SD3Tk8dG/K.jn4e5sLjgmGPdCbmpVK/ad.HItDQ.",
        "{SHA512-CRYPT}$6$sAltsAltsAlt$WB3MOgTXN9Jj6z.ai6b40YaeXU.BWr.bOFLNQiA1khQE7SJ8YLZcyi6LcmPsWWbJMrKqUGolWbrhNo2r75PZ80",
        "{BLF-CRYPT}$2y$05$abcdefghijklmnopqrstuutmkKRgkHzrS3haayYHsZx6e9bQ6n6oG",
        "{DES-CRYPT}abIqm9XIDUtLI",
        "{SHA512-CRYPT.B64}JDYkc0FsdHNBbHRzQWx0JFdCM01PZ1RYTjlKajZ6LmFpNmI0MFlhZVhVLkJXci5iT0ZMTlFpQTFraFFFN1NKOFlMWmN5aTZMY21Qc1dXYkpNcktxVUdvbFdicmhObzJyNzVQWjgw",
        "{SHA}Ck+Lk/qtUEAH33jJrLb5PqbMjFM=",
        "{SHA.HEX}0a4f8b93faad504007df78c9acb6f93ea6cc8c53",
        "{SHA.B64}Ck+Lk/qtUEAH33jJrLb5PqbMjFM=",
        "{SHA1}Ck+Lk/qtUEAH33jJrLb5PqbMjFM=",
        "{SHA1.HEX}0a4f8b93faad504007df78c9acb6f93ea6cc8c53",
        "{SHA1.B64}Ck+Lk/qtUEAH33jJrLb5PqbMjFM=",
        "{SHA256}33M2Vik6GcVPaQk7qRbwoaKjwVH8lcE/OnlMJjHus6Y=",
        "{SHA256.HEX}df733656293a19c54f69093ba916f0a1a2a3c151fc95c13f3a794c2631eeb3a6",
        "{SHA256.B64}33M2Vik6GcVPaQk7qRbwoaKjwVH8lcE/OnlMJjHus6Y=",
        "{SHA512}sPIMQLUWvnS8tb/Cn1SIf62onpEAoabmtxGPYdmV9T3rS+vOyK+PeQ8J2oyxdOqcEnMle+ivE0PawIJUlLrUiA==",
        "{SHA512.HEX}b0f20c40b516be74bcb5bfc29f54887fada89e9100a1a6e6b7118f61d995f53deb4bebcec8af8f790f09da8cb174ea9c1273257be8af1343dac0825494bad488",
        "{SHA512.B64}sPIMQLUWvnS8tb/Cn1SIf62onpEAoabmtxGPYdmV9T3rS+vOyK+PeQ8J2oyxdOqcEnMle+ivE0PawIJUlLrUiA==",
        "{SSHA}5PltFWvpIYJ598GCQTQn7hMVb2oBAnNhbHRzYWx0/w==",
        "{SSHA.HEX}e4f96d156be9218279f7c182413427ee13156f6a010273616c7473616c74ff",
        "{SSHA256}sFYjiW5t/kanaqf6mDMuu7MTPNmhpA/PNotzl5+JF6YBAnNhbHRzYWx0/w==",
        "{SSHA256.HEX}b05623896e6dfe46a76aa7fa98332ebbb3133cd9a1a40fcf368b73979f8917a6010273616c7473616c74ff",
        "{SSHA512}8YhS0KbBSsU91qjJ/sIBgeyyzPi4KNS2gs92fusBV8FzJ13EA3kb126XRVXPFsDwCAysNDjoZKc2fA63L+cgXwECc2FsdHNhbHT/",
        "{SSHA512.HEX}f18852d0a6c14ac53dd6a8c9fec20181ecb2ccf8b828d4b682cf767eeb0157c173275dc403791bd76e974555cf16c0f0080cac3438e864a7367c0eb72fe7205f010273616c7473616c74ff",
        "{SMD5}3jBOmbwav3sad02P+oBcnAECc2FsdHNhbHT/",
        "{SMD5.HEX}de304e99bc1abf7b1a774d8ffa805c9c010273616c7473616c74ff",
        "{PLAIN-MD5}e201994dca9320fc94336603b1cfc970",
        "{PLAIN-MD5.B64}4gGZTcqTIPyUM2YDsc/JcA==",
        "{LDAP-MD5}4gGZTcqTIPyUM2YDsc/JcA==",
        "{MD5}4gGZTcqTIPyUM2YDsc/JcA==",
        "{MD5RAW}e201994dca9320fc94336603b1cfc970",
        "{ssha}5PltFWvpIYJ598GCQTQn7hMVb2oBAnNhbHRzYWx0/w==",
    ]

    @Test(arguments: secreto) func takesTheRightPasswordOnly(text: String) throws {
        let hash = try #require(ForeignHash(text))
        #expect(hash.isUsable)
        #expect(hash.matches(Array("secreto".utf8)))
        #expect(!hash.matches(Array("Secreto".utf8)))
        #expect(!hash.matches([]))
        #expect(!hash.matches(Array("secreto".utf8) + [0]))
    }

    /// Vectors of others: Openwall's crypt_blowfish, the specification of SHA-crypt, and RFC 2307's own example form.
    @Test(arguments: [
        ("{BLF-CRYPT}$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"),
        ("{CRYPT}$2y$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e", "\u{FF}\u{FF}\u{A3}"),
        ("{CRYPT}$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", "Hello world!"),
        (
            "{SHA512-CRYPT}$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
            "Hello world!"
        ),
        ("{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=", "test"),
        ("{PLAIN-MD5}098f6bcd4621d373cade4e832627b4f6", "test"),
    ])
    func othersVectors(text: String, password: String) throws {
        let hash = try #require(ForeignHash(text))
        // One vector is in Latin-1.
        let bytes = password.unicodeScalars.allSatisfy(\.isASCII) ? Array(password.utf8) : password.unicodeScalars.map { UInt8($0.value) }
        #expect(hash.matches(bytes))
    }

    @Test(arguments: ["", "secreto", "{", "{}x", "{NOPE}x", "{SHA.XYZ}x", "{SHA.}x", "}{SHA}", "{ARGON2ID}$argon2id$v=19$m=1,t=1,p=1$a$b"])
    func othersAreNoHash(text: String) {
        #expect(ForeignHash(text) == nil)
    }

    /// Never right, and never a password in plain text either.
    @Test(arguments: [
        "{SHA}", "{SHA}x", "{SSHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=", "{CRYPT}*", "{CRYPT}!", "{CRYPT}x", "{CRYPT}$1$abc", "{MD5-CRYPT}$6$a$b",
        "{CRYPT}$6$rounds=999999999$salt$hash", "{CRYPT}$5$rounds=10$salt$hash", "{CRYPT}$6$rounds=x$salt$hash",
        "{CRYPT}$2y$31$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e", "{BLF-CRYPT}$2y$5$x", "{CRYPT}$y$jFT$salt$hash",
        "{CRYPT}$y$j9z$salt$hash", "{CRYPT}$7$CU..../....salt$hash", "{CRYPT}_J9..CCCCXBrJUJV154M", "{PLAIN.HEX}abc", "{PLAIN-MD5}zz",
    ])
    func uselessOnesAreNeverRight(text: String) throws {
        let hash = try #require(ForeignHash(text))
        #expect(!hash.isUsable)
        for password in ["", "x", "*", "!", text, String(text.drop { $0 != "}" }.dropFirst())] {
            #expect(!hash.matches(Array(password.utf8)))
        }
    }

    @Test func onlyPlainOnesShowThePassword() throws {
        #expect(try #require(ForeignHash("{PLAIN}{x}y")).password == Array("{x}y".utf8))
        #expect(try #require(ForeignHash("{CLEARTEXT.B64}c2VjcmV0bw==")).password == Array("secreto".utf8))
        #expect(try #require(ForeignHash("{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=")).password == nil)
        #expect(ForeignHash([0x7B, 0xFF, 0x7D]) == nil)
    }
}
