"""Every door encrypted: STARTTLS on 25, 587, 110 and 143, from the first byte on 465, 995 and 993. openssl's own client and sslscan look
at it from outside."""

import re
import socket
import ssl
import time

import lib
from encrypted import DOORS, UPGRADED, s_client
from lib import IMAPS, POP3S, SMTP, SUBMISSIONS, expect, needs, run, same
from sending import US, USER, trusting
from server import Server


def protocols(tests, server):
    for standard in DOORS:
        for version in ("1_2", "1_3"):
            with tests(f"{standard}: TLS {version.replace('_', '.')}"):
                shown = s_client(server, standard, "-tls" + version)
                expect(f"TLSv{version.replace('_', '.')}, Cipher is" in shown, re.search("Cipher is.*", shown)[0])
        with tests(f"{standard}: TLS 1.1 and 1.0 are refused"):
            for version in ("1_1", "1"):
                shown = s_client(server, standard, "-tls" + version, "-cipher", "ALL:@SECLEVEL=0", check=False)
                expect("Cipher is (NONE)" in shown, f"TLS {version}: " + lib.one_line(shown)[-300:])


WEAK = re.compile(r"(?i)\b(RC4|3DES|DES-CBC|NULL|EXP|EXPORT|MD5|anon|ADH|AECDH|SSLv[23])\b")


def scanner(tests, server):
    for standard in DOORS:
        with tests(f"{standard}: sslscan finds nothing weak"):
            needs("sslscan")
            upgrade = ["--starttls-" + UPGRADED[standard]] if standard in UPGRADED else []
            done = run("sslscan", "--no-colour", *upgrade, f"127.0.0.1:{server.port(standard)}", check=False, timeout=300, errors="replace")
            text = done.stdout
            accepted = re.findall(r"^(?:Preferred|Accepted) +(\S+) +(\d+) bits +(\S+)", text, re.M)
            expect(len(accepted) > 3, "it found no ciphers: " + lib.one_line(text)[-400:])
            weak = [line for line in accepted if WEAK.search(line[2]) or int(line[1]) < 128 or line[0] not in ("TLSv1.2", "TLSv1.3")]
            expect(not weak, f"accepted: {weak}")
            for version in ("SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1"):
                expect(re.search(rf"{version}\s+disabled", text), f"{version} is not said to be disabled")
            expect(re.search(r"Compression disabled|does not support compression", text), "compression is not said to be disabled")
            expect("vulnerable to heartbleed" not in text.replace("not vulnerable to heartbleed", ""), "heartbleed")
            expect(not re.search(r"Insecure session renegotiation|Client renegotiation.*enabled", text), "renegotiation")


def upgrade(server, standard, behind=b"", context=None):
    """A socket after STARTTLS; `behind` is sent in the same packet as the command. Answers with the encrypted socket."""
    protocol = UPGRADED[standard]
    plain = socket.create_connection((server.host, server.port(standard)), 10)
    file = plain.makefile("rb", buffering=0)
    file.readline()
    if protocol == "smtp":
        plain.sendall(b"EHLO cliente.example\r\n")
        while file.readline()[3:4] == b"-":
            pass
    command = {"smtp": b"STARTTLS", "pop3": b"STLS", "imap": b"a STARTTLS"}[protocol]
    plain.sendall(command + b"\r\n" + behind)
    answer = file.readline()
    expect(answer.startswith((b"220", b"+OK", b"a OK")), f"answer to STARTTLS: {answer!r}")
    return (context or trusting()).wrap_socket(plain, server_hostname="mail.virtual.test")


def injection(tests, server):
    smuggled = {"smtp": b"RSET\r\nNOOP\r\nMAIL FROM:<a@fuera.example>\r\n", "pop3": b"CAPA\r\nNOOP\r\n", "imap": b"b NOOP\r\nc CAPABILITY\r\n"}
    asked = {"smtp": (b"NOOP\r\n", b"250"), "pop3": (b"CAPA\r\n", b"+OK"), "imap": (b"z NOOP\r\n", b"z OK")}
    for standard, protocol in UPGRADED.items():
        with tests(f"{standard}: what was sent in the clear behind STARTTLS is forgotten"):
            with upgrade(server, standard, smuggled[protocol]) as secured:
                secured.settimeout(1)
                try:
                    data = secured.recv(4096)
                except TimeoutError:
                    data = b""
                same(data, b"", "said to commands from before the handshake")
                secured.settimeout(10)
                secured.sendall(asked[protocol][0])
                expect(secured.recv(4096).startswith(asked[protocol][1]), "the session does not go on")
        with tests(f"{standard}: STARTTLS is not offered, and is refused, under TLS"):
            with upgrade(server, standard) as secured:
                file = secured.makefile("rb")
                secured.sendall({"smtp": b"EHLO cliente.example\r\nSTARTTLS\r\nQUIT\r\n", "pop3": b"CAPA\r\nSTLS\r\nQUIT\r\n",
                                 "imap": b"a CAPABILITY\r\nb STARTTLS\r\nc LOGOUT\r\n"}[protocol])
                lines = file.read().decode().splitlines()
                offers = [line for line in lines if re.search(r"\b(STARTTLS|STLS)\b", line) and not re.match(r"b |5|-ERR", line)]
                expect(not offers, f"offered: {offers}")
                expect(any(re.match(r"5\d\d |-ERR|b (BAD|NO)", line) for line in lines), f"not refused: {lines}")
    with tests("25: after STARTTLS the session has forgotten who said EHLO"):
        with upgrade(server, SMTP) as secured:
            file = secured.makefile("rwb")
            for line in (b"MAIL FROM:<a@fuera.example>", f"RCPT TO:<{USER}>".encode(), b"DATA", lib.message("sin-ehlo") + b"."):
                file.write(line + b"\r\n")
                file.flush()
                same(file.readline()[:1], b"3" if line == b"DATA" else b"2", line.decode())
        (text,) = [each for each in server.messages(USER) if b"<sin-ehlo@" in each]
        expect(b"cliente.example" not in text, f"the name of before: {text[:300]!r}")


