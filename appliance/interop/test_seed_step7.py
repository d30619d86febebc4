"""The seed's step 7: the EHLO answer that its step 9 prints, from a server that is set as the seed sets Postfix, and what its reader does
next: log in, over TLS, and send."""

import smtplib
import time

import lib
from lib import SMTP, SUBMISSION, SUBMISSIONS, expect, same
from sending import OTHER, US, USER, client, greeting_lines, letter
from server import Server

PRINTED = ["PIPELINING", "SIZE", "VRFY", "ETRN", "STARTTLS", "8BITMIME"]
MECHANISMS = {"LOGIN", "PLAIN", "DIGEST-MD5", "CRAM-MD5"}
SCRAM = {"SCRAM-SHA-1", "SCRAM-SHA-256"}


def keywords(answer):
    return {line[4:].split()[0].upper(): line[4:].split()[1:] for line in answer.splitlines()[1:]}


def ehlo(tests, server):
    with tests("ehlo uadec.mx: every line that the seed prints"):
        with server.dialog() as smtp:
            answer = smtp.greeted("uadec.mx")
        print("     " + " / ".join(answer.splitlines()))
        found = keywords(answer)
        missing = [word for word in PRINTED if word not in found]
        expect(not missing, f"missing: {missing}")
        expect(set(found.get("AUTH", [])) >= MECHANISMS | SCRAM, f"AUTH {found.get('AUTH')}")
    with tests("250-AUTH=… for old clients, with the same mechanisms"):
        with server.dialog() as smtp:
            lines = [line[4:] for line in smtp.greeted("uadec.mx").splitlines()]
        (old,) = [line for line in lines if line.startswith("AUTH=")]
        (new,) = [line for line in lines if line.startswith("AUTH ")]
        same(set(old[5:].split()), set(new[5:].split()), "AUTH= and AUTH")
    with tests("no ANONYMOUS, NTLM, EXTERNAL or GSSAPI, on any port, before or after STARTTLS"):
        for standard in (SMTP, SUBMISSION):
            for tls in (False, True):
                found = keywords(greeting_lines(server, standard, tls)).get("AUTH", [])
                expect(not {"ANONYMOUS", "NTLM", "EXTERNAL", "GSSAPI", "OTP"} & set(found), f"{standard}: AUTH {found}")
    with tests("after STARTTLS the answer is the same, less STARTTLS, with -PLUS at most more"):
        before, after = (keywords(greeting_lines(server, SMTP, tls)) for tls in (False, True))
        expect("STARTTLS" not in after, "STARTTLS again")
        expect(set(before["AUTH"]) <= set(after["AUTH"]), f"AUTH {after['AUTH']}, before {before['AUTH']}")
        expect(set(PRINTED) - {"STARTTLS"} <= set(after), str(after))


def verbs(tests, server):
    with tests("VRFY and ETRN are answered as verbs that are known"):
        with server.dialog() as smtp:
            smtp.greeted()
            expect(smtp.ask(f"VRFY {USER}")[:3] in ("250", "251", "252"), "VRFY")
            expect(smtp.ask("ETRN fuera.example")[:3] not in ("500", "502"), "ETRN")


def reader(tests, server):
    """What the reader of step 7 wanted: to log in and send to elsewhere, which a stranger may not."""
    for standard in (SMTP, SUBMISSION, SUBMISSIONS):
        with tests(f"{standard}: with a login and TLS, mail to elsewhere is taken; without one, it is not"):
            with client(server, USER, standard) as smtp:
                same(smtp.sendmail(USER, "alguien@fuera.example", letter(f"step7-{standard}", to="alguien@fuera.example")), {})
            server.cli("settings", "set", "networks", "")
            time.sleep(1.5)
            try:
                with client(server, None, standard) as smtp:
                    smtp.sendmail(USER, "alguien@fuera.example", letter("step7", to="alguien@fuera.example"))
            except smtplib.SMTPResponseException as refusal:
                expect(500 <= refusal.smtp_code < 600, str(refusal))
            except smtplib.SMTPRecipientsRefused as refusal:
                expect(all(500 <= code < 600 for code, _ in refusal.recipients.values()), str(refusal))
            else:
                raise lib.Failure("it was taken without a login")
            finally:
                server.cli("settings", "set", "networks", "127.0.0.0/8, ::1")
                time.sleep(1.5)


def body(tests):
    settings = {"legacy-mechanisms": "true", "hostname": "mailtest.virtual.test", "dns-local-names": "fuera.example. MX 10 mx.fuera.example.; "
                "mx.fuera.example. A 127.0.3.1", "outbound-port": str(lib.free_port())}
    with Server(domains=[US], users=[USER, OTHER], settings=settings) as server:
        time.sleep(1.5)
        for user in (USER, OTHER):
            server.login(user).logout()  # a plain login, so that each has a readable password
        ehlo(tests, server)
        verbs(tests, server)
        reader(tests, server)


lib.main(body)
