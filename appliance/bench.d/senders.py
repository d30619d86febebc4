"""Servers that take mail by submission and deliver it to a sink on loopback."""

import os
import sqlite3
import subprocess
import tempfile
import time

import lib
import postfix
import processes
import servers
from peers import certificates

DOMAINS = 100
SETTINGS = {"daily-recipients": "10000000", "hostname": "mail.virtual.test", "mta-sts": "false"}


def local_names(address):
    records = [f"kept.example. A {address}", f"mx.kept.example. A {address}"]
    records += [f"d{number}.kept.example. MX 10 mx.kept.example." for number in range(DOMAINS)]
    return "; ".join(records)


class CountingSink(servers.Sink):
    """smtp-sink that says how many messages it took."""

    def __enter__(self):
        self.count = open(os.path.join(tempfile.gettempdir(), f"buzon-sink-{os.getpid()}-{self.smtp}"), "w+")
        self.process = subprocess.Popen([*self.command()[:1], "-c", *self.command()[1:]], env=servers.TOOL_ENVIRONMENT,
                                        stdin=subprocess.DEVNULL, stdout=self.count, stderr=subprocess.DEVNULL)
        try:
            processes.wait_for_port(self.process, self.smtp)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        super().__exit__()
        self.count.close()
        os.unlink(self.count.name)

    def messages(self):
        """The latest count: it writes `sess=… quit=… mesg=…` and a carriage return whenever one changes."""
        size = os.fstat(self.count.fileno()).st_size
        text = os.pread(self.count.fileno(), 400, max(0, size - 400)).decode(errors="replace")
        return int(text.rpartition("mesg=")[2].split()[0]) if "mesg=" in text else 0


class BuzonSender(servers.Buzon):
    login = ["--login", servers.USER, lib.PASSWORD]

    def __init__(self, sink_port):
        super().__init__()
        self.settings = {**self.settings, **SETTINGS, "outbound-port": str(sink_port), "dns-local-names": local_names("127.0.0.1")}

    @property
    def submission(self):
        return self.port(lib.SUBMISSION)

    def waiting(self):
        """Recipients in the queue."""
        with sqlite3.connect(f"file:{self.data}/buzon.db?mode=ro", uri=True, timeout=10) as rows:
            return rows.execute("SELECT count(*) FROM outgoing_recipient").fetchone()[0]


RELAY = """
relayhost = [127.0.0.1]:{sink}
smtpd_tls_security_level = may
smtpd_tls_chain_files = {{dir}}/etc/chain.pem
smtp_tls_security_level = none
# Debian's own values again, where the interoperability tests have quicker ones
in_flow_delay = 1s
smtpd_peername_lookup = yes
"""


class PostfixSender(postfix.Postfix):
    """Takes from 127.0.0.0/8 without a login, and sends everything to the sink."""

    name, login = "postfix", []

    def __init__(self, sink_port):
        super().__init__(main=RELAY.format(sink=sink_port), master="tlsmgr unix - - n 1000? 1 tlsmgr\n")
        chain, key = certificates.self_signed(self.dir + "/etc", "mail.virtual.test", kind="ec")
        lib.write(self.dir + "/etc/chain.pem", open(key).read() + open(chain).read())

    @property
    def pid(self):
        return self.process.pid

    @property
    def submission(self):
        return self.port

    def waiting(self):
        return self.queued()

    def __enter__(self):
        try:
            return super().__enter__()
        except BaseException:  # a signal's too: nothing may stay behind
            self.__exit__(None, None, None)
            raise


def drain(server, sink, wanted, seconds=300):
    """Waits until the sink has had `wanted` messages in all, looking every 10 ms, then until the queue says so too."""
    limit = time.monotonic() + seconds
    while sink.messages() < wanted:
        if time.monotonic() > limit:
            raise lib.Failure(f"{server.name} has delivered {sink.messages()} of {wanted}, {server.waiting()} wait: {server.log()[-300:]}")
        time.sleep(0.01)
    arrived = time.perf_counter()
    while server.waiting():
        if time.monotonic() > limit:
            raise lib.Failure(f"{server.name} still holds {server.waiting()} messages")
        time.sleep(0.05)
    return arrived
