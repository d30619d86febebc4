import Foundation
import Testing

@testable import HTTPS

/// Python's ssl and http.server on a loopback port, with certificates that the openssl tool made.
private final class Server {
    static let program = """
        import http.server, ssl, sys, time
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            def do_GET(self):
                if self.path == "/slow": time.sleep(8)
                status = {"/moved": 301, "/absent": 404}.get(self.path, 200)
                body = b"x" * 70000 if self.path in ("/large", "/stream") else (self.headers["Host"] + self.path).encode()
                self.send_response(status)
                self.send_header("Content-Type", "text/plain; charset=utf-8")
                if status == 301: self.send_header("Location", "/elsewhere")
                if self.path != "/stream": self.send_header("Content-Length", str(len(body)))
                else: self.close_connection = True
                self.end_headers()
                try: self.wfile.write(body)
                except OSError: pass
            def log_message(self, *_): pass
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1], sys.argv[2])
        if len(sys.argv) > 3:
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1_1
            context.set_ciphers("ALL:@SECLEVEL=0")
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        server.handle_error = lambda *_: None
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        print(server.server_port, flush=True)
        server.serve_forever()
        """

    let port: Int
    private let process = Process()

    init(_ certificate: String, _ directory: URL, isOld: Bool = false) throws {
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
        let paths = [certificate + ".pem", certificate + ".key"].map { directory.appendingPathComponent($0).path }
        process.arguments = ["-c", Self.program] + paths + (isOld ? ["old"] : [])
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        port = try #require(Int(line.filter(\.isNumber)))
    }

    deinit { kill(process.processIdentifier, SIGKILL) }
}

private struct Certificates {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("buzon-https-\(UUID().uuidString)")
    var roots: String { directory.appendingPathComponent("root.pem").path }

    init() throws {
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let script = """
            set -e
            openssl req -x509 -newkey rsa:2048 -nodes -keyout root.key -out root.pem -days 2 -subj /CN=root
            make() {
                openssl req -newkey rsa:2048 -nodes -keyout $1.key -out $1.csr -subj /CN=$1
                printf "subjectAltName=DNS:$2" > $1.ext
                openssl x509 -req -in $1.csr -CA root.pem -CAkey root.key -CAcreateserial -days $3 -extfile $1.ext -out $1.pem
            }
            make good mta-sts.example 2
            make expired mta-sts.example -1
            openssl req -x509 -newkey rsa:2048 -nodes -keyout self.key -out self.pem -days 2 -subj /CN=self -addext subjectAltName=DNS:mta-sts.example
            """
        let status = system("cd '\(directory.path)' && (\(script)) > log 2>&1")
        try #require(status == 0, "\((try? String(contentsOf: directory.appendingPathComponent("log"), encoding: .utf8)) ?? "")")
    }
}

@Suite(.serialized) struct HTTPSTests {
    private func request(
        _ port: Int, _ path: String = "/.well-known/mta-sts.txt", host: String = "mta-sts.example", seconds: Double = 10
    ) -> HTTPSRequest {
        HTTPSRequest(host: host, path: path, addresses: ["127.0.0.1"], port: port, timeLimit: .seconds(seconds))
    }

    private func failure(_ fetcher: HTTPSFetcher, _ request: HTTPSRequest) async -> HTTPSFailure? {
        do throws(HTTPSFailure) {
            let response = try await fetcher.get(request)
            Issue.record("\(response)")
            return nil
        } catch {
            return error
        }
    }

    @Test func whatComesAndWhatDoesNot() async throws {
        let certificates = try Certificates()
        defer { try? FileManager.default.removeItem(at: certificates.directory) }
        let server = try Server("good", certificates.directory)
        let fetcher = HTTPSFetcher(extraRoots: certificates.roots)
        // Were it believed, nothing would come.
        setenv("https_proxy", "http://127.0.0.1:9", 1)
        setenv("ALL_PROXY", "http://127.0.0.1:9", 1)
        defer {
            unsetenv("https_proxy")
            unsetenv("ALL_PROXY")
        }
        let response = try await fetcher.get(request(server.port))
        #expect(response.contentType == "text/plain; charset=utf-8")
        #expect(String(decoding: response.body, as: UTF8.self) == "mta-sts.example:\(server.port)/.well-known/mta-sts.txt")
        #expect(await failure(fetcher, request(server.port, "/moved")) == .status(301), "redirects are not followed")
        #expect(await failure(fetcher, request(server.port, "/absent")) == .status(404))
        #expect(await failure(fetcher, request(server.port, "/large")) == .tooLarge)
        #expect(await failure(fetcher, request(server.port, "/stream")) == .tooLarge)
        let begin = ContinuousClock.now
        #expect(await failure(fetcher, request(server.port, "/slow", seconds: 0.5)) == .timedOut)
        #expect(ContinuousClock.now - begin < .seconds(4))
        #expect(await failure(fetcher, request(server.port, host: "other.example")) == .tls(.otherName))
        #expect(await failure(HTTPSFetcher(), request(server.port)) == .tls(.untrusted))
    }

