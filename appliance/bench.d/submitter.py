"""The generator of submitted mail: connections that log in once, then send one letter after the other. It is its own program, so that what
it costs is not counted for a server: submitter.py PORT CONNECTIONS COUNT SIZE [--tls] [--login USER PASSWORD] [--sender A] [--domains N]"""

import argparse
import base64
import os
import socket
import ssl
import sys

SENDER = "usuario@virtual.test"


def arguments():
    parser = argparse.ArgumentParser()
    for name in ("port", "connections", "count", "size"):
        parser.add_argument(name, type=int)
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--login", nargs=2)
    parser.add_argument("--domains", type=int, default=1)
    return parser.parse_args()


class Connection:
    def __init__(self, options):
        self.socket = socket.create_connection(("127.0.0.1", options.port), 120)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""
        self.expect(b"220")
        self.ask(b"EHLO cliente.example", b"250")
        if options.tls:
            self.ask(b"STARTTLS", b"220")
            self.socket = options.context.wrap_socket(self.socket)
            self.ask(b"EHLO cliente.example", b"250")
        if options.login:
            secret = base64.b64encode("\0{}\0{}".format(*options.login).encode())
            self.ask(b"AUTH PLAIN " + secret, b"235")

    def ask(self, line, code):
        self.socket.sendall(line + b"\r\n")
        self.expect(code)

    def expect(self, *codes):
        """Reads as many replies; another code than expected ends the program."""
        for code in codes:
            while True:
                line, found, rest = self.rest.partition(b"\n")
                if not found:
                    more = self.socket.recv(65536)
                    if not more:
                        sys.exit("the server closed the connection")
                    self.rest += more
                    continue
                self.rest = rest
                if line[3:4] != b"-":
                    break
            if line[:3] != code:
                sys.exit(f"wanted {code.decode()}, got {line.decode(errors='replace')}")

    def send(self, number, options, filling):
        domain = f"d{number % options.domains}.kept.example"
        self.socket.sendall(f"MAIL FROM:<{SENDER}>\r\nRCPT TO:<alguien@{domain}>\r\nDATA\r\n".encode())
        self.expect(b"250", b"250", b"354")
        head = (f"From: Usuario <{SENDER}>\r\nTo: <alguien@{domain}>\r\nSubject: letter {number}\r\nMessage-ID: <{number}.{os.getpid()}@virtual.test>\r\n"
                "Date: Tue, 24 Nov 2026 10:00:00 +0000\r\n\r\n").encode()
        self.socket.sendall(head + filling[len(head):].removeprefix(b"\n") + b".\r\n")  # not cut between CR and LF
        self.expect(b"250")


def work(options, numbers):
    connection = Connection(options)
    filling = (b"x" * 76 + b"\r\n") * (options.size // 78 + 1)
    filling = filling[-options.size:] if options.size else b"\r\n"
    for number in numbers:
        connection.send(number, options, filling)
    connection.ask(b"QUIT", b"221")


def main():
    """A process for each connection: no lock of the interpreter's is shared."""
    options, children = arguments(), []
    if options.tls:
        options.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # not the default one: reading the system's authorities takes 0.1 s
        options.context.check_hostname, options.context.verify_mode = False, ssl.CERT_NONE
    for start in range(options.connections):
        child = os.fork()
        if child == 0:
            try:
                work(options, range(start, options.count, options.connections))
            except OSError as reason:
                sys.exit(f"{reason}")
            os._exit(0)
        children.append(child)
    failed = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    sys.exit(1 if any(failed) else 0)


if __name__ == "__main__":
    main()
