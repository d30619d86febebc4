#if DEBUG
    import Glibc
    import Resolution
    import Synchronization

    /// Nothing can be found out: tests send nothing to the Internet.
    struct NoNames: Resolver {
        func lookUp<Record: ResourceRecord>(_ type: Record.Type, _ name: String) async -> Lookup<Record> {
            Lookup(outcome: .failed(reason: "no network in tests"), canonicalName: name)
        }
    }

    extension Appliance {
        /// What only a debug build listens to, for tests that need a process of their own.
        ///  - `BUZON_TEST_PORTS=any`: free ports that the system chooses, and no look-ups.
        ///  - `BUZON_TEST_KILL_AT=appended:3`: killed, as by `kill -9`, when the store's writer reaches the step `appended` for
        ///    the third time since the start.
        ///  - `BUZON_TEST_SCAN=crash:word`, `hang:word`: whoever looks into a message with a part of this name dies of it, or never ends.
        func obeyingTests(_ environment: [String: String]) -> Appliance {
            var appliance = self
            if environment["BUZON_TEST_PORTS"] == "any" {
                appliance.portOffset = nil
                appliance.resolver = NoNames()
            }
            let scan = (environment["BUZON_TEST_SCAN"] ?? "").split(separator: ":").map(String.init)
            if scan.count == 2 {
                appliance.onPart = { name in
                    guard name.hasPrefix(scan[1]) else { return }
                    if scan[0] == "crash" { abort() }
                    while true { sleep(1_000) }
                }
            }
            let parts = (environment["BUZON_TEST_KILL_AT"] ?? "").split(separator: ":")
            guard parts.count == 2, let count = Int(parts[1]) else { return appliance }
            let name = String(parts[0])
            let reached = Mutex(0)
            appliance.storage.step = { step in
                guard step == name else { return }
                let isNow = reached.withLock { reached in
                    reached += 1
                    return reached == count
                }
                guard isNow else { return }
                // An answer that was given too early is let out, so that its promise is broken for all to see.
                usleep(50_000)
                kill(getpid(), SIGKILL)
            }
            return appliance
        }
    }
#endif
