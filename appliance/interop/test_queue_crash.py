"""kill -9 at each step of a letter's way out: the host that is spoken to ends the server at that very step, and the server starts again.
Nothing is lost; twice arrives only what the host had taken while our commit was outstanding; a report is made once.
Where a commit has to be outstanding, another process holds the database: the server has read the answer and waits to write it down."""

import contextlib
import os
import smtplib
import sqlite3
import threading
import time

import lib
from lib import expect, same
from peers.misbehaving import Host
from peers.zones import Zones
from sending import OTHER, USER, bounces, client, letter, sender

RECORDS = "casa.example. IN MX 10 mx.casa.example.\nmx.casa.example. IN A 127.0.0.6\nfuera.example. IN MX 10 mx.casa.example.\n"
TO, ALIAS, STRANGER = "alguien@casa.example", "lista@virtual.test", "remitente@fuera.example"
NO = b"550 5.1.1 no such user here\r\n"
USUAL = {"connection": b"220 mala.example ESMTP\r\n", "EHLO": b"250-mala.example\r\n250 8BITMIME\r\n", "MAIL": b"250 ok\r\n", "RCPT": b"250 ok\r\n",
         "DATA": b"354 go\r\n", "content": b"250 2.0.0 kept\r\n"}


class Executioner(Host):
    """A host that does something at a stage, once; nobody pipelines to it, so that each stage is a moment of its own."""

    def __init__(self, **more):
        super().__init__(extensions=["8BITMIME"], **{name: self.at(name) for name in USUAL}, **more)
        self.deed, self.stage, self.said, self.done_it = None, "", None, threading.Event()

    def at(self, name):
        def answer(session):
            said = self.refusals.get(name, USUAL[name])
            if name != self.stage or self.done_it.is_set():
                return said
            try:
                return self.deed(said)
            finally:
                self.done_it.set()
        return answer

    def arm(self, stage, deed, **refusals):
        self.refusals, self.stage, self.deed = refusals, stage, deed
        self.done_it.clear()

    def copies(self, name):
        return sum(1 for _, _, data in list(self.messages) if f"Message-ID: <{name}@".encode() in data)

    refusals = {}


def submit(server, recipients, text):
    """The queue may be so fast that the server is dead before it has said 250; the letter is in the queue then."""
    with contextlib.suppress(smtplib.SMTPServerDisconnected), client(server) as smtp:
        same(smtp.sendmail(USER, recipients, text), {}, "refused recipients")


def holder(server):
    """Another process's hold on the database: whoever wants to commit waits."""
    held = sqlite3.connect(os.path.join(server.data, "buzon.db"), isolation_level=None, check_same_thread=False, timeout=10)
    held.execute("BEGIN IMMEDIATE")
    return held


def waiting(server):
    return len([each for row in server.queue() for each in row["recipients"]])


def again(server, held=None):
    """The server, killed by now, starts once more."""
    server.kill()
    if held is not None:
        held.close()
    server.start()


def killed_at(tests, server, host, stage):
    with tests(f"killed at {stage}, before the host had taken the letter: it arrives once"):
        name = f"at-{stage}"
        again(server)  # so that no connection is left from the step before
        host.arm(stage, lambda said: server.process.kill() or b"")
        submit(server, [TO], letter(name))
        expect(host.done_it.wait(20), "the host was not asked")
        same(host.copies(name), 0, "copies before the crash")
        again(server)
        lib.eventually(lambda: not server.queue(), 30, "empty queue")
        same(host.copies(name), 1, "copies")


def before_connecting(tests, server, host):
    with tests("killed as soon as the client had its 250: the letter waits and arrives once"):
        host.arm("", None)
        with client(server) as smtp:
            smtp.mail(USER)
            smtp.rcpt(TO)
            same(smtp.data(letter("accepted"))[0], 250)
            again(server)
        lib.eventually(lambda: not server.queue(), 30, "empty queue")
        expect(1 <= host.copies("accepted") <= 2, f"{host.copies('accepted')} copies")
        print(f"     copies: {host.copies('accepted')}")


def uncommitted(tests, server, host):
    with tests("killed between the host's 250 and our commit: it arrives twice, which nothing can prevent, and no more"):
        held = []
        host.arm("content", lambda said: held.append(holder(server)) or said)
        submit(server, [TO], letter("uncommitted"))
        expect(host.done_it.wait(20), "the host was not asked")
        lib.eventually(lambda: host.copies("uncommitted") == 1, 5, "taken")
        time.sleep(1.5)  # the server has read the answer, and wants to write
        same(waiting(server), 1, "recipients in the queue, by the database")
        again(server, held[0])
        lib.eventually(lambda: not server.queue(), 30, "empty queue")
        same(host.copies("uncommitted"), 2, "copies")


