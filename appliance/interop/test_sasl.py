"""Logging in with every mechanism, over every port, by clients that others wrote: swaks, msmtp, curl, mutt and neomutt, mbsync,
fetchmail. The legacy mechanisms need a plain login after their setting was switched on."""

import os
import re
import time

import lib
from lib import IMAP, IMAPS, PASSWORD, POP3, POP3S, SMTP, SUBMISSION, SUBMISSIONS, expect, needs, quiet, run, same, terminal, write
from sending import LEGACY, OTHER, SAFE, US, USER, forgive, letter
from server import Server



def offered(server, standard=SMTP):
    with server.dialog(standard) as smtp:
        found = re.search(r"^250[- ]AUTH (.*)$", smtp.greeted(), re.M)
        return found[1].split() if found else []


# SMTP

def swaks(server, standard, mechanism, password=PASSWORD, tls=True, to=OTHER):
    needs("swaks")
    secure = ["--tls-on-connect"] if standard == SUBMISSIONS else ["--tls"] if tls else []
    return run("swaks", "--server", "127.0.0.1", "--port", str(server.port(standard)), "--from", USER, "--to", to, *secure, "--auth", mechanism,
               "--auth-user", USER, "--auth-password", password, "--helo", "cliente.example", "--header", "Subject: swaks", check=False,
               errors="replace")


def swaks_all(tests, server, mechanisms):
    for mechanism in mechanisms:
        for standard, tls in ((SMTP, True), (SUBMISSION, True), (SUBMISSIONS, True), (SMTP, False), (SUBMISSION, False)):
            where = f"{standard}{' with TLS' if tls else ' in the clear, from loopback'}"
            with tests(f"swaks {mechanism} on {where}: sends; a wrong password is 535"):
                done = swaks(server, standard, mechanism, tls=tls)
                same(done.returncode, 0, lib.one_line(done.stdout)[-400:])
                expect("235 2.7.0" in done.stdout, "no 235 2.7.0")
                done = swaks(server, standard, mechanism, password="incorrecto", tls=tls)
                same(done.returncode, 28, lib.one_line(done.stdout)[-400:])
                expect("535 5.7.8" in done.stdout, "no 535 5.7.8: " + lib.one_line(done.stdout)[-300:])
        forgive(server)


def msmtp(tests, server, mechanisms):
    def send(mechanism, standard, password=PASSWORD):
        needs("msmtp")
        tls = ["--tls=on", "--tls-certcheck=off", f"--tls-starttls={'off' if standard == SUBMISSIONS else 'on'}"]
        secret = write(server.home + "/msmtp-secret", password + "\n")
        return run("msmtp", "--file=/dev/null", "--host=127.0.0.1", f"--port={server.port(standard)}", f"--auth={mechanism.lower()}",
                   f"--user={USER}", f"--passwordeval=cat {secret}", *tls, f"--from={USER}", OTHER, check=False, env=quiet(server),
                   input=letter("msmtp-" + mechanism, to=OTHER).decode().replace("\r\n", "\n"))
    for mechanism in mechanisms:
        for standard in (SUBMISSION, SUBMISSIONS):
            with tests(f"msmtp {mechanism} on {standard}: sends; a wrong password is refused"):
                done = send(mechanism, standard)
                same(done.returncode, 0, lib.one_line(done.stderr))
                done = send(mechanism, standard, "incorrecto")
                expect(done.returncode and "535" in done.stderr, lib.one_line(done.stderr))
        forgive(server)


# curl: SMTP, POP3, IMAP

