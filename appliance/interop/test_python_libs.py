"""smtplib in, imaplib and poplib out: what comes out is byte for byte what went in, after the trace headers."""

import hashlib
import random
import smtplib

import lib
from lib import expect, same
from server import Server

COUNT = 1000
LIMIT = 52428800  # the seed's SIZE times five: 50 MiB
USER, LARGE = "usuario@virtual.test", "grande@virtual.test"


def synthetic():
    """Shapes that break servers: dots, long and empty lines, no body, no final line end, every octet; then the large ones."""
    dice = random.Random(20261124)
    header = b"Subject: sintetico\r\nMessage-ID: <s@fuera.example>\r\n"
    yield "dots", header + b"\r\n.\r\n..\r\n.a\r\n...\r\n\r\n.\r\n"
    yield "header-only", header
    yield "empty-body", header + b"\r\n"
    yield "blank-end", header + b"\r\ntexto\r\n\r\n\r\n"
    yield "long-line", header + b"\r\n" + b"x" * 998 + b"\r\n"
    yield "eight-bit", header + b"\r\n" + bytes(n for n in range(1, 256) if n not in (10, 13)) + b"\r\n"
    yield "no-header", b"Este es un correo de prueba.\r\n"
    yield "odd-header", b"no es un campo\r\n" + header + b"\r\ntexto\r\n"
    for number in range(20):
        lines = (bytes(dice.choices(range(32, 256), k=dice.randrange(0, 200))) for _ in range(dice.randrange(1, 400)))
        yield f"random-{number}", header + b"\r\n" + b"\r\n".join(lines) + b"\r\n"


