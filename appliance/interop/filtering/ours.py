"""The corpus through a running buzon, whose policies say the same: what reaches the mailboxes, the quarantine and the outside."""

import concurrent.futures
import contextlib
import tempfile
import time

import lib
from filtering import fates, opinions
from filtering.theirs import is_letter
from peers import clamd
from peers.collector import Collector
from peers.zones import Zones
from server import Server

WORKERS, TRIES = 4, 20
INSIDE, OUTSIDE = "127.0.0.1", "127.0.0.2"  # within `networks`, and not
# Mail that leaves, reports included, goes to the collector.
RECORDS = "".join(f"{domain}. IN MX 10 mx.ajeno.example.\n" for domain in (
    "ajeno.example", "fuera.example", "puntos.example", "listas.example", "dominio.example")) + "mx.ajeno.example. IN A 127.0.0.1\n"


def run(letters):
    """{(mark, recipient): Fate}, and {mark: reply}."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="buzon-signatures-"))
        collector, zones = stack.enter_context(Collector()), stack.enter_context(Zones(RECORDS))
        settings = {"hostname": "mail.virtual.test", "networks": INSIDE + "/32", "signature-directory": clamd.signatures(folder),
                    "outbound-port": str(collector.port), "dns-forwarders": zones.forwarder, "dns-trust-anchors": zones.anchor,
                    "outbound-tls": "never"}
        server = stack.enter_context(Server(domains=opinions.DOMAINS, users=opinions.USERS, settings=settings))
        policies(server)
        pool = stack.enter_context(concurrent.futures.ThreadPoolExecutor(WORKERS))
        replies = dict(zip([letter.mark for letter in letters], pool.map(lambda letter: hand_over(server, letter), letters)))
        lib.eventually(lambda: not server.queue(), 60, "empty queue")
        server.verify()
        kept = quarantined(server)
        return fates.judged(letters, replies, arrived(server, collector), {mark for mark, _ in kept}, lambda letter, recipient: (
            fates.HELD if kept.get((letter.mark, recipient)) == "quarantine" else fates.DISCARDED)), replies


def policies(server):
    for user, values in opinions.POLICIES.items():
        for key, value in values.items():
            server.cli("policy", "set", key, value, "--user", user)
    words = [(scope, sender, str(points)) for scope, table in opinions.POINTS.items() for sender, points in table.items()]
    words += [(scope, sender, word) for word, lists in (("white", opinions.WHITE), ("black", opinions.BLACK))
              for scope, senders in lists.items() for sender in senders]
    for scope, sender, word in words:
        where = [] if scope == "." else ["--user" if "@" in scope else "--domain", scope]
        server.cli("policy", "sender", "add", sender, word, *where)


def hand_over(server, letter):
    """The reply to the letter's DATA, tried again while it is put off: the signatures are read after the start."""
    for _ in range(TRIES):
        reply = tried(server, letter)
        if not reply.startswith("4"):
            return reply
        time.sleep(1)
    return reply


def tried(server, letter):
    """Mail for others comes from a trusted address, all else from outside."""
    leaves = opinions.AWAY in letter.recipients
    with lib.Dialog(server.host, server.port(lib.SMTP), timeout=120, source=INSIDE if leaves else OUTSIDE) as smtp:
        smtp.greeted("mail.fuera.example")
        for line in (f"MAIL FROM:<{letter.sender}> BODY=8BITMIME", *[f"RCPT TO:<{each}>" for each in letter.recipients]):
            lib.same(smtp.ask(line)[:3], "250", line)
        return smtp.data(letter.text())


def arrived(server, collector):
    """{(mark, recipient): [(fate's word, content)]}; reports to senders have the word of a bounce."""
    found = {}
    for user in opinions.USERS:
        for folder, word in (("INBOX", fates.DELIVERED), ("Junk", fates.JUNK)):
            for content in server.messages(user, folder):
                found.setdefault((fates.mark_of(content), user), []).append((word, content))
    for message in collector.messages:
        word = fates.DELIVERED if is_letter(message.content) else fates.BOUNCED
        for recipient in message.recipients:
            found.setdefault((fates.mark_of(message.content), recipient), []).append((word, message.content))
    return found


def quarantined(server):
    """{(mark, recipient): what became of the letter for him}."""
    rows = server.sql("SELECT message_id, recipient, fate FROM quarantine JOIN quarantine_recipient ON quarantine_id = quarantine.id;")
    parts = [line.split("|") for line in rows.splitlines()]
    return {(message_id.strip("<>").split("@")[0], recipient): fate for message_id, recipient, fate in parts}
