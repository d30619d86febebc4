"""Where a server's processor time goes, by `perf`, for what falls short of its mark."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time

import lib

LINES = {"--no-children": 30, "--children": 60}
FREQUENCY = 999  # samples a second; not a round number, so that it does not beat with timers


@contextlib.contextmanager
def profiled(report, options, server, what):
    """Samples the server while the body runs, then prints its dearest functions. Does nothing without --profile."""
    if not options.profile:
        yield
        return
    if not shutil.which("perf"):
        report.note(f"No profile of {what}: perf is not installed (Debian package linux-perf).")
        yield
        return
    with tempfile.TemporaryDirectory(prefix="buzon-perf-") as folder:
        data = folder + "/data"
        perf = subprocess.Popen(["perf", "record", "-q", "-F", str(FREQUENCY), "-g", "-o", data, "-p", str(server.pid)],
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(1)  # it needs a moment to attach to every thread
        try:
            yield
        finally:
            perf.send_signal(signal.SIGINT)
            perf.wait(60)
        own = functions(data, "--no-children", "overhead,dso,symbol")
        whole = functions(data, "--children", "overhead_children,symbol", "--dsos=" + os.path.basename(lib.binary()))
        report.section.setdefault("profiles", {})[what] = {"own": own, "whole": whole}
        for title, lines in (("own time", own), ("with what they call, the executable's own", whole)):
            report.note(f"\nProfile of {server.name}: {what}; share of samples by function, {title}")
            for line in lines:
                report.note("  " + line[:150])


def enough(body, seconds=2.0):
    """Repeats the body for at least so long: a profile of less says little."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        body()


def functions(data, order, fields, *more):
    command = ["perf", "report", "--stdio", "-q", order, "-g", "none", "-F", fields, *more, "-i", data]
    said = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300).stdout
    if shutil.which("swift"):
        demangle = ["swift", "demangle", "--compact", "--simplified"]
        said = subprocess.run(demangle, input=said, capture_output=True, text=True, timeout=60).stdout or said
    return [line.rstrip() for line in said.splitlines() if line.strip()][:LINES[order]]
