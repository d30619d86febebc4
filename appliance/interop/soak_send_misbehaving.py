"""Hosts that hang, lie, talk rubbish or say no at every stage, and a DNS that does: each letter ends in the right retry, bounce or
delivery, `queue show` says why, and none of them holds up the others."""

import contextlib
import os
import re
import shutil
import signal
import ssl
import tempfile
import time

import lib
from lib import expect, same
from peers import misbehaving as bad
from peers.certificates import Authority, self_signed
from peers.misbehaving import Host, says
from peers.sink import Sink
from peers.zones import Zones
from sending import bounces, letter, rows, sender, submit, why

# What becomes of a letter: it waits and `queue show` says these words; it comes back and the report says them; it is delivered.
RETRY, BOUNCE, DELIVERED = "waits", "comes back", "is delivered"
NO = "550 5.1.1 no such user here (cafe)"
LATER = "451 4.3.0 come back later (cafe)"
CLOSED, RUBBISH = ["closed the connection before it had answered"], ["does not speak SMTP as it should"]


def old_tls(context):
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers("ALL:@SECLEVEL=0")


def cases(good, expired, wrong_name, own):
    """name: (host of an address, what becomes of a letter, words)"""
    found = {}
    for stage, word in (("connection", "connection"), ("EHLO", "EHLO"), ("MAIL", "MAIL"), ("RCPT", "RCPT"), ("DATA", "DATA"),
                        ("content", "end of data")):
        found[f"4xx at {stage}"] = dict(stages={stage: says(LATER)}), RETRY, ["451", "cafe"]
        found[f"closes at {stage}"] = dict(stages={stage: bad.closes}), RETRY, CLOSED
        found[f"resets at {stage}"] = dict(stages={stage: bad.resets}), RETRY, CLOSED
        found[f"garbage at {stage}"] = dict(stages={stage: bad.garbage}), RETRY, RUBBISH
        if stage not in ("connection", "EHLO"):
            found[f"5xx at {stage}"] = dict(stages={stage: says(NO)}), BOUNCE, ["550 5.1.1", "cafe"]
    found |= {
        "421 at MAIL": (dict(stages={"MAIL": says("421 4.3.2 going down (cafe)")}), RETRY, ["421", "cafe"]),
        "a line of 10 MB as banner": (dict(stages={"connection": bad.endless_line}), RETRY, ["more than 4096 octets"]),
        "10 MB of lines as banner": (dict(stages={"connection": bad.endless_lines}), RETRY, ["more than 256 lines"]),
        "a line of 10 MB at RCPT": (dict(stages={"RCPT": bad.endless_line}), RETRY, ["more than 4096 octets"]),
        "500 to EHLO, HELO is known": (dict(stages={"EHLO": lambda session: b"250 mala.example\r\n" if session.host.seen[-1].startswith(
            "HELO") else b"502 5.5.1 what?\r\n"}), DELIVERED, []),
        "SIZE too small": (dict(extensions=["SIZE 100"]), BOUNCE, ["size"]),
        "a certificate of its own": (dict(certificate=own), DELIVERED, ["TLS"]),
        "an expired certificate": (dict(certificate=expired), DELIVERED, ["TLS"]),
        "another name's certificate": (dict(certificate=wrong_name), DELIVERED, ["TLS"]),
        "TLS 1.0 only": (dict(certificate=good, wants=old_tls), DELIVERED, []),
        "454 to STARTTLS": (dict(certificate=good, stages={"STARTTLS": says("454 4.7.0 not now")}), DELIVERED, []),
        "closes at STARTTLS": (dict(certificate=good, stages={"STARTTLS": bad.closes}), DELIVERED, []),
        "no TLS after 220": (dict(certificate=good, stages={"STARTTLS": bad.noise_after_220}), DELIVERED, []),
        "STARTTLS offered, unknown": (dict(extensions=["PIPELINING", "STARTTLS"], stages={"STARTTLS": says("502 5.5.1 what?")}), DELIVERED, []),
        "closes instead of 221": (dict(stages={"QUIT": bad.closes}), DELIVERED, []),
    }
    return found


SINKS = {
    "smtp-sink -r rcpt": (["-r", "rcpt"], RETRY, ["4"]), "smtp-sink -f mail": (["-f", "mail"], BOUNCE, ["5"]),
    "smtp-sink -f data": (["-f", "data"], BOUNCE, ["5"]), "smtp-sink -f .": (["-f", "."], BOUNCE, ["5"]),
    "smtp-sink -q data": (["-q", "data"], RETRY, CLOSED), "smtp-sink -q .": (["-q", "."], RETRY, CLOSED),
    "smtp-sink -Q mail": (["-Q", "mail"], RETRY, ["421"]), "smtp-sink -b, a soft reply": (["-b", "452 4.2.2 full (cafe)", "-r", "rcpt"], RETRY, ["4.2.2"]),
    "smtp-sink -B, a hard reply": (["-B", "552 5.2.2 full for ever (cafe)", "-f", "rcpt"], BOUNCE, ["5.2.2"]),
    "smtp-sink -A 1": (["-A", "1"], BOUNCE, []), "smtp-sink -H 2 -T 1024": (["-H", "2", "-T", "1024"], DELIVERED, []),
    "smtp-sink -W data:2": (["-W", "data:2"], DELIVERED, []), "smtp-sink -p -8": (["-p", "-8"], DELIVERED, []),
    "smtp-sink -e": (["-e"], DELIVERED, [])}