def curl(tests, server, mechanisms):
    schemes = [("smtp", SUBMISSION, True), ("smtps", SUBMISSIONS, True), ("pop3", POP3, False), ("pop3", POP3, True), ("pop3s", POP3S, True),
               ("imap", IMAP, False), ("imap", IMAP, True), ("imaps", IMAPS, True)]

    def go(scheme, standard, tls, mechanism, password=PASSWORD):
        needs("curl")
        more = ["--mail-from", USER, "--mail-rcpt", OTHER, "--upload-file", write(server.home + "/letter", letter("curl", to=OTHER).decode())] \
            if scheme.startswith("smtp") else []
        secure = ["--ssl-reqd", "--insecure"] if tls else []
        return run("curl", "-sS", "-v", "--max-time", "30", *secure, "--user", f"{USER}:{password}", "--login-options", f"AUTH={mechanism}",
                   f"{scheme}://127.0.0.1:{server.port(standard)}/", *more, check=False, errors="replace")
    for mechanism in mechanisms:
        if mechanism.startswith("SCRAM"):
            continue  # Debian's curl has no libgsasl
        for scheme, standard, tls in schemes:
            with tests(f"curl {mechanism} on {scheme} {standard}{' with TLS' if tls else ''}; a wrong password is status 67"):
                done = go(scheme, standard, tls, mechanism)
                same(done.returncode, 0, lib.one_line(done.stderr)[-400:])
                expect(f"AUTH{'ENTICATE' if 'imap' in scheme else ''} {mechanism}" in done.stderr, "another mechanism was used")
                same(go(scheme, standard, tls, mechanism, "incorrecto").returncode, 67)
        forgive(server)


# mutt (its own SASL) and neomutt (Cyrus's client library)

