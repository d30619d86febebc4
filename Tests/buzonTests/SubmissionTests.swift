import MailTesting
import Testing

@testable import Store
@testable import buzon

@Suite struct SubmissionTests {
    /// Ports 587 and 25 with a login, over the wire, to the command that shows what was sent.
    @Test(.enabled(if: BuzonProcess.isBuilt)) func fromLoginToUserShow() async throws {
        try await ServedAppliance.run { served in
            let user = ServedAppliance.user
            try await served.store.set(.dailyRecipients, to: "3")
            try await served.store.set(.administrator, to: ServedAppliance.other)
            try await served.store.set(.reportLanguage, to: "es")
            let message = [UInt8]("From: \(user)\r\nBcc: oculto@virtual.test\r\nSubject: x\r\n\r\nhola\r\n")

            let stranger = try SMTPClient(port: served.port("submission"))
            _ = try stranger.ehlo()
            #expect(try stranger.command("MAIL FROM:<\(user)>").code == 530)

            let clients = try ["submission", "smtp"].map { try SMTPClient(port: served.port($0)) }
            for client in clients {
                _ = try client.ehlo()
                #expect(try client.authenticate(user, ServedAppliance.password).code == 235)
                #expect(try client.command("MAIL FROM:<\(ServedAppliance.other)>").code == 553)
            }
            #expect(try clients[0].submit(from: user, to: [ServedAppliance.other, user], message: message).code == 250)
            #expect(try clients[1].submit(from: user, to: [user], message: message).code == 250)
            for client in clients {
                let reply = try client.submit(from: "", to: [user], message: message)
                #expect(reply.code == 450)
                #expect(reply.lines.first?.contains("Daily limit of 3 recipients reached") == true)
                _ = try client.command("RSET")
            }
            let foreign = [UInt8]("From: \(ServedAppliance.other)\r\n\r\n")
            try await served.store.set(.dailyRecipients, to: "4")
            #expect(try clients[0].submit(from: user, to: [user], message: foreign).code == 550)

            let pop3 = try served.pop3(ServedAppliance.other)
            #expect(try pop3.stat().messages == 2)
            let copy = try pop3.retrieve(1).text
            #expect(copy.contains("\r\nMessage-ID: <") && !copy.contains("oculto"))
            #expect(copy.contains(" with ESMTPA id "))
            let notice = try pop3.retrieve(2).text
            #expect(notice.contains("quiso enviar a m=C3=A1s de 3 destinatarios"))
            try pop3.quit()

            let shown = try BuzonProcess.run(["user", "show", user], directory: served.directory)
            #expect(shown.output.contains("sent today to 3 of 4 recipients"), "\(shown.output)")
            let json = try BuzonProcess.run(["user", "show", user, "--json"], directory: served.directory)
            #expect(json.output.filter { $0 != " " }.contains("\"sentToday\":3"), "\(json.output)")
        }
    }
}