# The sender's patience with each is minutes long (RFC 5321 §4.5.3.2): these are begun first and looked at last.
HANGS = {"connection": 300, "EHLO": 300, "MAIL": 300, "RCPT": 300, "DATA": 120}
MARGIN = 45


def domain(name):
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") + ".example"


def begin(server, name):
    submit(server, [f"alguien@{domain(name)}"], letter(re.sub(r"[^A-Za-z0-9]+", "-", name), to="alguien@" + domain(name)))


def ended(server, host, name, outcome, words):
    """Waits for the outcome, as long as a quick retry plan may take."""
    recipient = f"alguien@{domain(name)}"
    if outcome == RETRY:
        expect(words, "what queue show is to say")
        said = why(server, recipient, *words, seconds=20)
        expect(not any(recipient.encode() in each for each in bounces(server)), "it came back")
        return said
    lib.eventually(lambda: not rows(server, recipient), 20, f"{recipient} is out of the queue")
    found = [each for each in bounces(server) if recipient.encode() in each]
    if outcome == BOUNCE:
        same(len(found), 1, "reports to the sender")
        missing = [word for word in words if word.encode().lower() not in found[0].lower()]
        expect(not missing, f"the report does not say {missing}: {found[0][:1500]!r}")
        return ""
    expect(not found, f"it came back: {found[:1]!r:.900}")
    if isinstance(host, Host):
        same(len(host.messages), 1, "messages at the host")
        same(any(line == "STARTTLS" for line in host.seen), bool(host.context) or "STARTTLS" in host.extensions, "STARTTLS was tried")
    return ""


class Plan:
    """All the hosts, on addresses of their own and one port."""

    def __init__(self, stack, folder):
        authority = Authority(folder)
        good, wrong = authority.issue("mala.example"), authority.issue("mx.other.example")
        self.port, self.hosts, self.expected, records = lib.free_port(), {}, {}, ""
        number = 0
        every = cases(good, authority.issue("mala.example", days=-1), wrong, self_signed(folder, "mala.example"))
        for name, (more, outcome, words) in every.items():
            number += 1
            stages, rest = more.get("stages", {}), {key: value for key, value in more.items() if key != "stages"}
            self.hosts[name] = stack.enter_context(Host(address=f"127.0.1.{number}", port=self.port, **rest, **stages))
            self.expected[name] = outcome, words
        for name, (options, outcome, words) in SINKS.items():
            number += 1
            self.hosts[name] = stack.enter_context(Sink(*options, address=f"127.0.1.{number}", port=self.port))
            self.expected[name] = outcome, words
        self.hangs = {}
        for stage in HANGS:
            number += 1
            self.hangs[f"hangs at {stage}"] = stack.enter_context(Host(address=f"127.0.1.{number}", port=self.port, **{stage: bad.hangs}))
        for name, host in (self.hosts | self.hangs).items():
            records += f"{domain(name)}. IN MX 10 mx.{domain(name)}.\nmx.{domain(name)}. IN A {host.address}\n"
        self.good = stack.enter_context(Host(address="127.0.2.1", port=self.port))
        self.picky = stack.enter_context(Host(address="127.0.2.2", port=self.port, RCPT=lambda session: NO.encode() + b"\r\n" if "no@" in
                                                  session.host.seen[-1] else b"250 ok\r\n"))
        self.records = records + DNS


DNS = """
null-mx.example. IN MX 0 .
no-host.example. IN MX 10 missing.example.
no-address.example. IN TXT "nothing here"
loop.example. IN MX 10 loop1.example.
loop1.example. IN CNAME loop2.example.
loop2.example. IN CNAME loop1.example.
ours.example. IN MX 10 mail.virtual.test.
implicit.example. IN A 127.0.2.1
first-dead.example. IN MX 5 dead.example.
first-dead.example. IN MX 10 good.example.
dead.example. IN A 127.0.2.9
dead.example. IN A 127.0.2.10
good.example. IN A 127.0.2.1
late.example. IN MX 10 good.example.
picky.example. IN MX 10 mx.picky.example.
mx.picky.example. IN A 127.0.2.2
"""
NAMES = {"missing-domain": (BOUNCE, []), "null-mx": (BOUNCE, ["5.1.10"]), "no-address": (BOUNCE, []), "no-host": (BOUNCE, ["5.4.4"]),
         "loop": (RETRY, ["SERVFAIL", "could not be looked up"]), "implicit": (DELIVERED, []), "first-dead": (DELIVERED, [])}


