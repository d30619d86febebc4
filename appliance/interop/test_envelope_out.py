"""The envelope on its way out: rewritten return addresses of what is forwarded (SRS), DSN's wishes, what is reported of success and in which
language and form, REQUIRETLS, several messages over one connection, several hosts of one domain."""

import contextlib
import re
import shutil
import tempfile
import time

import lib
from lib import expect, same
from peers.certificates import Authority, self_signed, tlsa
from peers.misbehaving import Host, says
from peers.zones import Zones
from sending import OTHER, US, USER, bounces, client, letter, rows, sender, submit, why

ALIAS, STRANGER = "ventas@virtual.test", "remitente@fuera.example"
LIST, AWAY = "lista@virtual.test", "lejos@virtual.test"
DSN = ("PIPELINING", "SIZE 0", "8BITMIME", "DSN")
ADDRESSES = {"kept": "127.0.0.6", "fuera": "127.0.0.7", "refusing": "127.0.0.10", "safe": "127.0.0.11", "unproven": "127.0.0.12"}


def records(port, chain):
    text = "".join(f"{name}.example. IN MX 10 mx.{name}.example.\nmx.{name}.example. IN A {address}\n" for name, address in ADDRESSES.items())
    text += "two.example. IN MX 5 mx.later.example.\ntwo.example. IN MX 10 mx.kept.example.\nmx.later.example. IN A 127.0.0.13\n"
    return text + f"_{port}._tcp.mx.safe.example. IN TLSA {tlsa(chain)}\n"


def inbound(server, reverse, recipient, text):
    """The reply to RCPT, or to the end of DATA."""
    with server.dialog() as smtp:
        smtp.greeted()
        same(smtp.ask(f"MAIL FROM:<{reverse}>")[:3], "250", "MAIL")
        answer = smtp.ask(f"RCPT TO:<{recipient}>")
        return answer if answer[:3] != "250" else smtp.data(text)


def came(host, name, seconds=20):
    """(sender, recipients, bytes) of the letter of that name."""
    mark = f"<{name}@".encode()
    return lib.eventually(lambda: [each for each in host.messages if mark in each[2]], seconds, f"{name} at the host")[0]


def forwarded(tests, server, kept, fuera):
    returning = ""
    with tests("a stranger's letter is forwarded outside with a return address of ours; its text is as it was"):
        text = letter("forwarded", STRANGER, ALIAS)
        same(inbound(server, STRANGER, ALIAS, text)[:3], "250")
        returning, recipients, data = came(kept, "forwarded")
        same(recipients, ["alguien@kept.example"])
        expect(returning.endswith("@" + US) and returning != STRANGER, f"sender {returning}")
        expect(data.endswith(text), "it was changed")
    with tests("a bounce to that address goes back to the stranger"):
        same(inbound(server, "", returning, letter("returned", "postmaster@kept.example", returning))[:3], "250")
        same(came(fuera, "returned")[:2], ("", [STRANGER]))
    with tests("the same address is refused to a sender that is not null, and when a letter of it was changed"):
        same(inbound(server, "spam@fuera.example", returning, letter("abuse"))[:1], "5")
        forged = re.sub(r"(?<=[=+-])(\w)", lambda found: "b" if found[1].lower() == "a" else "a", returning, count=1)
        expect(forged != returning, "no change could be made")
        same(inbound(server, "", forged, letter("forged"))[:1], "5", f"to {forged}")
        other = returning.replace("remitente", "victima")
        expect(other != returning and inbound(server, "", other, letter("forged"))[:1] == "5", f"to {other}")
    with tests("a null sender's letter is forwarded with a null sender"):
        same(inbound(server, "", ALIAS, letter("null", "postmaster@fuera.example", ALIAS))[:3], "250")
        same(came(kept, "null")[0], "")
    with tests("our own user's letter through the forwarding keeps its own address"):
        submit(server, [ALIAS], letter("own", to=ALIAS))
        same(came(kept, "own")[0], USER)


def said(host, word, since):
    return [line for line in host.seen[since:] if line.upper().startswith(word)]


