"""Every mechanism by Cyrus's own client library, over SMTP, POP3 and IMAP; and what a stranger can learn about who has an account."""

import base64
import smtplib
import socket
import time

from lib import IMAPS, PASSWORD, POP3S, SUBMISSION, SUBMISSIONS, expect, main, message, needs, one_line, run, same
from peers import cyrus
from peers.digest import answer
from sending import LEGACY, OTHER, SAFE, US, USER, forgive, trusting
from server import Server


def opened(server, standard):
    """(socket, file) of a connection under TLS that is ready to log in."""
    service = {SUBMISSION: "smtp", SUBMISSIONS: "smtp", POP3S: "pop", IMAPS: "imap"}[standard]
    if standard == SUBMISSION:
        plain = smtplib.SMTP(server.host, server.port(standard), "cliente.example", timeout=20)
        plain.starttls(context=trusting())
        socket_ = plain.sock
    else:
        socket_ = trusting().wrap_socket(socket.create_connection((server.host, server.port(standard)), 20))
    file = socket_.makefile("rwb")
    if standard != SUBMISSION:
        file.readline()
    if service == "smtp":
        file.write(b"EHLO cliente.example\r\n")
        file.flush()
        while file.readline()[3:4] == b"-":
            pass
    return socket_, file, service


def cyrus_login(server, standard, mechanism, user=USER, password=PASSWORD, **more):
    socket_, file, service = opened(server, standard)
    with socket_, file:
        said = cyrus.log_in(file, service, mechanism, user, password, **more)
        return cyrus.works(said, service), said


def cyrus_all(tests, server, mechanisms):
    for mechanism in mechanisms:
        for standard in (SUBMISSION, SUBMISSIONS, POP3S, IMAPS):
            with tests(f"libsasl2 {mechanism} on {standard}: with and without an initial response; a wrong password is refused"):
                # The library's client begins a second login with the nonce of the first (RFC 2831 §2.2); the server asks anew.
                for initial in (True, False, True, True):
                    ok, said = cyrus_login(server, standard, mechanism, initial=initial)
                    expect(ok, f"initial response {initial}: {said}")
                ok, said = cyrus_login(server, standard, mechanism, password="incorrecto")
                expect(not ok, f"a wrong password was accepted: {said}")
        forgive(server)
    if "DIGEST-MD5" in mechanisms:
        digest_realms(tests, server)


def digest_realms(tests, server):
    """Whole addresses are users in whatever realm, and a bare name is one in the realm of its domain."""
    bare = USER.split("@")[0]
    for user, realm, right in ((USER, "", True), (USER, "mail.virtual.test", True), (USER, US, True), (bare, US, True), (bare.upper(), US, True),
                               (bare, "mail.virtual.test", False), (bare, "", False), (bare, "otro.test", False)):
        with tests(f"DIGEST-MD5 with user {user} and realm {realm!r} is {'taken' if right else 'refused'}, with another password refused"):
            for password, taken in ((PASSWORD, right), ("incorrecto", False)):
                socket_, file, _ = opened(server, SUBMISSIONS)
                with socket_, file:
                    said = converse(file, "AUTH DIGEST-MD5", lambda challenge: answer(challenge, user, password, realm))
                    same(said[:3], "235" if taken else "535", said)
    with tests(f"swaks DIGEST-MD5 with user {bare} and realm {US}: sends"):
        needs("swaks")
        done = run("swaks", "--server", "127.0.0.1", "--port", str(server.port(SUBMISSION)), "--tls", "--from", USER, "--to", OTHER, "--auth",
                   "DIGEST-MD5", "--auth-user", bare, "--auth-password", PASSWORD, "--auth-extra", f"realm={US}", "--helo", "cliente.example",
                   check=False, errors="replace")
        same(done.returncode, 0, one_line(done.stdout)[-400:])


def converse(file, command, respond):
    """A mechanism in which the server asks once, and has a last word where it agrees; its final answer."""
    said = ""
    for reply in (lambda: command, lambda: base64.b64encode(respond(base64.b64decode(said[4:]).decode()).encode()).decode(), lambda: ""):
        file.write(reply().encode() + b"\r\n")
        file.flush()
        said = file.readline().decode().rstrip()
        if not said.startswith("334"):
            break
    return said


def shape(said):
    """What an onlooker can compare: how many steps, and the words of all but the challenges."""
    return [line[:4] if line[:4] in ("334 ", "+ ") or line.startswith("+ ") else line for line in said]


def enumeration(tests, server, mechanisms):
    """An unknown user can't be told from a wrong password."""
    for mechanism in mechanisms:
        with tests(f"{mechanism}: an unknown user, an unknown domain and a wrong password are answered alike, in as many steps"):
            for standard in (SUBMISSION, POP3S, IMAPS):
                found = [shape(cyrus_login(server, standard, mechanism, user, "incorrecto")[1])
                         for user in (USER, "nadie@virtual.test", "nadie@otro.test", "nadie")]
                for other in found[1:]:
                    same(other, found[0], f"{standard}: said to an unknown user")
        forgive(server)


def secrets(tests, server):
    with tests("no password in the log"):
        said = server.log()
        for word in (PASSWORD, "incorrecto", "c2VjcmV0bw"):
            expect(word not in said, f"the log has {word}")


def body(tests):
    with Server(domains=[US], users=[USER, OTHER], settings={"login-failures": "1000", "hostname": "mail.virtual.test"}) as server:
        server.send(USER, message("uno"))
        time.sleep(1.5)
        for mechanisms in (SAFE, LEGACY):
            if mechanisms is LEGACY:
                server.cli("settings", "set", "legacy-mechanisms", "true")
                time.sleep(1.5)
                server.login(USER).logout()  # the plain login that keeps its password readable
            cyrus_all(tests, server, mechanisms)
            enumeration(tests, server, mechanisms)
        secrets(tests, server)


if __name__ == "__main__":
    main(body)
