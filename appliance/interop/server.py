"""A `buzon serve` of the test's own: started, spoken to, killed."""

import email
import imaplib
import json
import os
import poplib
import random
import shutil
import socket
import subprocess
import tempfile
import time

from lib import IMAP, PASSWORD, POP3, PORTS, SMTP, Dialog, Failure, binary, needs, one_line, same

poplib._MAXLINE = 1 << 20  # the library's own limit is shorter than lines in the wild


def free_offset():
    """A port offset whose ports are all free on loopback, below the kernel's own range."""
    while True:
        offset = random.randrange(10000, 30000)
        try:
            for port in PORTS:
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
        # Nobody answers there: a test that says nothing else about DNS must not ask the Internet's. Nor for signatures, which a
        # server first asks for a minute after its start.
        pinned = {"dns-forwarders": "127.0.0.1@9", "signature-checks": "0", "signature-mirror": ""}
        self.domains, self.users, self.settings = domains, users, {**pinned, **(settings or {})}
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
            for key, value in self.settings.items():
                self.cli("settings", "set", key, value)
            for name in self.domains:
                self.cli("domain", "add", name)
            for address in self.users:
                self.cli("user", "add", address, input=PASSWORD + "\n")
            # What a command has set counts within a second or two.
            time.sleep(1.6)
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

    def shown(self, queue_id):
        """What `buzon queue show` says of one message, as text on one line."""
        return one_line(self.cli("queue", "show", queue_id).stdout)

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
        box = imaplib.IMAP4(self.host, self.port(IMAP), timeout=60)
        box.login(user, password)
        return box

    def pop(self, user, password=PASSWORD):
        box = poplib.POP3(self.host, self.port(POP3), timeout=60)
        box.user(user)
        box.pass_(password)
        return box

    def messages(self, user, folder="INBOX", item="BODY.PEEK[]"):
        """Every message of a folder (or that item of it) as bytes, read over IMAP."""
        with self.login(user) as box:
            box.select(folder, readonly=True)
            _, parts = box.fetch("1:*", f"({item})") if int(box.untagged_responses["EXISTS"][-1]) else (0, [])
            return [part[1] for part in parts if isinstance(part, tuple)]

    def ids(self, user, folder="INBOX"):
        """The Message-IDs of a folder, sorted."""
        fields = self.messages(user, folder, "BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]")
        return sorted(email.message_from_bytes(field)["Message-ID"] or "" for field in fields)


def recipients(row):
    """The addresses of one row of `buzon queue list --json`."""
    several = row.get("recipients")
    return [each if isinstance(each, str) else each["address"] for each in several] if several else [row["recipient"]]
