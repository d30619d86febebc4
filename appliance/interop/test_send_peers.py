"""Through us to Postfix, Exim and OpenSMTPD of Debian's, and from them to us, encrypted and in the clear: every byte of a letter
arrives as it was sent."""

import contextlib
import shutil
import tempfile

import lib
from lib import SUBMISSION, SUBMISSIONS, expect, same
from peers.certificates import Authority
from peers.exim import Exim
from peers.opensmtpd import OpenSMTPD
from peers.postfix_host import PostfixHost
from peers.zones import Zones
from sending import BODIES, OTHER, USER, arrived, letter, sender, submit, trace_of

KINDS = (PostfixHost, Exim, OpenSMTPD)
DOMAINS = {PostfixHost: ("postfix.example", "127.0.0.2"), Exim: ("exim.example", "127.0.0.3"), OpenSMTPD: ("opensmtpd.example", "127.0.0.4")}
RECORDS = "".join(f"{domain}. IN MX 10 mx.{domain}.\nmx.{domain}. IN A {address}\n" for domain, address in DOMAINS.values())


def outward(tests, server, peers, tls, label):
    """A letter of each kind through 587 and 465 to each peer."""
    for peer in peers:
        encrypts = tls and not isinstance(peer, OpenSMTPD)  # whose TLS is broken
        for standard in (SUBMISSION, SUBMISSIONS):
            way = f"{label}: submitted to {standard}, delivered to {peer.name}"
            sent = {f"{label}-{standard}-{number}".replace(" ", "-"): body for number, body in enumerate(BODIES.values())}
            with tests(f"{way}, byte by byte ({', '.join(BODIES)})"):
                for name, body in sent.items():
                    submit(server, [f"alguien@{peer.domain}"], letter(name, body=body), standard=standard, options=["BODY=8BITMIME"])
                for name, body in sent.items():
                    received = arrived(peer, name)
                    trace = trace_of(received, letter(name, body=body))
                    expect("mail.virtual.test" in trace, f"another name was said in EHLO: {trace}")
                    newest = lib.one_line(trace.split("Received:")[1]).lower()
                    same("esmtps" in newest, encrypts, f"encrypted, by its own trace {newest}")
    with tests(f"{label}: one letter to all {len(peers)} peers and a local user at once"):
        name = f"{label}-all".replace(" ", "-")
        recipients = [f"todos@{peer.domain}" for peer in peers]
        submit(server, [*recipients, OTHER], letter(name))
        for peer in peers:
            trace_of(arrived(peer, name), letter(name))
        expect(any(each.endswith(letter(name)) for each in server.messages(OTHER)), "the local user has none")
    with tests(f"{label}: nothing is left in the queue, and nothing was reported as undeliverable"):
        lib.eventually(lambda: not server.queue(), 10, "empty queue")
        same(len(server.messages(USER)), 0, "messages (reports) of the sender")


def inward(tests, server, peers, tls, label):
    """From each peer to our port 25, handed to it by swaks."""
    for peer in peers:
        with tests(f"{label}: {peer.name} sends to us, byte by byte"):
            for number, body in enumerate(BODIES.values()):
                name = f"{label}-{peer.name}-{number}".replace(" ", "-")
                text = letter(name, f"alguien@{peer.domain}", OTHER, body)
                with lib.Dialog(peer.address, peer.port) as smtp:
                    smtp.greeted()
                    for line in (f"MAIL FROM:<alguien@{peer.domain}>" + (" BODY=8BITMIME" if number == 2 else ""), f"RCPT TO:<{OTHER}>"):
                        same(smtp.ask(line)[:3], "250", line)
                    same(smtp.data(text)[:3], "250", "DATA at the peer")
                mark = f"Message-ID: <{name}@".encode()
                found = lib.eventually(lambda: [each for each in server.messages(OTHER) if mark in each], 20, name + " here")
                trace = trace_of(found[0], text)
                newest = lib.one_line(trace.split("Received:")[1])
                same("ESMTPS" in newest, tls, f"encrypted, by our own trace {newest}")


def round_of(tests, tls, label):
    folder = tempfile.mkdtemp(prefix="buzon-ca-")
    authority = Authority(folder)
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        zones, port = stack.enter_context(Zones(RECORDS)), lib.free_port()
        server = stack.enter_context(sender(zones, port))
        peers = []
        for kind in KINDS:
            domain, _ = DOMAINS[kind]
            with tests(f"{label}: {kind.__name__} starts"):
                peers.append(stack.enter_context(kind(authority.issue("mx." + domain, kind="rsa") if tls else None, port=port,
                                                      relay=server.port(lib.SMTP), sends_tls=tls)))
        outward(tests, server, peers, tls, label)
        inward(tests, server, peers, tls, label)
        with tests(f"{label}: the database is consistent afterwards"):
            server.verify()


def body(tests):
    lib.needs_root()
    round_of(tests, True, "with TLS")
    round_of(tests, False, "in the clear")


lib.main(body)
