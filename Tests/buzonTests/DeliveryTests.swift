import Foundation
import MailTesting
import Testing

@testable import Store
@testable import buzon

private let simple = [UInt8]("From: a@example.com\r\nSubject: hola\r\nMessage-ID: <1@example.com>\r\n\r\ncuerpo\r\n")

@Suite struct DeliveryTests {
    @Test(arguments: [
        simple, [UInt8]("Subject: dots\r\n\r\n.\r\n..\r\n.a\r\nb.\r\n"), [UInt8]("Subject: only a header\r\n"),
        [UInt8]("\r\nbody without fields\r\n"),
        [UInt8]("hola\r\n"), [UInt8]("hola: que tal\r\ny adios\r\n"), [UInt8]("\r\n"),
        [UInt8]("Subject: 8 bit\r\n\r\n") + Array(0x80...0xFF) + [13, 10],
        [UInt8]("Subject: controls\r\n\r\n") + [0, 1, 7, 8, 11, 12, 27, 127, 13, 10],
        [UInt8]("Subject: long\r\n\r\n" + String(repeating: "x", count: 300_000) + "\r\n"),
        [UInt8]("Subject: lines\r\n\r\n" + String(repeating: "0123456789\r\n", count: 30_000) + "\r\n\r\n"),
    ])
    func whatWentInComesOut(_ message: [UInt8]) async throws {
        try await ServedAppliance.run { served in
            let smtp = try served.smtpGreeted()
            let reply = try smtp.submit(from: "remitente@example.com", to: [ServedAppliance.user], message: message)
            #expect(reply.code == 250)
            try smtp.quit()

            let pop3 = try served.pop3()
            let retrieved = try pop3.retrieve(1)
            let octets = try pop3.stat().octets
            try pop3.quit()
            let imap = try served.imap()
            #expect(try imap.select("INBOX") == 1)
            let fetched = try imap.body(of: 1)
            let size = try imap.succeed("FETCH 1 RFC822.SIZE").replies("FETCH").first?.arguments.first?.elements?.last?.number
            let header = try imap.body(of: 1, section: "HEADER")
            let text = try imap.body(of: 1, section: "TEXT")
            try imap.logout()

            #expect(retrieved == fetched)
            #expect(octets == fetched.count)
            #expect(size == fetched.count)
            #expect(header + text == fetched)
            let head = "Return-Path: <remitente@example.com>\r\nDelivered-To: usuario@virtual.test\r\nX-Spam-Flag: NO\r\n"
            #expect(fetched.text.hasPrefix(head) && fetched.text.contains("\r\nReceived: from client.test"))
            #expect(fetched.ends(with: message))
        }
    }

    /// The classic guide's step 9 sends no header at all.
    @Test func anEmptyLineSeparatesOurFieldsFromABodyWithoutHeader() async throws {
        try await ServedAppliance.run { served in
            let smtp = try served.smtpGreeted()
            for text in ["hola, esto es una prueba\r\n", "Subject: with\r\n\r\nheader\r\n"] {
                #expect(try smtp.submit(from: "", to: [ServedAppliance.user], message: [UInt8](text)).code == 250)
            }
            let imap = try served.imap()
            try imap.select("INBOX")
            let without = try imap.body(of: 1).text
            #expect(without.hasSuffix("\r\n\r\nhola, esto es una prueba\r\n"))
            #expect(try imap.body(of: 1, section: "TEXT").text == "hola, esto es una prueba\r\n")
            #expect(without.hasPrefix("Return-Path: <>\r\n"))
            let with = try imap.body(of: 2).text
            #expect(!with.contains("\r\n\r\nSubject"))
            #expect(try imap.body(of: 2, section: "HEADER.FIELDS (SUBJECT)").text == "Subject: with\r\n\r\n")
        }
    }

    @Test func oneBodyForManyRecipientsIsStoredOnce() async throws {
        try await ServedAppliance.run { served in
            let names = (0..<10).map { "u\($0)@virtual.test" }
            for name in names { try await served.store.addUser(name, password: [UInt8](ServedAppliance.password)) }
            let message = [UInt8]("Subject: big\r\n\r\n" + String(repeating: "una linea de texto\r\n", count: 10_000))
            let before = served.segmentBytes
            let smtp = try served.smtpGreeted()
            #expect(try smtp.submit(from: "a@example.com", to: names + [names[0]], message: message).code == 250)
            let grown = served.segmentBytes - before
            #expect(grown >= message.count && grown < message.count + 8_192, "\(grown) bytes for \(message.count)")
            for name in names {
                let pop3 = try served.pop3(name)
                #expect(try pop3.stat().messages == 1)
                let retrieved = try pop3.retrieve(1)
                #expect(retrieved.ends(with: message))
                #expect(retrieved.text.contains("Delivered-To: \(name)\r\n"))
                try pop3.quit()
            }
        }
    }

    @Test func tagsForwardingsAndForeignDestinations() async throws {
        try await ServedAppliance.run { served in
            let store = served.store
            try await store.set(.administrator, to: ServedAppliance.other)
            _ = try await store.changeForwarding(
                "gulag@virtual.test", { _ in ["usuario@virtual.test", "m77@example.org", "ana@virtual.test"] })
            _ = try await store.changeForwarding("lejos@virtual.test", { _ in ["fuera@example.org"] })
            let smtp = try served.smtpGreeted()
            for recipient in [
                "usuario+etiqueta@virtual.test", "gulag@virtual.test", "lejos+x@virtual.test", "postmaster@virtual.test",
                "USUARIO@Virtual.Test",
            ] {
                #expect(try smtp.submit(from: "a@example.com", to: [recipient], message: simple).code == 250, "\(recipient)")
            }
            // RFC 5321 §4.5.1.
            #expect(try smtp.submit(from: "a@example.com", to: ["Postmaster"], message: simple).code == 250)
            #expect(
                try smtp.submit(from: "a@example.com", to: ["gulag@virtual.test", "usuario@virtual.test"], message: simple).code == 250)

            #expect(try served.pop3().stat().messages == 4)
            #expect(try served.pop3(ServedAppliance.other).stat().messages == 4)
            let queue = try await store.queue()
            #expect(
                queue.map { $0.recipients.map(\.recipient.address) } == [["m77@example.org"], ["fuera+x@example.org"], ["m77@example.org"]])
            #expect(queue.first?.sender == "a@example.com")
            #expect(queue.first?.recipients.first?.forwardedFor == "gulag@virtual.test")
            #expect(
                try await served.trace("gulag@virtual.test").map(\.event).filter { $0 != "deferred" }.sorted() == Array(
                    repeating: "delivered", count: 4) + [
                        "queued", "queued",
                    ])
        }
    }
}

extension ServedAppliance {
    /// Bytes of all segments.
    var segmentBytes: Int {
        let bodies = directory + "/bodies"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: bodies)) ?? []
        return names.reduce(0) { sum, name in
            let size = (try? FileManager.default.attributesOfItem(atPath: bodies + "/" + name)[.size]) as? Int
            return sum + (size ?? 0)
        }
    }
}