def dns(tests, server, plan):
    for name, (outcome, words) in NAMES.items():
        with tests(f"DNS, {name}.example: {outcome}"):
            before = len(plan.good.messages)
            begin(server, name)
            ended(server, None, name, outcome, words)
            same(len(plan.good.messages) - before, int(outcome == DELIVERED), "messages at the host")


def silence(tests, server, zones):
    with tests("a DNS that does not answer: the letter waits and says so; when it answers again, it leaves"):
        os.killpg(zones.process.pid, signal.SIGSTOP)
        try:
            begin(server, "late")
            why(server, "alguien@late.example", "looked up", seconds=90)
        finally:
            os.killpg(zones.process.pid, signal.SIGCONT)
        # A destination that could not be looked up rests for a minute first.
        lib.eventually(lambda: not rows(server, "alguien@late.example"), 90, "it left")


def several(tests, server, plan):
    with tests("two recipients of one letter, one refused: one is delivered, one comes back, and only one"):
        submit(server, ["no@picky.example", "yes@picky.example"], letter("picky"))
        lib.eventually(lambda: not rows(server, "picky.example"), 20, "out of the queue")
        same([recipients for _, recipients, _ in plan.picky.messages], [["yes@picky.example"]], "recipients at the host")
        (report,) = [each for each in bounces(server) if b"picky.example" in each]
        expect(b"no@picky.example" in report and b"Final-Recipient: rfc822; yes@" not in report, f"the report: {report[:1500]!r}")


def expiry(tests, plan, zones):
    """A short life: the sender is warned once, and then told that it ends."""
    with sender(zones, plan.port, queue_lifetime="8s", queue_warning="2s") as server:
        with tests("4xx for ever: a warning after queue-warning, a report after queue-lifetime, nothing after"):
            name = "4xx at RCPT"
            begin(server, name)
            recipient = f"alguien@{domain(name)}".encode()
            reports = lambda word: [each for each in bounces(server) if recipient in each and b"Action: " + word in each]  # noqa: E731
            lib.eventually(lambda: reports(b"delayed"), 20, "a warning")
            lib.eventually(lambda: reports(b"failed"), 30, "a report of failure")
            same((len(reports(b"delayed")), len(reports(b"failed"))), (1, 1), "reports")
            same(server.queue(), [], "queue")
            expect(b"451 4.3.0 come back later" in reports(b"failed")[0], "it does not quote the host")
        with tests("a null sender's letter that can't be delivered makes no report, and leaves the queue"):
            with server.dialog() as smtp:
                smtp.greeted()
                for line in ("MAIL FROM:<>", f"RCPT TO:<alguien@{domain('5xx at RCPT')}>"):
                    same(smtp.ask(line)[:3], "250", line)
                same(smtp.data(letter("null-sender"))[:3], "250", "DATA")
            lib.eventually(lambda: not server.queue(), 20, "empty queue")
            same(len(bounces(server)), 2, "reports")


def hanging(tests, server, plan, begun):
    for stage, patience in sorted(HANGS.items(), key=lambda item: item[1]):
        with tests(f"hangs at {stage}: given up within {patience} s and {MARGIN} more, and tried again later"):
            name = f"hangs at {stage}"
            said = why(server, f"alguien@{domain(name)}", "time", seconds=max(5, begun + patience + MARGIN - time.monotonic()))
            expect(stage in ("connection", "EHLO") or stage in said, f"the stage is not said: {said}")
    with tests("no connection to a host that hangs was left open beside the one that tries"):
        expect(all(host.sessions <= 3 for host in plan.hangs.values()), str({name: host.sessions for name, host in plan.hangs.items()}))


def body(tests):
    folder = tempfile.mkdtemp(prefix="buzon-ca-")
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        plan = Plan(stack, folder)
        zones = stack.enter_context(Zones(plan.records))
        server = stack.enter_context(sender(zones, plan.port))
        begun = time.monotonic()
        for name in [*plan.hangs, *plan.hosts]:
            begin(server, name)
        for name, host in plan.hosts.items():
            outcome, words = plan.expected[name]
            with tests(f"{name}: the letter {outcome}"):
                ended(server, host, name, outcome, words)
        several(tests, server, plan)
        dns(tests, server, plan)
        expiry(tests, plan, zones)
        hanging(tests, server, plan, begun)
        silence(tests, server, zones)
        with tests("the server is alive, small and consistent after all of them"):
            with open(f"/proc/{server.process.pid}/status") as status:
                peak = int(re.search(r"VmHWM:\s+(\d+)", status.read())[1]) // 1024
            print(f"     most memory it had: {peak} MiB")
            expect(peak < 300, f"{peak} MiB at most")
            server.verify()


lib.main(body)
