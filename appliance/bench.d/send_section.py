"""Mail that leaves: submitted on 587 by connections that are kept, delivered to an smtp-sink on loopback, by Postfix and by Buzón in turn;
then a long queue, and TLS."""

import contextlib
import itertools
import os
import subprocess
import sys
import time

import lib
import measure
import queue_load
import report as reports
import senders
import tls_load

CONNECTIONS, MARKED, SIZE, TIMES_POSTFIX = [10, 50], 50, 4096, 4
WAY = {False: "in the clear", True: "STARTTLS"}
HERE = os.path.dirname(os.path.abspath(__file__))


def command(port, connections, count, tls, login, size=SIZE):
    return [sys.executable, "-B", HERE + "/submitter.py", str(port), str(connections), str(count), str(size), "--domains",
            str(senders.DOMAINS), *(["--tls"] if tls else []), *login]


def section(report, options):
    report.start("send", "messages a second submitted and delivered to a sink")
    shown = " ".join(command("587", "CONNECTIONS", "COUNT", True, ["--login", "USER", "PASSWORD"]))
    report.command(shown.replace(HERE + "/", "").replace(sys.executable, "python3"))
    report.note(f"""Median of {options.rounds} rounds of about {options.seconds or 6} s for each server in turn; ratios: median of each round's.
submitted: until the last 250. delivered: until the sink has had the last message. The sink offers no TLS.
Equal: the generator, messages of {SIZE} bytes to {senders.DOMAINS} domains at one host, durable queues on the same disk, the same sink, ECDSA P-256.
Not equal: Buzón authenticates each connection (AUTH PLAIN, once), checks sender and From, counts for the day, and finds the host by
MX (from its own local names); Postfix takes mail from loopback without a login and has a relayhost, no look-ups.""")
    rows = []
    for tls, connections in itertools.product(WAY, options.connections or CONNECTIONS):
        try:
            results = case(report, options, tls, connections)
        except (RuntimeError, OSError, subprocess.SubprocessError, lib.Failure) as reason:
            report.miss(f"{WAY[tls]}, {connections} connections: {lib.one_line(reason)}")
            continue
        rows.append(line(report, tls, connections, results))
    report.table(["", "postfix submitted/s", "delivered/s", "ms cpu", "buzon submitted/s", "delivered/s", "ms cpu", "x submitted",
                  "x delivered"], rows)
    for row, (tls, connections) in zip(rows, itertools.product(WAY, options.connections or CONNECTIONS)):
        if connections == MARKED:
            report.mark(f"times Postfix (delivered), {connections} connections, {row[0]}", row[-1], ">=", TIMES_POSTFIX, "x")
    for part in (queue_load, tls_load):
        try:
            part.section(report, options)
        except (RuntimeError, OSError, subprocess.SubprocessError, lib.Failure) as reason:
            report.miss(f"{part.__name__} ended early: {lib.one_line(reason)}")


def load(server, sink, connections, count, tls):
    before, busy, started = sink.messages(), measure.cpu(server.pid), time.perf_counter()
    elapsed, generator = measure.run(command(server.submission, connections, count, tls, server.login), timeout=600)
    arrived = senders.drain(server, sink, before + count)
    return {"submitted": count / elapsed, "delivered": count / (max(arrived, started + elapsed) - started),
            "cpu": (measure.cpu(server.pid) - busy) * 1000 / count, "generator": generator * 1000 / count}


def how_many(server, sink, connections, tls, seconds):
    """The number of messages that takes about `seconds`, found by growing runs, which also warm the server up."""
    count = 4 * connections
    for _ in range(6):
        run = load(server, sink, connections, count, tls)
        took = count / run["delivered"]
        if took >= seconds / 4:
            break
        count = int(count * min(8, seconds / 2 / took)) + connections
    return max(2 * connections, int(run["delivered"] * seconds))


def case(report, options, tls, connections):
    """{server: [run of each round]}, each server with a sink of its own."""
    with contextlib.ExitStack() as stack:
        running = []
        for kind in (senders.PostfixSender, *([senders.BuzonSender] if options.buzon else [])):
            sink = stack.enter_context(senders.CountingSink())
            running.append((stack.enter_context(kind(sink.smtp)), sink))
        counts = {server.name: how_many(server, sink, connections, tls, (options.seconds or 6)) for server, sink in running}
        results = {server.name: [] for server, _ in running}
        for number in range(options.rounds):
            for server, sink in running[number % len(running):] + running[:number % len(running)]:
                results[server.name].append(load(server, sink, connections, counts[server.name], tls))
            report.progress(f"{WAY[tls]}, {connections} connections, round {number + 1}: " +
                            ", ".join(f"{name} {reports.number(runs[-1]['delivered'])}/s" for name, runs in results.items()))
        return results


def line(report, tls, connections, results):
    name = f"{WAY[tls]}, {connections} connections"
    for key, unit in (("submitted", "messages/s"), ("delivered", "messages/s"), ("cpu", "ms/message"), ("generator", "ms/message")):
        report.row(f"{key}: {name}", unit, **{server: [run[key] for run in runs] for server, runs in results.items()})

    def middle(server, key):
        return measure.median([run[key] for run in results[server]]) if server in results else None

    def times(key):
        return reports.ratio(*([run[key] for run in results.get(server, [])] for server in ("buzon", "postfix")))
    cells = [middle(server, key) for server in ("postfix", "buzon") for key in ("submitted", "delivered", "cpu")]
    return [name, *cells, times("submitted"), times("delivered")]
