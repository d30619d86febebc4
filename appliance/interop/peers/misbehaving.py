"""Mail hosts that no package has: they hang, lie, talk rubbish or slam the door, at the stage that they are told."""

import contextlib
import socket
import ssl
import threading

import lib

class Host:
    """`with Host(EHLO=hangs) as host:` is an SMTP server that keeps what it was given (`messages`: sender, recipients, bytes), and does
    something else at the stages that are named: connection, EHLO, STARTTLS, MAIL, RCPT, DATA, content, QUIT, other. A stage's value is called with the session; what it returns is sent, b"" closes."""

    def __init__(self, address="127.0.0.6", port=None, certificate=None, extensions=("PIPELINING", "SIZE 0", "8BITMIME"), wants=None, **stages):
        self.address, self.port = address, port or lib.free_port()
        self.stages, self.extensions = stages, list(extensions)
        self.messages, self.sessions, self.seen = [], 0, []
        self.encrypted = []  # of each message, whether it came encrypted
        self.context, self.done = None, threading.Event()
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*certificate)
            if wants:
                wants(self.context)

    def __enter__(self):
        self.listener = socket.create_server((self.address, self.port), backlog=200)
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.done.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def accept(self):
        with contextlib.suppress(OSError):
            while not self.done.is_set():
                peer, _ = self.listener.accept()
                self.sessions += 1
                threading.Thread(target=self.session, args=(peer,), daemon=True).start()

    def session(self, peer):
        session = Session(self, peer)
        with contextlib.suppress(OSError, ValueError):
            session.run()
        with contextlib.suppress(OSError):
            session.socket.close()


class Session:
    def __init__(self, host, peer):
        self.host, self.socket, self.encrypted = host, peer, False
        self.file = peer.makefile("rb")

    def send(self, data):
        self.socket.sendall(data)

    def stage(self, name, usual):
        """Says what the stage says, and returns it; nothing when the conversation is over."""
        said = self.host.stages[name](self) if name in self.host.stages else usual
        if said:
            self.send(said)
        return said

    def run(self):
        if not self.stage("connection", b"220 mala.example ESMTP\r\n"):
            return
        sender, recipients = "", []
        while line := self.file.readline(1 << 16):
            word = line.strip().upper()
            self.host.seen.append(line.decode(errors="replace").strip())
            if word.startswith((b"EHLO", b"HELO")):
                offered = [*self.host.extensions, *(["STARTTLS"] if self.host.context and not self.encrypted else [])]
                reply = "".join(f"250-{each}\r\n" for each in ["mala.example", *offered[:-1]]) + f"250 {offered[-1]}\r\n"
                more = self.stage("EHLO", reply.encode())
            elif word == b"STARTTLS":
                more = self.stage("STARTTLS", b"220 go\r\n")
                if more[:3] == b"220" and self.host.context:
                    self.socket = self.host.context.wrap_socket(self.socket, server_side=True)
                    self.file, self.encrypted = self.socket.makefile("rb"), True
            elif word.startswith(b"MAIL"):
                sender, recipients = line[11:].split(b">")[0].decode(), []
                more = self.stage("MAIL", b"250 ok\r\n")
            elif word.startswith(b"RCPT"):
                more = self.stage("RCPT", b"250 ok\r\n")
                if more[:1] == b"2":
                    recipients.append(line[8:].split(b">")[0].decode().lstrip("<"))
            elif word == b"DATA":
                more = self.stage("DATA", b"354 go\r\n") and self.content(sender, recipients)
            elif word == b"QUIT":
                self.stage("QUIT", b"221 bye\r\n")
                return
            else:
                more = self.stage("other", b"250 ok\r\n")
            if not more:
                return

    def content(self, sender, recipients):
        lines = []
        while (line := self.file.readline(1 << 20)) != b".\r\n":
            if not line:
                return False
            lines.append(line[1:] if line.startswith(b".") else line)
        said = self.host.stages["content"](self) if "content" in self.host.stages else b"250 2.0.0 kept\r\n"
        if said[:1] == b"2":
            self.host.messages.append((sender, recipients, b"".join(lines)))
            self.host.encrypted.append(self.encrypted)
        if said:
            self.send(said)
        return bool(said)


def says(text):
    """A stage that answers so."""
    return lambda session: text if isinstance(text, bytes) else text.encode() + b"\r\n"


def hangs(session):
    """Says nothing until the peer gives up or the host ends."""
    session.socket.settimeout(1)
    while not session.host.done.is_set():
        try:
            if not session.socket.recv(65536):
                break
        except TimeoutError:
            continue
    return b""


def closes(session):
    return b""


def resets(session):
    session.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    session.socket.close()
    return b""


def garbage(session):
    """Bytes that are no reply."""
    return bytes(range(256)) * 16 + b"\r\n"


def endless_line(session):
    for _ in range(160):
        session.send(b"2" * 65536)
    return b"\r\n"


def endless_lines(session):
    """10 MB of a reply that goes on."""
    line = b"220-" + b"x" * 500 + b"\r\n"
    for _ in range(160):
        session.send(line * 130)
    return b"220 at last\r\n"


def drips(session):
    """A byte a second: alive, and never done."""
    for byte in b"220 " + b"." * 600:
        session.send(bytes([byte]))
        if session.host.done.wait(1):
            break
    return b""


def noise_after_220(session):
    """STARTTLS is taken, and then the peer speaks no TLS."""
    session.send(b"220 go\r\n")
    session.socket.recv(65536)
    return b"this is no TLS at all, but it is some text\r\n"