    @Test func certificatesThatProveNothing() async throws {
        let certificates = try Certificates()
        defer { try? FileManager.default.removeItem(at: certificates.directory) }
        let fetcher = HTTPSFetcher(extraRoots: certificates.roots)
        let expired = try Server("expired", certificates.directory)
        #expect(await failure(fetcher, request(expired.port)) == .tls(.expired))
        let own = try Server("self", certificates.directory)
        #expect(await failure(fetcher, request(own.port)) == .tls(.untrusted))
        let old = try Server("good", certificates.directory, isOld: true)
        #expect(await failure(fetcher, request(old.port)) == .tls(.handshake))
    }

    @Test func whereNobodyListens() async {
        let fetcher = HTTPSFetcher()
        guard case .unreachable = await failure(fetcher, request(9)) else {
            Issue.record("somebody listens at port 9")
            return
        }
    }

    @Test(arguments: [
        HTTPSRequest(host: "", path: "/", addresses: ["127.0.0.1"]), HTTPSRequest(host: "a/b", path: "/", addresses: ["127.0.0.1"]),
        HTTPSRequest(host: "a", path: "b", addresses: ["127.0.0.1"]), HTTPSRequest(host: "a", path: "/ b", addresses: ["127.0.0.1"]),
        HTTPSRequest(host: "a", path: "/", addresses: []), HTTPSRequest(host: "a", path: "/", addresses: ["127.0.0.1,127.0.0.2"]),
        HTTPSRequest(host: "a", path: "/", addresses: ["127.0.0.1"], port: 0),
    ])
    func whatIsNotAsked(_ request: HTTPSRequest) async {
        #expect(await failure(HTTPSFetcher(), request) == .unreachable(reason: "no such host"))
    }

    @Test func whoHangsHoldsNobodyElseUp() async throws {
        let certificates = try Certificates()
        defer { try? FileManager.default.removeItem(at: certificates.directory) }
        let server = try Server("good", certificates.directory)
        let fetcher = HTTPSFetcher(threads: 2, extraRoots: certificates.roots)
        let slow = request(server.port, "/slow", seconds: 3)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { #expect(await failure(fetcher, slow) == .timedOut) }
            try? await Task.sleep(for: .milliseconds(300))
            let begin = ContinuousClock.now
            for _ in 0..<6 { #expect((try? await fetcher.get(request(server.port))) != nil) }
            #expect(ContinuousClock.now - begin < .seconds(2))
        }
    }

    @Test func tooMuchAndCancelled() async throws {
        let certificates = try Certificates()
        defer { try? FileManager.default.removeItem(at: certificates.directory) }
        let server = try Server("good", certificates.directory)
        let fetcher = HTTPSFetcher(threads: 1, backlog: 2, extraRoots: certificates.roots)
        let slow = request(server.port, "/slow", seconds: 1)
        let slower = request(server.port, "/slow", seconds: 7)
        let failures = await withTaskGroup(of: HTTPSFailure?.self) { group in
            for _ in 0..<4 { group.addTask { await failure(fetcher, slow) } }
            return await group.reduce(into: [HTTPSFailure: Int]()) { if let failure = $1 { $0[failure, default: 0] += 1 } }
        }
        #expect(failures == [.timedOut: 2, .overloaded: 2])
        let begin = ContinuousClock.now
        await withTaskGroup(of: Void.self) { group in
            group.addTask { #expect(await failure(fetcher, slower) == .timedOut) }
            try? await Task.sleep(for: .milliseconds(300))
            group.cancelAll()
        }
        #expect(ContinuousClock.now - begin < .seconds(4), "whoever is cancelled does not wait")
    }
}