def garbage(tests, server):
    """Bytes that are no handshake, on each door; a client that stays silent; the server serves others meanwhile."""
    for standard in DOORS:
        with tests(f"{standard}: garbage, a cut handshake and plain text instead of one end the connection, nothing else"):
            for junk in (b"EHLO plano.example\r\n" * 3, b"\x16\x03\x01\xff\xff" + bytes(range(256)) * 8, b"\x16\x03\x01", b"\0" * 70000):
                if standard in UPGRADED:
                    plain = socket.create_connection((server.host, server.port(standard)), 10)
                    plain.recv(4096)
                    if UPGRADED[standard] == "smtp":
                        plain.sendall(b"EHLO cliente.example\r\n")
                        plain.recv(4096)
                    plain.sendall({"smtp": b"STARTTLS", "pop3": b"STLS", "imap": b"a STARTTLS"}[UPGRADED[standard]] + b"\r\n")
                    plain.recv(4096)
                else:
                    plain = socket.create_connection((server.host, server.port(standard)), 10)
                with plain:
                    try:
                        plain.sendall(junk)
                        plain.shutdown(socket.SHUT_WR)
                        while plain.recv(65536):
                            pass
                    except TimeoutError:
                        raise lib.Failure(f"the connection stays open after {junk[:20]!r}")
                    except OSError:
                        pass  # reset
            s_client(server, standard)
    with tests("40 clients that stop in the middle of their handshake don't keep another one waiting"):
        hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 20
        silent = [socket.create_connection((server.host, server.port(IMAPS)), 10) for _ in range(40)]
        try:
            for each in silent:
                each.sendall(hello)
            started = time.monotonic()
            s_client(server, SUBMISSIONS)
            expect(time.monotonic() - started < 3, f"a handshake took {time.monotonic() - started:.1f} s")
        finally:
            for each in silent:
                each.close()


def resumption(tests, server):
    for version in ("TLSv1.2", "TLSv1.3"):
        for standard in (SUBMISSIONS, IMAPS, POP3S, SMTP):
            with tests(f"{standard}: a session of {version} is resumed, twice"):
                context = trusting()
                context.maximum_version = context.minimum_version = getattr(ssl.TLSVersion, version.replace(".", "_"))
                session, reused = None, []
                for _ in range(3):
                    if standard in UPGRADED:
                        plain = upgrade_plain(server, standard)
                    else:
                        plain = socket.create_connection((server.host, server.port(standard)), 10)
                    with context.wrap_socket(plain, server_hostname="mail.virtual.test", session=session) as secured:
                        if standard in UPGRADED:
                            secured.sendall(b"NOOP\r\n")
                        secured.recv(4096)  # TLS 1.3: tickets come before this
                        reused.append(secured.session_reused)
                        session = secured.session
                same(reused, [False, True, True], "reused")
    with tests("a session is resumed after a restart: the key of tickets is kept"):
        context, session, reused = trusting(), None, []
        for turn in range(2):
            with context.wrap_socket(socket.create_connection((server.host, server.port(IMAPS)), 10), session=session) as secured:
                secured.recv(4096)
                session = secured.session
                reused.append(secured.session_reused)
            if turn == 0:
                server.stop()
                server.start()
        same(reused, [False, True], "reused")


def upgrade_plain(server, standard):
    """The bare socket of a session that has said STARTTLS and been told to go ahead."""
    plain = socket.create_connection((server.host, server.port(standard)), 10)
    file = plain.makefile("rb", buffering=0)
    file.readline()
    plain.sendall(b"EHLO cliente.example\r\n")
    while file.readline()[3:4] == b"-":
        pass
    plain.sendall(b"STARTTLS\r\n")
    expect(file.readline().startswith(b"220"), "STARTTLS")
    return plain


def minimum(tests, server):
    with tests("setting tls-minimum TLSv1.3: 1.2 is refused, without a restart"):
        server.cli("settings", "set", "tls-minimum", "TLSv1.3")
        lib.eventually(lambda: "Cipher is (NONE)" in s_client(server, IMAPS, "-tls1_2", check=False), 10, "refused")
        s_client(server, IMAPS, "-tls1_3")
    with tests("setting tls-minimum TLSv1: 1.0 is served, for those who must"):
        server.cli("settings", "set", "tls-minimum", "TLSv1")
        lib.eventually(lambda: "Cipher is (NONE)" not in s_client(server, IMAPS, "-tls1", "-cipher", "ALL:@SECLEVEL=0", check=False), 10, "served")


def body(tests):
    with Server(domains=[US], users=[USER], settings={"hostname": "mail.virtual.test"}) as server:
        server.stop()
        server.start()
        for part in (protocols, scanner, injection, garbage, resumption, minimum):
            part(tests, server)


lib.main(body)
