import ArgumentParser
import Glibc
import Mail
import Store

struct Doctor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "doctor", abstract: text("help.doctor"))

    @OptionGroup var common: CommonOptions

    @Option(name: .long, help: ArgumentHelp(text("help.port-offset"), valueName: "N"))
    var portOffset = 0

    /// Below this much free space a server is about to refuse mail.
    private static let scarceSpace = 1 << 30
    /// A log of this size is not being written back.
    private static let largeLog = 256 << 20

    struct Finding: Encodable {
        enum State: String, Encodable {
            case ok, warning, problem
        }

        var check: String
        var state: State
        var text: String

        init(_ check: String, _ state: State, _ text: String) {
            self.check = check
            self.state = state
            self.text = text
        }
    }

    func run() async throws {
        // Before the database is opened in this process: see `logReaders`.
        let readers = MailStore.logReaders(directory: common.data)
        let status = try Control.ask(.status, directory: common.data)
        let findings = try await common.withStore { store in
            let health = try await store.health()
            var findings = [server(status)]
            findings += ports(status)
            findings.append(space(health))
            findings.append(permissions(health))
            findings.append(writeAheadLog(health, readers))
            findings.append(snapshot(health))
            findings.append(name(store))
            findings += directory(health, store)
            findings += try await certificates(store)
            findings += try await signatures(store, status?.signatures)
            findings += quarantine(health, store)
            return findings
        }
        if common.json { return try Output.json(findings) }
        Output.table(findings.map { [text("doctor.state.\($0.state.rawValue)"), text("doctor.\($0.check)"), $0.text] })
        guard !findings.contains(where: { $0.state == .problem }) else { throw CommandFailure(text("doctor.problems")) }
    }

    private func server(_ status: Control.Reply?) -> Finding {
        guard let status else { return Finding("server", .warning, text("doctor.server.absent")) }
        return Finding("server", .ok, text("doctor.server.runs", ["version": status.version ?? "?", "process": status.process ?? 0]))
    }

    /// Of a running server, what it listens on; otherwise whether the ports could be had.
    private func ports(_ status: Control.Reply?) -> [Finding] {
        if let doors = status?.doors {
            return doors.map {
                Finding(
                    "port", .ok,
                    text("doctor.port.open", ["door": $0.name, "address": "\($0.address):\($0.port)", "count": $0.connections]))
            }
        }
        return [
            ("smtp", 25), ("submission", 587), ("submissions", 465), ("pop3", 110), ("pop3s", 995), ("imap", 143), ("imaps", 993),
        ].map { door, port in
            let port = port + portOffset
            switch PortProbe.bind(port) {
            case 0: return Finding("port", .ok, text("doctor.port.free", ["door": door, "port": port]))
            case EADDRINUSE: return Finding("port", .problem, text("doctor.port.inuse", ["door": door, "port": port]))
            case EACCES: return Finding("port", .warning, text("doctor.port.denied", ["door": door, "port": port]))
            case let code: return Finding("port", .problem, "\(door) \(port): \(String(cString: strerror(code)))")
            }
        }
    }

    private func space(_ health: Health) -> Finding {
        Finding(
            "disk", health.freeSpace < Self.scarceSpace ? .problem : .ok,
            text(
                "doctor.disk.text",
                ["free": health.freeSpace >> 20, "database": health.database >> 20, "bodies": health.segments >> 20]))
    }

    private func permissions(_ health: Health) -> Finding {
        if let first = health.exposed.first {
            return Finding("permissions", .problem, text("doctor.permissions.exposed", ["path": first, "count": health.exposed.count]))
        }
        return Finding("permissions", .ok, text("doctor.permissions.ok"))
    }

    private func writeAheadLog(_ health: Health, _ readers: [LogReader]) -> Finding {
        let oldest = readers.max { $0.framesBehind < $1.framesBehind }
        let state: Finding.State = health.log > Self.largeLog ? .problem : .ok
        guard let oldest, oldest.framesBehind > 0 else {
            return Finding("log", state, text("doctor.log.text", ["size": health.log >> 10]))
        }
        return Finding(
            "log", state,
            text("doctor.log.reader", ["size": health.log >> 10, "process": oldest.process, "frames": oldest.framesBehind]))
    }

    private func snapshot(_ health: Health) -> Finding {
        guard let newest = health.newestSnapshot else { return Finding("snapshot", .warning, text("doctor.snapshot.none")) }
        return Finding(
            "snapshot", .ok,
            text("doctor.snapshot.text", ["count": health.snapshots, "time": MailDate.format(seconds: Int64(newest))]))
    }

    private func name(_ store: MailStore) -> Finding {
        let name = Appliance.hostname(store)
        return Finding(
            "hostname", name.contains(".") ? .ok : .warning,
            text(name.contains(".") ? "doctor.hostname.ok" : "doctor.hostname.short", ["name": name]))
    }

    private func directory(_ health: Health, _ store: MailStore) -> [Finding] {
        var findings = [
            Finding(
                "accounts", health.domains == 0 ? .warning : .ok,
                text(
                    "doctor.accounts.text",
                    ["domains": health.domains, "users": health.users, "messages": health.messages, "queued": health.queued]))
        ]
        if health.usersWithoutPassword > 0 {
            findings.append(Finding("passwords", .warning, text("doctor.passwords.text", ["count": health.usersWithoutPassword])))
        }
        if store.bool(.legacyMechanisms) {
            findings.append(
                Finding(
                    "legacy", .warning,
                    text("doctor.legacy.text", ["count": health.usersWithoutPlainPassword, "users": health.users])))
        }
        if store.value(.administrator).isEmpty {
            findings.append(Finding("administrator", .warning, text("doctor.administrator.none")))
        }
        return findings
    }
}

/// Whether a port could be listened on.
private enum PortProbe {
    /// 0, or the `errno` of the refusal.
    static func bind(_ port: Int) -> CInt {
        let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return errno }
        defer { close(descriptor) }
        var yes: CInt = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<CInt>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(truncatingIfNeeded: port)).bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                guard Glibc.bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0 else { return errno }
                return listen(descriptor, 1) == 0 ? 0 : errno
            }
        }
    }
}
