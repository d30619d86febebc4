"""Mail through somebody else's server: for all, for one domain, with a login and TLS; what it refuses, and what it must prove."""

import base64
import contextlib
import shutil
import tempfile
import time

import lib
from lib import expect, same
from peers.certificates import self_signed
from peers.misbehaving import Host
from peers.zones import Zones
from sending import letter, sender, submit, why

RECORDS = """direct.example. IN MX 10 mx.direct.example.
mx.direct.example. IN A 127.0.0.6
special.example. IN MX 10 mx.direct.example.
smarthost.example. IN A 127.0.0.13
"""
LOGIN, SECRET = "cuenta@smarthost.example", "clave-del-relevo"


class Smarthost(Host):
    """Wants a login by AUTH PLAIN, under TLS, before MAIL."""

    def __init__(self, certificate, **more):
        super().__init__(certificate=certificate, extensions=("PIPELINING", "SIZE 0", "8BITMIME", "AUTH PLAIN LOGIN"), other=self.login,
                         MAIL=self.mail, **more)
        self.logins = []

    def login(self, session):
        line = session.host.seen[-1]
        if not line.upper().startswith("AUTH"):
            return b"250 ok\r\n"
        session.logged_in = False
        self.logins.append((session.encrypted, base64.b64decode(line.split()[2]).decode().split("\0")[1:] if line.count(" ") == 2 else []))
        session.logged_in = self.logins[-1][1] == [LOGIN, SECRET]
        return b"235 2.7.0 welcome\r\n" if session.logged_in else b"535 5.7.8 no (cafe)\r\n"

    def mail(self, session):
        return b"250 ok\r\n" if getattr(session, "logged_in", False) else b"530 5.7.0 log in first\r\n"


def came(host, name, seconds=20):
    mark = f"<{name}@".encode()
    lib.eventually(lambda: any(mark in each[2] for each in host.messages), seconds, f"{name} at the host")


def body(tests):
    folder = tempfile.mkdtemp(prefix="buzon-ca-")
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        direct = stack.enter_context(Host())
        relay = stack.enter_context(Smarthost(self_signed(folder, "smarthost.example"), address="127.0.0.13"))
        zones = stack.enter_context(Zones(RECORDS))
        server = stack.enter_context(sender(zones, direct.port))

        def route(*more, password=SECRET):
            server.cli("route", "set", "smarthost.example", "--port", str(relay.port), "--user", LOGIN, *more, input=password + "\n")
            time.sleep(1.5)
        with tests("control: without a route, straight to the domain's host"):
            submit(server, ["alguien@special.example"], letter("straight"))
            came(direct, "straight")
        with tests("a route for one domain: that domain's mail logs in under TLS; another's does not go there"):
            route("--domain", "special.example")
            submit(server, ["alguien@special.example", "alguien@direct.example"], letter("one-domain"))
            came(relay, "one-domain")
            came(direct, "one-domain")
            same(relay.logins, [(True, [LOGIN, SECRET])], "logins")
            same([recipients for _, recipients, _ in relay.messages], [["alguien@special.example"]], "recipients at the smarthost")
        with tests("a route for everything, but for a domain that has its own hosts again"):
            server.cli("route", "remove", "--domain", "special.example")
            route()
            server.cli("route", "set", "-", "--domain", "direct.example")
            time.sleep(1.5)
            submit(server, ["alguien@special.example", "alguien@direct.example", "alguien@nowhere.example"], letter("all"))
            came(relay, "all")
            came(direct, "all")
            lib.eventually(lambda: not server.queue(), 10, "empty queue")
            same(sorted(each for _, recipients, data in relay.messages if b"<all@" in data for each in recipients),
                 ["alguien@nowhere.example", "alguien@special.example"], "recipients at the smarthost")
        with tests("a wrong password: the mail waits and queue show says so; it is not said anywhere else"):
            route(password="equivocada")
            submit(server, ["alguien@special.example"], letter("wrong"))
            said = why(server, "alguien@special.example", "535")
            for text in (said, server.log(), server.cli("route", "list").stdout):
                expect(SECRET not in text and "equivocada" not in text, "a password is shown")
        with tests("tls verified: a certificate that nobody signed is not enough"):
            route("--tls", "verified")
            logins = len(relay.logins)
            server.cli("queue", "retry", "--all")
            why(server, "alguien@special.example", "certificate")
            same(len(relay.logins), logins, "logins at a host without proof")
        with tests("with the right password again, what waited leaves"):
            route()
            server.cli("queue", "retry", "--all")
            came(relay, "wrong")
            lib.eventually(lambda: not server.queue(), 10, "empty queue")
            server.verify()


lib.main(body)
