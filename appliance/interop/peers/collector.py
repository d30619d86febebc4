"""A tiny SMTP server that takes every message and keeps it: what a content filter's mail comes back to (port 10025 of the seed)."""

import re
import socketserver
import threading


EXTENSIONS = ("recolector.example", "PIPELINING", "SIZE", "ENHANCEDSTATUSCODES", "DSN", "SMTPUTF8")


class Collected:
    """A message as it came: envelope and bytes."""

    def __init__(self, sender, recipients, content):
        self.sender, self.recipients, self.content = sender, recipients, content


class Conversation(socketserver.StreamRequestHandler):
    timeout = 120

    def handle(self):
        self.say("220 recolector.example ESMTP")
        sender, recipients = "", []
        while line := self.rfile.readline(1 << 16):
            words = line.decode("utf-8", "replace").rstrip("\r\n")
            verb = words[:4].upper()
            if verb == "EHLO":
                self.say("\r\n".join(f"250-{word}" for word in EXTENSIONS) + "\r\n250 8BITMIME")
            elif verb == "MAIL":
                sender, recipients = path(words), []
                self.say("250 2.1.0 Ok")
            elif verb == "RCPT":
                recipients.append(path(words))
                self.say("250 2.1.5 Ok")
            elif verb == "DATA":
                self.say("354 Go on")
                self.server.keep(Collected(sender, recipients, self.content()))
                self.say("250 2.0.0 Ok: kept")
            elif verb == "QUIT":
                self.say("221 2.0.0 Bye")
                return
            else:
                self.say("250 2.0.0 Ok")

    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def content(self):
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b".") else line)
        return b"".join(lines)


def path(words):
    found = re.search(r"<([^>]*)>", words)
    return found[1] if found else ""


class Collector(socketserver.ThreadingTCPServer):
    """`with Collector() as collector:` listens on collector.port; what came is in collector.messages."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Conversation)
        self.port = self.server_address[1]
        self.messages, self.lock = [], threading.Lock()
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def keep(self, message):
        with self.lock:
            self.messages.append(message)
