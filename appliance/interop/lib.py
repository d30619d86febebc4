"""What the interoperability tests share: reports, a raw TCP dialog, messages. The server is in server.py."""

import contextlib
import glob
import os
import pty
import select
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import time
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CORPORA = os.environ.get("BUZON_CORPORA") or os.path.join(os.path.dirname(ROOT), "shared", "corpora")
PASSWORD = "secreto"
SMTP, POP3, IMAP = 25, 110, 143
SUBMISSION, SUBMISSIONS, POP3S, IMAPS = 587, 465, 995, 993
PORTS = (SMTP, SUBMISSION, SUBMISSIONS, POP3, POP3S, IMAP, IMAPS)


class Failure(Exception):
    """A check that did not come out; its text is the reason on the FAIL line."""


class Skip(Exception):
    """A check that cannot be made here; its text says why."""


def binary():
    named = os.environ.get("BUZON")
    for path in [named] if named else [ROOT + "/.build/release/buzon", ROOT + "/.build/debug/buzon"]:
        if os.path.exists(path):
            return os.path.abspath(path)
    sys.exit("no buzon executable: build it, or name it in BUZON")


# Reports

class Tests:
    """`with tests("what is checked"):` prints one line for each check, and goes on after a failure."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def line(self, word, name, reason=""):
        print(f"{word:<4} {name}" + (f": {reason}" if reason else ""), flush=True)

    @contextlib.contextmanager
    def __call__(self, name, whole_file=False):
        try:
            yield
        except Skip as reason:
            self.skipped += 1
            self.line("skip", name, one_line(reason))
        except Exception as reason:
            self.failed += 1
            where = traceback.extract_tb(reason.__traceback__)[-1]
            place = "" if isinstance(reason, Failure) else f" ({os.path.basename(where.filename)}:{where.lineno})"
            self.line("FAIL", name, f"{type(reason).__name__}: " * bool(place) + one_line(reason) + place)
        else:
            if not whole_file:
                self.passed += 1
                self.line("ok", name)


def main(body):
    """Runs a test file: `body(tests)`, then the summary line and the exit status."""
    tests = Tests()
    name = os.path.basename(sys.argv[0]).removesuffix(".py").removeprefix("test_")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that every `with` ends what it started
    with tests(name, whole_file=True):
        body(tests)
    print(f"{tests.passed} passed, {tests.failed} failed, {tests.skipped} skipped", flush=True)
    sys.exit(1 if tests.failed else 0)


def one_line(thing):
    return " ".join(str(thing).split())[:600]


def expect(condition, reason):
    if not condition:
        raise Failure(reason)


def same(got, wanted, what=""):
    if got != wanted:
        raise Failure(f"{what + ': ' if what else ''}got {got!r:.400}, wanted {wanted!r:.400}")


def eventually(question, seconds=3.0, what="condition"):
    """The first true answer within the time, asked every 50 ms."""
    limit = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > limit:
            raise Failure(f"{what} did not come true within {seconds} s")
        time.sleep(0.05)


def needs(*commands):
    for command in commands:
        if not shutil.which(command):
            raise Skip(f"{command} is not installed")


def needs_root():
    if os.geteuid() != 0:
        raise Skip("needs root")


def run(*command, input=None, timeout=60, check=True, **more):
    """A client's run; its output as text. A status other than 0 fails the check with what it said."""
    done = subprocess.run(command, input=input, capture_output=True, text=not isinstance(input, bytes), timeout=timeout, **more)
    if check and done.returncode:
        said = one_line(done.stderr)[-300:] or one_line(done.stdout)[-300:]
        raise Failure(f"{os.path.basename(command[0])} ended with {done.returncode}: {said}")
    return done


def write(path, text, mode=0o600):
    """Writes a small file, and says its path."""
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, mode)
    return path


def quiet(server):
    """The environment of a client that must not read a person's own settings."""
    return {**os.environ, "HOME": server.home, "TERM": "xterm", "LC_ALL": "C.UTF-8", "EDITOR": "true"}


def terminal(command, env, seconds=30):
    """Runs a program that wants a terminal until it ends; what it showed."""
    ours, theirs = pty.openpty()
    program = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env={**env, "LINES": "24", "COLUMNS": "80"},
                               start_new_session=True)
    os.close(theirs)
    screen, limit = b"", time.monotonic() + seconds
    with contextlib.suppress(OSError):  # EIO: the program closed its side
        while time.monotonic() < limit:
            if select.select([ours], [], [], 0.2)[0]:
                screen += os.read(ours, 65536)
    os.close(ours)
    try:
        program.wait(1)
    except subprocess.TimeoutExpired:
        program.kill()
        program.wait()
        raise Failure("it waits; the end of its screen: " + ascii(screen[-300:]))
    return screen.decode("utf-8", "replace")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Dialog:
    """A plain TCP client, as a person at telnet: it sends lines and reads replies."""

    def __init__(self, host, port, timeout=20, source=None):
        self.socket = socket.create_connection((host, port), timeout, (source, 0) if source else None)
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def raw(self, data):
        self.socket.sendall(data)

    def line(self):
        """One line without its CRLF, or "" at the end of the stream."""
        return self.file.readline(1 << 20).decode("utf-8", "replace").rstrip("\r\n")

    def reply(self):
        """A whole SMTP reply, its lines joined by newlines."""
        lines = [self.line()]
        while lines[-1][3:4] == "-":
            lines.append(self.line())
        return "\n".join(lines)

    def ask(self, line):
        self.raw((line if isinstance(line, bytes) else line.encode()) + b"\r\n")
        return self.reply()

    def line_after(self, command):
        """One line in answer to a command, for POP3 and IMAP."""
        self.raw(command.encode() + b"\r\n")
        return self.line()

    def greeted(self, name="cliente.example"):
        same(self.reply()[:3], "220", "greeting")
        answer = self.ask("EHLO " + name)
        same(answer[:3], "250", "EHLO")
        return answer

    def data(self, message):
        """DATA with CRLF text, dots stuffed here; the final reply."""
        text = message if isinstance(message, bytes) else message.encode()
        same(self.ask("DATA")[:3], "354", "DATA")
        text = (b"\r\n" + text).replace(b"\r\n.", b"\r\n..")[2:]
        self.raw(text + (b"" if text.endswith(b"\r\n") else b"\r\n") + b".\r\n")
        return self.reply()


# Messages

def message(name, to="usuario@virtual.test", body="Un correo de prueba.\r\n"):
    return (f"From: Remitente <remitente@fuera.example>\r\nTo: <{to}>\r\nSubject: {name}\r\nMessage-ID: <{name}@fuera.example>\r\n"
            f"Date: Tue, 24 Nov 2026 10:00:00 +0000\r\n\r\n{body}").encode()


def to_crlf(data):
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")


def corpus():
    """(name, bytes with CRLF line ends) of the test material that this project did not write."""
    archive = os.path.join(CORPORA, "spam", "train.tar.xz")
    if not os.path.exists(archive):
        raise Skip(f"no corpora in {CORPORA} (BUZON_CORPORA)")
    for path in sorted(glob.glob(CORPORA + "/mime/**/*.eml", recursive=True)):
        yield os.path.basename(path), to_crlf(open(path, "rb").read())
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.isfile():
                data = tar.extractfile(member).read()
                if data.startswith(b"From "):
                    data = data[data.index(b"\n") + 1:]
                yield os.path.basename(member.name), to_crlf(data)
