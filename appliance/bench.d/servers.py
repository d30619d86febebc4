"""The servers that are measured. Each has `name`, `pid`, ports on loopback, and a folder of its own that goes away."""

import os
import shutil
import sqlite3
import subprocess
import tempfile
import time

import lib
import postfix
import processes
import server
import wire

DOMAIN = "virtual.test"
USER = "usuario@" + DOMAIN
TOOLS = postfix.TREE + "/usr/sbin/"
TOOL_ENVIRONMENT = {**os.environ, "LD_LIBRARY_PATH": postfix.LIBRARIES, "MAIL_CONFIG": "/nonexistent"}
NOBODY = 65534


class Buzon(server.Server):
    """The release executable on a fresh data directory."""

    name = "buzon"

    def __init__(self, users=(USER,)):
        super().__init__(domains=(DOMAIN,), users=users)
        self.sent = 0  # messages that were answered 250

    @property
    def pid(self):
        return self.process.pid

    @property
    def smtp(self):
        return self.port(lib.SMTP)

    @property
    def imap(self):
        return self.port(lib.IMAP)

    @property
    def pop3(self):
        return self.port(lib.POP3)

    def restart(self):
        self.stop()
        self.start()

    cold = restart  # what it keeps in memory is gone

    def drain(self):
        """Nothing to wait for: 250 is said when the message is in the mailbox."""

    def took(self, count):
        """Keeps its mail: a mailbox that grows is part of what is measured."""
        self.sent += count

    def check(self):
        """What was answered 250 must be there after SIGKILL, all of it."""
        self.kill()
        self.start()
        with wire.IMAP(self.imap) as client:
            client.login(USER)
            found = client.status("INBOX")
        if found != self.sent:
            raise RuntimeError(f"{self.sent} messages were answered 250, {found} are in INBOX after SIGKILL")