def dsn(tests, server, kept, refusing):
    with tests("DSN's wishes go on to a host that knows them: RET, ENVID, NOTIFY, ORCPT"):
        since = len(kept.seen)
        with client(server) as smtp:
            smtp.ehlo()
            smtp.mail(USER, ["RET=HDRS", "ENVID=QQ314159"])
            smtp.rcpt("alguien@kept.example", ["NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;Alguien@kept.example"])
            same(smtp.data(letter("dsn"))[0], 250)
        came(kept, "dsn")
        (mail,), (rcpt,) = said(kept, "MAIL", since), said(kept, "RCPT", since)
        expect("RET=HDRS" in mail and "ENVID=QQ314159" in mail, mail)
        expect("NOTIFY=SUCCESS,FAILURE" in rcpt.upper() and "ORCPT=rfc822;Alguien@kept.example" in rcpt, rcpt)
        same(bounces(server), [], "reports of ours, which are now the host's to make")

    def refused(name, mail=(), rcpt=()):
        before = len(bounces(server))
        with client(server) as smtp:
            smtp.ehlo()
            smtp.mail(USER, list(mail))
            smtp.rcpt("no@refusing.example", list(rcpt))
            same(smtp.data(letter(name, body=b"secreto del cuerpo\r\n"))[0], 250)
        lib.eventually(lambda: not rows(server, "refusing.example"), 20, "out of the queue")
        time.sleep(0.5)
        return bounces(server)[before:]
    with tests("a refusal makes one report: RFC 3464, with the host's answer, the envelope's id and the headers only where RET=HDRS"):
        (report,) = refused("dsn-failure", ["RET=HDRS", "ENVID=QQ+3D1"], ["ORCPT=rfc822;No@refusing.example"])
        for wanted in (b"report-type=delivery-status", b"Action: failed", b"Status: 5.", b"Final-Recipient: rfc822;", b"550 5.1.1 no such user here",
                       b"Original-Envelope-Id: QQ=1", b"Original-Recipient: rfc822;", b"Reporting-MTA: dns;", b"Remote-MTA: dns;",
                       b"text/rfc822-headers", b"<dsn-failure@"):
            expect(wanted.lower() in report.lower(), f"it does not have {wanted.decode()}: {report[:2500]!r}")
        expect(b"secreto del cuerpo" not in report, "it has the body")
        expect(re.search(rb"(?im)^auto-submitted: auto-replied", report), "no Auto-Submitted")
        expect(re.search(rb"(?im)^return-path: *<>", report) or b"MAILER-DAEMON" in report.upper(), "it is not from the null sender")
    with tests("RET=FULL: the whole letter comes back"):
        (report,) = refused("dsn-full", ["RET=FULL"])
        expect(b"secreto del cuerpo" in report, "the body is not there")
    with tests("NOTIFY=NEVER: no report"):
        same(refused("dsn-never", rcpt=["NOTIFY=NEVER"]), [])


def told(server, name, recipients, mail=(), rcpt=(), text=None, wanted=1):
    """The new reports after a letter with these wishes."""
    before = len(bounces(server))
    with client(server) as smtp:
        smtp.ehlo()
        same(smtp.mail(USER, list(mail))[0], 250)
        for recipient in recipients:
            same(smtp.rcpt(recipient, list(rcpt))[0], 250)
        same(smtp.data(text or letter(name, body=b"secreto del cuerpo\r\n"))[0], 250)
    lib.eventually(lambda: len(bounces(server)) - before >= wanted and not server.queue(), 20, "a report")
    time.sleep(0.5)
    found = bounces(server)[before:]
    same(len(found), wanted, "reports")
    return found


def has(report, *lines):
    for line in lines:
        expect(line.encode() in report, f"it does not have {line!r}: {report[:2500]!r}")


