"""A maildrop of 1,000 messages, read by the same client from Buzón and from Dovecot in turn."""

import contextlib
import time

import imap_section
import measure
import messages
import profiles
import report as reports
import servers
import wire

ONE_BY_ONE, PIPELINED, TOPS = "RETR each, one by one", "RETR all, pipelined", "TOP n 0 all, pipelined"


def section(report, options):
    count = options.messages or 1000
    report.start("pop3", f"a maildrop of {count} messages")
    report.note(f"Median of {options.rounds} rounds, each server in turn; cold: first after a start of Buzón, and without index files for "
                "Dovecot; warm: the same in a new session.")
    report.command("USER … PASS … STAT, LIST, UIDL, RETR 1 … RETR n each after the reply to the one before, then all RETR in one write")
    with contextlib.ExitStack() as stack:
        running = []
        if options.buzon:
            buzon = stack.enter_context(servers.Buzon())
            imap_section.fill(buzon, servers.USER, messages.make(count))
            running.append(buzon)
        dovecot = servers.Dovecot()
        dovecot.fill(servers.USER, messages.make(count))
        running.append(stack.enter_context(dovecot))
        results = {}
        for number in range(options.rounds):
            for server in running[number % len(running):] + running[:number % len(running)]:
                server.cold()
                for state in ("cold", "warm", "warm"):
                    for name, seconds, size, busy in session(server, count):
                        results.setdefault((name, state), {}).setdefault(server.name, []).append((seconds, size, busy))
                report.progress(f"round {number + 1}: {server.name}")
        show(report, results, count)
        if options.buzon:
            if options.profile:
                with profiles.profiled(report, options, buzon, "whole sessions"):
                    profiles.enough(lambda: list(session(buzon, count)))
            report.row("resident memory after", "KiB", buzon=measure.memory(buzon.pid)[0])


def session(server, count):
    """(what, seconds, bytes, processor seconds) of each part of one session."""
    started = time.perf_counter()
    with wire.POP3(server.pop3) as client:
        client.login(servers.USER)
        yield "connect, login", time.perf_counter() - started, 0, 0
        parts = {"STAT": lambda: client.ask("STAT"), "LIST": lambda: client.listing("LIST"), "UIDL": lambda: client.listing("UIDL"),
                 ONE_BY_ONE: lambda: each(client, count),
                 PIPELINED: lambda: client.listing([f"RETR {number + 1}" for number in range(count)]),
                 TOPS: lambda: client.listing([f"TOP {number + 1} 0" for number in range(count)])}
        for name, part in parts.items():
            before = measure.running(server.pid)
            reply = part()
            yield name, reply.seconds, reply.size, measure.running(server.pid) - before
            if name == "STAT" and int(reply.text.split()[1]) != count:
                raise RuntimeError(f"{server.name} has {reply.text.decode().strip()}, wanted {count} messages")
        before = time.perf_counter()
        client.ask("QUIT")
        yield "QUIT", time.perf_counter() - before, 0, 0


def each(client, count):
    """One RETR after the other: what a delayed acknowledgement or a reply in two writes would cost shows here."""
    started, size = time.perf_counter(), 0
    for number in range(count):
        size += client.listing(f"RETR {number + 1}").size
    return wire.Reply(time.perf_counter() - started, size, b"", b"")


def show(report, results, count):
    rows, rates, marks = [], {}, {}
    for name in dict.fromkeys(name for name, _ in results):
        cells = [name]
        for state in ("cold", "warm"):
            by_server = results[name, state]
            report.row(f"{name}, {state}", "ms", **{server: [run[0] * 1000 for run in runs] for server, runs in by_server.items()})
            middle = {server: measure.median([run[0] for run in runs]) for server, runs in by_server.items()}
            marks[name] = reports.ratio(*([run[0] for run in by_server.get(server, [])] for server in ("dovecot", "buzon")))
            cells += [middle["dovecot"] * 1000, imap_section.milliseconds(middle.get("buzon")), marks[name]]
        warm = results[name, "warm"]
        rates[name] = {server: count / measure.median([run[0] for run in runs]) for server, runs in warm.items()}
        cells.append(measure.median([run[2] for run in warm["dovecot"]]) * 1000)
        cells.append(measure.median([run[2] for run in warm["buzon"]]) * 1000 if "buzon" in warm else None)
        cells.append(warm["dovecot"][0][1] / 1e6)
        cells.append(warm["buzon"][0][1] / 1e6 if "buzon" in warm else None)
        rows.append(cells)
    report.note("")
    report.table(["ms", "cold dovecot", "buzon", "x", "warm dovecot", "buzon", "x", "cpu dovecot", "buzon", "MB dovecot", "buzon"], rows)
    for name in (ONE_BY_ONE, PIPELINED):
        report.note(f"{name}: " + ", ".join(f"{server} {reports.number(rate)} messages/s" for server, rate in rates[name].items()))
        report.mark(f"{name}, warm, times Dovecot's rate", marks[name], ">=", 1, "x")
