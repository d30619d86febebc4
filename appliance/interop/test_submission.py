"""Submission (RFC 6409): who may say what on 587 and 465, what is added and taken away, how much a day, and mail for later."""

import contextlib
import email
import smtplib
import time

import lib
from lib import SMTP, SUBMISSION, SUBMISSIONS, expect, same
from peers.misbehaving import Host
from peers.zones import Zones
from sending import OTHER, USER, client, letter, rows, sender, submit

ALIAS = "ventas@virtual.test"
RECORDS = "kept.example. IN MX 10 mx.kept.example.\nmx.kept.example. IN A 127.0.0.6\n"
OUTSIDE = "alguien@kept.example"


def tried(server, sender=USER, header=None, to=OUTSIDE, standard=SUBMISSION, user=USER, options=(), extra=b""):
    """(code, text) of the first refusal, or of the end of DATA."""
    text = letter(f"tried-{time.monotonic_ns()}", header or sender or USER, to).replace(b"\r\nTo:", extra + b"\r\nTo:", 1)
    with client(server, user, standard) as smtp:
        smtp.ehlo()
        for step in (lambda: smtp.mail(sender, options), lambda: smtp.rcpt(to), lambda: smtp.data(text)):
            try:
                code, said = step()
            except smtplib.SMTPDataError as refusal:
                code, said = refusal.smtp_code, refusal.smtp_error
            if code >= 400:
                break
        return code, said.decode()


def owners(tests, server):
    accepted = {"its own address": (USER, USER), "its own address in capitals": (USER.upper(), USER), "a tag": ("usuario+tag@virtual.test", None),
                "a forwarding that points to it": (ALIAS, ALIAS), "its own, with a forwarding in From": (USER, ALIAS),
                "the null reverse-path": ("", USER)}
    refused = {"another user's": (OTHER, OTHER), "a stranger's": ("a@fuera.example", "a@fuera.example"), "another user's in From": (USER, OTHER),
               "a stranger's in From": (USER, "jefe@fuera.example"), "nobody's at our domain": ("nadie@virtual.test", "nadie@virtual.test"),
               "the null reverse-path with another's From": ("", OTHER)}
    for name, (envelope, header) in accepted.items():
        with tests(f"sender: {name} is taken"):
            code, said = tried(server, envelope, header)
            same(code, 250, said)
    for name, (envelope, header) in refused.items():
        with tests(f"sender: {name} is refused"):
            code, said = tried(server, envelope, header)
            expect(500 <= code < 600, f"{code} {said}")
    with tests("sender: several in From, one of another's, is refused; another's in Sender too"):
        for extra in (b"", f"\r\nSender: <{OTHER}>".encode()):
            header = f"{USER}>, <{OTHER}" if not extra else USER
            code, said = tried(server, USER, header, extra=extra)
            expect(500 <= code < 600, f"{code} {said}")
    for standard in (SUBMISSION, SUBMISSIONS):
        with tests(f"{standard}: MAIL without a login is 530 5.7.0"):
            with client(server, None, standard) as smtp:
                smtp.ehlo()
                code, said = smtp.mail(USER)
                same((code, said[:5]), (530, b"5.7.0"))


def fields(tests, server, host):
    def through(text, to=OUTSIDE):
        before = len(host.messages)
        submit(server, [to], text)
        lib.eventually(lambda: len(host.messages) > before, 20, "it arrived")
        return host.messages[-1][2]

    with tests("Date and Message-ID are added where they are missing, once, of our own name"):
        message = email.message_from_bytes(through(f"From: <{USER}>\r\nTo: <{OUTSIDE}>\r\nSubject: sin\r\n\r\nhola\r\n".encode()))
        same((len(message.get_all("Date", [])), len(message.get_all("Message-ID", []))), (1, 1), "fields")
        expect(message["Message-ID"].endswith("@mail.virtual.test>") or "virtual.test>" in message["Message-ID"], message["Message-ID"])
        expect(abs(email.utils.parsedate_to_datetime(message["Date"]).timestamp() - time.time()) < 300, message["Date"])
        same(message.get_payload().replace("\r\n", "\n"), "hola\n", "body")
    with tests("what is there stays as it is"):
        text = letter("complete", to=OUTSIDE)
        expect(through(text).endswith(text), "the letter was changed")
    with tests("Bcc is taken away, folded and in any case, and its people get the letter"):
        text = (f"From: <{USER}>\r\nTo: <{OUTSIDE}>\r\nBCC: <secreta@kept.example>,\r\n\t<otra.secreta@kept.example>\r\nSubject: bcc\r\n"
                f"bcc : <tercera@kept.example>\r\nMessage-ID: <bcc@virtual.test>\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\n\r\nBcc: en el texto\r\n")
        before = len(host.messages)
        submit(server, [OUTSIDE, "secreta@kept.example"], text.encode())
        lib.eventually(lambda: sum(len(each[1]) for each in host.messages[before:]) == 2, 20, "it arrived for both")
        for _, _, data in host.messages[before:]:
            expect(b"secreta" not in data.partition(b"\r\n\r\n")[0] and b"tercera" not in data, f"{data[:900]!r}")
            expect(data.endswith(b"\r\n\r\nBcc: en el texto\r\n"), "the text was changed")
    with tests("the trace says ESMTPSA and gives away neither the login's password nor its address"):
        trace = through(letter("trace", to=OUTSIDE)).partition(b"From: Usuario")[0]
        expect(b"ESMTPSA" in trace, f"{trace!r}")
        expect(lib.PASSWORD.encode() not in trace, "the password")
        expect(USER.encode() not in trace, f"the login's address: {trace!r}")
    with tests("mail to a local user is there when 250 is said, with one outside in the same letter"):
        submit(server, [OTHER, OUTSIDE], letter("both", to=OTHER))
        expect(any(b"<both@" in each for each in server.messages(OTHER)), "not there")


