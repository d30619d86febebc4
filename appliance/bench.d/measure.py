"""What the kernel knows about a server: processor time and memory, summed over all of its processes."""

import os
import resource
import statistics
import subprocess
import time

TICKS = os.sysconf("SC_CLK_TCK")


def family(pid):
    """The process and all of its descendants that live now."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (fields := stat(int(entry))):
            children.setdefault(int(fields[1]), []).append(int(entry))
    found = [pid]
    for each in found:
        found += children.get(each, [])
    return found


def stat(pid):
    """The fields of /proc/PID/stat from the state on (so the parent is field 1), or None for one that is gone."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def cpu(pid):
    """Seconds of processor time, user and system, of the family and of those of its children that have ended."""
    return sum(sum(map(int, fields[11:15])) for each in family(pid) if (fields := stat(each))) / TICKS


def running(pid):
    """Seconds the family's living threads have run, to the nanosecond: for what is shorter than the clock's ticks."""
    total = 0
    for each in family(pid):
        try:
            for thread in os.listdir(f"/proc/{each}/task"):
                with open(f"/proc/{each}/task/{thread}/schedstat") as file:
                    total += int(file.read().split()[0])
        except (FileNotFoundError, ProcessLookupError):
            continue
    return total / 1e9


def memory(pid):
    """(VmRSS, Pss) of the family in KiB. Pss shares out what processes have in common, so only its sum is honest for many."""
    rss = pss = 0
    for each in family(pid):
        try:
            with open(f"/proc/{each}/smaps_rollup") as file:
                numbers = {line.split()[0]: int(line.split()[1]) for line in file if line.endswith("kB\n")}
        except (FileNotFoundError, ProcessLookupError):
            continue
        rss += numbers.get("Rss:", 0)
        pss += numbers.get("Pss:", 0)
    return rss, pss


def run(command, env=None, timeout=120):
    """(seconds, processor seconds of the command itself); its failure is a RuntimeError with what it said."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)
    elapsed = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {(done.stderr or done.stdout)[-300:].strip()}")
    return elapsed, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def median(values):
    return statistics.median(values) if values else float("nan")


def load():
    """The load averages of 1, 5 and 15 minutes."""
    return os.getloadavg()
