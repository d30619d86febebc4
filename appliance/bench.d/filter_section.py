"""What filtering costs: our inspector beside libclamav alone on the same bytes, the server with its checks off, for viruses, and with all of
them, and mail that flows while signatures change."""

import contextlib
import json
import os
import subprocess
import tempfile

import filter_letters
import filter_reload
import lib
import measure
import report as reports
from filter_server import POLICIES, Filtering, mail, share

WAYS = ["scan", "virus", "all"]
CONNECTIONS, OVERHEAD, SIGNATURES = 10, 15, 200_000


def section(report, options):
    report.start("filter", "what the checks of content cost")
    if not options.buzon:
        report.note("No peer has one.")
        return
    program = os.path.join(os.path.dirname(lib.binary()), "buzon-bench")
    with tempfile.TemporaryDirectory(prefix="buzon-filter-") as folder:
        letters = write(folder)
        count = 20_000 if options.quick else SIGNATURES
        for name, wanted in (("signatures", count), ("few/signatures", 1)):
            filter_letters.signatures(f"{folder}/{name}", wanted)
        bare = None
        if os.path.exists(program):
            bare = alone(report, options, program, folder, letters, count)
        else:
            report.note(f"There is no {program} (swift build -c release --product buzon-bench): nothing is compared with libclamav alone.")
        for part in (lambda: served(report, options, folder, letters["mix"], count, bare),
                     lambda: filter_reload.section(report, options, folder, letters["mix"], count)):
            try:
                part()
            except (RuntimeError, OSError, subprocess.SubprocessError, lib.Failure) as reason:
                report.miss(lib.one_line(reason))


def write(folder):
    """{kind: files}"""
    files = {}
    for kind, letters in filter_letters.kinds().items():
        files[kind] = []
        for number, data in enumerate(letters):
            files[kind].append(f"{folder}/{kind.replace(' ', '-')}-{number}.eml")
            with open(files[kind][-1], "wb") as file:
                file.write(data)
    return files


# Libclamav alone, and our inspector

def alone(report, options, program, folder, letters, count):
    """Milliseconds a message of the mix that libclamav alone takes with all signatures, one for each round."""
    seconds, threads = options.seconds or 2, os.cpu_count() or 1
    report.command(f"buzon-bench scan|virus|all DIR {seconds} {threads} FILE...")
    report.note(f"""Median of {options.rounds} rounds, {threads} threads; ms: the processor's for a message; over: what it is more than libclamav's own.
alone: cl_scanmap on the same bytes, same limits and options. virus, all: our inspector, all with banned names. No message comes twice.""")
    found = None
    for words, where, wanted in ((f"{count} signatures", folder, OVERHEAD), ("1 signature", folder + "/few", None)):
        rows, results = [], {}
        for kind, files in letters.items():
            results[kind] = {way: [] for way in WAYS}
            for number in range(options.rounds):
                for way in WAYS[number % 3:] + WAYS[:number % 3]:
                    results[kind][way].append(loop(program, way, where, seconds, threads, files))
            report.progress(f"{words}, {kind}: " + ", ".join(f"{way} {reports.number(runs[-1]['cpu'])} ms"
                                                             for way, runs in results[kind].items()))
            rows.append(line(report, f"{kind}, {words}", results[kind]))
        report.note(f"\n{words}")
        report.table(["", "alone/s", "ms", "virus/s", "ms", "over", "all/s", "ms", "over"], rows)
        for kind in letters:
            if wanted:
                report.mark(f"our own over libclamav alone, {kind}, {words}", over(results[kind], "virus"), "<", wanted, " %")
        found = found or [run["cpu"] for run in results["mix"]["scan"]]
    return found


def loop(program, way, folder, seconds, threads, files):
    command = [program, way, folder, str(seconds), str(threads), *files]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600)
    if done.returncode:
        raise RuntimeError(f"buzon-bench {way} ended with {done.returncode}: {(done.stderr or done.stdout)[-300:].strip()}")
    return json.loads(done.stdout.splitlines()[-1])


def over(results, way):
    """Percent; the median over rounds."""
    share = reports.ratio([run["cpu"] for run in results[way]], [run["cpu"] for run in results["scan"]])
    return share and (share - 1) * 100


def line(report, name, results):
    for key, unit in (("rate", "messages/s"), ("cpu", "ms/message")):
        report.row(f"{name}: {key}", unit, **{way: [run[key] for run in runs] for way, runs in results.items()})
    cells = [name.partition(",")[0]]
    for way, runs in results.items():
        cells += [measure.median([run[key] for run in runs]) for key in ("rate", "cpu")]
        if way != "scan":
            cells.append(f"{over(results, way):.0f} %")
    return cells


def served(report, options, folder, files, count, bare):
    seconds = options.seconds or 4
    report.note(f"""\nA server of ours: the mix by SMTP, connections kept, durable when answered; {count} signatures; median of {options.rounds} rounds of {seconds} s.
added: what a message takes longer than without checks, one connection.""")
    report.command("filter_load.py PORT CONNECTIONS SECONDS FILE...")
    results = {way: [] for way in POLICIES}
    with contextlib.ExitStack() as stack:
        running = [stack.enter_context(Filtering(way, folder + "/signatures")) for way in POLICIES]
        for server in running:
            mail(server, CONNECTIONS, seconds / 2, files)
        for number in range(options.rounds):
            for server in running[number % 3:] + running[:number % 3]:
                many, one = (mail(server, connections, seconds, files) for connections in (CONNECTIONS, 1))
                results[server.way].append({"rate": many["rate"], "cpu": many["cpu"], "one": one["rate"], "one cpu": one["cpu"],
                                            "median": share(one["waits"], 0.5), "99 %": share(one["waits"], 0.99)})
            report.progress(f"round {number + 1}: " + ", ".join(f"{way} {reports.number(runs[-1]['rate'])}/s" for way, runs in results.items()))
        for server in running:
            server.check()
    units = {"rate": "messages/s", "one": "messages/s", "median": "ms", "99 %": "ms"}
    for key in results["off"][0]:
        report.row(f"{key}: the mix by SMTP", units.get(key, "ms/message"), **{way: [run[key] for run in runs] for way, runs in results.items()})
    middle = {way: {key: measure.median([run[key] for run in runs]) for key in runs[0]} for way, runs in results.items()}
    off = middle["off"]
    report.table(["checks", f"{CONNECTIONS} connections/s", "ms cpu", "1 connection/s", "ms cpu", "median ms", "99 % ms", "added median", "added 99 %"],
                 [[way, *cells.values(), cells["median"] - off["median"], cells["99 %"] - off["99 %"]] for way, cells in middle.items()])
    if bare:
        scans = [virus["cpu"] - off["cpu"] for virus, off in zip(results["virus"], results["off"])]
        more = reports.ratio(scans, bare)
        report.note(f"virus less off: {measure.median(scans):.3f} ms of processor a message; libclamav alone: {measure.median(bare):.3f} ms")
        report.mark("our own over libclamav alone, the mix through a server, virus", more and (more - 1) * 100, "<", OVERHEAD, " %")