def daily(tests, server):
    with tests("over daily-recipients: 450 with a clear text; another user still sends; the administrator is told once"):
        server.cli("settings", "set", "daily-recipients", "3")
        server.cli("settings", "set", "administrator", OTHER)
        time.sleep(1.5)
        user = "limitada@virtual.test"
        server.cli("user", "add", user, input=lib.PASSWORD + "\n")
        for _ in range(3):
            same(tried(server, user, user=user, to=OUTSIDE)[0], 250, "within the limit")
        for _ in range(2):
            code, said = tried(server, user, user=user, to=OUTSIDE)
            same(code, 450, said)
        expect("daily limit" in said.lower(), said)
        told = [each for each in server.messages(OTHER) if user.encode() in each and b"Message-ID: <tried-" not in each]
        same(len(told), 1, "messages to the administrator")
        server.cli("user", "add", "nueva@virtual.test", input=lib.PASSWORD + "\n")
        same(tried(server, "nueva@virtual.test", user="nueva@virtual.test", to=OUTSIDE)[0], 250, "another user")
        server.cli("settings", "set", "daily-recipients", "1000")


def later(tests, server, host):
    with tests("HOLDFOR and HOLDUNTIL are offered on 587 (FUTURERELEASE), and not on 25"):
        for standard, wanted in ((SUBMISSION, True), (SMTP, False)):
            with client(server, USER, standard) as smtp:
                smtp.ehlo()
                same(smtp.has_extn("futurerelease"), wanted, str(standard))
    with tests("HOLDFOR=5: not before, and then soon"):
        text, started = letter("later", to=OUTSIDE), time.monotonic()
        submit(server, [OUTSIDE], text, options=["HOLDFOR=5"])
        same(len(rows(server, OUTSIDE)) > 0, True, "it is in the queue")
        lib.eventually(lambda: any(b"<later@" in each[2] for each in host.messages), 20, "it arrived")
        expect(4.5 <= time.monotonic() - started < 15, f"after {time.monotonic() - started:.1f} s")
    with tests("HOLDFOR too far ahead, or not a number, is refused"):
        for option in ("HOLDFOR=999999999", "HOLDFOR=x", "HOLDUNTIL=ayer"):
            code, said = tried(server, options=[option])
            expect(500 <= code < 600, f"{option}: {code} {said}")


def queue_commands(tests, server, host):
    with tests("queue hold keeps a letter, queue release lets it go, queue remove takes it out"):
        submit(server, [OUTSIDE, "otra@kept.example"], letter("held", to=OUTSIDE), options=["HOLDFOR=2"])
        (row,) = rows(server, OUTSIDE)
        server.cli("queue", "hold", row["queueID"])
        time.sleep(4)
        expect(not any(b"<held@" in each[2] for each in host.messages), "it left while held")
        server.cli("queue", "release", row["queueID"])
        lib.eventually(lambda: any(b"<held@" in each[2] for each in host.messages), 15, "it left")
        submit(server, [OUTSIDE], letter("removed", to=OUTSIDE), options=["HOLDFOR=600"])
        (row,) = rows(server, OUTSIDE)
        server.cli("queue", "remove", row["queueID"])
        same(rows(server, OUTSIDE), [], "queue")


def body(tests):
    with contextlib.ExitStack() as stack:
        zones, host = stack.enter_context(Zones(RECORDS)), stack.enter_context(Host())
        server = stack.enter_context(sender(zones, host.port))
        server.cli("forwarding", "add", ALIAS, USER)
        time.sleep(1.5)
        owners(tests, server)
        fields(tests, server, host)
        later(tests, server, host)
        queue_commands(tests, server, host)
        daily(tests, server)
        with tests("the database is consistent afterwards"):
            server.verify()


lib.main(body)
