"""What people, disks and strangers do wrong: one clear line in the user's language, nothing half-written, and the others are served."""

import contextlib
import os
import random
import re
import socket
import sqlite3
import subprocess
import time

import lib
from lib import expect, same
from server import Server, free_offset

USER = "usuario@virtual.test"
SPANISH = {"LC_ALL": "", "LC_MESSAGES": "", "LANG": "es_ES.UTF-8"}


def complaint(done, status):
    """The one line on standard error of a command that did not do it, beside the log's."""
    logged = re.compile(r"\d{4}-\d\d-\d\dT[\d:+]+ (info|notice|warning) ")
    lines = [line for line in done.stderr.splitlines() if line.strip() and not logged.match(line)]
    same(done.returncode, status, f"exit status, with {lib.one_line(done.stderr)!r}")
    expect(len(lines) == 1, f"{len(lines)} lines on standard error: {lines}")
    expect(not re.search(r"Fatal error|SQLite error|DatabaseError|Error\(|\.swift", lines[0]), f"not for people: {lines[0]}")
    return lines[0]


def both_languages(server, status, *words, input=None, about=""):
    """The command is refused in English and in Spanish, in different words that name what is wrong."""
    said = []
    for language in ({}, SPANISH):
        done = subprocess.run([lib.binary(), *words, "--data", server.data], input=input or "", capture_output=True, text=True,
                              timeout=60, env={**server.env, **language})
        said.append(complaint(done, status))
        expect(about in said[-1], f"does not name {about}: {said[-1]}")
    expect(said[0] != said[1], f"the same in both languages: {said[0]}")
    print(f"     {said[1]}")


def commands(tests, server):
    def refused(title, *words, about, input=None):
        with tests(title):
            before = server.sql(".dump dominios\n.dump usuarios\n.dump forwardings\nSELECT * FROM dominios; SELECT * FROM usuarios; "
                                "SELECT * FROM forwardings;")
            both_languages(server, 1, *words, input=input, about=about)
            after = server.sql(".dump dominios\n.dump usuarios\n.dump forwardings\nSELECT * FROM dominios; SELECT * FROM usuarios; "
                               "SELECT * FROM forwardings;")
            same(after, before, "the tables")

    server.cli("forwarding", "add", "uno@virtual.test", USER)
    server.cli("forwarding", "add", "dos@virtual.test", "uno@virtual.test")
    refused("a user of an unknown domain", "user", "add", "x@nadie.test", input="secreto\n", about="nadie.test")
    refused("a user that exists", "user", "add", USER, input="secreto\n", about=USER)
    refused("a user that exists, in capitals", "user", "add", USER.upper(), input="secreto\n", about="@")
    refused("a domain that exists", "domain", "add", "virtual.test", about="virtual.test")
    refused("a domain that is none", "domain", "add", "no es un dominio", about="no es un dominio")
    refused("an unknown domain removed", "domain", "remove", "nadie.test", about="nadie.test")
    refused("an unknown user shown", "user", "show", "nadie@virtual.test", about="nadie@virtual.test")
    refused("a forwarding to nowhere", "forwarding", "add", "x@virtual.test", "nadie@virtual.test", about="nadie@virtual.test")
    refused("a forwarding in a loop", "forwarding", "add", "uno@virtual.test", "dos@virtual.test", about="virtual.test")
    refused("a forwarding for a domain that is not ours", "forwarding", "add", "x@fuera.example", USER, about="fuera.example")
    refused("a setting that does not exist", "settings", "set", "inexistente", "1", about="inexistente")
    refused("a setting with a wrong value", "settings", "set", "maximum-message-size", "mucho", about="mucho")
    refused("an empty password", "user", "add", "nuevo@virtual.test", input="\n", about="")

    with tests("wrong usage is exit status 2"):
        for words in (["user", "bailar"], ["bailar"], ["user", "add"], ["serve", "--port-offset", "muchos"]):
            done = subprocess.run([lib.binary(), *words], capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL,
                                  env={**server.env, "BUZON_DATA": server.data})
            same(done.returncode, 2, " ".join(words))
            expect(done.stderr.strip(), f"nothing on standard error after {words}")