def mutts(tests, server, mechanisms):
    for program in ("neomutt", "mutt"):
        for mechanism in mechanisms:
            if program == "neomutt" and mechanism not in ("PLAIN", "LOGIN"):
                continue  # Debian's neomutt says "is not a valid authenticator" of every other name
            rc = "\n".join([f"set folder={server.home}", f'set imap_user="{USER}"', f'set imap_pass="{PASSWORD}"', f'set smtp_pass="{PASSWORD}"',
                            "set ssl_starttls=yes", "set ssl_force_tls=yes", "set ssl_verify_host=no", "set ssl_verify_dates=no",
                            f"set certificate_file={server.home}/certificates", f"set smtp_authenticators={mechanism.lower()}",
                            f"set imap_authenticators={mechanism.lower()}", f"set smtp_url=smtp://{USER.replace('@', '%40')}@127.0.0.1:"
                            f"{server.port(SUBMISSION)}", "set copy=no", f'set from="{USER}"', "set use_envelope_from=yes",
                            f'set hostname="{US}"', "set wait_key=no"]) + "\n"
            with tests(f"{program} {mechanism}: sends over 587 with STARTTLS, opens INBOX over 143 with STARTTLS"):
                needs(program)
                pem = run("openssl", "s_client", "-starttls", "imap", "-connect", f"127.0.0.1:{server.port(IMAP)}", input="a LOGOUT\n",
                          check=False).stdout
                found = re.search(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", pem, re.S)
                expect(found, "no certificate")
                write(server.home + "/certificates", found[0])
                path = write(server.home + "/muttrc", rc)
                subject = f"{program}-{mechanism}"
                run(program, "-F", path, "-n", "-s", subject, "--", OTHER, input="Hola\n", env=quiet(server))
                lib.eventually(lambda: any(b"Subject: " + subject.encode() in each for each in server.messages(OTHER)), 5, "it arrived")
                server.send(USER, lib.message(subject, USER))
                copy = f"{server.home}/{subject}.mbox"
                write(path, rc + f"push '<limit>~s {subject}<enter><copy-message>{copy}<enter><exit>'\nset confirmappend=no\nset confirmcreate=no\n")
                screen = terminal([program, "-n", "-F", path, "-f", f"imap://127.0.0.1:{server.port(IMAP)}/INBOX"], quiet(server))
                expect(os.path.exists(copy), "it did not get in; the end of its screen: " + ascii(screen[-300:]))


# mbsync (Cyrus's client library) and fetchmail

def mbsync(tests, server, mechanisms):
    for mechanism in mechanisms:
        for kind, standard in (("STARTTLS", IMAP), ("IMAPS", IMAPS)):
            with tests(f"mbsync {mechanism} with {kind}: copies INBOX"):
                needs("mbsync")
                folder = f"{server.home}/mbsync-{mechanism}-{kind}/"
                os.makedirs(folder)
                pem = run("openssl", "s_client", "-connect", f"127.0.0.1:{server.port(IMAPS)}", input="a LOGOUT\n", check=False).stdout
                certificate = write(folder + "pem", pem[pem.index("-----BEGIN"):pem.index("-----END CERT") + 26])
                path = write(folder + "rc", f"""IMAPAccount uno
Host 127.0.0.1
Port {server.port(standard)}
User {USER}
Pass {PASSWORD}
AuthMechs {mechanism}
SSLType {kind}
CertificateFile {certificate}

IMAPStore lejos
Account uno

MaildirStore cerca
Path {folder}
Inbox {folder}INBOX

Channel todo
Far :lejos:
Near :cerca:
Patterns INBOX
Create Near
SyncState *
""")
                run("mbsync", "-c", path, "-a", env=quiet(server))
                copied = len(os.listdir(folder + "INBOX/cur")) + len(os.listdir(folder + "INBOX/new"))
                same(copied, len(server.messages(USER)), "messages copied")


def fetchmail(tests, server, mechanisms):
    cases = [("pop3", POP3, "sslproto 'TLS1.2+'"), ("pop3", POP3S, "ssl"), ("imap", IMAP, "sslproto 'TLS1.2+'"), ("imap", IMAPS, "ssl")]
    for protocol, standard, secure in cases:
        for auth in ["password", *(["cram-md5"] if "CRAM-MD5" in mechanisms else [])]:
            with tests(f"fetchmail {protocol} on {standard} with TLS, auth {auth}: sees the messages"):
                needs("fetchmail")
                rc = write(f"{server.home}/fetchmailrc", f"""poll 127.0.0.1 protocol {protocol} port {server.port(standard)} auth {auth}
user "{USER}" password "{PASSWORD}" {secure} no sslcertck mda "cat >/dev/null" keep fetchall
""")
                done = run("fetchmail", "-f", rc, "--check", "--pidfile", server.home + "/fetchmail.pid", "-v", env=quiet(server), check=False)
                expect(re.search(r"[1-9]\d* message", done.stdout), lib.one_line(done.stdout + done.stderr)[-500:])


def legacy(tests, server):
    with tests("CRAM-MD5 and DIGEST-MD5 are not offered as it comes"):
        same([each for each in offered(server) if each in LEGACY], [])
    with tests("with the setting legacy-mechanisms, and a plain login, both are offered and work"):
        server.cli("settings", "set", "legacy-mechanisms", "true")
        time.sleep(1.5)
        server.login(USER).logout()
        lib.eventually(lambda: set(LEGACY) <= set(offered(server)), 5, "offered")
    with tests("buzon doctor counts who has no readable password yet"):
        said = server.cli("doctor", check=False).stdout
        expect(re.search(r"\b1\b.*(CRAM|legacy|password)|(CRAM|legacy|password).*\b1\b", said), lib.one_line(said)[-400:])


def secrets(tests, server):
    with tests("no password in the log or the trace, and none in the arguments of a process"):
        said = server.log()
        for word in (PASSWORD, "incorrecto", "c2VjcmV0bw"):
            expect(word not in said, f"the log has {word}")
            told = server.sql(f"SELECT * FROM trace WHERE instr(lower(text || recipient || sender), lower('{word}'))")
            same(told, "", f"{word} in the trace")
        with open(f"/proc/{server.process.pid}/cmdline") as line:
            expect(PASSWORD not in line.read(), "in the command line")


def body(tests):
    with Server(domains=[US], users=[USER, OTHER], settings={"login-failures": "1000"}) as server:
        server.send(USER, lib.message("uno"))
        time.sleep(1.5)
        with tests("the mechanisms that are safe are offered on every port"):
            for standard in (SMTP, SUBMISSION):
                missing = [each for each in SAFE if each not in offered(server, standard)]
                expect(not missing, f"{standard} does not offer {missing}")
        for round_, mechanisms in (("safe", SAFE), ("legacy", LEGACY)):
            if round_ == "legacy":
                legacy(tests, server)
            swaks_all(tests, server, [each for each in mechanisms if not each.startswith("SCRAM")])
            for client in (msmtp, curl, mutts, mbsync, fetchmail):
                client(tests, server, mechanisms)
        secrets(tests, server)
        with tests("the database is consistent afterwards"):
            server.verify()


lib.main(body)
