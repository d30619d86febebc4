"""Nothing is relayed for a stranger, whatever the address looks like; and a friend's plain address is, so that the test can fail.

The stranger is in a network namespace of its own, at the other end of a veth pair, with an address outside of `networks`."""

import base64
import json
import re
import smtplib
import sys
import time

import lib
from lib import expect, same
from namespaces import SERVER, inside, two_namespaces
from sending import trusting
from server import Server

USER = "usuario@virtual.test"

# Each of these names, or tries to name, somebody whose domain is not ours. %-, !- and :-routes are history (RFC 5321 §F.2) that relays
# of the past obeyed.
FOREIGN = [
    "<victima@fuera.example>", "<VICTIMA@FUERA.EXAMPLE>", "<victima@fuera.example.>", "<postmaster@fuera.example>",
    "<abuse@fuera.example>", "victima@fuera.example", "<victima@[203.0.113.9]>", "<victima@[IPv6:2001:db8::9]>",
    "<victima@203.0.113.9>", "<victima@[x-tag:fuera.example]>",
    '<"victima"@fuera.example>', '<"victima@fuera.example"@fuera.example>', '<"a b"@fuera.example>', '<"\\v"@fuera.example>',
    "<@virtual.test:victima@fuera.example>", "<@virtual.test,@otro.test:victima@fuera.example>", "<@fuera.example:victima@fuera.example>",
    "<@fuera.example:victima@virtual.test>", "<victima%fuera.example@fuera.example>",
    "<victima@fuera.example@fuera.example>", "<victima@virtual.test@fuera.example>", "<usuario@virtual.test@fuera.example>",
    "<victima@fuera.example,usuario@virtual.test>", "<victima@fuera.example> usuario@virtual.test",
    "<victima@virtual.test.fuera.example>", "<victima@fuera.example#virtual.test>", "<victima@fuera.example\\virtual.test>",
    "<victima@xn--fera-1pa.example>", "<víctima@fuera.example>", "<victima@virtual.testt>", "<victima@sub.virtual.test>",
    "<victima@otro.test>", "<victima@>", "<@fuera.example>", "<victima>", "<>", "< victima@fuera.example>",
    "<victima@fuera.example\0@virtual.test>", "<victima\0@fuera.example>",
    "<<victima@fuera.example>>", "<victima@fuera.example", '<"victima@fuera.example>', "<victima@localhost>",
    "<victima@localhost.localdomain>", "<victima@miservidor>"]

# Our domain is behind the last @, the other one inside of the local part: an unknown name here, never a route.
ROUTED = [
    "<victima%fuera.example@virtual.test>", "<victima%fuera.example%otro.test@virtual.test>", "<fuera.example!victima@virtual.test>",
    "<otro.test!fuera.example!victima@virtual.test>", '<"victima@fuera.example"@virtual.test>', '<"victima%fuera.example"@virtual.test>',
    '<"fuera.example!victima"@virtual.test>', '<"@fuera.example:victima"@virtual.test>', '<"\\"victima@fuera.example\\""@virtual.test>',
    "<victima@fuera.example@virtual.test>", "<victima@fuera.example%virtual.test>", "<victima:fuera.example@virtual.test>",
    "<victima/fuera.example@virtual.test>", "<victima+fuera.example@virtual.test>", "<victima=fuera.example@virtual.test>",
    "<@virtual.test:victima%fuera.example@virtual.test>", "<fuera.example!victima>", "<victima%fuera.example>"]

SENDERS = ["<>", "<a@fuera.example>", "<usuario@virtual.test>", "<postmaster@virtual.test>", "<root@localhost>"]


def attempts(host, port, addresses):
    """The reply to each RCPT, a session for each, and DATA tried after it."""
    found = []
    for index, address in enumerate(addresses):
        with lib.Dialog(host, port) as smtp:
            smtp.greeted()
            smtp.ask("MAIL FROM:" + SENDERS[index % len(SENDERS)])
            reply = smtp.ask(f"RCPT TO:{address}")
            after = smtp.ask("DATA")
            if after.startswith("354"):
                smtp.raw(lib.message(f"relay-{index}"))
                after = smtp.ask(".")
            found.append((address, reply, after))
    return found


def strangers(tests, server, where, tried):
    with tests(f"{where}: no address is accepted ({len(tried)} forms)"):
        accepted = [f"{address!r}: {reply} / {after}" for address, reply, after in tried if reply[:1] != "5"]
        expect(not accepted, "; ".join(accepted))
    with tests(f"{where}: none got a message in"):
        expect(all(after[:1] != "2" for _, _, after in tried), "; ".join(a for a, _, after in tried if after[:1] == "2"))
        same(server.queue(), [], "outgoing queue")
        same(server.ids(USER), [], "mail of the user") if server.host.startswith("127.") else None


def plain_login(port):
    """What a stranger is told who says a right password in the clear, on POP3 and IMAP."""
    with lib.Dialog(SERVER, port + lib.POP3) as pop:
        pop.line()
        first = pop.line_after(f"USER {USER}")
        second = pop.line_after("PASS " + lib.PASSWORD)
    with lib.Dialog(SERVER, port + lib.IMAP) as imap:
        imap.line()
        capability = imap.line_after("a CAPABILITY")
        imap.line()
        login = imap.line_after(f"b LOGIN {USER} {lib.PASSWORD}")
    return [first, second, capability, login]