def committed(tests, server, host):
    with tests("killed after the commit: it arrived once"):
        host.arm("", None)
        submit(server, [TO], letter("committed"))
        lib.eventually(lambda: not server.queue(), 20, "empty queue")
        again(server)
        time.sleep(2)
        same(host.copies("committed"), 1, "copies")


def several(tests, server, host):
    with tests("killed after one of two recipients was refused and before the content: nobody is told twice, nobody is lost"):
        before, name = len(bounces(server)), "several"
        answers = {"RCPT": NO}
        host.arm("DATA", lambda said: server.process.kill() or b"")
        host.stages["RCPT"] = lambda session: answers["RCPT"] if "no@" in host.seen[-1] else USUAL["RCPT"]
        try:
            submit(server, [TO, "no@casa.example"], letter(name))
            expect(host.done_it.wait(20), "the host was not asked")
            again(server)
            lib.eventually(lambda: not server.queue(), 30, "empty queue")
        finally:
            host.stages["RCPT"] = host.at("RCPT")
        same((host.copies(name), len(bounces(server)) - before), (1, 1), "copies, reports")


def reports(tests, server, host):
    with tests("killed while a report waits for its commit: the letter is refused again, and the sender told once"):
        before, held = len(bounces(server)), []
        host.arm("RCPT", lambda said: held.append(holder(server)) or said, RCPT=NO)
        submit(server, [TO], letter("refused"))
        expect(host.done_it.wait(20), "the host was not asked")
        time.sleep(1.5)
        same(waiting(server), 1, "recipients in the queue, by the database")
        again(server, held[0])
        lib.eventually(lambda: not server.queue(), 30, "empty queue")
        same(len(bounces(server)) - before, 1, "reports")
    with tests("killed as soon as a report is in the mailbox: no second one"):
        before = len(bounces(server))
        host.arm("", None, RCPT=NO)
        submit(server, [TO], letter("told"))
        lib.eventually(lambda: len(bounces(server)) > before, 20, "a report")
        again(server)
        time.sleep(2)
        same((len(bounces(server)) - before, waiting(server)), (1, 0), "reports, recipients in the queue")
    with tests("killed while a report is on its way to a host: it arrives once"):
        host.arm("content", lambda said: server.process.kill() or b"")
        host.stages["RCPT"] = lambda session: NO if "alguien@" in host.seen[-1] else USUAL["RCPT"]
        try:
            same(server.send(ALIAS, letter("stranger", STRANGER, ALIAS), STRANGER)[:3], "250")
            expect(host.done_it.wait(20), "the report did not leave")
            again(server)
            lib.eventually(lambda: not server.queue(), 30, "empty queue")
        finally:
            host.stages["RCPT"] = host.at("RCPT")
        found = [data for mail, to, data in host.messages if to == [STRANGER] and mail == "" and b"Action: failed" in data]
        same(len(found), 1, "reports to the stranger")


def success(tests, server):
    with tests("killed while a letter with NOTIFY=SUCCESS waits for its commit: neither letter nor report; sent again, both"):
        told = lambda: [each for each in bounces(server) if b"Action: delivered" in each]  # noqa: E731
        held = holder(server)
        with client(server) as smtp:
            smtp.ehlo()
            smtp.mail(USER)
            smtp.rcpt(OTHER, ["NOTIFY=SUCCESS"])
            same(smtp.docmd("DATA")[0], 354)
            smtp.send(letter("local", to=OTHER) + b".\r\n")
            time.sleep(1.5)
            again(server, held)
        same((len(server.messages(OTHER)), len(told())), (0, 0), "letters, reports")
        with client(server) as smtp:
            smtp.ehlo()
            smtp.mail(USER)
            smtp.rcpt(OTHER, ["NOTIFY=SUCCESS"])
            same(smtp.data(letter("local", to=OTHER))[0], 250)
            again(server)
        same((len(server.messages(OTHER)), len(told())), (1, 1), "letters, reports")


def body(tests):
    with contextlib.ExitStack() as stack:
        zones, host = stack.enter_context(Zones(RECORDS)), stack.enter_context(Executioner())
        server = stack.enter_context(sender(zones, host.port))
        server.cli("forwarding", "add", ALIAS, TO)
        time.sleep(1.5)
        before_connecting(tests, server, host)
        for stage in USUAL:
            killed_at(tests, server, host, stage)
        uncommitted(tests, server, host)
        committed(tests, server, host)
        several(tests, server, host)
        reports(tests, server, host)
        success(tests, server)
        with tests("the database is consistent"):
            server.verify()


lib.main(body)
