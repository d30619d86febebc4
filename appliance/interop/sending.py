"""What the tests of sending share: clients that submit over TLS, letters whose bytes must come out alike, and a server that sends to
peers on loopback by a DNS of the test's own."""

import contextlib
import smtplib
import ssl

import lib
from lib import PASSWORD, SUBMISSION, SUBMISSIONS
from server import Server

US, USER, OTHER = "virtual.test", "usuario@virtual.test", "otra@virtual.test"
SAFE, LEGACY = ["PLAIN", "LOGIN", "SCRAM-SHA-1", "SCRAM-SHA-256"], ["CRAM-MD5", "DIGEST-MD5"]


def trusting():
    """A context for a server's own certificate, which nobody signed."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@contextlib.contextmanager
def client(server, user=USER, standard=SUBMISSION, password=PASSWORD, tls=True):
    """An smtplib client that has logged in (with user None, one that has not)."""
    if standard == SUBMISSIONS:
        smtp = smtplib.SMTP_SSL(server.host, server.port(standard), "cliente.example", timeout=30, context=trusting())
    else:
        smtp = smtplib.SMTP(server.host, server.port(standard), "cliente.example", timeout=30)
    with smtp:
        if standard != SUBMISSIONS and tls:
            smtp.starttls(context=trusting())
        if user:
            smtp.login(user, password)
        yield smtp


def submit(server, recipients, letter, user=USER, standard=SUBMISSION, sender=None, options=()):
    with client(server, user, standard) as smtp:
        refused = smtp.sendmail(sender or user, recipients, letter, mail_options=options)
        lib.same(refused, {}, "refused recipients")


def letter(name, sender=USER, to="alguien@exim.example", body=b"Un correo de prueba.\r\n"):
    """A letter that has all it needs, so that nobody on the way adds or changes anything but trace fields."""
    return (f"From: Usuario <{sender}>\r\nTo: <{to}>\r\nSubject: {name}\r\nMessage-ID: <{name}@{US}>\r\n"
            "Date: Tue, 24 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
            "Content-Transfer-Encoding: 8bit\r\n\r\n").encode() + body


BODIES = {
    "plain": b"Un correo de prueba.\r\n", "dots": b".\r\n..\r\n.a\r\n...\r\n\r\n.\r\n", "8bit": "ñandú, jitomate, café: ¿sí?\r\n".encode() * 20,
    "spaces": b" \r\n\t\r\nfin con espacios  \t \r\n\r\n\r\n\r\n", "long lines": (b"x" * 990 + b"\r\n") * 5,
    "From ": b"From here on\r\n>From there\r\nFrom \r\n", "large": (b"0123456789abcdef" * 4 + b"\r\n") * 20000}


def arrived(peer, name, seconds=30):
    """The bytes of the letter of that name at the peer."""
    mark = f"Message-ID: <{name}@{US}>".encode()
    found = lib.eventually(lambda: [each for each in peer.delivered() if mark in each], seconds, f"{name} at {peer.name}")
    lib.same(len(found), 1, f"copies of {name} at {peer.name}")
    return found[0]


def trace_of(received, sent):
    """The trace fields before the letter, whose own bytes must be there unchanged."""
    if not received.endswith(sent):
        at = received.find(sent[:60])
        lib.expect(at >= 0, f"another header: {received[:400]!r}")
        different = next((n for n, (a, b) in enumerate(zip(received[at:], sent)) if a != b), min(len(received) - at, len(sent)))
        raise lib.Failure(f"changed at byte {different} of {len(sent)}: {received[at:][different - 20:different + 40]!r}, "
                          f"sent {sent[different - 20:different + 40]!r}")
    return received[:len(received) - len(sent)].decode()


def sender(zones, port, hostname="mail.virtual.test", **more):
    """A Server that finds the peers by `zones` and sends to `port`."""
    settings = {"hostname": hostname, "outbound-port": str(port), "dns-forwarders": zones.forwarder, "dns-trust-anchors": zones.anchor,
                "queue-retry": "1s,2s,3s", "queue-lifetime": "1h", **{key.replace("_", "-"): value for key, value in more.items()}}
    return Server(domains=[US], users=[USER, OTHER], settings=settings)


def rows(server, recipient):
    """The queue's rows that have this recipient."""
    return [row for row in server.queue() if recipient in str(row)]


def why(server, recipient, *words, seconds=20):
    """Waits until the message for this recipient was tried, and `queue show` says all of these words; what it said."""
    said = ""

    def known():
        nonlocal said
        said = " ".join(server.shown(row["queueID"]) for row in rows(server, recipient))
        return all(word.lower() in said.lower() for word in words)
    try:
        lib.eventually(known, seconds, "")
    except lib.Failure:
        raise lib.Failure(f"queue show does not say {words} within {seconds} s, but: {said or 'nothing: it is not in the queue'}")
    return said


def bounces(server, user=USER):
    """The delivery reports in the user's mailbox."""
    return [message for message in server.messages(user) if b"multipart/report" in message]


def greeting_lines(server, standard, tls):
    """The whole answer to EHLO, before or after STARTTLS."""
    with client(server, None, standard, tls=tls) as smtp:
        code, text = smtp.ehlo("uadec.mx")
        lib.same(code, 250, "EHLO")
        lines = text.decode().splitlines()
        return "\n".join("250 " + line for line in lines)


def forgive(server):
    """Wrong passwords of these tests must not delay the next ones."""
    server.cli("lockout", "lift", "--all", check=False)
