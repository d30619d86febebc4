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
        if os.path.exists(program):
            alone(report, options, program, folder, letters, count)
        else:
            program = None
            report.note("There is no buzon-bench beside it (swift build -c release --product buzon-bench): nothing is compared with libclamav alone.")
        for part in (lambda: served(report, options, folder, letters["mix"], count, program),
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
    seconds, threads = options.seconds or 2, os.cpu_count() or 1
    report.command(f"buzon-bench filter DIR {seconds} {threads} {options.rounds} FILE...")
    report.note(f"""Median of {options.rounds} rounds of {seconds} s for each way, {threads} threads; ms: the processor's for a message; over: what it is more than alone.
alone: cl_scanmap on the same bytes, same limits and options. virus, all: our inspector, all with banned names. No message comes twice.""")
    places = [(f"{count} signatures", folder), ("1 signature", folder + "/few")]
    memory = "/dev/shm"
    with contextlib.ExitStack() as stack:
        if os.access(memory, os.W_OK):
            shared = stack.enter_context(tempfile.TemporaryDirectory(prefix="buzon-filter-", dir=memory))
            os.symlink(folder + "/signatures", shared + "/signatures")
            places.append((f"{count} signatures, temporary files in memory", shared))
        for words, where in places:
            results = {}
            for kind, files in letters.items():
                results[kind] = loops(program, where, seconds, threads, options.rounds, files)
                report.progress(f"{words}, {kind}: " + ", ".join(f"{way} {reports.number(measure.median([run['cpu'] for run in runs]))} ms"
                                                                 for way, runs in results[kind].items()))
            report.note(f"\n{words}")
            report.table(["", "alone/s", "ms", "virus/s", "ms", "over", "all/s", "ms", "over"],
                         [line(report, kind, words, runs) for kind, runs in results.items()])
            if where == folder:
                for kind, runs in results.items():
                    report.mark(f"our own over libclamav alone, {kind}", over(runs, "virus"), "<", OVERHEAD, " %")


def loops(program, folder, seconds, threads, rounds, files):
    """{way: [run of each round]}"""
    command = [program, "filter", folder, str(seconds), str(threads), str(rounds), *files]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600)
    if done.returncode:
        raise RuntimeError(f"buzon-bench ended with {done.returncode}: {(done.stderr or done.stdout)[-300:].strip()}")
    return json.loads(done.stdout.splitlines()[-1])


def over(results, way):
    """Percent; the median over rounds."""
    share = reports.ratio([run["cpu"] for run in results[way]], [run["cpu"] for run in results["alone"]])
    return share and (share - 1) * 100


def line(report, kind, words, results):
    for key, unit in (("rate", "messages/s"), ("cpu", "ms/message")):
        report.row(f"{kind}, {words}: {key}", unit, **{way: [run[key] for run in runs] for way, runs in results.items()})
    cells = [kind]
    for way, runs in results.items():
        cells += [measure.median([run[key] for run in runs]) for key in ("rate", "cpu")]
        if way != "alone":
            cells.append(f"{over(results, way):.0f} %")
    return cells


# A server

def served(report, options, folder, files, count, program):
    seconds = options.seconds or 4
    report.note(f"""\nA server of ours: the mix by SMTP, connections kept, durable when answered; {count} signatures; median of {options.rounds} rounds of {seconds} s.
added: what a message takes longer than without checks, one connection.""")
    report.command("filter_load.py PORT CONNECTIONS SECONDS FILE...")
    results, bare = {way: [] for way in POLICIES}, []
    with contextlib.ExitStack() as stack:
        running = [stack.enter_context(Filtering(way, folder + "/signatures")) for way in POLICIES]
        for server in running:
            mail(server, CONNECTIONS, seconds / 2, files)
        for number in range(options.rounds):
            for server in running[number % 3:] + running[:number % 3]:
                many, one = (mail(server, connections, seconds, files) for connections in (CONNECTIONS, 1))
                results[server.way].append({"rate": many["rate"], "cpu": many["cpu"], "one": one["rate"], "one cpu": one["cpu"],
                                            "median": share(one["waits"], 0.5), "99 %": share(one["waits"], 0.99)})
            if program:
                bare += [run["cpu"] for run in loops(program, folder, seconds / 3, os.cpu_count() or 1, 1, files)["alone"]]
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