class Sink:
    """Debian's smtp-sink: takes everything and throws it away."""

    name = "smtp-sink"

    def __init__(self):
        postfix.unpack()
        self.smtp = lib.free_port()
        self.process = None

    def command(self):
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        return [TOOLS + "smtp-sink", *user, f"127.0.0.1:{self.smtp}", "1024"]

    def __enter__(self):
        self.process = subprocess.Popen(self.command(), env=TOOL_ENVIRONMENT, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            processes.wait_for_port(self.process, self.smtp)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        processes.end(self.process)

    @property
    def pid(self):
        return self.process.pid

    def drain(self):
        pass

    def took(self, count):
        pass

    def check(self):
        pass


POSTFIX_MAIN = """
virtual_alias_maps = sqlite:{dir}/etc/forwardings sqlite:{dir}/etc/email2email
virtual_mailbox_domains = sqlite:{dir}/etc/dominios
virtual_mailbox_maps = sqlite:{dir}/etc/buzones
virtual_mailbox_base = {dir}/mail
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
recipient_delimiter = +
# Debian's own values again, where the interoperability tests have quicker ones
in_flow_delay = 1s
smtpd_peername_lookup = yes
"""
SEED_QUERIES = {  # step 4 of the seed in SQLite's words
    "forwardings": "SELECT destino FROM forwardings WHERE origen = '%s'",
    "email2email": "SELECT email FROM usuarios WHERE email = '%s'",
    "dominios": "SELECT 'virtual' FROM dominios WHERE dominio = '%s'",
    "buzones": "SELECT email || '/' FROM usuarios WHERE email = '%s'"}


class Postfix(postfix.Postfix):
    """Debian's Postfix with the seed's tables and virtual(8) delivery into maildirs. 250 means durable in its queue; the
    mailbox comes later, so `drain` waits for it."""

    name = "postfix"

    def __init__(self):
        super().__init__(main=POSTFIX_MAIN)
        database = self.dir + "/etc/seed.db"
        with sqlite3.connect(database) as rows:
            rows.executescript(
                "CREATE TABLE dominios(dominio TEXT PRIMARY KEY);"
                "CREATE TABLE usuarios(email TEXT PRIMARY KEY, password TEXT);"
                "CREATE TABLE forwardings(origen TEXT PRIMARY KEY, destino TEXT);"
                f"INSERT INTO dominios VALUES ('{DOMAIN}'); INSERT INTO usuarios VALUES ('{USER}', '');")
        os.chmod(database, 0o644)
        for name, query in SEED_QUERIES.items():
            self.map(name, database, query)
        self.mail = self.dir + "/mail"
        os.makedirs(self.mail)
        os.chown(self.mail, NOBODY, NOBODY)

    def __enter__(self):
        try:
            return super().__enter__()
        except BaseException:  # a signal's too: nothing may stay behind
            self.__exit__(None, None, None)
            raise

    @property
    def pid(self):
        return self.process.pid

    @property
    def smtp(self):
        return self.port

    def drain(self, seconds=120):
        """Waits until the queue is empty, looking every 20 ms."""
        limit = time.monotonic() + seconds
        while any(os.listdir(f"{self.dir}/queue/{name}") for name in ("incoming", "active")):
            if time.monotonic() > limit:
                raise lib.Failure(f"Postfix still holds {self.queued()} messages: {self.log()[-300:]}")
            time.sleep(0.02)

    def took(self, count):
        """Counts what came, and removes it."""
        found = len(os.listdir(f"{self.mail}/{USER}/new"))
        shutil.rmtree(f"{self.mail}/{USER}")
        if found != count:
            raise RuntimeError(f"Postfix accepted {count} messages and delivered {found}: {self.log()[-300:]}")

    def check(self):
        pass


DOVECOT = """
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/log
protocols = imap pop3
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
mail_location = maildir:{dir}/mail/%u
first_valid_uid = 1
first_valid_gid = 1
default_client_limit = 8192
default_process_limit = 2048
mail_max_userip_connections = 4096
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={uid} home={dir}/home
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
service imap {{
  process_limit = 2048
}}
namespace inbox {{
  inbox = yes
}}
"""


class Dovecot:
    """Debian's Dovecot, Debian's settings but for ports, folders and limits on connections; maildirs."""

    name = "dovecot"

    def __init__(self):
        lib.needs_root()
        lib.needs("dovecot")
        self.dir = tempfile.mkdtemp(prefix="buzon-dovecot-")
        os.chmod(self.dir, 0o755)
        self.imap, self.pop3 = lib.free_port(), lib.free_port()
        for name in ("mail", "home"):
            os.makedirs(f"{self.dir}/{name}")
            os.chown(f"{self.dir}/{name}", NOBODY, NOBODY)
        with open(self.dir + "/conf", "w") as file:
            file.write(DOVECOT.format(dir=self.dir, imap=self.imap, pop3=self.pop3, uid=NOBODY, password=lib.PASSWORD))
        self.process = None

    def fill(self, user, messages):
        """Puts messages into the user's INBOX as Dovecot's own delivery would name them, oldest first."""
        inbox = f"{self.dir}/mail/{user}"
        for name in ("", "/cur", "/new", "/tmp"):
            os.makedirs(inbox + name, exist_ok=True)
            os.chown(inbox + name, NOBODY, NOBODY)
        letters = {"\\Seen": "S", "\\Answered": "R", "\\Flagged": "F", "\\Deleted": "T", "\\Draft": "D"}
        for number, message in enumerate(messages):
            stored = message.data.replace(b"\r\n", b"\n")
            flags = "".join(sorted(letters[flag] for flag in message.flags))
            path = f"{inbox}/cur/{message.date}.M{number:06}P1.bench,S={len(stored)},W={len(message.data)}:2,{flags}"
            with open(path, "wb") as file:
                file.write(stored)
            os.utime(path, (message.date, message.date))
            os.chown(path, NOBODY, NOBODY)

    def __enter__(self):
        self.process = subprocess.Popen(["dovecot", "-F", "-c", self.dir + "/conf"], stdin=subprocess.DEVNULL,
                                        stdout=open(self.dir + "/out", "w"), stderr=subprocess.STDOUT)
        try:
            processes.wait_for_port(self.process, self.imap, said=self.log)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        processes.end(self.process)
        shutil.rmtree(self.dir, ignore_errors=True)

    def log(self):
        return "".join(open(name, errors="replace").read() for name in (self.dir + "/out", self.dir + "/log") if os.path.exists(name))

    @property
    def pid(self):
        return self.process.pid

    def cold(self):
        """Removes its indexes, as after the first look at a new mailbox."""
        for folder, _, files in os.walk(self.dir + "/mail"):
            for name in files:
                if name.startswith("dovecot"):
                    os.unlink(os.path.join(folder, name))
