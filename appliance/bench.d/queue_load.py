"""A long queue: messages for a host that is down. What it costs in memory, how long a restart takes, and how fast it leaves once the host
is there."""

import time

import lib
import measure
import report as reports
import send_section
import senders

MARK_MIB, MARK_RESTART = 200, 3
CONNECTIONS, LEAVING = 20, 20


def section(report, options):
    if not options.buzon:
        return
    count = options.queued
    report.note(f"\nA queue of {count} messages of 1 KiB to {senders.DOMAINS} domains, whose host is down")
    sink = senders.CountingSink()  # only its port is taken: nobody listens yet
    with senders.BuzonSender(sink.smtp) as server:
        server.cli("settings", "set", "queue-retry", "1m,2m,5m")
        time.sleep(1.5)
        empty, _ = measure.memory(server.pid)
        elapsed, _ = measure.run(send_section.command(server.submission, CONNECTIONS, count, False, server.login, 1024), timeout=1200)
        report.row("submitted while the host is down", "messages/s", buzon=count / elapsed)
        waiting = server.waiting()
        if waiting != count:
            raise RuntimeError(f"{count} messages were answered 250, {waiting} wait")
        time.sleep(10)  # the attempts go on
        full, peak = measure.memory(server.pid)[0], high_water(server.pid)
        started = time.perf_counter()
        server.stop()
        stopped = time.perf_counter()
        server.start()
        restart, stop = time.perf_counter() - stopped, stopped - started
        time.sleep(5)
        again = measure.memory(server.pid)[0]
        report.table(["MiB resident", "buzon"], [["before", empty / 1024], [f"with {count} waiting", full / 1024], ["at most", peak / 1024],
                                                 ["after a restart", again / 1024]])
        report.note(f"submitted {reports.number(count / elapsed)}/s; stopping took {stop:.2f} s, starting {restart:.2f} s")
        report.mark(f"memory with {count} messages waiting, at most", max(peak, again) / 1024, "<", MARK_MIB, " MiB")
        report.mark(f"start with {count} messages waiting", restart, "<", MARK_RESTART, " s")
        with sink:
            server.cli("queue", "retry", "--all", check=False)
            lib.eventually(lambda: sink.messages() > 0, 130, "the queue begins to leave")
            before, began = sink.messages(), time.perf_counter()
            while sink.messages() < count and time.perf_counter() < began + LEAVING:
                time.sleep(0.02)
            rate = (sink.messages() - before) / (time.perf_counter() - began)
            report.row("leaving the long queue", "messages/s", buzon=rate)
            report.note(f"once the host is there: {reports.number(rate)} messages/s leave, {high_water(server.pid) / 1024:.0f} MiB at most")


def high_water(pid):
    """VmHWM in KiB."""
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM:"))
