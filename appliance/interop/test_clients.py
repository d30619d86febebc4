"""Clients of Debian's packages that people send and read with: curl, swaks, mutt and neomutt."""

import os
import re

import lib
from lib import expect, message, needs, quiet, run, same, terminal, write
from server import Server

USER, OTHER = "usuario@virtual.test", "otra@virtual.test"


# curl

def curl(tests, server):
    login = ["-sS", "--max-time", "30", "--user", f"{USER}:{lib.PASSWORD}"]
    imap, pop3 = f"imap://127.0.0.1:{server.port(lib.IMAP)}", f"pop3://127.0.0.1:{server.port(lib.POP3)}"

    with tests("curl sends by smtp://"):
        needs("curl")
        text = write(server.home + "/letter", message("curl-1").decode())
        run("curl", "-sS", "--max-time", "30", f"smtp://127.0.0.1:{server.port(lib.SMTP)}/cliente.example", "--mail-from",
            "remitente@fuera.example", "--mail-rcpt", USER, "--upload-file", text)
        same(server.ids(USER), ["<curl-1@fuera.example>"])

    with tests("curl pop3://: list, fetch, delete"):
        needs("curl")
        server.send(USER, message("curl-2"))
        same([line.split()[0] for line in run("curl", *login, pop3 + "/").stdout.splitlines() if line], ["1", "2"], "LIST")
        expect("Message-ID: <curl-2@fuera.example>" in run("curl", *login, pop3 + "/2").stdout, "RETR 2 is another message")
        run("curl", *login, "--request", "DELE", "--head", pop3 + "/1")
        same(server.ids(USER), ["<curl-2@fuera.example>"], "after DELE")

    with tests("curl imap://: list, append, search, fetch, a part, store"):
        needs("curl")
        folders = run("curl", *login, imap + "/").stdout
        for name in ("INBOX", "Drafts", "Sent", "Trash"):
            expect(name in folders, f"LIST does not show {name}: {folders}")
        text = write(server.home + "/letter", message("curl-3", body="jitomate\r\n").decode())
        run("curl", *login, imap + "/INBOX", "--upload-file", text)
        found = run("curl", *login, imap + "/INBOX?SUBJECT%20curl-3").stdout
        number = re.search(r"SEARCH (\d+)", found)
        expect(number, f"SEARCH answered {found!r}")
        whole = run("curl", *login, f"{imap}/INBOX;MAILINDEX={number[1]}").stdout
        expect("Message-ID: <curl-3@fuera.example>" in whole, f"FETCH answered {whole[:200]!r}")
        expect("jitomate" in run("curl", *login, f"{imap}/INBOX;MAILINDEX={number[1]};SECTION=TEXT").stdout, "BODY[TEXT]")
        stored = run("curl", *login, imap + "/INBOX", "--request", f"STORE {number[1]} +FLAGS (\\Flagged)").stdout
        expect("\\Flagged" in stored, f"STORE answered {stored!r}")

    with tests("curl: a wrong password is exit status 67"):
        needs("curl")
        for url in (imap, pop3):
            same(run("curl", "-sS", "--max-time", "30", "--user", f"{USER}:otro", url + "/", check=False).returncode, 67, url)


# swaks

def swaks(tests, server):
    def send(name, *options, to=OTHER, sender="remitente@fuera.example"):
        needs("swaks")
        return run("swaks", "--server", "127.0.0.1", "--port", str(server.port(lib.SMTP)), "--from", sender, "--to", to, "--helo",
                   "cliente.example", "--header", "Subject: " + name, "--header", f"Message-Id: <{name}@fuera.example>", *options,
                   check=False)

    def arrived(name):
        lib.eventually(lambda: f"<{name}@fuera.example>" in server.ids(OTHER), 5, name + " arrived")

    with tests("swaks sends"):
        same(send("swaks-1").returncode, 0)
        arrived("swaks-1")
    with tests("swaks sends with PIPELINING"):
        done = send("swaks-2", "--pipeline")
        same(done.returncode, 0)
        arrived("swaks-2")
    with tests("swaks sends to two, an attachment with it"):
        done = send("swaks-3", "--attach", "@" + write(server.home + "/adjunto.bin", "hola\n" * 10000), to=f"{OTHER},{USER}")
        same(done.returncode, 0)
        arrived("swaks-3")
        expect("<swaks-3@fuera.example>" in server.ids(USER), "the second recipient has none")
    with tests("swaks says HELO"):
        same(send("swaks-4", "--protocol", "SMTP").returncode, 0)
        arrived("swaks-4")
    with tests("swaks: an unknown recipient is refused at RCPT"):
        done = send("swaks-5", to="nadie@virtual.test")
        same(done.returncode, 24, lib.one_line(done.stdout)[-200:])
        expect("550 5.1.1" in done.stdout, "not 550 5.1.1")


# mutt and neomutt

def mutts(tests, server):
    for program in ("neomutt", "mutt"):
        folder = f"imap://127.0.0.1:{server.port(lib.IMAP)}/INBOX"
        settings = [f"set folder={server.home}", f'set imap_user="{USER}"', f'set imap_pass="{lib.PASSWORD}"',
                    "set ssl_starttls=no", "set ssl_force_tls=no",
                    "set imap_keepalive=30", "set wait_key=no", "set confirmappend=no", "set confirmcreate=no", "set delete=yes",
                    "set smtp_authenticators=''", f"set smtp_url=smtp://127.0.0.1:{server.port(lib.SMTP)}", "set copy=no",
                    'set from="remitente@fuera.example"', "set use_envelope_from=yes", 'set hostname="fuera.example"']
        rc = write(server.home + "/muttrc", "\n".join(settings) + "\n")

        with tests(f"{program} sends by smtp_url"):
            needs(program)
            run(program, "-F", rc, "-n", "-s", "asunto-" + program, "--", USER, input="Hola desde " + program + "\n", env=quiet(server))
            lib.eventually(lambda: any(b"Subject: asunto-" + program.encode() in m for m in server.messages(USER)), 5, "it arrived")

        with tests(f"{program} opens the mailbox, saves a copy, deletes, expunges"):
            needs(program)
            before = len(server.messages(USER))
            copy = f"{server.home}/{program}.mbox"
            keys = f"<limit>~s asunto-{program}<enter><copy-message>{copy}<enter><delete-message><sync-mailbox><exit>"
            write(rc, "\n".join([*settings, f"push '{keys}'"]) + "\n")
            screen = terminal([program, "-n", "-F", rc, "-f", folder], quiet(server))
            expect(os.path.exists(copy), "no copy; the end of its screen: " + ascii(screen[-300:]))
            expect("Hola desde " + program in open(copy).read(), "the copy is another message")
            same(len(server.messages(USER)), before - 1, "messages left")


def body(tests):
    with Server(domains=["virtual.test"], users=[USER, OTHER]) as server:
        for client in (curl, swaks, mutts):
            client(tests, server)
        with tests("the database is consistent afterwards"):
            server.verify()


lib.main(body)
