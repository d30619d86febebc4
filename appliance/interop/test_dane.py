"""DANE (RFC 7672) by a really signed zone on loopback. Postfix's posttls-finger looks at the same records through a validating unbound:
what it thinks of each is the control."""

import contextlib
import shutil
import tempfile
import time

import lib
from lib import expect
from peers.certificates import Authority, self_signed, tlsa
from peers.misbehaving import Host
from peers.postfix_host import PostfixHost
from peers.zones import Validator, Zones
from sending import arrived, letter, sender, submit, trace_of, why

ADDRESS = "127.0.0.2"
# domain: (TLSA data of its host, or none; whether the records verify)
SIGNED = ["ee", "ee-full", "ta", "two", "wrong", "wrong-name", "unusable", "none", "alias"]


def records(port, chain, other):
    """The signed zone's text. Every host is the same Postfix; only the records differ."""
    data = {
        "ee": [tlsa(chain)], "ee-full": [tlsa(chain, 3, 0, 0)], "ta": [tlsa(chain, 2, 0, 1)],
        "two": [tlsa(other), tlsa(chain, 3, 1, 2)], "wrong": [tlsa(other)],
        # DANE-TA proves the name too, and this one is not in the certificate
        "wrong-name": [tlsa(chain, 2, 0, 1)],
        # RFC 7672 §3.1.3: PKIX usages are not usable: encrypted, but unproven
        "unusable": [tlsa(chain, 1, 1, 1)], "alias": [tlsa(chain)]}
    text = ""
    for name in SIGNED:
        host = "mx.otherwise.example" if name == "wrong-name" else f"mx.{name}.example"
        text += f"{name}.example. IN MX 10 {host}.\n{host}. IN A {ADDRESS}\n"
        if name == "alias":
            text += f"_{port}._tcp.{host}. IN CNAME tlsa.alias.example.\ntlsa.alias.example. IN TLSA {data[name][0]}\n"
        else:
            text += "".join(f"_{each}._tcp.{host}. IN TLSA {value}\n" for each in (port, 25) for value in data.get(name, []))
    # No TLS at all where a usable record promises it, and a host whose MX is in the signed zone but whose address is not.
    text += "plain.example. IN MX 10 mx.plain.example.\nmx.plain.example. IN A 127.0.0.6\n"
    text += f"_{port}._tcp.mx.plain.example. IN TLSA {tlsa(chain)}\n"
    return text


def child(name, port, chain, wrong):
    return (f"{name}.example. IN MX 10 mx.{name}.example.\nmx.{name}.example. IN A {ADDRESS}\n"
            f"_{port}._tcp.mx.{name}.example. IN TLSA {tlsa(wrong)}\n")


def control(tests, zones, peer, names):
    """What Postfix makes of each: Verified, or not."""
    with Validator(zones) as validator:
        for name, wanted in names.items():
            with tests(f"control: posttls-finger says {wanted} of {name}.example"):
                done = peer.tool("posttls-finger", "-c", "-t30", "-T30", "-ldane", "-Lsummary", f"{name}.example:{peer.port}",
                                 wrap=validator.inside(), check=False)
                expect(wanted in done.stdout, lib.one_line(done.stdout + done.stderr))


def delivered(tests, server, peer, names):
    for name in names:
        with tests(f"{name}.example: delivered over TLS"):
            submit(server, [f"alguien@{name}.example"], letter(name + "-1"))
            trace = trace_of(arrived(peer, name + "-1"), letter(name + "-1"))
            expect("ESMTPS" in trace, f"in the clear: {trace}")


def kept(tests, server, peer, names):
    for name, words in names.items():
        with tests(f"{name}.example: not delivered, and queue show says why"):
            submit(server, [f"alguien@{name}.example"], letter(name + "-1"))
            print("     " + why(server, f"alguien@{name}.example", *words)[-200:])
            expect(not any(f"<{name}-1@".encode() in each for each in peer.delivered()), "it was delivered")


def body(tests):
    lib.needs_root()
    folder, port = tempfile.mkdtemp(prefix="buzon-ca-"), lib.free_port()
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        authority = Authority(folder)
        names = [f"mx.{name}.example" for name in [*SIGNED, "unsigned", "bogus", "plain"]]
        certificate, (other, _) = authority.issue(*names), self_signed(folder, "mx.other.example")
        zones = stack.enter_context(Zones(records(port, certificate[0], other), child("unsigned", port, certificate[0], other),
                                          child("bogus", port, certificate[0], certificate[0])))
        accepts = "virtual_mailbox_domains = " + " ".join(f"{name}.example" for name in [*SIGNED, "unsigned", "bogus"]) + "\n"
        peer = stack.enter_context(PostfixHost(certificate, address=ADDRESS, port=port, more=accepts))
        plain = stack.enter_context(Host(address="127.0.0.6", port=port))
        control(tests, zones, peer, {"ee": "Verified", "ee-full": "Verified", "ta": "Verified", "two": "Verified", "alias": "Verified",
                                     "wrong": "Untrusted", "unsigned": "Untrusted"})
        server = stack.enter_context(sender(zones, port))
        delivered(tests, server, peer, ["ee", "ee-full", "ta", "two", "alias", "unusable", "none", "unsigned"])
        kept(tests, server, peer, {"wrong": ["dane"], "wrong-name": ["hostname mismatch"], "bogus": ["dns"], "plain": ["tls"]})
        with tests("plain.example: nothing of the letter was said in the clear"):
            expect(not plain.messages and not any(line.startswith("MAIL") for line in plain.seen), str(plain.seen))
        with tests("wrong.example, once its record fits: the waiting letter leaves by `queue retry`"):
            zones.change(records(port, certificate[0], certificate[0]))
            time.sleep(4)
            server.cli("queue", "retry", "alguien@wrong.example")
            trace_of(arrived(peer, "wrong-1"), letter("wrong-1"))
            zones.change(records(port, certificate[0], other))
            time.sleep(4)
        with tests("with the setting dane off, a wrong record does not matter"):
            server.cli("settings", "set", "dane", "false")
            time.sleep(1.5)
            submit(server, ["alguien@wrong.example"], letter("wrong-2"))
            arrived(peer, "wrong-2")


lib.main(body)
