"""The generator of mail that is to be filtered: connections that are kept, and send the given letters in turn, each with a number of its own.
It is its own program, so that what it costs is not counted for the server: filter_load.py PORT CONNECTIONS SECONDS FILE...
Prints {"times": [[begin, end], ...], "refused": [replies]}; times by the machine's monotonic clock, from MAIL to the last 250."""

import json
import os
import socket
import sys
import time

from filter_letters import numbered
from submitter import Connection

SENDER, RECIPIENT = "remitente@fuera.example", "usuario@virtual.test"
ENVELOPE = f"MAIL FROM:<{SENDER}>\r\nRCPT TO:<{RECIPIENT}>\r\nDATA\r\n".encode()


class Receiver(Connection):
    """Reads replies whatever they say."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 120)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""
        self.expect(b"220")
        self.ask(b"EHLO cliente.example", b"250")

    def reply(self):
        while True:
            line, found, rest = self.rest.partition(b"\n")
            if found:
                self.rest = rest
                if line[3:4] != b"-":
                    return line.decode(errors="replace").strip()
                continue
            more = self.socket.recv(65536)
            if not more:
                return "the server closed the connection"
            self.rest += more

    def deliver(self, data):
        """What was said that is no 250 (354), or None."""
        self.socket.sendall(ENVELOPE)
        for code in ("250", "250", "354"):
            said = self.reply()
            if not said.startswith(code):
                return said
        self.socket.sendall(data + b".\r\n")
        said = self.reply()
        return None if said.startswith("250") else said


def work(port, letters, ending):
    """Until the moment `ending`; at most ten refusals, after each a new connection."""
    times, refused = [], []
    number = os.getpid() % 1_000_000 * 1_000_000
    connection = Receiver(port)
    while time.monotonic() < ending and len(refused) < 10:
        data = numbered(letters[number % len(letters)], number)
        number += 1
        begin = time.monotonic()
        said = connection.deliver(data)
        if said is None:
            times.append((round(begin, 6), round(time.monotonic(), 6)))
        else:
            refused.append(said)
            connection.socket.close()
            connection = Receiver(port)
    connection.socket.close()
    return times, refused


def main():
    """A process for each connection: no lock of the interpreter's is shared."""
    port, connections, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    letters = []
    for name in sys.argv[4:]:
        with open(name, "rb") as file:
            letters.append(file.read().replace(b"\r\n.", b"\r\n.."))
    ending, pipes = time.monotonic() + seconds, []
    for place in range(connections):
        reader, writer = os.pipe()
        if os.fork() == 0:
            turned = letters[place % len(letters):] + letters[:place % len(letters)]
            with open(writer, "w") as file:
                json.dump(work(port, turned, ending), file)
            os._exit(0)
        os.close(writer)
        pipes.append(reader)
    times, refused = [], []
    for pipe in pipes:
        with open(pipe) as file:
            text = file.read()
        if not text:
            sys.exit("a connection ended early")
        some = json.loads(text)
        times += some[0]
        refused += some[1]
    json.dump({"times": times, "refused": refused}, sys.stdout)


if __name__ == "__main__":
    main()
