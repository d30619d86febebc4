"""Mail programs of Debian's packages, each doing what its users do with it."""

import os
import re
import subprocess
import tempfile
import time

import lib
from lib import expect, message, needs, run, same

USER, OTHER = "usuario@virtual.test", "otra@virtual.test"


def write(path, text, mode=0o600):
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, mode)
    return path


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
        run("curl", *login, imap + "/INBOX", "--upload-file", write(server.home + "/letter", message("curl-3", body="jitomate\r\n").decode()))
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
        settings = [f'set imap_user="{USER}"', f'set imap_pass="{lib.PASSWORD}"', "set ssl_starttls=no", "set ssl_force_tls=no",
                    "set imap_keepalive=30", "set wait_key=no", "set confirmappend=no", "set confirmcreate=no", "set delete=yes", "set mail_check=0",
                    "set smtp_authenticators=''", f"set smtp_url=smtp://127.0.0.1:{server.port(lib.SMTP)}", "set copy=no",
                    'set from="remitente@fuera.example"', "set use_envelope_from=yes", 'set hostname="fuera.example"']
        rc = write(server.home + "/muttrc", "\n".join(settings) + "\n")

        with tests(f"{program} sends by smtp_url"):
            needs(program)
            run(program, "-F", rc, "-n", "-s", "asunto-" + program, "--", USER, input="Hola desde " + program + "\n", env=quiet(server))
            lib.eventually(lambda: any(b"Subject: asunto-" + program.encode() in m for m in server.messages(USER)), 5, "it arrived")

        with tests(f"{program} opens the mailbox, saves a copy, deletes, expunges"):
            needs(program, "script")
            before = len(server.messages(USER))
            copy = f"{server.home}/{program}.mbox"
            keys = f"<limit>~s asunto-{program}<enter><copy-message>{copy}<enter><delete-message><sync-mailbox><exit>"
            write(rc, "\n".join([*settings, f"push '{keys}'"]) + "\n")
            screen = server.home + "/screen"
            try:
                run("script", "-qfec", f"{program} -n -F {rc} -f {folder}", screen, input="", timeout=30, env=quiet(server))
            except subprocess.TimeoutExpired:
                raise lib.Failure("it waits; the end of its screen: " + ascii(open(screen, errors="replace").read()[-200:]))
            expect("Hola desde " + program in open(copy).read(), "the copy is another message")
            same(len(server.messages(USER)), before - 1, "messages left")


def quiet(server):
    return {**os.environ, "HOME": server.home, "TERM": "xterm", "LC_ALL": "C.UTF-8", "EDITOR": "true"}


# fetchmail and getmail

def fetchers(tests, server):
    def fill(names):
        for name in names:
            server.send(OTHER, message(name, OTHER))

    def clear():
        with server.login(OTHER) as box:
            box.select()
            box.store("1:*", "+FLAGS", "\\Deleted") if server.messages(OTHER) else None
            box.expunge()

    def count(path):
        return sorted(re.findall(r"^Message-ID: <([^@]*)@", open(path, errors="replace").read(), re.M)) if os.path.exists(path) else []

    for protocol, port in (("pop3", lib.POP3), ("imap", lib.IMAP)):
        with tests(f"fetchmail takes everything by {protocol} and leaves nothing"):
            needs("fetchmail")
            clear()
            names = [f"fetchmail-{protocol}-{n}" for n in range(5)]
            fill(names)
            got = f"{server.home}/fetchmail-{protocol}"
            rc = write(server.home + "/fetchmailrc", f'poll 127.0.0.1 service {server.port(port)} protocol {protocol} auth password:\n'
                       f'user "{OTHER}" password "{lib.PASSWORD}" sslproto "" mda "cat >> {got}"\n')
            command = ["fetchmail", "-f", rc, "--nodetach", "--nosyslog", "--pidfile", server.home + "/pid", "--idfile", server.home + "/ids"]
            run(*command, env=quiet(server))
            same(count(got), names)
            same(server.messages(OTHER), [], "left on the server")
            same(run(*command, env=quiet(server), check=False).returncode, 1, "a second run: no mail")

    for kind in ("SimplePOP3Retriever", "SimpleIMAPRetriever"):
        with tests(f"getmail with {kind}, kept on the server, nothing twice"):
            needs("getmail")
            clear()
            fill(["getmail-1", "getmail-2"])
            folder = tempfile.mkdtemp(dir=server.home)
            os.makedirs(folder + "/state")
            open(folder + "/mbox", "w").close()
            port = server.port(lib.POP3 if "POP3" in kind else lib.IMAP)
            write(folder + "/getmailrc", f"[retriever]\ntype = {kind}\nserver = 127.0.0.1\nport = {port}\nusername = {OTHER}\n"
                  f"password = {lib.PASSWORD}\n[destination]\ntype = MDA_external\npath = /usr/bin/tee\n"
                  f"arguments = ('-a', '{folder}/mbox')\nallow_root_commands = true\n[options]\nread_all = false\n"
                  "delete = false\ndelivered_to = false\nreceived = false\n")
            for _ in range(2):
                run("getmail", "--getmaildir", folder + "/state", "--rcfile", folder + "/getmailrc", env=quiet(server), timeout=60)
                same(count(folder + "/mbox"), ["getmail-1", "getmail-2"])
    clear()


# mbsync and offlineimap

