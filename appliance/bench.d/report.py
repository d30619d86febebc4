"""The tables that people read, and the same numbers for programs."""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time

import measure


class Report:
    """Collects numbers by section; prints tables to standard output and progress to standard error."""

    def __init__(self, path=None):
        self.path = path
        self.section = None
        self.missed = 0
        self.document = {"time": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "machine": machine(), "sections": {}}

    def start(self, name, title):
        self.section = self.document["sections"][name] = {"load": measure.load(), "commands": [], "rows": [], "marks": []}
        print(f"\n== {name}: {title}")
        print("load before: " + " ".join(f"{value:.2f}" for value in measure.load()))

    def note(self, text):
        print(text, flush=True)

    def progress(self, text):
        print(f"   {text}", file=sys.stderr, flush=True)

    def command(self, text):
        self.section["commands"].append(text)
        print("$ " + text)

    def row(self, name, unit, **values):
        """Keeps the single runs of each server: `values` maps a server's name to a list, or to one number."""
        self.section["rows"].append({"name": name, "unit": unit, **values})
        self.save()

    def table(self, headings, rows):
        """Plain text, first column to the left, numbers to the right."""
        lines = [headings] + [[cell if isinstance(cell, str) else number(cell) for cell in row] for row in rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
        for index, line in enumerate(lines):
            cells = [line[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(line[1:], widths[1:])]
            print("  ".join(cells).rstrip())
            if index == 0:
                print("  ".join("-" * width for width in widths))
        sys.stdout.flush()

    def mark(self, what, got, relation, wanted, unit=""):
        """One line PASS or MISS; `relation` is ">=" or "<". A number that is None could not be had, and says so."""
        if got is None:
            verdict = "none"
        elif (got >= wanted) if relation == ">=" else (got < wanted):
            verdict = "PASS"
        else:
            verdict = "MISS"
            self.missed += 1
        self.section["marks"].append({"what": what, "got": got, "relation": relation, "wanted": wanted, "unit": unit, "verdict": verdict})
        shown = "not measured" if got is None else number(got) + unit
        print(f"{verdict} {what}: {shown} (mark: {relation} {number(wanted)}{unit})", flush=True)
        self.save()

    def miss(self, what):
        """Something that is wrong, beside the marks."""
        self.missed += 1
        self.section["marks"].append({"what": what, "verdict": "MISS"})
        print("MISS " + what, flush=True)
        self.save()

    def save(self):
        if self.path:
            with open(self.path + ".new", "w") as file:
                json.dump(self.document, file, indent=1)
                file.write("\n")
            os.replace(self.path + ".new", self.path)


def number(value):
    """Three figures or so: 12345, 123, 12.3, 1.23, 0.0123."""
    if value is None or value != value:
        return "-"
    if abs(value) >= 100 or value == int(value):
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.3f}"


def ratio(values, others):
    """How many times the other's: the median over rounds, since what disturbs one round disturbs both of its runs.
    None where one of them has none."""
    return measure.median([value / other for value, other in zip(values, others)]) if values and others else None


def growth(last, first):
    return last / first if first else None


def machine():
    with open("/proc/cpuinfo") as file:
        models = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    return {"processor": models[0] if models else platform.machine(), "cores": len(os.sched_getaffinity(0)), "kernel": platform.release()}


def filesystem():
    """The type of the file system that holds the servers' folders: what fdatasync costs there decides much."""
    done = subprocess.run(["stat", "-f", "-c", "%T", tempfile.gettempdir()], capture_output=True, text=True)
    return done.stdout.strip() or "unknown"
