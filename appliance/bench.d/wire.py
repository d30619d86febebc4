"""Raw IMAP and POP3 clients that only count bytes until the reply is complete, so that they are never the bottleneck."""

import socket
import time

import lib

PIECE = 1 << 18
TAIL = 4096  # a tagged reply is shorter


class Client:
    def __init__(self, port, source="127.0.0.1", timeout=300):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout, source_address=(source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = memoryview(bytearray(PIECE))
        self.line()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def more(self):
        """The next piece, as a view that the next call overwrites."""
        size = self.socket.recv_into(self.buffer)
        if not size:
            raise RuntimeError("the server closed the connection")
        return self.buffer[:size]

    def line(self):
        """What the server says next, when that is one line and no more."""
        said = b""
        while not said.endswith(b"\r\n"):
            said += bytes(self.more())
        return said


class Reply:
    """What a command cost: seconds, bytes of the whole reply, its last bytes (and all of it where that was asked)."""

    def __init__(self, seconds, size, tail, text):
        self.seconds, self.size, self.tail, self.text = seconds, size, tail, text


class IMAP(Client):
    def __init__(self, *where, **more):
        self.tags = 0
        super().__init__(*where, **more)

    def ask(self, command, keep=False):
        """Sends one command, or bytes with literals, and reads to its tagged reply, which must be OK."""
        self.tags += 1
        tag = f"b{self.tags}".encode()
        started = time.perf_counter()
        self.socket.sendall(tag + b" " + (command if isinstance(command, bytes) else command.encode()) + b"\r\n")
        return self.until(tag, started, keep)

    def until(self, tag, started, keep=False):
        mark, tail, size, kept = b"\r\n" + tag + b" ", b"\r\n", 0, []
        while True:
            piece = self.more()
            size += len(piece)
            if keep:
                kept.append(bytes(piece))
            tail = (tail + bytes(piece[-TAIL:]))[-TAIL:]
            if tail.endswith(b"\r\n") and mark in tail:
                break
        seconds = time.perf_counter() - started
        status = tail[tail.rindex(mark) + len(mark):]
        if not status.startswith(b"OK"):
            raise RuntimeError(f"the server said {status.decode(errors='replace').strip()}")
        return Reply(seconds, size, tail, b"".join(kept))

    def login(self, user, password=lib.PASSWORD):
        return self.ask(f"LOGIN {user} {password}")

    def status(self, mailbox):
        """How many messages it holds."""
        text = self.ask(f"STATUS {mailbox} (MESSAGES)", keep=True).text
        return int(text.partition(b"MESSAGES ")[2].partition(b")")[0])

    def idle(self):
        """Enters IDLE and leaves it open."""
        self.socket.sendall(b"idle IDLE\r\n")
        said = self.line()
        if not said.startswith(b"+"):
            raise RuntimeError(f"IDLE: the server said {said.decode(errors='replace').strip()}")

    def append(self, mailbox, messages, window=1 << 20):
        """Appends many, `window` bytes under way at a time, with literals that wait for nothing (RFC 7888)."""
        waiting, size = [], 0
        for message in messages:
            self.tags += 1
            day = time.strftime("%d-%b-%Y %H:%M:%S +0000", time.gmtime(message.date))
            head = f'b{self.tags} APPEND {mailbox} ({" ".join(message.flags)}) "{day}" {{{len(message.data)}+}}\r\n'
            waiting.append(head.encode() + message.data + b"\r\n")
            size += len(message.data)
            if size >= window or len(waiting) == 64:
                self.together(waiting)
                waiting, size = [], 0
        self.together(waiting)

    def together(self, commands):
        """Sends commands at once and waits for the last one's tagged reply; any reply but OK fails."""
        if not commands:
            return
        self.socket.sendall(b"".join(commands))
        last = commands[-1].partition(b" ")[0]
        text = self.until(last, 0, keep=True).text
        answered = sum(1 for line in text.split(b"\r\n") if line[:1] == b"b" and line.split(b" ")[1:2] == [b"OK"])
        if answered != len(commands):
            raise RuntimeError(f"{len(commands)} commands, {answered} answered OK: {text[-300:].decode(errors='replace')}")


class POP3(Client):
    def login(self, user, password=lib.PASSWORD):
        self.ask(f"USER {user}")
        self.ask(f"PASS {password}")

    def ask(self, command):
        """A command with a reply of one line."""
        started = time.perf_counter()
        self.socket.sendall(command.encode() + b"\r\n")
        said = self.line()
        if not said.startswith(b"+OK"):
            raise RuntimeError(f"{command}: the server said {said.decode(errors='replace').strip()}")
        return Reply(time.perf_counter() - started, len(said), said[-TAIL:], said)

    def listing(self, commands):
        """Commands with replies of many lines, all sent at once; read until as many replies have ended.
        A line of one dot ends a reply, and stuffing sees to it that nothing else looks like that."""
        if isinstance(commands, str):
            commands = [commands]
        started = time.perf_counter()
        self.socket.sendall(("\r\n".join(commands) + "\r\n").encode())
        ended, size, tail = 0, 0, b""
        while ended < len(commands):
            piece = tail + bytes(self.more())
            if size == 0 and not piece.startswith(b"+OK"):
                raise RuntimeError(f"{commands[0]}: the server said {piece[:200]!r}")
            ended += piece.count(b"\r\n.\r\n")
            size += len(piece) - len(tail)
            # Ends of replies don't overlap, so what was counted must not be seen again.
            tail = b"" if piece.endswith(b"\r\n.\r\n") else piece[-4:]
        return Reply(time.perf_counter() - started, size, tail, b"")
