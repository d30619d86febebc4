import Dialogue
import Flow
import IMAP
import Logging
import Network
import POP3
import SMTP
import Store
import TLS

/// The doors: what listens where, and what is behind it.
extension Appliance {
    func openDoors(_ house: House, _ loops: Loops) async throws -> [any ServedDoor] {
        let live = house.live
        let reception = house.reception
        let access = house.access
        let certificates = house.certificates
        let offered = Security(.offered, pool: house.handshakes) { certificates.context }
        let implicit = Security(.implicit, pool: house.handshakes) { certificates.context }

        func smtp(
            _ name: String, _ security: Security, _ configuration: @escaping @Sendable (LiveConfiguration.Values) -> SMTP.Configuration
        ) -> Door<ReceivingSession, Reception> {
            Door(
                name: name, security: security, caps: { live.values.caps }, refusal: Array("421 4.7.0 Too many connections\r\n".utf8),
                refused: { Reception.noteRefusal(reception, $0) },
                session: { ReceivingSession(configuration: configuration(live.values), connection: $0) },
                responder: { connection, _ in Reception(reception, connection) })
        }
        func pop3(_ name: String, _ security: Security) -> Door<MaildropSession, MaildropAccess> {
            Door(
                name: name, security: security, caps: { live.values.caps },
                refusal: Array("-ERR [SYS/TEMP] Too many connections\r\n".utf8),
                session: { MaildropSession(configuration: live.values.pop3, connection: $0) },
                responder: { connection, _ in MaildropAccess(access, connection) })
        }
        func imap(_ name: String, _ security: Security) -> Door<MailboxSession, MailboxAccess> {
            Door(
                name: name, security: security, caps: { live.values.caps },
                refusal: Array("* BYE [UNAVAILABLE] Too many connections\r\n".utf8),
                session: { MailboxSession(connection: $0, configuration: live.values.imap) },
                responder: { connection, doorbell in
                    MailboxAccess(
                        access, connection, clock: Clock.microseconds, isPointless: { doorbell.ending.hasBegun }, ring: { doorbell.ring() })
                })
        }

        var doors: [any ServedDoor] = []
        do {
            for host in hosts {
                doors.append(try await open(smtp("smtp", offered, \.exchange), host, 25, loops))
                doors.append(try await open(smtp("submission", offered, \.submission), host, 587, loops))
                // RFC 8314 §3.3.
                doors.append(try await open(smtp("submissions", implicit, \.submission), host, 465, loops))
                doors.append(try await open(pop3("pop3", offered), host, 110, loops))
                doors.append(try await open(pop3("pop3s", implicit), host, 995, loops))
                doors.append(try await open(imap("imap", offered), host, 143, loops))
                doors.append(try await open(imap("imaps", implicit), host, 993, loops))
            }
        } catch {
            for door in doors { await door.closeNow() }
            throw error
        }
        return doors
    }

    private func open<Session: ServerSession & ~Copyable, R: Responder>(
        _ door: Door<Session, R>, _ host: String, _ port: Int, _ loops: Loops
    ) async throws -> any ServedDoor where R.Question == Session.Question, R.Answer == Session.Answer {
        let port = portOffset.map { port + $0 } ?? 0
        do {
            let listener = try await Listener.bind(door, host: host, port: port, loops: loops, log: log)
            log.info("listening \(door.name) \(host):\(listener.port)")
            return ListeningDoor(name: door.name, address: host, listener: listener)
        } catch {
            throw CommandFailure(
                text("serve.bind", ["address": "\(host):\(port)", "door": door.name, "reason": Self.reason(error)]))
        }
    }
}
