"""A real Postfix of Debian's, unpacked into a cache folder (its package conflicts with other mail servers and
would start one) and run from there with a configuration, a queue and loopback ports of its own. Needs root,
because master(8) does."""

import glob
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time

import lib

CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "buzon-interop")
TREE = os.path.join(CACHE, "postfix")
LIBRARIES = TREE + "/usr/lib/postfix"

MAIN = """
compatibility_level = 3.6
queue_directory = {dir}/queue
data_directory = {dir}/data
daemon_directory = {tree}/usr/lib/postfix/sbin
command_directory = {tree}/usr/sbin
shlib_directory = {dir}/lib
meta_directory = {dir}/etc
import_environment = MAIL_CONFIG LD_LIBRARY_PATH TZ LANG
maillog_file_prefixes = {dir}
maillog_file = {dir}/log
myhostname = postfix.invalid
mydestination =
mynetworks = 127.0.0.0/8
inet_protocols = ipv4
alias_maps =
alias_database =
smtp_dns_support_level = disabled
smtpd_peername_lookup = no
smtpd_client_connection_rate_limit = 0
smtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_tls_security_level = none
smtputf8_enable = yes
in_flow_delay = 0
smtpd_error_sleep_time = 0
"""

MASTER = """
{smtpd} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def unpack():
    """Downloads and unpacks the two packages once; raises Skip where that cannot be."""
    if os.path.exists(LIBRARIES + "/postfix-sqlite.so"):
        return
    if not shutil.which("apt-get"):
        raise lib.Skip("no apt-get to download postfix with")
    os.makedirs(CACHE, exist_ok=True)
    got = subprocess.run(["apt-get", "download", "-q", "postfix", "postfix-sqlite"], cwd=CACHE,
                         capture_output=True, text=True, timeout=300)
    if got.returncode:
        raise lib.Skip("apt-get download postfix: " + got.stderr.strip()[-200:])
    for package in glob.glob(CACHE + "/postfix*.deb"):
        subprocess.run(["dpkg", "-x", package, TREE], check=True)


def system_users():
    """Postfix insists on an account and a group that nobody else uses."""
    if os.geteuid() != 0:
        raise lib.Skip("Postfix needs root")
    for group in ("postfix", "postdrop"):
        if subprocess.run(["getent", "group", group], capture_output=True).returncode:
            subprocess.run(["groupadd", "--system", group], check=True)
    if subprocess.run(["getent", "passwd", "postfix"], capture_output=True).returncode:
        subprocess.run(["useradd", "--system", "--gid", "postfix", "--no-create-home", "--home", "/nonexistent",
                        "--shell", "/usr/sbin/nologin", "postfix"], check=True)


class Postfix:
    """`with Postfix(main="more main.cf lines", master="more master.cf lines") as p:` serves SMTP on p.port."""

    def __init__(self, main="", master="", port=None, address="127.0.0.1"):
        unpack()
        system_users()
        self.port = port or lib.free_port()
        self.address = address
        self.dir = tempfile.mkdtemp(prefix="buzon-postfix-")
        os.chmod(self.dir, 0o755)
        self.env = {**os.environ, "MAIL_CONFIG": self.dir + "/etc", "LD_LIBRARY_PATH": LIBRARIES}
        os.makedirs(self.dir + "/etc")
        os.makedirs(self.dir + "/queue")
        os.makedirs(self.dir + "/data")
        shutil.chown(self.dir + "/data", "postfix")
        with open(self.dir + "/etc/main.cf", "w") as file:
            file.write(MAIN.format(dir=self.dir, tree=TREE) + main.replace("{dir}", self.dir))
        with open(self.dir + "/etc/master.cf", "w") as file:
            file.write(MASTER.format(smtpd=f"{address}:{self.port}") + master)
        with open(self.dir + "/etc/dynamicmaps.cf", "w") as file:
            file.write("sqlite postfix-sqlite.so dict_sqlite_open\n")
        os.makedirs(self.dir + "/lib")  # virtual(8) loads this as another user, who need not be able to read the cache
        shutil.copy(LIBRARIES + "/postfix-sqlite.so", self.dir + "/lib")
        self.queue_folders()
        self.process = None

    def queue_folders(self):
        owned = "active bounce corrupt defer deferred flush hold incoming private saved trace".split()
        for name in owned:
            os.makedirs(f"{self.dir}/queue/{name}", mode=0o700)
            shutil.chown(f"{self.dir}/queue/{name}", "postfix", "root")
        os.makedirs(self.dir + "/queue/pid")
        for name in ("public", "maildrop"):
            os.makedirs(f"{self.dir}/queue/{name}")
            shutil.chown(f"{self.dir}/queue/{name}", "postfix", "postdrop")
            os.chmod(f"{self.dir}/queue/{name}", 0o710 if name == "public" else 0o1730)

    def map(self, name, database, query):
        """Writes an SQLite map's definition; main.cf names it sqlite:{dir}/etc/NAME."""
        with open(f"{self.dir}/etc/{name}", "w") as file:
            file.write(f"dbpath = {database}\nquery = {query}\n")

    def __enter__(self):
        self.process = subprocess.Popen([TREE + "/usr/lib/postfix/sbin/master", "-d", "-c", self.dir + "/etc"], env=self.env,
                                        stdin=subprocess.DEVNULL, stdout=open(self.dir + "/out", "w"), stderr=subprocess.STDOUT,
                                        start_new_session=True)  # SIGTERM goes on to the children only from a group's leader
        for _ in range(100):
            if self.process.poll() is not None:
                raise lib.Failure("Postfix did not start: " + self.log()[-500:])
            try:
                socket.create_connection((self.address, self.port), 1).close()
                return self
            except OSError:
                time.sleep(0.1)
        self.stop()
        raise lib.Failure("Postfix did not open its port: " + self.log()[-500:])

    def log(self):
        return "".join(open(name).read() for name in (self.dir + "/out", self.dir + "/log") if os.path.exists(name))

    def trouble(self):
        """The last warnings of the log."""
        return " ".join([line for line in self.log().splitlines() if re.search(r" (warning|error|fatal|panic): ", line)][-3:])

    def queued(self):
        """How many messages are still waiting for delivery."""
        return sum(len(files) for name in ("incoming", "active", "deferred")
                   for _, _, files in os.walk(f"{self.dir}/queue/{name}"))

    def wait_empty(self, seconds=60):
        limit = time.monotonic() + seconds
        while self.queued():
            if time.monotonic() > limit:
                raise lib.Failure(f"Postfix still holds {self.queued()} messages: " + self.trouble())
            time.sleep(0.1)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)

    def __exit__(self, kind, *_):
        if kind:
            print("     Postfix said: " + self.trouble())
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)
