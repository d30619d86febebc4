"""How long the server takes to answer for a user with a wrong password and for a user who is not there: by every mechanism, and for the
answer to SCRAM's first message, which nothing delays. Medians of many tries, taken in turns."""

import base64
import concurrent.futures
import hashlib
import hmac
import os
import random
import socket
import statistics
import time

from lib import PASSWORD, SUBMISSION, expect, main, same
from peers.digest import answer
from sending import LEGACY, OTHER, SAFE, US, USER
from server import Server

TRIES, FIRST_TRIES, AT_ONCE = 200, 1000, 16
STRANGER = "extrano@virtual.test"  # as many letters as a user has
WRONG = "incorrecto"


def encoded(data):
    return base64.b64encode(data).decode()


class Login:
    """One AUTH over loopback, in the clear."""

    def __init__(self, server):
        self.socket = socket.create_connection((server.host, server.port(SUBMISSION)), 30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")
        self.file.readline()
        self.ask("EHLO cliente.example", once=False)

    def ask(self, line, once=True):
        """The answer's last line; of one line, and the seconds until it came."""
        started = time.perf_counter()
        self.socket.sendall(line.encode() + b"\r\n")
        while True:
            said = self.file.readline()
            if once or said[3:4] != b"-":
                return said.decode().rstrip(), time.perf_counter() - started

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()


def scram_first(user):
    return f"n={user.replace('=', '=3D').replace(',', '=2C')},r={encoded(os.urandom(18))}"


def scram_final(hash_, bare, challenge, password):
    """RFC 5802 §3's client-final-message."""
    said = dict(part.split("=", 1) for part in challenge.split(","))
    salted = hashlib.pbkdf2_hmac(hash_, password.encode(), base64.b64decode(said["s"]), 1)  # a wrong proof in any case
    without = f"c=biws,r={said['r']}"
    proof = hmac.digest(salted, f"{bare},{challenge},{without}".encode(), hash_)
    return f"{without},p={encoded(proof)}"


def refused(login, mechanism, user):
    """Speaks the mechanism with a wrong password; (how many steps, seconds of all the server's answers from the name on)."""
    if mechanism == "PLAIN":
        said, took = login.ask("AUTH PLAIN " + encoded(f"\0{user}\0{WRONG}".encode()))
        steps = [took]
    elif mechanism == "LOGIN":
        login.ask("AUTH LOGIN")
        _, first = login.ask(encoded(user.encode()))
        said, took = login.ask(encoded(WRONG.encode()))
        steps = [first, took]
    elif mechanism.startswith("SCRAM"):
        bare = scram_first(user)
        challenge, first = login.ask(f"AUTH {mechanism} " + encoded(b"n,," + bare.encode()))
        hash_ = "sha1" if mechanism == "SCRAM-SHA-1" else "sha256"
        said, took = login.ask(encoded(scram_final(hash_, bare, base64.b64decode(challenge[4:]).decode(), WRONG).encode()))
        steps = [first, took]
    else:
        challenge = base64.b64decode(login.ask("AUTH " + mechanism)[0][4:])
        if mechanism == "CRAM-MD5":
            response = f"{user} {hmac.new(WRONG.encode(), challenge, 'md5').hexdigest()}"
        else:
            response = answer(challenge.decode(), user, WRONG, "mail.virtual.test")
        said, took = login.ask(encoded(response.encode()))
        steps = [took]
    expect(said.startswith("535 5.7.8"), f"{mechanism} {user}: {said}")
    return len(steps), sum(steps)


def interleaved(count):
    """USER and STRANGER, so many times each, in an order that follows nothing."""
    names = [USER, STRANGER] * count
    random.shuffle(names)
    return names


def compare(times, what, ratio, slack):
    """Prints both medians, and fails where they differ by more than the ratio and the seconds of slack."""
    known, unknown = (statistics.median(times[user]) for user in (USER, STRANGER))
    spread = {user: statistics.quantiles(times[user], n=10) for user in times}
    print(f"     {what}: user {known * 1e6:.0f} us, stranger {unknown * 1e6:.0f} us, ratio {known / unknown:.3f}; "
          f"10 % and 90 %: {spread[USER][0] * 1e6:.0f}-{spread[USER][8] * 1e6:.0f}, {spread[STRANGER][0] * 1e6:.0f}-{spread[STRANGER][8] * 1e6:.0f}",
          flush=True)
    low, high = sorted((known, unknown))
    expect(high < low * ratio + slack, f"{what}: medians {known * 1e6:.0f} and {unknown * 1e6:.0f} us")


def whole(tests, server, mechanism):
    """The refusals, whose delay is longer than what they cost."""
    def one(user):
        with Login(server) as login:
            return user, *refused(login, mechanism, user)
    with tests(f"{mechanism}: {TRIES} wrong passwords and {TRIES} strangers are refused after as many steps and as long"):
        times, steps = {USER: [], STRANGER: []}, {USER: set(), STRANGER: set()}
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            for user, count, took in pool.map(one, interleaved(TRIES)):
                times[user].append(took)
                steps[user].add(count)
        same(steps[USER], steps[STRANGER], "steps")
        compare(times, mechanism, 1.02, 0.005)


def first_answers(tests, server, mechanism):
    """SCRAM's salt and count, for which nobody waits: one after the other, each cancelled. A connection ends after some errors."""
    with tests(f"{mechanism}: the first answer comes as soon for a stranger"):
        times = {USER: [], STRANGER: []}
        names = interleaved(FIRST_TRIES)
        while names:
            with Login(server) as login:
                for user in [names.pop() for _ in range(min(5, len(names)))]:
                    said, took = login.ask(f"AUTH {mechanism} " + encoded(b"n,," + scram_first(user).encode()))
                    expect(said.startswith("334"), said)
                    times[user].append(took)
                    said, _ = login.ask("*")
                    expect(said.startswith("501"), said)
        compare(times, mechanism + ", first answer", 1.08, 0.00001)


def body(tests):
    same(len(USER), len(STRANGER), "letters")
    settings = {"login-failures": "10000", "hostname": "mail.virtual.test", "legacy-mechanisms": "true", "connections-per-address": "200"}
    with Server(domains=[US], users=[USER, OTHER], settings=settings) as server:
        server.login(USER).logout()
        for mechanism in ("SCRAM-SHA-1", "SCRAM-SHA-256"):
            first_answers(tests, server, mechanism)
        for mechanism in SAFE + LEGACY:
            whole(tests, server, mechanism)
        with tests("the right password is taken all the while"):
            server.login(USER, PASSWORD).logout()


main(body)
