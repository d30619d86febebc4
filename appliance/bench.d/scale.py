"""How costs grow with the mailbox: one mailbox is filled through SMTP, step by step, and measured at each size."""

import contextlib

import measure
import report as reports
import servers
import smtp_section
import wire

PAGE = 50
DELIVERIES = 300
REPEATS = 7
FLAT = 2  # the largest mailbox may cost this many times the smallest
FLOOR = 0.0005  # seconds; what is quicker counts as this, since there all is noise
FILL = 10_000  # messages in one run of the generator


def section(report, options):
    sizes = sorted(size for size in options.scale if size >= PAGE)
    report.start("scale", "how costs grow with the mailbox: " + ", ".join(map(str, sizes)) + " messages")
    report.command(" ".join(smtp_section.command("PORT", 1024, 50, FILL, True)).replace(servers.TOOLS, ""))
    with contextlib.ExitStack() as stack:
        if not options.buzon:
            report.note("Measures Buzón only.")
            return
        server = stack.enter_context(servers.Buzon())
        table = {}
        for size in sizes:
            grow(report, server, size)
            server.restart()
            for name, seconds in at(server, size).items():
                table.setdefault(name, []).append(seconds)
                report.row(f"{name} of {size} messages", "ms", buzon=seconds * 1000)
            rss, pss = measure.memory(server.pid)
            report.row(f"resident memory at {size} messages", "KiB", buzon=rss)
            report.progress(f"{size}: resident {rss} KiB")
    rows = [[name, *(seconds * 1000 for seconds in times), reports.growth(times[-1], times[0])] for name, times in table.items()]
    report.note("")
    report.table(["ms", *map(str, sizes), "last / first"], rows)
    for name, times in table.items():
        if name in FLAT_ONES:
            report.mark(f"{name}: {sizes[-1]} messages against {sizes[0]}", max(times[-1], FLOOR) / max(times[0], FLOOR), "<", FLAT, "x")


def grow(report, server, size):
    """Fills INBOX to `size` messages, all but the newest few \\Seen."""
    while server.sent < size:
        count = min(FILL, size - server.sent)
        smtp_section.load(server, 1024, min(50, count), count, True)
        report.progress(f"filled to {server.sent}")
    with wire.IMAP(server.imap) as client:
        client.login(servers.USER)
        client.ask("SELECT INBOX")
        client.ask(f"STORE 1:{size - 10} +FLAGS.SILENT (\\Seen)")
        client.ask("LOGOUT")


FLAT_ONES = ["SELECT", "STATUS", "SEARCH UNSEEN", "FETCH a page, newest", "FETCH a page, middle", "UID FETCH a page", "STORE one flag",
             "delivery, one connection (-d)"]


def at(server, size):
    """{what: median seconds}, on a connection of its own for each repetition."""
    first, middle = max(1, size - PAGE + 1), max(1, size // 2 - PAGE + 1)
    asked = {
        "SELECT": "SELECT INBOX",
        "STATUS": "STATUS INBOX (MESSAGES UNSEEN UIDNEXT)",
        "SEARCH UNSEEN": "SEARCH UNSEEN",
        "SEARCH SUBJECT (nothing)": "SEARCH SUBJECT zanahoria",
        "FETCH a page, newest": f"FETCH {first}:{size} (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)",
        "FETCH a page, middle": f"FETCH {middle}:{middle + PAGE - 1} (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)",
        "UID FETCH a page": f"UID FETCH {first}:{size} (FLAGS BODY.PEEK[HEADER.FIELDS (FROM SUBJECT DATE)])",
        "FETCH all FLAGS": "FETCH 1:* (UID FLAGS)",
        "STORE one flag": f"STORE {size} +FLAGS.SILENT (\\Flagged)",
        "STORE it back": f"STORE {size} -FLAGS.SILENT (\\Flagged)"}
    times = {name: [] for name in asked}
    for _ in range(REPEATS):
        with wire.IMAP(server.imap) as client:
            client.login(servers.USER)
            for name, command in asked.items():
                times[name].append(client.ask(command).seconds)
            client.ask("LOGOUT")
    found = {name: measure.median(several) for name, several in times.items()}
    run = smtp_section.load(server, 1024, 1, DELIVERIES, True)
    found["delivery, one connection (-d)"] = 1 / run["accepted"]
    return found