def mbsync(tests, server):
    home = server.home + "/mbsync"
    rc = server.home + "/mbsyncrc"
    command = ["mbsync", "-c", rc, "-a"]

    def local(folder="Inbox"):
        """Message-ID → flags of a Maildir."""
        found = {}
        for part in ("cur", "new"):
            for name in os.listdir(f"{home}/{folder}/{part}"):
                text = open(f"{home}/{folder}/{part}/{name}", errors="replace").read()
                found[re.search(r"Message-ID: <([^@]*)@", text)[1]] = (name.partition(":2,")[2], f"{home}/{folder}/{part}/{name}")
        return found

    with tests("mbsync: first run copies folders and messages"):
        needs("mbsync")
        os.makedirs(home)
        write(rc, f"""IMAPAccount buzon
Host 127.0.0.1
Port {server.port(lib.IMAP)}
User {OTHER}
Pass {lib.PASSWORD}
SSLType None
AuthMechs LOGIN

IMAPStore lejos
Account buzon

MaildirStore cerca
Path {home}/
Inbox {home}/Inbox
SubFolders Verbatim

Channel todo
Far :lejos:
Near :cerca:
Patterns *
Create Both
Remove Both
Expunge Both
SyncState *
""")
        for number in range(20):
            server.send(OTHER, message(f"mbsync-{number}", OTHER))
        run(*command)
        same(sorted(local()), sorted(f"mbsync-{n}" for n in range(20)))
        for name in ("Drafts", "Sent", "Trash"):
            expect(os.path.isdir(f"{home}/{name}/cur"), f"no folder {name}")

    with tests("mbsync: flags, deletions, new messages and folders, both ways"):
        here = local()
        for name, flags in (("mbsync-0", "FS"), ("mbsync-1", "ST"), ("mbsync-2", "RS")):
            path = here[name][1]
            os.rename(path, f"{home}/Inbox/cur/{os.path.basename(path).partition(':')[0]}:2,{flags}")
        write(f"{home}/Inbox/new/{time.time()}.1.local", message("subido", OTHER).decode().replace("\r\n", "\n"))
        for part in ("cur", "new", "tmp"):
            os.makedirs(f"{home}/Proyectos/{part}")
        write(f"{home}/Proyectos/new/{time.time()}.2.local", message("proyecto", OTHER).decode().replace("\r\n", "\n"))
        with server.login(OTHER) as box:
            box.create("Clientes")
            box.append("Clientes", "(\\Seen)", None, message("cliente", OTHER))
            box.select()
            box.store("4", "+FLAGS", "(\\Answered \\Flagged)")
            box.store("5", "+FLAGS", "\\Deleted")
            box.expunge()
        run(*command)
        here = local()
        same(here["mbsync-3"][0], "FR", "flags from the server")
        expect("mbsync-1" not in here and "mbsync-4" not in here, "a deleted message is still in the Maildir")
        same(sorted(local("Clientes")), ["cliente"], "folder from the server")
        same(server.ids(OTHER, "Proyectos"), ["<proyecto@fuera.example>"], "folder from the Maildir")
        same(len(server.ids(OTHER)), 19, "messages on the server")
        with server.login(OTHER) as box:
            box.select(readonly=True)
            flagged, answered = (len(box.search(None, word)[1][0].split()) for word in ("FLAGGED", "ANSWERED"))
            same((flagged, answered), (2, 2), "flagged, answered")

    with tests("mbsync: a run after that does nothing"):
        done = run(*command, "-V")
        said = done.stdout + done.stderr
        before = server.sql("SELECT max(modseq) FROM mailbox_message", check=False).stdout
        run(*command)
        same(server.sql("SELECT max(modseq) FROM mailbox_message", check=False).stdout, before, "modseq moved")
        for far, near in re.findall(r"[Ff]ar: \+(\S+ \*\S+ #\S+) +[Nn]ear: \+(\S+ \*\S+ #\S+)", said):
            same((far, near), ("0 *0 #0", "0 *0 #0"), "changes")


def offlineimap(tests, server):
    with tests("offlineimap: two runs, the second does nothing"):
        needs("offlineimap")
        home = server.home + "/offlineimap"
        rc = write(server.home + "/offlineimaprc", f"""[general]
accounts = buzon
metadata = {home}-state
[Account buzon]
localrepository = cerca
remoterepository = lejos
[Repository cerca]
type = Maildir
localfolders = {home}
[Repository lejos]
type = IMAP
remotehost = 127.0.0.1
remoteport = {server.port(lib.IMAP)}
remoteuser = {OTHER}
remotepass = {lib.PASSWORD}
ssl = no
starttls = no
auth_mechanisms = LOGIN
""")
        command = ["offlineimap", "-c", rc, "-o", "-u", "basic"]
        run(*command, env=quiet(server), timeout=120)
        same(len(os.listdir(home + "/INBOX/cur")) + len(os.listdir(home + "/INBOX/new")), len(server.messages(OTHER)), "messages")
        done = run(*command, env=quiet(server), timeout=120)
        expect("Copy message" not in done.stdout + done.stderr, "the second run copies")


def body(tests):
    with lib.Server(domains=["virtual.test"], users=[USER, OTHER]) as server:
        for client in (curl, swaks, mutts, fetchers, mbsync, offlineimap):
            client(tests, server)
        with tests("the database is consistent afterwards"):
            server.verify()


lib.main(body)
