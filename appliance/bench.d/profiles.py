"""Where a server's processor time goes, by `perf`, for what falls short of its mark."""

import contextlib
import shutil
import signal
import subprocess
import tempfile

LINES = 30
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
        try:
            yield
        finally:
            perf.send_signal(signal.SIGINT)
            perf.wait(60)
        report.note(f"\nProfile of {server.name}: {what}; share of samples, own time, by function")
        lines = functions(data)
        for line in lines:
            report.note("  " + line[:150])
        report.section.setdefault("profiles", {})[what] = lines


def functions(data):
    command = ["perf", "report", "--stdio", "-q", "--no-children", "-g", "none", "-F", "overhead,dso,symbol", "-i", data]
    said = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300).stdout
    if shutil.which("swift"):
        said = subprocess.run(["swift", "demangle", "--compact", "--simplified"], input=said, capture_output=True, text=True, timeout=60).stdout or said
    return [line.rstrip() for line in said.splitlines() if line.strip()][:LINES]
