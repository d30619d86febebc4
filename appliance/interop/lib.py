"""What the interoperability tests share: a server of their own, the command line, a raw TCP dialog, reports."""

import contextlib
import email
import glob
import json
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import time
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CORPORA = os.environ.get("BUZON_CORPORA") or os.path.join(os.path.dirname(ROOT), "shared", "corpora")
PASSWORD = "secreto"
SMTP, POP3, IMAP = 25, 110, 143


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
        raise Failure(f"{os.path.basename(command[0])} ended with {done.returncode}: {one_line(done.stderr)[-300:] or one_line(done.stdout)[-300:]}")
    return done


# The server

def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def free_offset():
    """A port offset whose three ports are free on loopback, below the kernel's own range."""
    while True:
        offset = random.randrange(10000, 30000)
        try:
            for port in (SMTP, POP3, IMAP):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port + offset))
            return offset
        except OSError:
            continue


class Server:
    """A `buzon serve` of the test's own on a fresh (or given) data directory; killed and removed at the end."""

    def __init__(self, domains=(), users=(), settings=None, data=None, bind=("127.0.0.1",), offset=None, wrap=(), env=None):
        self.home = tempfile.mkdtemp(prefix="buzon-interop-")
        self.data = data or os.path.join(self.home, "data")
        self.domains, self.users, self.settings = domains, users, settings or {}
        self.bind, self.wrap = bind, list(wrap)
        self.offset = offset if offset is not None else free_offset()
        self.env = {**os.environ, "LC_ALL": "C.UTF-8", **(env or {})}
        self.process = None
        self.log_path = os.path.join(self.home, "log")

    @property
    def host(self):
        return self.bind[0]

    def port(self, standard):
        return standard + self.offset

    def __enter__(self):
        try:
            self.start()
            for name in self.domains:
                self.cli("domain", "add", name)
            for address in self.users:
                self.cli("user", "add", address, input=PASSWORD + "\n")
            for key, value in self.settings.items():
                self.cli("settings", "set", key, value)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)

    def command(self):
        binds = [word for address in self.bind for word in ("--bind", address)]
        return [*self.wrap, binary(), "serve", "--data", self.data, *binds, "--port-offset", str(self.offset)]

    def start(self, seconds=30):
        with open(self.log_path, "ab") as log:
            self.log_start = log.tell()
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.env)
        limit = time.monotonic() + seconds
        while not any(line.split()[-1:] == ["ready"] for line in self.log().splitlines()):
            if self.process.poll() is not None:
                raise Failure(f"serve ended with {self.process.returncode}: {one_line(self.log())[-300:]}")
            if time.monotonic() > limit:
                raise Failure(f"serve was not ready after {seconds} s: {one_line(self.log())[-300:]}")
            time.sleep(0.02)

    def log(self):
        """What the latest start has printed."""
        with open(self.log_path, errors="replace") as file:
            file.seek(self.log_start)
            return file.read()

    def kill(self):
        """SIGKILL, as a power cut would be."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self, seconds=20):
        """SIGTERM, and the exit status; one that does not end in time is killed and its status is None."""
        if self.process is None:
            return None
        self.process.terminate()
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        finally:
            self.kill()

    def cli(self, *words, input=None, check=True):
        done = subprocess.run([binary(), *words, "--data", self.data], input=input or "", capture_output=True, text=True,
                              timeout=120, env=self.env)
        if check and done.returncode:
            raise Failure(f"buzon {' '.join(words)} ended with {done.returncode}: {one_line(done.stderr)}")
        return done

    def verify(self):
        self.cli("verify", "--deep")

    def queue(self):
        """The rows of `buzon queue list`."""
        return json.loads(self.cli("queue", "list", "--json").stdout or "[]")

    def queued_for(self):
        """The recipients that wait in the outbound queue."""
        return [address for row in self.queue() for address in recipients(row)]

    def sql(self, text, check=True):
        """SQL through the `sqlite3` tool, as the seed's reader would type it."""
        needs("sqlite3")
        done = subprocess.run(["sqlite3", "-bail", "-cmd", ".timeout 5000", self.data + "/buzon.db"], input=text,
                              capture_output=True, text=True, timeout=60)
        if check and done.returncode:
            raise Failure(f"sqlite3 refused {text.strip()[:120]!r}: {one_line(done.stderr)}")
        return done.stdout if check else done

    def dialog(self, standard=SMTP):
        return Dialog(self.host, self.port(standard))

    def send(self, recipient, message, sender="remitente@fuera.example"):
        """One message through a conversation of its own; the first refusal is a Failure."""
        with self.dialog() as smtp:
            smtp.greeted()
            for line in (f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>"):
                same(smtp.ask(line)[:3], "250", line)
            return smtp.data(message)

    def login(self, user, password=PASSWORD):
        import imaplib
        box = imaplib.IMAP4(self.host, self.port(IMAP), timeout=60)
        box.login(user, password)
        return box

    def pop(self, user, password=PASSWORD):
        import poplib
        poplib._MAXLINE = 1 << 20
        box = poplib.POP3(self.host, self.port(POP3), timeout=60)
        box.user(user)
        box.pass_(password)
        return box

    def messages(self, user, folder="INBOX"):
        """Every message of a folder as bytes, read over IMAP."""
        with self.login(user) as box:
            box.select(folder, readonly=True)
            _, parts = box.fetch("1:*", "(BODY.PEEK[])") if int(box.untagged_responses["EXISTS"][-1]) else (0, [])
            return [part[1] for part in parts if isinstance(part, tuple)]

    def ids(self, user, folder="INBOX"):
        """The Message-IDs of a folder, sorted."""
        return sorted(email.message_from_bytes(m)["Message-ID"] or "" for m in self.messages(user, folder))


def recipients(row):
    """The addresses of one row of `buzon queue list --json`."""
    several = row.get("recipients")
    return [each if isinstance(each, str) else each["recipient"] for each in several] if several else [row["recipient"]]


class Dialog:
    """A plain TCP client, as a person at telnet: it sends lines and reads replies."""

    def __init__(self, host, port, timeout=20):
        self.socket = socket.create_connection((host, port), timeout)
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
