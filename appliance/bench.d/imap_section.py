"""A mailbox of 10,000 messages, read by the same client from Buzón and from Dovecot in turn; then memory, with and without
a thousand clients that wait in IDLE. With --scale: how costs grow with the mailbox."""

import contextlib
import itertools
import threading

import measure
import messages
import profiles
import report as reports
import scale
import servers
import waiting
import wire

FILLERS = 8  # connections that fill Buzón's mailbox
FETCHES = [
    ("FETCH FLAGS UID SIZE DATE", "FETCH 1:* (FLAGS UID RFC822.SIZE INTERNALDATE)"),
    ("FETCH ENVELOPE", "FETCH 1:* ENVELOPE"),
    ("FETCH BODYSTRUCTURE", "FETCH 1:* BODYSTRUCTURE"),
    ("FETCH some header fields", "FETCH 1:* BODY.PEEK[HEADER.FIELDS (FROM TO SUBJECT DATE)]"),
    ("FETCH whole messages", "FETCH 1:* BODY.PEEK[]"),
    ("FETCH first 1,024 bytes", "FETCH 1:* BODY.PEEK[TEXT]<0.1024>")]
SEARCHES = [
    ("SEARCH UNSEEN", "SEARCH UNSEEN"),
    ("SEARCH SINCE", "SEARCH SINCE 1-Oct-2025"),
    ("SEARCH SUBJECT", f"SEARCH SUBJECT {messages.RARE}"),
    ("SEARCH FROM", "SEARCH FROM mueller"),
    ("SEARCH BODY", f"SEARCH BODY {messages.BURIED}")]
ENVELOPE = "FETCH ENVELOPE"
SELECT = "SELECT"


def section(report, options):
    if options.scale:
        return scale.section(report, options)
    count = options.messages or (1000 if options.quick else 10_000)
    report.start("imap", f"a mailbox of {count} messages")
    report.note(f"Median of {options.rounds} rounds, each server in turn; cold: first after a start of Buzón, and without index files for "
                "Dovecot; warm: asked again on a new connection.")
    for name, command in FETCHES + SEARCHES:
        report.command(command)
    waiting_users = [f"espera{number}@{servers.DOMAIN}" for number in range(10)]
    with contextlib.ExitStack() as stack:
        running = []
        if options.buzon:
            buzon = stack.enter_context(servers.Buzon(users=[servers.USER, *waiting_users]))
            buzon.restart()
            empty = measure.memory(buzon.pid)
            fill(buzon, servers.USER, messages.make(count))
            running.append(buzon)
        dovecot = servers.Dovecot()
        dovecot.fill(servers.USER, messages.make(count))
        running.append(stack.enter_context(dovecot))
        results = rounds(report, options, running)
        show(report, results, count)
        if options.buzon and options.profile:
            for name, command in FETCHES + SEARCHES:
                profile(report, options, buzon, name, command)
        known = {"just started": empty, "after the work above": measure.memory(buzon.pid)} if options.buzon else {}
        waiting.section(report, options, running, waiting_users, known)


def fill(server, user, made):
    """Appends from several connections at once; the order may differ from Dovecot's, the messages do not."""
    lock, failures = threading.Lock(), []

    def batch():
        with lock:
            return list(itertools.islice(made, 50))

    def one():
        try:
            with wire.IMAP(server.imap) as client:
                client.login(user)
                while several := batch():
                    client.append("INBOX", several)
        except Exception as reason:  # a thread's end is not its starter's, so it is told below
            failures.append(reason)

    threads = [threading.Thread(target=one) for _ in range(FILLERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise RuntimeError(f"filling {server.name}: {failures[0]}") from failures[0]


def rounds(report, options, running):
    """{(name, "cold" or "warm"): {server: [(seconds, bytes, processor seconds) of each round]}}"""
    results = {}
    for number in range(options.rounds):
        for server in running[number % len(running):] + running[:number % len(running)]:
            server.cold()
            for state in ("cold", "warm", "warm", "warm"):
                for name, reply, busy in once(server):
                    results.setdefault((name, state), {}).setdefault(server.name, []).append((reply.seconds, reply.size, busy, reply.found))
            report.progress(f"round {number + 1}: {server.name}")
    return results


def once(server):
    """Each command once on a connection of its own mailbox view."""
    with wire.IMAP(server.imap) as client:
        client.login(servers.USER)
        for name, command in [(SELECT, "SELECT INBOX")] + FETCHES + SEARCHES:
            before = measure.running(server.pid)
            reply = client.ask(command, keep=name.startswith("SEARCH"))
            reply.found = len(reply.text.partition(b"\r\n")[0].split()) - 2 if name.startswith("SEARCH") else None
            yield name, reply, measure.running(server.pid) - before
        client.ask("LOGOUT")


def profile(report, options, server, name, command):
    with wire.IMAP(server.imap) as client:
        client.login(servers.USER)
        client.ask("SELECT INBOX")
        with profiles.profiled(report, options, server, name):
            profiles.enough(lambda: client.ask(command))


def agree(report, results):
    """The same messages must give the same finds, or the times say nothing."""
    for (name, state), by_server in results.items():
        found = {server: runs[0][3] for server, runs in by_server.items()}
        if state == "warm" and len(set(found.values())) > 1:
            report.miss(f"{name} found " + ", ".join(f"{number} in {server}" for server, number in found.items()))


def show(report, results, count):
    rows, envelopes, marks = [], {}, {}
    for name in dict.fromkeys(name for name, _ in results):
        cells = [name]
        for state in ("cold", "warm"):
            by_server = results[name, state]
            for column, what in ((0, ""), (2, ": processor")):
                report.row(f"{name}, {state}{what}", "ms",
                           **{server: [run[column] * 1000 for run in runs] for server, runs in by_server.items()})
            middle = {server: measure.median([run[0] for run in runs]) for server, runs in by_server.items()}
            times = reports.ratio(*([run[0] for run in by_server.get(server, [])] for server in ("dovecot", "buzon")))
            cells += [middle["dovecot"] * 1000, milliseconds(middle.get("buzon")), times]
            if name == ENVELOPE:
                envelopes[state], marks[state] = middle, times
        warm = results[name, "warm"]
        cells.append(measure.median([run[2] for run in warm["dovecot"]]) * 1000)
        cells.append(milliseconds(measure.median([run[2] for run in warm["buzon"]])) if "buzon" in warm else None)
        cells.append(str(warm["dovecot"][0][3]) if warm["dovecot"][0][3] is not None else "")
        cells.append(warm["dovecot"][0][1] / 1e6)
        cells.append(warm["buzon"][0][1] / 1e6 if "buzon" in warm else None)
        rows.append(cells)
    report.note("")
    report.table(["ms", "cold dovecot", "buzon", "x", "warm dovecot", "buzon", "x", "cpu dovecot", "buzon", "found", "MB dovecot",
                  "buzon"], rows)
    rates = {state: {server: count / seconds for server, seconds in middle.items()} for state, middle in envelopes.items()}
    agree(report, results)
    report.note("envelopes a second: " + "; ".join(
        f"{state}: " + ", ".join(f"{server} {reports.number(rate)}" for server, rate in by.items()) for state, by in rates.items()))
    for state, times in marks.items():
        report.mark(f"FETCH of {count} envelopes, {state}, times Dovecot's rate", times, ">=", 1, "x")


def milliseconds(seconds):
    return None if seconds is None else seconds * 1000
