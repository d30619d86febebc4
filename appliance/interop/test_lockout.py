"""Guessing passwords, from outside of the machine: slower with each wrong one, then refused, by address and by account; never where the owner
logged in lately, nor for one old password that a device repeats."""

import base64
import json
import socket
import ssl
import sys
import time

import lib
from lib import SUBMISSIONS, PASSWORD, expect, same
from namespaces import CLIENTS, SERVER, inside, two_namespaces
from sending import OTHER, US, USER
from server import Server

GUESSER, OWNER, ANOTHER = CLIENTS
LIMIT = 4


def tries(port, source, user, *passwords):
    """For each password, over 465 with AUTH PLAIN: [whether it was taken, seconds until the answer]."""
    context, found = ssl.create_default_context(), []
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    for password in passwords:
        with context.wrap_socket(socket.create_connection((SERVER, int(port)), 30, (source, 0))) as smtp:
            file = smtp.makefile("rwb")
            file.readline()
            file.write(b"EHLO cliente.example\r\n")
            file.flush()
            while file.readline()[3:4] == b"-":
                pass
            secret = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
            started = time.monotonic()
            file.write(f"AUTH PLAIN {secret}\r\n".encode())
            file.flush()
            found.append([file.readline().startswith(b"235"), round(time.monotonic() - started, 2)])
    return found


def locked(server):
    return {row["key"] for row in json.loads(server.cli("lockout", "list", "--json").stdout or "[]")}


def body(tests):
    with two_namespaces() as (server_side, client_side):
        settings = {"login-failures": str(LIMIT), "lockout-minutes": "5"}
        with Server(domains=[US], users=[USER, OTHER], bind=(SERVER, "127.0.0.1"), wrap=["ip", "netns", "exec", server_side],
                    settings=settings) as server:
            time.sleep(1.5)

            def attempt(source, user, *passwords):
                return inside(__file__, client_side, "tries", server.port(SUBMISSIONS), source, user, *passwords)

            with tests("the owner logs in, at once"):
                ((taken, seconds),) = attempt(OWNER, USER, PASSWORD)
                expect(taken and seconds < 2, f"{taken}, {seconds} s")
            with tests("a device that repeats one old password is slowed down, and locks nobody out"):
                answers = attempt(ANOTHER, OTHER, *["antigua"] * (LIMIT + 2))
                expect(not any(taken for taken, _ in answers), str(answers))
                same(locked(server), set(), "locked")
                expect(attempt(ANOTHER, OTHER, PASSWORD)[0][0], "the right password was refused")
            with tests("each distinct wrong password is answered later than the one before"):
                waits = [seconds for _, seconds in attempt(GUESSER, USER, *[f"mala{n}" for n in range(LIMIT)])]
                print(f"     seconds: {waits}")
                expect(waits[-1] > 2 * waits[0] and sorted(waits) == waits, str(waits))
            with tests("then the address is refused, with the right password too, and for another account"):
                expect(GUESSER in locked(server), f"lockout list: {locked(server)}")
                expect(not attempt(GUESSER, USER, PASSWORD)[0][0], "the right password was taken")
                expect(not attempt(GUESSER, OTHER, PASSWORD)[0][0], "another account's was taken")
            with tests("the owner, who logged in lately, still gets in from his own address"):
                expect(attempt(OWNER, USER, PASSWORD)[0][0], "refused")
            with tests("the lock-out survives a restart"):
                server.stop()
                server.start()
                expect(not attempt(GUESSER, OTHER, PASSWORD)[0][0], "taken")
            with tests("buzon lockout lift lets the address try again"):
                server.cli("lockout", "lift", GUESSER)
                expect(attempt(GUESSER, OTHER, PASSWORD)[0][0], "refused")
            with tests("an account that nobody has is locked as one that somebody has, and says nothing else"):
                first = attempt(GUESSER, "nadie@virtual.test", *[f"otra{n}" for n in range(LIMIT)])
                expect(first[-1][1] > 2 * first[0][1], f"seconds: {first}")
                server.cli("lockout", "lift", "--all")
                same(locked(server), set())


if sys.argv[1:2] == ["--tries"]:
    print(json.dumps(tries(*sys.argv[2:])))
else:
    lib.main(body)
