import Foundation
import Glibc
import MailTesting
import Synchronization
import Testing

/// The built executable as a process of its own: what can be killed, and whose memory is the server's alone.
final class BuzonProcess {
    /// `BUZON`, or what the build put beside this test bundle.
    static let executable: String = {
        if let path = ProcessInfo.processInfo.environment["BUZON"] { return path }
        return URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().appendingPathComponent("buzon")
            .path
    }()

    static var isBuilt: Bool { access(executable, X_OK) == 0 }

    /// NIO's sockets outlive an exec, so those of other tests' servers would be held open by this process.
    private static let alone = """
        for fd in /proc/self/fd/*; do fd=${fd##*/}; if [ $fd -gt 2 ]; then eval "exec $fd>&-"; fi; done; exec "$@"
        """

    private static func process(_ arguments: [String], _ environment: [String: String]) -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = ["-c", alone, "buzon", executable] + arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }.merging(["LC_ALL": "C"]) { $1 }
        return process
    }

    private let process: Process
    private let errors = Pipe()
    private let said: Said

    /// Starts `buzon serve` on free ports and waits until it is ready, or has ended.
    init(directory: String, environment: [String: String] = [:]) throws {
        process = Self.process(
            ["serve", "--data", directory, "--bind", "127.0.0.1"], environment.merging(["BUZON_TEST_PORTS": "any"]) { $1 })
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = errors
        let said = Said()
        self.said = said
        try process.run()
        // What it says later must not fill the pipe.
        let descriptor = errors.fileHandleForReading.fileDescriptor
        Thread { said.read(descriptor) }.start()
        said.news.wait()
    }

    /// What the process has said of itself.
    private final class Said: Sendable {
        let ports = Mutex<[String: UInt16]>([:])
        /// Signalled each time that it is ready, and at its end.
        let news = DispatchSemaphore(value: 0)
        let isOver = Mutex(false)

        func read(_ descriptor: CInt) {
            var rest: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 4_096)
            while true {
                let count = Glibc.read(descriptor, &buffer, buffer.count)
                guard count > 0 else { break }
                rest += buffer[..<count]
                while let end = rest.firstIndex(of: 0x0A) {
                    take(String(decoding: rest[..<end], as: UTF8.self))
                    rest.removeSubrange(...end)
                }
            }
            isOver.withLock { $0 = true }
            news.signal()
        }

        private func take(_ line: String) {
            // `… listening smtp 127.0.0.1:2025`
            let words = line.split(separator: " ")
            if let at = words.firstIndex(of: "listening"), words.count > at + 2 {
                ports.withLock { $0[String(words[at + 1])] = words[at + 2].split(separator: ":").last.flatMap { UInt16($0) } }
            }
            if words.last == "ready" { news.signal() }
        }
    }

    /// Until it has begun anew. False: it has ended, or does not in a minute.
    func waitUntilReadyAgain() -> Bool { said.news.wait(timeout: .now() + 60) == .success && !said.isOver.withLock { $0 } }

    func stop() -> Int {
        send(SIGTERM)
        return end()
    }

    deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

    var ports: [String: UInt16] { said.ports.withLock { $0 } }

    func port(_ name: String) -> UInt16 { ports[name] ?? 0 }

    var identifier: pid_t { process.processIdentifier }

    func send(_ signal: CInt) { kill(process.processIdentifier, signal) }

    /// Waits for the end: the exit status, or minus the signal.
    func end() -> Int {
        process.waitUntilExit()
        return process.terminationReason == .exit ? Int(process.terminationStatus) : -Int(process.terminationStatus)
    }

    /// Bytes: the most that was resident at once.
    var peakMemory: Int { memory("VmHWM:") }
    /// Bytes resident now.
    var memory: Int { memory("VmRSS:") }

    private func memory(_ name: String) -> Int {
        let status = (try? String(contentsOfFile: "/proc/\(process.processIdentifier)/status", encoding: .utf8)) ?? ""
        for line in status.split(separator: "\n") where line.hasPrefix(name) {
            return (Int(line.split(separator: " ").dropLast().last ?? "") ?? 0) << 10
        }
        return 0
    }

    /// One command of the command line: its exit status and what it printed on both outputs.
    static func run(_ arguments: [String], directory: String, input: String = "") throws -> (status: Int, output: String) {
        let process = process(arguments + ["--data", directory], [:])
        let output = Pipe()
        let stdin = Pipe()
        process.standardInput = stdin
        process.standardOutput = output
        process.standardError = output
        try process.run()
        try stdin.fileHandleForWriting.write(contentsOf: Data(input.utf8))
        try stdin.fileHandleForWriting.close()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (Int(process.terminationStatus), text)
    }
}
