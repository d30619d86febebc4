"""Resident memory: after the start, after work, and with clients that are logged in, have INBOX selected and wait in IDLE."""

import resource
import time

import measure
import report as reports
import servers
import wire

MARK_IDLE_MIB, MARK_CONNECTION_KIB = 60, 40


def section(report, options, running, users, known):
    """`known` has Buzón's (VmRSS, Pss) at moments that have passed: just started on an empty folder, and after the work."""
    raise_file_limit(options.idle + 200)
    report.note(f"\nMemory in KiB, summed over processes; {options.idle} connections over {len(users)} users, INBOX selected, IDLE")
    rows, each = [], {}
    for moment, (rss, pss) in known.items():
        rows.append([f"buzon, {moment}", rss, pss, ""])
        report.row(f"resident memory, {moment}", "KiB", buzon=rss)
    for server in running:
        each[server.name] = connected(report, server, users, options.idle, rows, "INBOX empty")
        if server.name == "buzon":
            connected(report, server, [servers.USER], options.idle, rows, "INBOX of the work above")
    report.table(["", "VmRSS", "Pss", "KiB a connection"], rows)
    idle = known.get("just started")
    report.mark("resident memory just started", idle and idle[0] / 1024, "<", MARK_IDLE_MIB, " MiB")
    report.mark("an idle IMAP connection", each.get("buzon"), "<", MARK_CONNECTION_KIB, " KiB")


def connected(report, server, users, count, rows, what):
    """Opens the connections, looks at memory once it is quiet, closes them; KiB a connection by Pss."""
    server.cold()
    time.sleep(0.5)
    with wire.IMAP(server.imap) as client:  # what the first login makes it load is not a connection's
        client.login(users[0])
        client.ask("SELECT INBOX")
    time.sleep(0.5)
    rss_before, pss_before = measure.memory(server.pid)
    clients = []
    try:
        for number in range(count):
            client = wire.IMAP(server.imap)
            clients.append(client)
            client.login(users[number % len(users)])
            client.ask("SELECT INBOX")
            client.idle()
        time.sleep(2)
        rss, pss = measure.memory(server.pid)
    finally:
        for client in clients:
            client.socket.close()
    each = (pss - pss_before) / count
    rows.append([f"{server.name}, {what}, before", rss_before, pss_before, ""])
    rows.append([f"{server.name}, {what}, {count} in IDLE", rss, pss, each])
    report.row(f"{what}, {count} in IDLE", "KiB a connection", **{server.name: each})
    report.row(f"{what}, {count} in IDLE, VmRSS", "KiB", **{server.name: rss})
    report.progress(f"{server.name}: {reports.number(each)} KiB a connection")
    return each


def raise_file_limit(wanted):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard) if hard != resource.RLIM_INFINITY else wanted, hard))
