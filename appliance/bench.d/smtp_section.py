"""Durable messages a second: smtp-source gives the same load to smtp-sink, to Postfix and to Buzón in turn, in rounds, so
that whatever else the machine does hits all alike."""

import contextlib
import itertools
import subprocess
import time

import lib
import measure
import profiles
import report as reports
import servers

SIZES = [4096, 50 * 1024]
CONNECTIONS = [1, 10, 50]
MARKED = (4096, 50)
KEPT = {False: "a connection for each message", True: "connections kept (-d)"}
SINK_SHARE = {False: 0.40, True: 0.25}
TIMES_POSTFIX = 8
MOST_BYTES = 2 << 30  # what one run may write


def command(port, size, connections, count, kept):
    return [servers.TOOLS + "smtp-source", *(["-d"] if kept else []), "-M", "cliente.example", "-s", str(connections), "-l", str(size),
            "-m", str(count), "-f", "remitente@fuera.example", "-t", servers.USER, f"127.0.0.1:{port}"]


def load(server, size, connections, count, kept):
    """One run of the generator: what was accepted and what was in the mailbox, a second, and the processor's milliseconds a message."""
    before = measure.cpu(server.pid)
    elapsed, generator = measure.run(command(server.smtp, size, connections, count, kept), servers.TOOL_ENVIRONMENT, timeout=600)
    started = time.perf_counter()
    server.drain()
    waited = time.perf_counter() - started
    server.took(count)
    return {"count": count, "accepted": count / elapsed, "delivered": count / (elapsed + waited),
            "cpu": (measure.cpu(server.pid) - before) * 1000 / count, "generator": generator * 1000 / count}


def how_many(server, size, connections, kept, seconds):
    """The number of messages that takes about `seconds`, found by growing runs, which also warm the server up."""
    count = max(4 * connections, 40)
    for _ in range(6):
        run = load(server, size, connections, count, kept)
        took = count / run["delivered"]
        if took >= seconds / 4:
            break
        count = int(count * min(8, seconds / 2 / took)) + 1
    return max(2 * connections, min(int(run["delivered"] * seconds), MOST_BYTES // size))


def section(report, options):
    report.start("smtp", "durable messages a second")
    for kept in KEPT:
        report.command(" ".join(command("PORT", "SIZE", "CONNECTIONS", "COUNT", kept)).replace(servers.TOOLS, ""))
    report.command(" ".join(servers.Sink().command()).replace(servers.TOOLS, ""))
    report.note(f"Median of {options.rounds} rounds of about {options.seconds or 2} s for each server in turn; ratios: median of each round's.")
    report.note("accepted: until the last 250. delivered: until the last message is in the mailbox (for Postfix: queue empty).")
    shares = {}
    for kept, size in itertools.product(KEPT, options.sizes or SIZES):
        rows = []
        for connections in options.connections or CONNECTIONS:
            try:
                results = case(report, options, kept, size, connections)
            except (RuntimeError, OSError, subprocess.SubprocessError, lib.Failure) as reason:
                report.miss(f"{size // 1024} KiB, {connections} connections, {KEPT[kept]}: {lib.one_line(reason)}")
                continue
            rows.append(line(report, kept, size, connections, results))
            if (size, connections) == MARKED:
                shares[kept] = results
        report.note(f"\n{KEPT[kept]}, {size // 1024} KiB")
        report.table(["connections", "sink/s", "postfix accepted/s", "delivered/s", "ms cpu", "buzon/s", "ms cpu", "of sink", "x postfix",
                      "x its accepted"], rows)
    report.note("")
    for kept, results in shares.items():
        buzon, sink, postfix = (rates(results, name) for name in ("buzon", "smtp-sink", "postfix"))
        share = reports.ratio(buzon, sink)
        report.mark(f"share of smtp-sink, 50 connections, 4 KiB, {KEPT[kept]}", share and share * 100, ">=", SINK_SHARE[kept] * 100, " %")
        times = reports.ratio(buzon, postfix)
        report.mark(f"times Postfix (delivered), 50 connections, 4 KiB, {KEPT[kept]}", times, ">=", TIMES_POSTFIX, "x")


def case(report, options, kept, size, connections):
    """{server: [run of each round]} on fresh servers."""
    with contextlib.ExitStack() as stack:
        running = [stack.enter_context(kind()) for kind in (servers.Sink, servers.Postfix, *([servers.Buzon] if options.buzon else []))]
        counts = {}
        for server in running:
            counts[server.name] = how_many(server, size, connections, kept, (options.seconds or 2))
        results = {server.name: [] for server in running}
        for number in range(options.rounds):
            for server in running[number % len(running):] + running[:number % len(running)]:
                results[server.name].append(load(server, size, connections, counts[server.name], kept))
                if server.name == "buzon":
                    results["buzon"][-1]["rss"], _ = measure.memory(server.pid)
            report.progress(f"{size // 1024} KiB, {connections} connections{', -d' if kept else ''}, round {number + 1}: " +
                            ", ".join(f"{name} {reports.number(runs[-1]['delivered'])}/s" for name, runs in results.items()))
        if options.buzon and (size, connections) == MARKED and options.profile:
            with profiles.profiled(report, options, running[-1], f"{connections} connections, {size // 1024} KiB, {KEPT[kept]}"):
                load(running[-1], size, connections, counts["buzon"], kept)
        for server in running:
            server.check()
        return results


def rates(results, name, key="delivered"):
    """A server's runs, one for each round; none for a server that was not measured."""
    return [run[key] for run in results.get(name, [])]


def middles(results):
    return {name: {key: measure.median([run[key] for run in runs]) for key in runs[0]} for name, runs in results.items()}


def line(report, kept, size, connections, results):
    name = f"{size // 1024} KiB, {connections} connections, {KEPT[kept]}"
    for key, unit in (("accepted", "messages/s"), ("delivered", "messages/s"), ("cpu", "ms/message"), ("generator", "ms/message")):
        report.row(f"{key}: {name}", unit, **{server: [run[key] for run in runs] for server, runs in results.items()})
    if "buzon" in results:
        report.row(f"resident memory after: {name}", "KiB", buzon=[run["rss"] for run in results["buzon"]])
    middle = middles(results)
    sink, postfix, buzon = (middle.get(each, {}) for each in ("smtp-sink", "postfix", "buzon"))
    ours = rates(results, "buzon")
    share = reports.ratio(ours, rates(results, "smtp-sink"))
    return [str(connections), sink["delivered"], postfix["accepted"], postfix["delivered"], postfix["cpu"], buzon.get("delivered"),
            buzon.get("cpu"), "-" if share is None else f"{share:.0%}", reports.ratio(ours, rates(results, "postfix")),
            reports.ratio(ours, rates(results, "postfix", "accepted"))]
