"""MTA-STS (RFC 8461) over real HTTPS: the server looks policies up by a signed DNS of the test's own and fetches them from port 443 of a
loopback address. All of it runs in a network namespace, where that port is free and nothing leads outside, and in a mount namespace
whose /etc/ssl/certs holds the test's authority and no other."""

import contextlib
import json
import os
import shutil
import sys
import tempfile
import time

import lib
from lib import expect, same
from peers.certificates import Authority, self_signed
from peers.misbehaving import Host
from peers.policies import Answer, PolicyHost, policy
from peers.zones import Zones
from sending import letter, rows, sender, submit, why

INSIDE = "--inside"
WEB = "127.0.0.20"
# What answers on the mail port of each address.
GOOD, UNSIGNED, OTHER, EXPIRED, PLAIN = (f"127.0.0.{number}" for number in range(21, 26))
# domain: the addresses of its hosts, by preference
HOSTS = {
    "good": [GOOD], "wild": [GOOD], "second": [UNSIGNED, GOOD], "unlisted": [GOOD], "self": [UNSIGNED], "name": [OTHER],
    "expired": [EXPIRED], "plain": [PLAIN], "testing": [UNSIGNED], "testing-plain": [PLAIN], "testing-unlisted": [GOOD],
    "webpki": [PLAIN], "large": [PLAIN], "moved": [PLAIN], "html": [PLAIN], "absent": [PLAIN], "hang": [PLAIN], "nonsense": [PLAIN],
    "cached": [GOOD], "changed": [GOOD], "none": [PLAIN]}


def mx(name, place=0):
    return f"mx{place or ''}.{name}.example"


def records(ids, moved=()):
    """The signed zone. `ids`: of the policies, 1 where nothing is said; `moved`: domains whose host is the self-signed one by now."""
    text = ""
    for name, addresses in HOSTS.items():
        text += f'_mta-sts.{name}.example. IN TXT "v=STSv1; id={ids.get(name, 1)};"\nmta-sts.{name}.example. IN A {WEB}\n'
        for place, address in enumerate(addresses):
            address = UNSIGNED if name in moved else address
            text += f"{name}.example. IN MX {10 + place} {mx(name, place)}.\n{mx(name, place)}. IN A {address}\n"
    return text


def answers(bad):
    """What each domain's policy host says."""
    enforced = {name: Answer(policy("enforce", *(mx(name, place) for place in range(len(HOSTS[name]))))) for name in HOSTS}
    special = {
        "wild": Answer(policy("enforce", "*.wild.example")), "unlisted": Answer(policy("enforce", "mx.elsewhere.example")),
        "testing": Answer(policy("testing", mx("testing"))), "testing-plain": Answer(policy("testing", mx("testing-plain"))),
        "testing-unlisted": Answer(policy("testing", "mx.elsewhere.example")), "none": Answer(policy("none")),
        "webpki": Answer(policy("enforce", mx("webpki")), certificate=bad),
        "large": Answer(policy("enforce", mx("large")) + "more: of it\r\n" * 6000),
        "moved": Answer(policy("enforce", mx("moved")), status=301, headers=[("Location", "https://mta-sts.good.example/moved.txt")]),
        "html": Answer(policy("enforce", mx("html")), kind="text/html"), "absent": Answer("", status=404),
        "hang": Answer("", hangs=True), "nonsense": Answer("mode: enforce\r\n"),
        "changed": Answer(policy("enforce", "mx.elsewhere.example"))}
    return {f"{name}.example": answer for name, answer in (enforced | special).items()}


