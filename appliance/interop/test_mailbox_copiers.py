"""Programs of Debian's packages that carry whole mailboxes: fetchmail, getmail, mbsync, offlineimap."""

import os
import re
import tempfile
import time

import lib
from lib import expect, message, needs, quiet, run, same, write
from server import Server

OTHER = "otra@virtual.test"


# fetchmail and getmail

def fetchers(tests, server):
    def fill(names):
        before = len(server.messages(OTHER))
        for name in names:
            server.send(OTHER, message(name, OTHER))
        lib.eventually(lambda: len(server.messages(OTHER)) == before + len(names), 10, "their arrival")

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
            command = ["fetchmail", "-f", rc, "--nodetach", "--nosyslog", "--pidfile", server.home + "/pid",
                       "--idfile", server.home + "/ids"]
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
        lib.eventually(lambda: len(server.messages(OTHER)) == 20, 10, "their arrival")
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
        before = server.sql("SELECT id, highestmodseq FROM mailbox ORDER BY id")
        run(*command)
        same(server.sql("SELECT id, highestmodseq FROM mailbox ORDER BY id"), before, "modseq moved")
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
    with Server(domains=["virtual.test"], users=[OTHER]) as server:
        for client in (fetchers, mbsync, offlineimap):
            client(tests, server)
        with tests("the database is consistent afterwards"):
            server.verify()


lib.main(body)