def large():
    for size in (1 << 20, 10 << 20, LIMIT - 4096):
        header = f"Subject: {size}\r\n\r\n".encode()
        line = b"0123456789abcdef" * 4 + b"\r\n"
        yield f"{size} octets", (header + line * ((size - len(header)) // len(line)))


def material():
    """The first COUNT messages of synthetic shapes and corpora that a sender may say: lines to 998 octets, no NUL."""
    taken = 0
    for name, data in (*synthetic(), *lib.corpus()):
        if data and b"\0" not in data and max(map(len, data.split(b"\r\n"))) <= 998:
            if not data.endswith(b"\r\n"):
                data += b"\r\n"  # RFC 5321 §4.1.1.4: the text's last line end is the dot's first
            yield name, data
            taken += 1
            if taken == COUNT:
                return


def without_trace(text, name, original):
    """Cuts Buzón's own headers; what they are is known by the original's length alone."""
    trace, rest = text[:len(text) - len(original)], text[len(text) - len(original):]
    expect(rest == original, f"{name}: other bytes came out ({len(text)} octets, {len(original)} went in)")
    lines = trace.split(b"\r\n")
    while lines and lines[-1] == b"":
        lines.pop()
    names = {line.split(b":")[0].lower() for line in lines if line[:1] not in (b" ", b"\t")}
    expect(b"received" in names and b"return-path" in names, f"{name}: trace headers {trace[:300]!r}")
    # From networks, a message without them gets its Date and Message-ID (RFC 6409 §8).
    expect(names <= {b"received", b"return-path", b"delivered-to", b"authentication-results", b"x-original-to", b"date", b"message-id"},
           f"{name}: {names}")


def smtp(server):
    return smtplib.SMTP(server.host, server.port(lib.SMTP), "cliente.example", timeout=120)


def send_raw(client, recipient, data):
    """smtplib's own sendmail() would alter line ends and lone dots; this is what it does after that."""
    client.ehlo_or_helo_if_needed()
    client.mail("remitente@fuera.example", [f"size={len(data)}", "body=8bitmime"])
    code, said = client.rcpt(recipient)
    same(code, 250, said)
    code, said = client.docmd("DATA")
    same(code, 354, said)
    client.send(smtplib._quote_periods(data) + b".\r\n")
    code, said = client.getreply()
    return code, said


def many(tests, server):
    sent = list(material())
    with tests(f"smtplib: {len(sent)} messages are accepted"):
        expect(len(sent) == COUNT, f"only {len(sent)} messages in the corpora")
        with smtp(server) as client:
            for index, (name, data) in enumerate(sent):
                if index % 100 == 99:
                    client.quit()
                    client.connect(server.host, server.port(lib.SMTP))
                code, said = send_raw(client, USER, data)
                same(code, 250, f"{name}: {said}")

    with tests(f"imaplib: FETCH BODY[] gives all {len(sent)} back"):
        lib.eventually(lambda: exists(server, USER) == len(sent), 10, f"EXISTS {len(sent)}")
        with server.login(USER) as box:
            box.select(readonly=True)
            for start in range(1, len(sent) + 1, 100):
                _, parts = box.fetch(f"{start}:{min(start + 99, len(sent))}", "(RFC822.SIZE BODY.PEEK[])")
                texts = [part for part in parts if isinstance(part, tuple)]
                for offset, (head, text) in enumerate(texts):
                    name, data = sent[start - 1 + offset]
                    same(int(head.split(b"RFC822.SIZE ")[1].split()[0]), len(text), f"{name}: RFC822.SIZE")
                    without_trace(text, name, data)

    with tests("imaplib: partial FETCHes add up to the whole"):
        with server.login(USER) as box:
            box.select(readonly=True)
            whole = box.fetch("17", "(BODY.PEEK[])")[1][0][1]
            pieces = b"".join(box.fetch("17", f"(BODY.PEEK[]<{at}.100>)")[1][0][1] for at in range(0, len(whole), 100))
            same(pieces, whole)

    with tests(f"poplib: RETR gives all {len(sent)} back"):
        box = server.pop(USER)
        same(box.stat()[0], len(sent), "STAT")
        sizes = [int(line.split()[1]) for line in box.list()[1]]
        identities = [line.split()[1] for line in box.uidl()[1]]
        same(len(set(identities)), len(sent), "different UIDLs")
        for number, (name, data) in enumerate(sent, 1):
            text = b"".join(line + b"\r\n" for line in box.retr(number)[1])
            same(sizes[number - 1], len(text), f"{name}: LIST size")
            without_trace(text, name, data)
        box.quit()
        box = server.pop(USER)
        same([line.split()[1] for line in box.uidl()[1]], identities, "UIDLs of a second session")
        box.quit()

    with tests("a restart changes neither bytes, UIDs nor UIDLs"):
        before = snapshot(server)
        same(server.stop(), 0, "exit status after SIGTERM")
        server.start()
        same(snapshot(server), before)


def exists(server, user):
    with server.login(user) as box:
        return int(box.select(readonly=True)[1][0])


def snapshot(server):
    with server.login(USER) as box:
        box.select(readonly=True)
        uids = box.uid("search", None, "ALL")[1][0]
        validity = box.response("UIDVALIDITY")[1]
        parts = box.fetch("1:*", "(BODY.PEEK[])")[1]
    digest = hashlib.sha256(b"".join(part[1] for part in parts if isinstance(part, tuple))).hexdigest()
    box = server.pop(USER)
    identities = box.uidl()[1]
    box.quit()
    return uids, validity, digest, identities


def sizes(tests, server):
    for number, (name, data) in enumerate(large(), 1):
        with tests(f"a message of {name} goes in and comes out"):
            with smtp(server) as client:
                code, said = send_raw(client, LARGE, data)
                same(code, 250, said)
            lib.eventually(lambda: exists(server, LARGE) == number, 10, f"EXISTS {number}")
            with server.login(LARGE) as box:
                box.select(readonly=True)
                without_trace(box.fetch(str(number), "(BODY.PEEK[])")[1][0][1], name, data)
            box = server.pop(LARGE)
            without_trace(b"".join(line + b"\r\n" for line in box.retr(number)[1]), name, data)
            box.quit()

    with tests("the announced SIZE is the limit"), smtp(server) as client:
        client.ehlo()
        same(int(client.esmtp_features["size"]), LIMIT)

    with tests("one octet over the limit, announced: 552 at MAIL"), smtp(server) as client:
        client.ehlo()
        same(client.mail("remitente@fuera.example", [f"size={LIMIT + 1}"])[0], 552)

    with tests("over the limit, not announced: 552 after the text, and the session goes on"), smtp(server) as client:
        client.ehlo()
        client.mail("remitente@fuera.example")
        client.rcpt(LARGE)
        same(client.docmd("DATA")[0], 354)
        client.send(b"Subject: demasiado\r\n\r\n" + (b"x" * 78 + b"\r\n") * (LIMIT // 80 + 1) + b".\r\n")
        same(client.getreply()[0], 552)
        same(client.noop()[0], 250)


def body(tests):
    with Server(domains=["virtual.test"], users=[USER, LARGE]) as server:
        # Letters of the corpora, as they came: some are spam, some have files that are forbidden elsewhere.
        for check in ("virus", "banned", "spam"):
            server.cli("policy", "set", f"bypass_{check}_checks", "true")
        many(tests, server)
        sizes(tests, server)
        with tests("verify --deep is clean"):
            server.verify()


lib.main(body)