def serve(tests, server):
    def attempt(data, offset, language):
        return subprocess.run([lib.binary(), "serve", "--data", data, "--bind", "127.0.0.1", "--port-offset", str(offset)],
                              capture_output=True, text=True, timeout=30, env={**server.env, **language})

    def refused(data, offset, about):
        said = [complaint(attempt(data, offset, language), 1) for language in ({}, SPANISH)]
        expect(re.search(about, said[0]), f"does not name {about}: {said[0]}")
        expect(said[0] != said[1], f"the same in both languages: {said[0]}")
        print(f"     {said[1]}")

    with tests("a port in use"):
        for standard in (lib.SMTP, lib.POP3, lib.IMAP):
            offset = free_offset()
            with socket.create_server(("127.0.0.1", standard + offset)):
                refused(server.home + f"/otra-{standard}", offset, str(standard + offset))

    with tests("a second server on the same directory; the first goes on"):
        refused(server.data, free_offset(), re.escape(server.data))
        healthy(server)

    with tests("a data directory of a newer version is left alone"):
        with Server() as other:
            same(other.stop(), 0, "exit status after SIGTERM")
            with sqlite3.connect(other.data + "/buzon.db") as sql:
                version = sql.execute("PRAGMA user_version").fetchone()[0]
                sql.execute(f"PRAGMA user_version = {version + 1000}")
                if sql.execute("SELECT 1 FROM sqlite_schema WHERE name = 'grdb_migrations'").fetchone():
                    sql.execute("INSERT INTO grdb_migrations VALUES ('9999-from-the-future')")
            sql.close()
            refused(other.data, other.offset, re.escape(other.data))
            done = other.cli("domain", "add", "virtual.test", check=False)
            complaint(done, 1)

    with tests("a data directory that cannot be made"):
        blocked = server.home + "/archivo"
        open(blocked, "w").close()
        refused(blocked, free_offset(), re.escape(blocked))


def healthy(server, within=5.0):
    """A message goes in by SMTP and comes out by IMAP and POP3 in reasonable time."""
    started = time.monotonic()
    name = f"sano-{time.monotonic_ns()}"
    same(server.send(USER, lib.message(name))[:3], "250", "DATA")
    with server.login(USER) as box:
        count = int(box.select(readonly=True)[1][0])
        expect(name.encode() in box.fetch(str(count), "(BODY.PEEK[HEADER])")[1][0][1], "the newest message is another")
    pop = server.pop(USER)
    same(pop.stat()[0], count, "STAT")
    pop.quit()
    took = time.monotonic() - started
    expect(took < within, f"an ordinary round trip took {took:.1f} s")


def peak(server):
    """The server's peak resident memory in MiB."""
    status = open(f"/proc/{server.process.pid}/status").read()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) // 1024


def pour(server, standard, chunks, limit=64 << 20):
    """Sends until the server closes, or `limit` octets; says how many went."""
    sent = 0
    with socket.create_connection((server.host, server.port(standard)), 20) as peer:
        peer.settimeout(20)
        peer.setblocking(True)
        peer.settimeout(5)
        try:
            for chunk in chunks:
                peer.sendall(chunk)
                sent += len(chunk)
                if sent >= limit:
                    break
                with contextlib.suppress(BlockingIOError):
                    if peer.recv(65536, socket.MSG_DONTWAIT) == b"":
                        break
        except OSError:
            pass
    return sent


