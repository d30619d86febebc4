"""Mail that flows while signatures change: nothing is refused, nobody waits."""

import threading
import time

import filter_letters
import filter_server
import lib
import measure
import report as reports

CONNECTIONS, RELOADS, PAUSE = 10, 3, 100


def section(report, options, folder, files, count):
    seconds, reloads = (12, 1) if options.quick else (25, RELOADS)
    report.note(f"""\nSignatures change: {CONNECTIONS} connections send the mix for {seconds} s, then again while {count} signatures are replaced {reloads} times.
worst: the longest that a message took. silence: the longest in which none was answered.""")
    rows, quiet, busy, refused = [], [], [], []
    with filter_server.Filtering("all", folder + "/signatures") as server:
        filter_server.mail(server, CONNECTIONS, 3, files)
        for number in range(options.rounds):
            before, _ = measure.memory(server.pid)
            still = run(server, seconds, files)
            with Watch(server, folder + "/signatures", reloads, seconds) as watch:
                moving = run(server, seconds, files)
            if watch.failure or watch.loads < reloads:
                raise lib.Failure(watch.failure or f"{watch.loads} of {reloads} reloads in {seconds} s")
            quiet.append(still)
            busy.append(moving)
            refused += still["refused"] + moving["refused"]
            for name, result, most in (("as it is", still, before), (f"{watch.loads} reloads", moving, watch.most)):
                rows.append([f"round {number + 1}, {name}", result["rate"], result["median"], result["99 %"], result["worst"], result["silence"],
                             most / 1024])
            report.row(f"memory, round {number + 1}", "KiB", before=before, most=watch.most)
            report.progress(f"round {number + 1}: worst {reports.number(still['worst'])} ms, with reloads {reports.number(moving['worst'])} ms")
        server.check()
    for key, unit in (("rate", "messages/s"), ("median", "ms"), ("99 %", "ms"), ("worst", "ms"), ("silence", "ms")):
        report.row(f"{key}: {CONNECTIONS} connections", unit, still=[run[key] for run in quiet], reloads=[run[key] for run in busy])
    report.table(["", "messages/s", "median ms", "99 % ms", "worst ms", "silence ms", "most MiB"], rows)
    report.mark("messages refused while signatures change", len(refused), "<", 1)
    for key, what in (("worst", "the worst wait"), ("silence", "the longest silence")):
        more = max(run[key] for run in busy) - max(run[key] for run in quiet)
        report.mark(f"{what} while signatures change, more than without", more, "<", PAUSE, " ms")


def run(server, seconds, files):
    result = filter_server.flow(server, CONNECTIONS, seconds, files)
    ends = sorted(end for _, end in result["times"])
    waits = result["waits"]
    return {"rate": result["rate"], "refused": result["refused"], "median": filter_server.share(waits, 0.5),
            "99 %": filter_server.share(waits, 0.99), "worst": waits[-1],
            "silence": max((later - earlier) * 1000 for earlier, later in zip(ends, ends[1:]))}


class Watch:
    """Replaces the signatures, waits until the server has loaded them, so many times; sees how much memory it takes at most."""

    def __init__(self, server, folder, reloads, seconds):
        self.server, self.folder, self.reloads = server, folder, reloads
        with open(folder + "/bench.ndb") as file:
            self.patterns = file.read()
        self.most, self.loads, self.failure = 0, 0, None
        self.ending = time.monotonic() + seconds
        self.threads = [threading.Thread(target=each) for each in (self.replace, self.look)]

    def __enter__(self):
        self.goes_on = True
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.goes_on = False
        for thread in self.threads:
            thread.join()

    def replace(self):
        try:
            for number in range(self.reloads):
                known = self.server.loaded()
                filter_letters.replace(self.folder + "/bench.ndb", [self.patterns, f"Bench.More-{number}:1:*:{time.time_ns():040x}\n"])
                filter_server.wait_for(lambda: self.server.loaded() > known or time.monotonic() > self.ending, 60, "new signatures")
                if self.server.loaded() > known:
                    self.loads += 1
        except Exception as reason:  # told in the thread that waits for it
            self.failure = lib.one_line(reason)

    def look(self):
        while self.goes_on:
            with open(f"/proc/{self.server.pid}/statm") as file:
                self.most = max(self.most, int(file.read().split()[1]) * 4)
            time.sleep(0.01)