def smtp_logins(offset):
    """What a stranger is told on 25 and 587 who would log in in the clear: the offer, and the answers to PLAIN and LOGIN with a right
    password; then the offer under TLS, and the answer there."""
    found, plain = {}, base64.b64encode(f"\0{USER}\0{lib.PASSWORD}".encode()).decode()
    for standard in (lib.SMTP, lib.SUBMISSION):
        with lib.Dialog(SERVER, offset + standard) as smtp:
            offer = smtp.greeted()
            answers = [smtp.ask("AUTH PLAIN " + plain), smtp.ask("AUTH LOGIN " + base64.b64encode(USER.encode()).decode())]
            unlogged = smtp.ask(f"MAIL FROM:<{USER}>") + " / " + smtp.ask("RCPT TO:<victima@fuera.example>")
        with smtplib.SMTP(SERVER, offset + standard, "cliente.example", timeout=20) as smtp:
            smtp.starttls(context=trusting())
            smtp.ehlo()
            secured = smtp.esmtp_features.get("auth", "")
            code, _ = smtp.docmd("AUTH", "PLAIN " + plain)
        found[standard] = [offer, answers, unlogged, secured, code]
    return found


def outside_logins(tests, server, client_side):
    with tests("from outside: on 587, nothing is taken without a login"):
        tried = inside(__file__, client_side, "attempts", server.port(lib.SUBMISSION))
        accepted = [f"{address!r}: {reply} / {after}" for address, reply, after in tried if reply[:1] != "5" or after[:1] == "2"]
        expect(not accepted, "; ".join(accepted))
        same(server.queue(), [], "outgoing queue")
    said = {}
    with tests("from outside: a login in the clear is tried on 25 and 587"):
        said = inside(__file__, client_side, "smtp-logins", server.offset)
    for standard, (offer, answers, unlogged, secured, code) in said.items():
        with tests(f"from outside: {standard} offers no PLAIN or LOGIN in the clear, and refuses them"):
            expect(not re.search(r"AUTH.*\b(PLAIN|LOGIN)\b", offer), f"offered: {offer!r}")
            expect(all(answer[:1] == "5" for answer in answers), f"answered {answers}")
            expect(" / 5" in unlogged, f"a letter to elsewhere: {unlogged}")
        with tests(f"control: {standard} offers both after STARTTLS, and takes the same password"):
            expect({"PLAIN", "LOGIN"} <= set(secured.split()), f"offered: {secured!r}")
            same(code, 235)


def namespaces(tests):
    with two_namespaces() as (server_side, client_side):
        wrap = ["ip", "netns", "exec", server_side]
        with Server(domains=["virtual.test"], users=[USER], bind=(SERVER, "127.0.0.1"), wrap=wrap) as server:
            strangers(tests, server, "from outside of networks", inside(__file__, client_side, "attempts", server.port(lib.SMTP)))

            with tests("from outside: our own user is accepted"):
                (reply,) = inside(__file__, client_side, "own", server.port(lib.SMTP))
                same(reply[1][:3], "250", "RCPT")

            with tests("from outside: a plain-text login is refused on POP3 and IMAP, and not offered"):
                first, second, capability, login = inside(__file__, client_side, "login", server.offset)
                expect(second.startswith("-ERR"), f"POP3 said {first!r}, {second!r}")
                expect("LOGINDISABLED" in capability, f"IMAP announces {capability!r}")
                expect(login.startswith("b NO"), f"IMAP said {login!r}")

            outside_logins(tests, server, client_side)

            with tests("control: with the stranger's network in networks, the plain address is accepted and queued"):
                server.cli("settings", "set", "networks", "127.0.0.0/8, 192.0.2.0/24")
                time.sleep(1.5)  # a running server sees a change within a second
                (reply,) = inside(__file__, client_side, "plain", server.port(lib.SMTP))
                same((reply[1][:3], reply[2][:3]), ("250", "250"), "RCPT, DATA")
                same(server.queued_for(), ["victima@fuera.example"], "outgoing queue")
            with tests("the database is consistent afterwards"):
                server.verify()


def loopback(tests):
    with Server(domains=["virtual.test"], users=[USER], settings={"networks": ""}) as server:
        time.sleep(1.5)
        strangers(tests, server, "networks empty, from loopback", attempts(server.host, server.port(lib.SMTP), FOREIGN + ROUTED))
    with Server(domains=["virtual.test"], users=[USER]) as server:
        with tests("control: networks as it comes, loopback's plain address is accepted and queued"):
            server.send("victima@fuera.example", lib.message("control"))
            same(server.queued_for(), ["victima@fuera.example"], "outgoing queue")
        with tests("a friend's routed address is no route either"):
            tried = attempts(server.host, server.port(lib.SMTP), ROUTED)
            accepted = [f"{address!r}: {reply}" for address, reply, _ in tried if reply[:1] != "5"]
            expect(not accepted, "; ".join(accepted))
            same(server.queued_for(), ["victima@fuera.example"], "outgoing queue")


def body(tests):
    loopback(tests)
    namespaces(tests)


TASKS = {"--attempts": lambda port: attempts(SERVER, port, FOREIGN + ROUTED), "--plain": lambda port: attempts(SERVER, port, FOREIGN[:1]),
         "--smtp-logins": smtp_logins, "--own": lambda port: attempts(SERVER, port, [f"<{USER}>"]), "--login": plain_login}
if sys.argv[1:2] and sys.argv[1] in TASKS:
    print(json.dumps(TASKS[sys.argv[1]](int(sys.argv[2]))))
else:
    lib.main(body)