def garbage(tests, server):
    dice = random.Random(20261124)
    noise = [dice.randbytes(65536) for _ in range(16)]

    def forever(chunk):
        while True:
            yield chunk
    pours = {
        "random octets": lambda _: iter(noise),
        "an endless line": lambda _: forever(b"x" * 65536),
        "endless empty lines": lambda _: forever(b"\r\n" * 32768),
        "endless NULs": lambda _: forever(b"\0" * 65536),
        "endless bare LF": lambda _: forever(b"NOOP\n" * 8192),
        "endless unknown commands": lambda _: forever(b"a BAILAR\r\n" * 4096),
        "endless NOOP": lambda standard: forever((b"a NOOP\r\n" if standard == lib.IMAP else b"NOOP\r\n") * 4096),
        "huge literals": lambda standard: iter([b"a LOGIN {99999999999999999999999}\r\n", b"a LOGIN {4294967295+}\r\n", b"x" * (1 << 20)]),
        "deep parentheses": lambda standard: iter([b"a FETCH 1 " + b"(" * 200000 + b"\r\n", b"a SEARCH " + b"NOT " * 200000 + b"ALL\r\n"]),
        "a TLS greeting": lambda _: iter([bytes.fromhex("16030100a5010000a10303") + b"\0" * 160]),
        "HTTP": lambda _: iter([b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"]),
    }
    for title, chunks in pours.items():
        with tests(f"{title} on each port ends that session only"):
            for standard in (lib.SMTP, lib.POP3, lib.IMAP):
                pour(server, standard, chunks(standard), limit=8 << 20)
                expect(server.process.poll() is None, f"the server ended on port {standard}: {lib.one_line(server.log())[-300:]}")
            healthy(server, 10)

    with tests("an endless text is refused at the limit, and memory stays bounded"):
        with server.dialog() as smtp:
            smtp.greeted()
            smtp.ask("MAIL FROM:<remitente@fuera.example>")
            smtp.ask(f"RCPT TO:<{USER}>")
            same(smtp.ask("DATA")[:3], "354")
            line = b"y" * 78 + b"\r\n"
            with contextlib.suppress(OSError):
                for _ in range(60):
                    smtp.raw(line * ((1 << 20) // len(line)))
                smtp.raw(b".\r\n")
            with contextlib.suppress(OSError):
                expect(smtp.line()[:3] in ("552", "421", ""), "not refused")
        healthy(server)
        expect(peak(server) < 256, f"peak resident memory {peak(server)} MiB")

    with tests("slow sessions on each port do not hold up the others"):
        slow = [socket.create_connection((server.host, server.port(standard)), 10)
                for standard in (lib.SMTP, lib.POP3, lib.IMAP) for _ in range(5)]
        for octet in b"NOOP \r":
            for peer in slow:
                peer.sendall(bytes([octet]))
            time.sleep(0.1)
        healthy(server)
        for peer in slow:
            peer.close()


@contextlib.contextmanager
def small_disk(folder, size):
    lib.needs_root()
    os.makedirs(folder)
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", folder], capture_output=True, text=True)
    if made.returncode:
        raise lib.Skip("no tmpfs can be mounted here: " + made.stderr)
    try:
        yield
    finally:
        lib.run("umount", "-l", folder)


def full_disk(tests, home):
    folder, ballast = home + "/disco", home + "/disco/lastre"
    with small_disk(folder, "64m"), Server(domains=["virtual.test"], users=[USER], data=folder + "/data") as server:
        healthy(server)
        kept = len(server.messages(USER))
        with tests("a full disk answers 452 4.3.1"):
            with open(ballast, "wb", buffering=0) as file, contextlib.suppress(OSError):
                while file.write(b"\0" * 65536) == 65536:
                    pass
                while file.write(b"\0" * 64):
                    pass
            for size in (1000, 3000, 50000):
                replies = full_attempt(server, size)
                if replies[-1][:3] == "250":
                    kept += 1  # it fitted into space that was reserved before
                else:
                    expect(replies[-1].startswith("452 4.3.1"), f"{size} lines: {replies}")
            expect(replies[-1].startswith("452"), "the last one was accepted")
        with tests("a full disk: reading goes on by IMAP and POP3"):
            same(len(server.messages(USER)), kept, "messages by IMAP")
            pop = server.pop(USER)
            same(pop.stat()[0], kept, "messages by POP3")
            pop.quit()
        with tests("a full disk: a command says so in one line"):
            done = server.cli("domain", "add", "otro.test", check=False)
            if done.returncode:
                complaint(done, 1)
        with tests("after room was made it goes on without a restart"):
            os.remove(ballast)
            lib.eventually(lambda: full_attempt(server, 3000)[-1][:3] == "250", 15, "250")
            healthy(server)
            server.verify()
        with tests("and after a restart"):
            same(server.stop(), 0, "exit status after SIGTERM")
            server.start()
            healthy(server)
            server.verify()


def full_attempt(server, lines):
    """The replies to a message, up to the first refusal."""
    with server.dialog() as smtp:
        smtp.greeted()
        replies = []
        for line, wanted in (("MAIL FROM:<remitente@fuera.example>", "2"), (f"RCPT TO:<{USER}>", "2"), ("DATA", "3")):
            replies.append(smtp.ask(line))
            if replies[-1][0] != wanted:
                return replies
        smtp.raw(lib.message("lleno", body="relleno de cuarenta octetos, mas o menos\r\n" * lines) + b".\r\n")
        return [*replies, smtp.reply()]


def body(tests):
    with Server(domains=["virtual.test"], users=[USER]) as server:
        commands(tests, server)
        serve(tests, server)
        garbage(tests, server)
        with tests("verify --deep is clean after all that"):
            server.verify()
        with tests("full disk", whole_file=True):
            full_disk(tests, server.home)


lib.main(body)
