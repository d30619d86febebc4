"""The store alone, without sockets: what a program of the package's own, beside the executable, measures."""

import os
import subprocess
import tempfile

import lib


def section(report, options):
    report.start("store", "deliveries and reads without a network")
    if not options.buzon:
        report.note("No peer has one.")
        return
    program = os.path.join(os.path.dirname(lib.binary()), "buzon-bench")
    if not os.path.exists(program):
        report.note(f"There is no {program} (swift build -c release --product buzon-bench): nothing measured.")
        return
    with tempfile.TemporaryDirectory(prefix="buzon-store-") as folder:
        command = [program, "store", folder]
        report.command(" ".join(command))
        done = subprocess.run(command, capture_output=True, text=True, timeout=1800)
        report.note(done.stdout.rstrip())
        report.section["output"] = done.stdout
        if done.returncode:
            report.miss(f"buzon-bench ended with {done.returncode}: {done.stderr.strip()[-300:]}")
        report.save()