def success(tests, server, kept, fuera):
    wishes = ["RET=FULL", "ENVID=QQ+2B7"], ["NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;Orig@fuera.example"]
    with tests("NOTIFY=SUCCESS, a mailbox here: delivered, with ENVID and ORCPT, and the header only"):
        (report,) = told(server, "success-here", [USER], *wishes)
        has(report, "Action: delivered\r\nStatus: 2.", f"Final-Recipient: rfc822; {USER}\r\n", "Original-Recipient: rfc822; Orig@fuera.example\r\n",
            "Original-Envelope-Id: QQ+7\r\n", "Content-Type: text/rfc822-headers", "<success-here@")
        expect(b"secreto del cuerpo" not in report, "it has the body")
    with tests("NOTIFY=SUCCESS, a host that knows no DSN: relayed"):
        (report,) = told(server, "success-relayed", ["alguien@fuera.example"], *wishes)
        has(report, "Action: relayed\r\n", "Remote-MTA: dns; mx.fuera.example\r\n", "Diagnostic-Code: smtp; 250")
    with tests("NOTIFY=SUCCESS, a list: expanded, and its members are asked for failures only"):
        since = len(kept.seen)
        (report,) = told(server, "success-list", [LIST], *wishes)
        has(report, "Action: expanded\r\n", f"Final-Recipient: rfc822; {LIST}\r\n")
        expect(b"alguien@kept.example" not in report, "the members are named")
        came(kept, "success-list")
        (rcpt,) = said(kept, "RCPT", since)
        expect("NOTIFY=FAILURE" in rcpt and "ORCPT=rfc822;Orig@fuera.example" in rcpt, rcpt)
    with tests("NOTIFY=FAILURE or NEVER, or a null sender: nothing is said of success"):
        told(server, "success-unwanted", [USER], rcpt=["NOTIFY=FAILURE,DELAY"], wanted=0)
        told(server, "success-never", [USER], rcpt=["NOTIFY=NEVER"], wanted=0)
        before = len(fuera.messages)
        with server.dialog() as smtp:
            smtp.greeted()
            same(smtp.ask("MAIL FROM:<>")[:3], "250")
            same(smtp.ask(f"RCPT TO:<{USER}> NOTIFY=SUCCESS")[:3], "250")
            same(smtp.data(letter("success-null"))[:3], "250")
        time.sleep(1)
        same((len(fuera.messages) - before, server.queue()), (0, []))


def languages(tests, server, refusing, fuera):
    def with_field(name, field):
        return field.encode() + b"\r\n" + letter(name)
    for field, words in (("Content-Language: es-MX", "Su mensaje no se pudo entregar"), ("Accept-Language: en;q=0.5, es", "Su mensaje no se pudo entregar"),
                         ("Content-Language: en", "Your message could not be delivered")):
        with tests(f"a report's language, {field}"):
            (report,) = told(server, "language", ["no@refusing.example"], text=with_field("language", field))
            has(report, f"Subject: {words}\r\n")
    with tests("a stranger whose language nobody knows gets a report in both"):
        same(inbound(server, STRANGER, AWAY, letter("both", STRANGER, AWAY))[:3], "250")
        data = came(fuera, "both")[2]
        expect(b"Content-Language: en, es\r\n" in data and b"could not be delivered to" in data and b"no se pudo entregar a" in data, f"{data[:2500]!r}")
    with tests("a report on an address in UTF-8 reaches a sender whose host knows no SMTPUTF8: everything in it is ASCII"):
        with server.dialog() as smtp:
            smtp.greeted()
            same(smtp.ask(f"MAIL FROM:<{STRANGER}> SMTPUTF8")[:3], "250")
            same(smtp.ask("RCPT TO:<ñandú@virtual.test>".encode())[:3], "250")
            same(smtp.data("Subject: ñandú\r\n".encode() + letter("unicode", STRANGER))[:3], "250")
        lib.eventually(lambda: [each for each in fuera.messages if each[0] == "" and b"utf-8; " in each[2]], 20, "the report at the host")
        (data,) = [each[2] for each in fuera.messages if each[0] == "" and b"utf-8; " in each[2]]
        expect(all(byte < 0x80 for byte in data), "it has eight bits")
        has(data, "Content-Type: message/delivery-status\r\n", "Final-Recipient: utf-8; avestr\\x{FA}z@refusing.example\r\n",
            "Original-Recipient: utf-8; \\x{F1}and\\x{FA}@virtual.test\r\n", "message/global\r\nContent-Transfer-Encoding: base64\r\n")


def next_host(tests, server, kept):
    with tests("who is refused for now by one host is offered to the next one"):
        submit(server, ["alguien@two.example"], letter("next-host"))
        same(came(kept, "next-host")[1], ["alguien@two.example"])
        lib.eventually(lambda: not server.queue(), 20, "empty queue")


