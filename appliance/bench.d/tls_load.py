"""TLS: handshakes a second beside openssl's own server with a certificate of the same kind, and what an idle connection weighs."""

import contextlib
import re
import socket
import subprocess
import tempfile
import time

import lib
import measure
import processes
import report as reports
import servers
import waiting
from peers import certificates
from sending import trusting

MARK_KIB, CLIENTS = 80, 4


class OpenSSL:
    """`openssl s_server`: one connection at a time."""

    name = "s_server"

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="buzon-tls-")
        self.port = lib.free_port()
        self.process = None

    def __enter__(self):
        chain, key = certificates.self_signed(self.folder.name, "mail.virtual.test", kind="ec")
        self.process = subprocess.Popen(["openssl", "s_server", "-accept", f"127.0.0.1:{self.port}", "-cert", chain, "-key", key, "-quiet", "-www"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        processes.wait_for_port(self.process, self.port)
        return self

    def __exit__(self, *_):
        processes.end(self.process)
        self.folder.cleanup()

    @property
    def pid(self):
        return self.process.pid


def handshakes(server, port, version, reuse, seconds, clients):
    """(handshakes a second, processor's milliseconds of the server for each), by as many `openssl s_time` at once."""
    command = ["openssl", "s_time", "-connect", f"127.0.0.1:{port}", "-reuse" if reuse else "-new", "-tls" + version, "-time",
               str(max(1, round(seconds)))]
    before, started = measure.cpu(server.pid), time.perf_counter()
    running = [subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
               for _ in range(clients)]
    done = [each.communicate(timeout=seconds + 60) for each in running]
    elapsed, busy = time.perf_counter() - started, measure.cpu(server.pid) - before
    counts = [int(found[1]) for out, _ in done if (found := re.search(r"(\d+) connections in [\d.]+ real seconds", out))]
    if len(counts) != clients or not sum(counts):
        raise RuntimeError(f"s_time against {server.name}: {lib.one_line(done[0])[-300:]}")
    return sum(counts) / elapsed, busy * 1000 / sum(counts)


def section(report, options):
    cases = [("new, TLS 1.3", "1_3", False), ("new, TLS 1.2", "1_2", False), ("resumed, TLS 1.2", "1_2", True)]
    report.note(f"\nTLS handshakes a second, ECDSA P-256, by {CLIENTS} openssl s_time at once (s_server serves them one after the other)")
    report.command(f"openssl s_time -connect 127.0.0.1:PORT -new|-reuse -tls1_3|-tls1_2 -time {max(1, round((options.seconds or 2)))}")
    with contextlib.ExitStack() as stack:
        running = [(each := stack.enter_context(OpenSSL()), each.port)]
        if options.buzon:
            buzon = stack.enter_context(servers.Buzon())
            running.append((buzon, buzon.port(lib.IMAPS)))
        rows = []
        for name, version, reuse in cases:
            results = {server.name: [] for server, _ in running}
            for _ in range(options.rounds):
                for server, port in running:
                    results[server.name].append(handshakes(server, port, version, reuse, (options.seconds or 2), CLIENTS))
            report.row(f"handshakes: {name}", "1/s", **{server: [run[0] for run in runs] for server, runs in results.items()})
            report.row(f"processor for a handshake: {name}", "ms", **{server: [run[1] for run in runs] for server, runs in results.items()})
            middle = {server: [measure.median([run[n] for run in runs]) for n in (0, 1)] for server, runs in results.items()}
            rows.append([name, *middle["s_server"], *middle.get("buzon", [None, None]),
                         reports.ratio(*([run[0] for run in results.get(server, [])] for server in ("buzon", "s_server")))])
        report.table(["", "s_server/s", "ms cpu", "buzon/s", "ms cpu", "x"], rows)
        if options.buzon:
            idle(report, options, buzon)


def idle(report, options, server):
    """Connections that have shaken hands and read the greeting, or have logged in and wait in IDLE."""
    waiting.raise_file_limit(options.idle + 200)
    rows = []
    for what in ("greeted", "logged in, INBOX selected, IDLE"):
        server.restart()
        with connected(server, what) as _:
            pass  # what the first one makes it load is not a connection's
        time.sleep(1)
        before = measure.memory(server.pid)[0]
        with contextlib.ExitStack() as stack:
            for _ in range(options.idle):
                stack.enter_context(connected(server, what))
            time.sleep(2)
            each = (measure.memory(server.pid)[0] - before) / options.idle
        rows.append([what, before / 1024, each])
        report.row(f"an idle TLS connection, {what}", "KiB", buzon=each)
    report.note("")
    report.table([f"{options.idle} TLS connections on 993", "MiB before", "KiB each"], rows)
    for what, _, each in rows:
        report.mark(f"an idle TLS connection, {what}", each, "<", MARK_KIB, " KiB")


@contextlib.contextmanager
def connected(server, what, context=trusting()):
    plain = socket.create_connection(("127.0.0.1", server.port(lib.IMAPS)), 60)
    with context.wrap_socket(plain, server_hostname="mail.virtual.test") as secured:
        secured.recv(4096)
        if what != "greeted":
            for line, wanted in ((f"a LOGIN {servers.USER} {lib.PASSWORD}", b"a OK"), ("b SELECT INBOX", b"b OK"), ("c IDLE", b"+ ")):
                secured.sendall(line.encode() + b"\r\n")
                said = b""
                while wanted not in said:
                    more = secured.recv(4096)
                    if not more:
                        raise RuntimeError(f"{line}: closed")
                    said += more
        yield secured
