"""Passwords that can be typed in more than one way (RFC 4013): clients that prepare them and clients that do not log in alike."""

import unicodedata

import lib
from lib import IMAPS, SUBMISSION, SUBMISSIONS, expect, needs, quiet, run, same, write
from sending import OTHER, US, USER, letter
from server import Server
from test_sasl_library import cyrus_login

TYPED = "contrasen\u0303a\u00aa"  # an n with a combining tilde, a feminine ordinal: contraseñaª
COMPOSED, FORM = unicodedata.normalize("NFC", TYPED), unicodedata.normalize("NFKC", TYPED)


def msmtp(server, mechanism, password):
    needs("msmtp")
    secret = write(server.home + "/secret", password + "\n")
    return run("msmtp", "--file=/dev/null", "--host=127.0.0.1", f"--port={server.port(SUBMISSION)}", f"--auth={mechanism.lower()}",
               f"--user={USER}", f"--passwordeval=cat {secret}", "--tls=on", "--tls-certcheck=off", f"--from={USER}", OTHER, check=False,
               env=quiet(server), input=letter("msmtp", to=OTHER).decode().replace("\r\n", "\n"))


def body(tests):
    with Server(domains=[US], users=[USER, OTHER], settings={"login-failures": "1000"}) as server:
        server.cli("user", "password", USER, input=TYPED + "\n")
        for name, password in (("as it was set", TYPED), ("composed", COMPOSED), ("in its form", FORM)):
            with tests(f"curl, swaks, imaplib: PLAIN and LOGIN with the password {name}"):
                needs("curl", "swaks")
                for mechanism in ("PLAIN", "LOGIN"):
                    run("curl", "-sS", "--max-time", "30", "--insecure", "--user", f"{USER}:{password}", "--login-options", f"AUTH={mechanism}",
                        f"imaps://127.0.0.1:{server.port(IMAPS)}/")
                    run("swaks", "--server", "127.0.0.1", "--port", str(server.port(SUBMISSION)), "--tls", "--from", USER, "--to", OTHER, "--auth",
                        mechanism, "--auth-user", USER, "--auth-password", password, "--helo", "cliente.example", errors="replace")
            for mechanism in ("SCRAM-SHA-1", "SCRAM-SHA-256"):
                with tests(f"msmtp (which prepares) {mechanism} with the password {name}"):
                    done = msmtp(server, mechanism, password)
                    same(done.returncode, 0, lib.one_line(done.stderr))
                right = password == FORM
                with tests(f"libsasl2 (which prepares nothing) {mechanism} with the password {name}: {'taken' if right else 'refused'}"):
                    ok, said = cyrus_login(server, SUBMISSIONS, mechanism, password=password)
                    same(ok, right, str(said))
        with tests("without the tilde it is another password"):
            expect(msmtp(server, "SCRAM-SHA-256", "contrasenaa").returncode, "it was taken")
        with tests("a password that clients could not send alike is refused when it is set, and the old one stays"):
            for wrong in ("clave🔑", "a\u0007b", "\u0627a"):
                for words in (("user", "password", USER), ("user", "add", "otro@" + US)):
                    done = server.cli(*words, input=wrong + "\n", check=False)
                    expect(done.returncode and "RFC 4013" in done.stderr, f"{ascii(wrong)}: {done.returncode} {lib.one_line(done.stderr)}")
            same(msmtp(server, "PLAIN", TYPED).returncode, 0)
        with tests("one that the sqlite3 tool wrote all the same is good as it is"):
            server.sql(f"UPDATE usuarios SET password = 'clave🔑' WHERE email = '{OTHER}';")
            for _ in range(2):
                run("curl", "-sS", "--max-time", "30", "--insecure", "--user", f"{OTHER}:clave🔑", "--login-options", "AUTH=PLAIN",
                    f"imaps://127.0.0.1:{server.port(IMAPS)}/")
                lib.eventually(lambda: server.sql("SELECT count(*) FROM user WHERE pending_password IS NOT NULL;").strip() == "0", 5, "hashed")
            ok, said = cyrus_login(server, SUBMISSIONS, "SCRAM-SHA-256", OTHER, "clave🔑")
            expect(ok, str(said))


if __name__ == "__main__":
    lib.main(body)