class World:
    """The peers, and a server that sends to them."""

    def __init__(self, stack, folder):
        port = lib.free_port()
        authority = Authority(folder + "/ca")
        trust(authority, folder)
        names = [mx(name, place) for name, addresses in HOSTS.items() for place in range(len(addresses))]
        good, self.bad = authority.issue(*names), self_signed(folder, "self.example")
        wrong, late = authority.issue("mx.other.example"), authority.issue(mx("expired"), days=-1)
        web = authority.issue(*(f"mta-sts.{name}.example" for name in HOSTS))
        host = {address: stack.enter_context(Host(address=address, port=port, certificate=certificate)) for address, certificate in [
            (GOOD, good), (UNSIGNED, self.bad), (OTHER, wrong), (EXPIRED, late), (PLAIN, None)]}
        self.hosts = host
        self.web = stack.enter_context(PolicyHost(web, answers(self.bad), address=WEB))
        self.ids, self.away = {}, []
        self.zones = stack.enter_context(Zones(records(self.ids)))
        self.server = stack.enter_context(sender(self.zones, port))

    def send(self, name, mark):
        submit(self.server, [f"alguien@{name}.example"], letter(mark))

    def arrivals(self, address, mark):
        host = self.hosts[address]
        return [encrypted for (_, _, text), encrypted in zip(host.messages, host.encrypted) if f"<{mark}@".encode() in text]

    def arrived(self, address, mark, encrypted, seconds=30):
        found = lib.eventually(lambda: self.arrivals(address, mark), seconds, f"{mark} at {address}")
        same(found, [encrypted], f"{mark}: encrypted")

    def nowhere(self, mark):
        same([address for address in self.hosts if self.arrivals(address, mark)], [], f"hosts that got {mark}")

    def publish(self, **ids):
        """Other ids from now on; waits until the old ones are forgotten."""
        self.ids.update({name.replace("_", "-"): new for name, new in ids.items()})
        self.zones.change(records(self.ids, self.away))
        time.sleep(6.5)  # and until idle connections are closed

    def results(self):
        """(domain, policy, result) as recorded: {…: sessions}. They are written once a minute, and when the server ends."""
        text = self.server.sql(".mode json\nSELECT domain, policy_type, result, sum(sessions) AS n FROM tls_result GROUP BY 1, 2, 3;\n")
        return {(row["domain"].removesuffix(".example"), row["policy_type"], row["result"]): row["n"] for row in json.loads(text or "[]")}


def trust(authority, folder):
    """Makes the test's authority the only one of this mount namespace."""
    place = folder + "/certs"
    os.makedirs(place)
    shutil.copy(authority.chain, place + "/ca.pem")
    shutil.copy(authority.chain, place + "/ca-certificates.crt")
    lib.run("openssl", "rehash", place)
    lib.run("mount", "--bind", place, "/etc/ssl/certs")


def enforced(tests, world):
    for name in ("good", "wild"):
        with tests(f"enforce, {name}.example: a good certificate: delivered"):
            world.send(name, name)
            world.arrived(GOOD, name, True)
            same(world.web.times(f"{name}.example"), 1, "fetches")
    with tests("enforce: the first host proves nothing, the second one does: delivered to the second"):
        world.send("second", "second")
        world.arrived(GOOD, "second", True)
        same(world.arrivals(UNSIGNED, "second"), [])
    for name, words in {"unlisted": ["MTA-STS"], "self": ["self-signed certificate"], "name": ["hostname mismatch"],
                        "expired": ["certificate has expired"], "plain": ["no encryption"]}.items():
        with tests(f"enforce, {name}.example: not delivered but deferred, and queue show says why"):
            world.send(name, name)
            print("     " + why(world.server, f"alguien@{name}.example", *words)[-200:])
            world.nowhere(name)
            expect(rows(world.server, f"alguien@{name}.example"), "it does not wait")
    with tests("enforce, no STARTTLS: nothing of the letter was said in the clear"):
        said = [line for line in world.hosts[PLAIN].seen if "plain.example" in line]
        same(said, [])


def testing(tests, world):
    for name, address, encrypted in [("testing", UNSIGNED, True), ("testing-plain", PLAIN, False), ("testing-unlisted", GOOD, True),
                                     ("none", PLAIN, False)]:
        with tests(f"mode {'none' if name == 'none' else 'testing'}, {name}.example: delivered all the same"):
            world.send(name, name)
            world.arrived(address, name, encrypted)


def without(tests, world):
    """What is no policy hinders no mail."""
    for name, what in {"webpki": "a policy host with a certificate of nobody's", "large": "a policy of more than 64 KiB",
                       "moved": "a redirect", "html": "another content type", "absent": "404", "nonsense": "a policy that is none"}.items():
        with tests(f"{what}: ignored, delivered as if there were none"):
            world.send(name, name)
            world.arrived(PLAIN, name, False)
    with tests("a redirect: its target is not asked"):
        expect(("mta-sts.good.example", "/moved.txt") not in world.web.asked, str(world.web.asked))
    with tests("a failure is not repeated for the next letter (five minutes)"):
        world.send("absent", "absent-2")
        world.arrived(PLAIN, "absent-2", False)
        same(world.web.times("absent.example"), 1, "fetches")


