import MailTesting
import Testing

@testable import Store
@testable import buzon

/// A change counts for the next connection, without a restart.
@Suite struct SettingsTests {
    private static let message = [UInt8]("Subject: x\r\n\r\nhola\r\n".utf8)

    @Test func sizeAndNameAreThoseOfNow() async throws {
        try await ServedAppliance.run { served in
            #expect(try served.smtp().ehlo()["SIZE"] == "52428800")
            try await served.store.set(.maximumMessageSize, to: "70000")
            try await served.store.set(.hostname, to: "otro.virtual.test")
            let smtp = try served.smtp()
            #expect(smtp.greeting.lines.first?.hasPrefix("otro.virtual.test ") == true, "\(smtp.greeting)")
            #expect(try smtp.ehlo()["SIZE"] == "70000")
            let large = [UInt8]("Subject: x\r\n\r\n" + String(repeating: "linea\r\n", count: 11_000))
            #expect(try smtp.submit(from: "a@example.com", to: [ServedAppliance.user], message: large).code == 552)
        }
    }

    @Test func networksAreThoseOfNow() async throws {
        try await ServedAppliance.run { served in
            #expect(try served.smtpGreeted().submit(from: "a@example.com", to: ["x@example.org"], message: Self.message).code == 250)
            try await served.store.set(.networks, to: "192.0.2.0/24")
            let smtp = try served.smtpGreeted()
            #expect(try smtp.command("MAIL FROM:<a@example.com>").code == 250)
            #expect(try smtp.command("RCPT TO:<x@example.org>").code == 554)
        }
    }

    @Test(
        .enabled(if: BuzonProcess.isBuilt),
        arguments: [
            ("dns-local-names", "a.test AAA 1", "a.test A 192.0.2.1"), ("dns-forwarders", "basura", "192.0.2.1@5353"),
            ("outbound-address", "999", "::1"), ("certificate-country", "España", "es"),
            ("signature-directory", "/nada/de/esto", "/tmp"), ("signature-directory", "/etc/passwd", "own"),
        ])
    func whatIsNoneOfItsKindIsRefused(_ key: String, _ wrong: String, _ right: String) async throws {
        let scratch = try ScratchDirectory()
        let directory = scratch.path + "/data"
        await (try MailStore.open(directory: directory)).close()
        let refused = try BuzonProcess.run(["settings", "set", key, wrong], directory: directory)
        #expect(refused.status != 0 && refused.output.contains(wrong), "\(refused)")
        #expect(try BuzonProcess.run(["settings", "set", key, right], directory: directory).status == 0)
    }

    /// Also where the value looks like an option; and what is allowed is said.
    @Test(
        .enabled(if: BuzonProcess.isBuilt),
        arguments: [
            ("scan-threads", "-5", "-5 is no value for scan-threads. Allowed: a whole number from 0 to 256."),
            ("quarantine-full", "--x", "Allowed: oldest, reject, defer."), ("dane", "maybe", "Allowed: true or false."),
            ("queue-retry", "5", "5m,2h,1d"), ("quarantine-day", "5", "Did you mean quarantine-days?"),
            ("final_virus_destiny", "pass", "buzon policy set final_virus_destiny"),
        ])
    func whatIsAllowedIsSaid(_ key: String, _ wrong: String, _ said: String) async throws {
        let scratch = try ScratchDirectory()
        let directory = scratch.path + "/data"
        await (try MailStore.open(directory: directory)).close()
        let refused = try BuzonProcess.run(["settings", "set", key, wrong], directory: directory)
        #expect(refused.status == 1 && refused.output.contains(said), "\(refused)")
        #expect(try BuzonProcess.run(["settings", "set", key], directory: directory).status == 2)
        #expect(try BuzonProcess.run(["settings", "set", "recipient-separator", "-"], directory: directory).status == 0)
    }

    @Test func everyKindSaysWhatItAllows() {
        for setting in Setting.all where setting.kind != .text {
            #expect(setting.allowed.map { !$0.hasPrefix("settings.") } ?? false, "\(setting.key)")
        }
    }

    @Test(arguments: ["127.0.0.1/8", "10.0.0.0/33", "x", "1.2.3", "::1/129", "10.0.0.0/8,nada"])
    func whatIsNoNetworkIsRefused(_ value: String) async throws {
        #expect(Setting.networks.normalised(value) == nil)
    }

    @Test(arguments: [
        ("", ""), ("127.0.0.0/8, ::1/128", "127.0.0.0/8,::1/128"), ("192.0.2.7", "192.0.2.7"), ("[2001:db8::]/32", "[2001:db8::]/32"),
    ])
    func networksAreKeptAsWritten(_ value: String, _ stored: String) {
        #expect(Setting.networks.normalised(value) == stored)
    }

    /// RFC 5321 §4.5.1, while nobody is named.
    @Test(arguments: ["postmaster", "Postmaster@virtual.test", "abuse@virtual.test"])
    func rolesReachSomebodyOnAFreshServer(_ recipient: String) async throws {
        try await ServedAppliance.run { served in
            let smtp = try served.smtpGreeted()
            #expect(try smtp.submit(from: "a@example.com", to: [recipient], message: Self.message).code == 250)
            #expect(try served.pop3().stat().messages == 1)
            try await served.store.set(.administrator, to: ServedAppliance.other)
            #expect(try smtp.submit(from: "a@example.com", to: [recipient], message: Self.message).code == 250)
            #expect(try served.pop3(ServedAppliance.other).stat().messages == 1)
        }
    }

    @Test func traceFindsWhereMailEndedUp() async throws {
        try await ServedAppliance.run { served in
            _ = try await served.store.changeForwarding("info@virtual.test") { _ in [ServedAppliance.other, "luis@example.org"] }
            #expect(
                try served.smtpGreeted().submit(from: "a@example.com", to: ["info@virtual.test"], message: Self.message).code == 250)
            #expect(try await served.trace(ServedAppliance.other).map(\.event) == ["delivered"])
            #expect(try await served.trace("luis@example.org").map(\.event).contains("queued"))
        }
    }

    /// RFC 5321 §7.2: who else was addressed is not told to the others.
    @Test func aRelayedMessageNamesNobodyOfSeveral() async throws {
        try await ServedAppliance.run { served in
            let smtp = try served.smtpGreeted()
            #expect(try smtp.submit(from: "a@example.com", to: ["x@example.org", "y@example.net"], message: Self.message).code == 250)
            let prefix = try await served.store.read { try $0.first("SELECT prefix FROM outgoing") { $0.blob(0) } ?? [] }
            let text = String(decoding: prefix, as: UTF8.self)
            #expect(text.hasPrefix("Received: ") && !text.contains("example.org") && !text.contains("example.net"), "\(text)")
        }
    }
}
