"""Arguments, and the order of sections."""

import argparse
import os
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "interop")]

import lib  # noqa: E402
import report as reports  # noqa: E402

FAILURES = (RuntimeError, OSError, subprocess.SubprocessError, lib.Failure, lib.Skip)
SECTIONS = ["smtp", "imap", "pop3", "store", "send", "filter"]


def arguments():
    parser = argparse.ArgumentParser(prog="appliance/bench", description="Measures Buzón beside Debian's Postfix and Dovecot.")
    parser.add_argument("sections", nargs="+", choices=SECTIONS, metavar="|".join(SECTIONS))
    parser.add_argument("--json", metavar="FILE", help="the numbers, every single run of them")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of which the median is shown (3)")
    parser.add_argument("--seconds", type=float, help="aimed length of one run (smtp and filter 2, send 6: there each run begins with logins)")
    parser.add_argument("--sizes", type=numbers, help="smtp: message sizes in bytes (4096,51200)")
    parser.add_argument("--connections", type=numbers, help="smtp: (1,10,50); send: (10,50)")
    parser.add_argument("--messages", type=int, help="messages in the mailbox (imap 10000, pop3 1000)")
    parser.add_argument("--idle", type=int, default=1000, help="imap, send: idle connections (1000)")
    parser.add_argument("--queued", type=int, default=100_000, help="send: messages in the long queue (100000)")
    parser.add_argument("--scale", nargs="?", type=numbers, const=[100, 10_000, 100_000], metavar="SIZES",
                        help="imap: how costs grow with the mailbox, instead of the rest (100,10000,100000)")
    parser.add_argument("--profile", action="store_true", help="also say where Buzón's time goes, by perf")
    parser.add_argument("--quick", action="store_true", help="one short round, to see that everything runs")
    parser.add_argument("--peers-only", action="store_true", help="without Buzón")
    parser.add_argument("--check", action="store_true", help=argparse.SUPPRESS)  # the arguments only
    options = parser.parse_args()
    options.buzon = not options.peers_only
    if options.quick:
        options.rounds, options.seconds, options.idle, options.queued = 1, 0.5, min(options.idle, 100), min(options.queued, 2000)
    return options


def numbers(text):
    return [int(word.replace("_", "")) for word in text.split(",")]


def main():
    options = arguments()
    if options.check:
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that every `with` ends what it started
    # Not /tmp: that may be memory, where nothing is durable and so nothing costs.
    tempfile.tempdir = os.environ.get("BUZON_BENCH_DIR") or "/var/tmp"
    report = reports.Report(options.json)
    report.document["options"] = {key: value for key, value in vars(options).items() if key not in ("json", "check")}
    print("{processor}, {cores} cores, Linux {kernel}".format(**report.document["machine"]))
    print(f"folders on {reports.filesystem()}" + (f", {lib.binary()}" if options.buzon else ", without Buzón"))
    if reports.filesystem() in ("tmpfs", "ramfs"):
        print("MISS: these folders are in memory, so nothing here is durable; name a folder on a disk in BUZON_BENCH_DIR")
        return 1
    for name in dict.fromkeys(options.sections):
        try:
            __import__(name + "_section").section(report, options)
        except FAILURES as reason:
            report.miss(f"{name} ended early: {lib.one_line(reason)}")
    report.save()
    print(f"\n{report.missed} marks missed")
    return 1 if report.missed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