def kept(tests, world):
    """What is cached stays in force while its successor can't be had."""
    with tests("cached.example: one fetch for two letters, over a restart, too"):
        world.send("cached", "cached-1")
        world.arrived(GOOD, "cached-1", True)
        world.server.stop()
        world.server.start()
        world.send("cached", "cached-2")
        world.arrived(GOOD, "cached-2", True)
        same(world.web.times("cached.example"), 1, "fetches")
    with tests("a new id whose policy host proves nothing: the cached policy is enforced"):
        world.web.answers["cached.example"].certificate = world.bad
        world.away.append("cached")
        world.publish(cached=2)
        world.send("cached", "cached-3")
        why(world.server, "alguien@cached.example", "self-signed certificate")
        world.nowhere("cached-3")
    with tests("a new id: the policy is fetched again, and what waited for it leaves"):
        world.send("changed", "changed-1")
        why(world.server, "alguien@changed.example", "MTA-STS")
        same(world.web.times("changed.example"), 1, "fetches")
        world.web.answers["changed.example"] = Answer(policy("enforce", mx("changed")))
        world.publish(changed="nuevo")
        world.server.cli("queue", "retry", "alguien@changed.example")
        world.arrived(GOOD, "changed-1", True)
        same(world.web.times("changed.example"), 2, "fetches")


def recorded(tests, world):
    with tests("every session was recorded for reports (RFC 8460), with its failure"):
        world.server.stop()
        found = world.results()
        wanted = [("good", ""), ("wild", ""), ("second", "certificate-not-trusted"), ("second", ""), ("unlisted", "validation-failure"),
                  ("self", "certificate-not-trusted"), ("name", "certificate-host-mismatch"), ("expired", "certificate-expired"),
                  ("plain", "starttls-not-supported"), ("testing", "certificate-not-trusted"),
                  ("testing-plain", "starttls-not-supported"), ("testing-unlisted", "validation-failure"),
                  ("webpki", "sts-webpki-invalid"), ("large", "sts-policy-fetch-error"), ("moved", "sts-policy-fetch-error"),
                  ("html", "sts-policy-invalid"), ("absent", "sts-policy-fetch-error"), ("nonsense", "sts-policy-invalid"),
                  ("cached", ""), ("cached", "certificate-not-trusted"), ("hang", "sts-policy-fetch-error")]
        missing = [each for each in wanted if not found.get((each[0], "sts", each[1]))]
        same(missing, [], f"not recorded; there are {found}")
        for name in ("testing", "testing-unlisted"):
            expect(not found.get((name, "sts", "")), f"{name} counts as a success, too: {found}")
        world.server.start()


def body(tests):
    lib.needs("openssl", "mount")
    folder = tempfile.mkdtemp(prefix="buzon-sts-")
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stack.callback(lib.run, "umount", "/etc/ssl/certs", check=False)
        lib.run("ip", "link", "set", "lo", "up")
        world = World(stack, folder)
        begun = time.monotonic()
        world.send("hang", "hang")
        enforced(tests, world)
        testing(tests, world)
        without(tests, world)
        kept(tests, world)
        with tests("a policy host that takes the question and says nothing: a minute, then delivered; the others did not wait"):
            world.arrived(PLAIN, "hang", False, seconds=90)
            expect(time.monotonic() - begun < 150, "too late")
        recorded(tests, world)
        with tests("with the setting mta-sts off, a policy does not matter"):
            world.server.cli("settings", "set", "mta-sts", "false")
            time.sleep(1.5)

            def tried():  # an attempt of before the change may still be under way
                world.server.cli("queue", "retry", "alguien@plain.example", check=False)
                time.sleep(1)
                return world.arrivals(PLAIN, "plain")
            lib.eventually(tried, 30, "delivery to plain.example")
            world.arrived(PLAIN, "plain", False)
        with tests("the database is consistent afterwards"):
            world.server.verify()


if INSIDE in sys.argv:
    lib.main(body)
elif os.geteuid() != 0:
    print("skip mta_sts: needs root\n0 passed, 0 failed, 1 skipped")
else:
    os.execvp("unshare", ["unshare", "-n", "-m", "--propagation", "private", sys.executable, "-B", os.path.abspath(__file__), INSIDE])
