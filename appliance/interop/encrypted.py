"""A look at an encrypted door by openssl's own client."""

import re

import lib
from lib import IMAP, IMAPS, POP3, POP3S, SMTP, SUBMISSION, SUBMISSIONS, expect, needs, run

UPGRADED = {SMTP: "smtp", SUBMISSION: "smtp", POP3: "pop3", IMAP: "imap"}
IMPLICIT = {SUBMISSIONS: "smtp", POP3S: "pop3", IMAPS: "imap"}
DOORS = UPGRADED | IMPLICIT
GOODBYE = {"smtp": "QUIT", "pop3": "QUIT", "imap": "a LOGOUT"}
PEM = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", re.S)


def s_client(server, standard, *options, check=True):
    needs("openssl")
    upgrade = ["-starttls", UPGRADED[standard]] if standard in UPGRADED else []
    done = run("openssl", "s_client", "-connect", f"127.0.0.1:{server.port(standard)}", *upgrade, *options,
               input=GOODBYE[DOORS[standard]] + "\r\n", check=False, errors="replace", timeout=30)
    if check:
        expect("Cipher is (NONE)" not in done.stdout and "Cipher is" in done.stdout, lib.one_line(done.stderr)[-400:])
    return done.stdout


def subject(shown):
    pem = PEM.search(shown)
    expect(pem, "no certificate was shown")
    return run("openssl", "x509", "-noout", "-subject", "-ext", "subjectAltName", input=pem[0]).stdout
