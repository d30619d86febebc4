"""kill -9 at random moments under load: what was answered 250 is there exactly once, and verify --deep is clean."""

import os
import random
import signal
import smtplib
import subprocess
import threading
import time

import lib
from lib import expect, same
from server import Server

SEED, ROUNDS, SENDERS = 20261124, 12, 6
USERS = ["usuario@virtual.test", "otra@virtual.test"]


class Sender(threading.Thread):
    """Sends small and larger messages until the server is gone; remembers what was answered 250."""

    def __init__(self, server, label, dice):
        super().__init__(daemon=True)
        self.server, self.label, self.dice = server, label, dice
        self.promised, self.refusals, self.enough = [], [], False

    def run(self):
        number = 0
        while not self.enough:
            try:
                with smtplib.SMTP(self.server.host, self.server.port(lib.SMTP), "cliente.example", timeout=20) as client:
                    for _ in range(self.dice.randrange(1, 20)):
                        if self.enough:
                            break
                        number += 1
                        name = f"{self.label}-{number}"
                        text = lib.message(name, body="relleno de prueba\r\n" * self.dice.choice([10, 200, 3000, 15000]))
                        client.sendmail("remitente@fuera.example", self.dice.choice([USERS, USERS[:1]]), text)
                        self.promised.append(name)
            except smtplib.SMTPResponseException as refusal:
                if refusal.smtp_code > 0 and refusal.smtp_code not in (421, 451, 452):
                    self.refusals.append(str(refusal))
                    return
            except (OSError, smtplib.SMTPException):
                time.sleep(0.02)


def storm(server, label, dice, end):
    """One round: senders at work, `end()` after a random time; the names that were promised."""
    senders = [Sender(server, f"{label}-{n}", random.Random(dice.random())) for n in range(SENDERS)]
    for sender in senders:
        sender.start()
    time.sleep(dice.uniform(0.05, 1.5))
    result = end()
    for sender in senders:
        sender.enough = True
    for sender in senders:
        sender.join(30)
        expect(not sender.is_alive(), "a sender hangs after the server's end")
        expect(not sender.refusals, f"refused: {sender.refusals}")
    return [name for sender in senders for name in sender.promised], result


def check(server, promised):
    server.verify()
    ids = server.ids(USERS[0])
    same(len(ids), len(set(ids)), "messages, different ones")
    missing = {f"<{name}@fuera.example>" for name in promised} - set(ids)
    expect(not missing, f"{len(missing)} of {len(promised)} promised messages are lost, as {sorted(missing)[:3]}")


def kills(tests, server, dice):
    promised = []
    for number in range(ROUNDS):
        with tests(f"kill -9, round {number + 1} of {ROUNDS}"):
            fresh, _ = storm(server, f"k{number}", dice, server.kill)
            promised += fresh
            server.start()
            check(server, promised)
    with tests("the rounds are worth something: messages were promised in most of them"):
        expect(len(promised) >= ROUNDS * 10, f"only {len(promised)} messages")
        print(f"     {len(promised)} messages promised, random seed {SEED}")
    return promised


def start_and_kill(tests, server, promised, dice):
    with tests("kill -9 while it starts, five times"):
        for _ in range(5):
            server.kill()
            with open(server.log_path, "ab") as log:
                server.process = subprocess.Popen(server.command(), stdout=log, stderr=log, env=server.env)
            time.sleep(dice.uniform(0, 0.3))
        server.kill()
        server.start()
        check(server, promised)


def terminate(tests, server, promised, dice):
    for number in range(3):
        with tests(f"SIGTERM under load, round {number + 1}: ends with 0 and keeps what it promised"):
            fresh, status = storm(server, f"t{number}", dice, server.stop)
            promised += fresh
            same(status, 0, "exit status (None: it did not end within 20 s)")
            server.start()
            check(server, promised)

    with tests("SIGTERM at once after it said ready, 40 times: ends with 0"):
        for _ in range(40):
            same(server.stop(), 0, "exit status")
            server.start()

    with tests("SIGTERM while a text is half sent, with idle sessions beside: it is answered or closed, and the server ends"):
        idle = server.login(USERS[0])
        with server.dialog() as smtp:
            smtp.greeted()
            smtp.ask("MAIL FROM:<remitente@fuera.example>")
            smtp.ask(f"RCPT TO:<{USERS[0]}>")
            same(smtp.ask("DATA")[:3], "354")
            smtp.raw(lib.message("a-medias"))
            os.kill(server.process.pid, signal.SIGTERM)
            time.sleep(0.2)
            try:
                smtp.raw(b".\r\n")
                answer = smtp.line()
            except OSError:
                answer = ""
            expect(answer[:3] in ("", "250", "421", "451"), answer)
            if answer[:3] == "250":
                promised.append("a-medias")
        same(server.process.wait(20), 0, "exit status")
        idle.shutdown()
        server.start()
        check(server, promised)


def body(tests):
    dice = random.Random(SEED)
    with Server(domains=["virtual.test"], users=USERS) as server:
        promised = kills(tests, server, dice)
        start_and_kill(tests, server, promised, dice)
        terminate(tests, server, promised, dice)


lib.main(body)