def encryption(tests, server, safe, unproven, kept):
    with tests("REQUIRETLS is offered under TLS only"):
        with client(server, None, tls=False) as smtp:
            smtp.ehlo()
            expect(not smtp.has_extn("requiretls"), "offered in the clear")
        with client(server) as smtp:
            smtp.ehlo()
            expect(smtp.has_extn("requiretls"), "not offered under TLS")
    with tests("REQUIRETLS: delivered to a host with proof (DANE) that knows it, which is told so"):
        since = len(safe.seen)
        submit(server, ["alguien@safe.example"], letter("required"), options=["REQUIRETLS"])
        came(safe, "required")
        (mail,) = said(safe, "MAIL", since)
        expect("REQUIRETLS" in mail, mail)
    for name, host in (("kept", kept), ("unproven", unproven)):
        with tests(f"REQUIRETLS: not delivered to a host {'without TLS' if name == 'kept' else 'without proof'}"):
            before = len(host.messages)
            submit(server, [f"alguien@{name}.example"], letter(f"required-{name}"), options=["REQUIRETLS"])
            lib.eventually(lambda: any(f"alguien@{name}.example".encode() in each for each in bounces(server)) or
                           re.search("(?i)tls|encryption", " ".join(server.shown(row["queueID"]) for row in rows(server, f"alguien@{name}.example"))), 20, "a reason")
            same(len(host.messages), before, "messages at the host")
    with tests("the setting outbound-tls required: nothing leaves in the clear; to a host with TLS it does"):
        server.cli("settings", "set", "outbound-tls", "required")
        time.sleep(1.5)
        submit(server, ["alguien@unproven.example"], letter("tls-1"))
        came(unproven, "tls-1")
        submit(server, ["alguien@kept.example"], letter("tls-2"))
        why(server, "alguien@kept.example", "tls")
        server.cli("settings", "set", "outbound-tls", "never")
        time.sleep(1.5)
        server.cli("queue", "retry", "alguien@kept.example", check=False)  # other terms end the destination's rest: it may have left
        came(kept, "tls-2")
        server.cli("settings", "set", "outbound-tls", "offered")
        time.sleep(1.5)


def reuse(tests, server, kept):
    with tests("200 letters to one host share connections"):
        sessions, before = kept.sessions, len(kept.messages)
        with client(server) as smtp:
            for number in range(200):
                smtp.sendmail(USER, ["alguien@kept.example"], letter(f"reuse-{number}"))
        lib.eventually(lambda: len(kept.messages) - before >= 200, 40, "they arrived")
        used = kept.sessions - sessions
        print(f"     {used} connections")
        expect(used <= 40, f"{used} connections")
    with tests("100 recipients of one letter at one host: one transaction or a few, each recipient once"):
        before = len(kept.messages)
        people = [f"p{number}@kept.example" for number in range(100)]
        submit(server, people, letter("many"))
        lib.eventually(lambda: sum(len(each[1]) for each in kept.messages[before:]) >= 100, 20, "they arrived")
        same(sorted(each for _, recipients, _ in kept.messages[before:] for each in recipients), sorted(people))
        expect(len(kept.messages) - before <= 3, f"{len(kept.messages) - before} transactions")


def body(tests):
    folder, port = tempfile.mkdtemp(prefix="buzon-ca-"), lib.free_port()
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        proven = Authority(folder).issue("mx.safe.example")

        def host(name, **more):
            return stack.enter_context(Host(address=ADDRESSES[name], port=port, **more))
        kept, fuera = host("kept", extensions=DSN), host("fuera")
        refusing = host("refusing", RCPT=says("550 5.1.1 no such user here"), extensions=("PIPELINING", "8BITMIME", "SMTPUTF8"))
        stack.enter_context(Host(address="127.0.0.13", port=port, RCPT=says("450 4.2.0 not now")))
        safe = host("safe", certificate=proven, extensions=(*DSN, "REQUIRETLS"))
        unproven = host("unproven", certificate=self_signed(folder, "mx.unproven.example"), extensions=(*DSN, "REQUIRETLS"))
        zones = stack.enter_context(Zones(records(port, proven[0])))
        server = stack.enter_context(sender(zones, port))
        for origin, *destinations in ((ALIAS, "alguien@kept.example"), (LIST, USER, "alguien@kept.example"), (AWAY, "no@refusing.example"),
                                      ("ñandú@virtual.test", "avestrúz@refusing.example")):
            for destination in destinations:
                server.cli("forwarding", "add", origin, destination)
        time.sleep(1.5)
        forwarded(tests, server, kept, fuera)
        dsn(tests, server, kept, refusing)
        success(tests, server, kept, fuera)
        languages(tests, server, refusing, fuera)
        next_host(tests, server, kept)
        encryption(tests, server, safe, unproven, kept)
        reuse(tests, server, kept)
        with tests("nothing more was reported, and the database is consistent"):
            same(len(server.messages(OTHER)), 0, "messages of a user who did nothing")
            server.verify()


lib.main(body)
