"""A web server for MTA-STS policies (RFC 8461 §3.3) on port 443 of a loopback address: one certificate and one answer for each domain."""

import contextlib
import http.server
import ssl
import threading

NAME = "mta-sts."


def policy(mode, *hosts, age=86400):
    return "".join(f"{line}\r\n" for line in ["version: STSv1", f"mode: {mode}", *(f"mx: {host}" for host in hosts), f"max_age: {age}"])


class Answer:
    """What a domain's policy host says: a policy and how it is sent. `hangs`: it takes the question and says nothing."""

    def __init__(self, text, certificate=None, status=200, kind="text/plain", headers=(), hangs=False):
        self.text, self.certificate, self.status, self.kind = text, certificate, status, kind
        self.headers, self.hangs = headers, hangs


class PolicyHost:
    """`with PolicyHost(certificate, {domain: Answer}) as web:`; `web.asked` is what was asked for, as (host, path)."""

    def __init__(self, certificate, answers, address="127.0.0.20", port=443):
        self.answers, self.asked, self.done = answers, [], threading.Event()
        self.contexts = {}
        self.main = self.context(certificate)
        self.main.sni_callback = self.choose
        host = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                host.answer(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer((address, port), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None
        self.server.socket = self.main.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)

    def context(self, certificate):
        if certificate not in self.contexts:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.contexts[certificate] = context
        return self.contexts[certificate]

    def choose(self, connection, name, _):
        answer = self.answers.get((name or "").removeprefix(NAME))
        if answer and answer.certificate:
            connection.context = self.context(answer.certificate)

    def answer(self, request):
        name = request.headers["Host"]
        self.asked.append((name, request.path))
        answer = self.answers.get(name.removeprefix(NAME))
        if answer is None:
            return request.send_error(404)
        if answer.hangs:
            self.done.wait()
            request.close_connection = True
            return None
        body = answer.text.encode()
        request.send_response(answer.status)
        request.send_header("Content-Type", answer.kind)
        request.send_header("Content-Length", str(len(body)))
        for field in answer.headers:
            request.send_header(*field)
        request.end_headers()
        with contextlib.suppress(OSError):
            request.wfile.write(body)
        return None

    def times(self, domain):
        """How often the domain's policy was asked for."""
        return sum(name == NAME + domain for name, _ in self.asked)

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.server.shutdown()
        self.server.server_close()
