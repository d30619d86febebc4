"""What administrators and intruders leave for libsasl2 on a machine, under /etc/sasl2 and in the environment, has no effect: the same
mechanisms, the same logins, and nothing of it in the process."""

import base64
import glob
import os
import shutil

from lib import IMAP, PASSWORD, POP3, SMTP, SUBMISSION, eventually, expect, main, needs, needs_root, run, same, write
from sending import US, USER
from server import Server

NAMES = ("buzon", "smtp", "smtpd", "imap", "imapd", "pop", "pop3", "Sendmail", "slapd", "libsasl2")
HOSTILE = """mech_list: ANONYMOUS EXTERNAL
pwcheck_method: saslauthd authdaemond alwaystrue
saslauthd_path: /nonexistent
auxprop_plugin: sasldb
sasldb_path: {folder}/sasldb2
plugin_list: anonymous
log_level: 7
auto_transition: yes
canon_user_plugin: nobody
reauth_timeout: 1440
mech_list_extra: NTLM
"""


def seen(server):
    """All that a client is shown before and after wrong and right passwords."""
    found = []
    for standard in (SMTP, SUBMISSION):
        commands = ["AUTH " + mechanism + " =" for mechanism in ("ANONYMOUS", "EXTERNAL", "NTLM", "GSSAPI", "SCRAM-SHA-512")]
        commands += ["AUTH PLAIN " + base64.b64encode(f"\0{USER}\0{password}".encode()).decode() for password in ("incorrecto", "", PASSWORD)]
        for command in commands:
            with server.dialog(standard) as smtp:
                found.append([line for line in smtp.greeted().splitlines() if "AUTH" in line])
                found.append(smtp.ask(command)[:9])
    with server.dialog(IMAP) as imap:
        imap.line()
        imap.raw(b"a CAPABILITY\r\n")
        found.append(sorted(word for word in imap.line().split() if word.startswith("AUTH=")))
    with server.dialog(POP3) as pop:
        pop.line()
        pop.raw(b"CAPA\r\n")
        while (line := pop.line()) != ".":
            found += [line] if line.startswith("SASL") else []
    server.login(USER).logout()
    return found


def loaded(server):
    """The files that the process has in its memory."""
    with open(f"/proc/{server.process.pid}/maps") as maps:
        return {line.split(None, 5)[5].strip() for line in maps if "/" in line}


def plugins():
    folders = [path for path in glob.glob("/usr/lib/*/sasl2") if os.path.exists(path + "/libanonymous.so")]
    expect(folders, "libsasl2-modules is not installed")
    return folders[0]


def trap(home):
    """(a copy of /etc with hostile files in sasl2, a folder of plug-ins that are others than their names say)"""
    etc, folder = home + "/etc", home + "/plugins"
    run("cp", "-a", "/etc", etc)
    for place in (etc + "/sasl2", etc + "/sasl", folder):
        os.makedirs(place, exist_ok=True)
        for name in NAMES:
            write(f"{place}/{name}.conf", HOSTILE.format(folder=folder))
    for name in ("libplain", "liblogin", "libcrammd5", "libdigestmd5", "libscram", "libanonymous"):
        for suffix in (".so", ".so.2"):
            shutil.copy(plugins() + "/libanonymous.so", folder + "/" + name + suffix)
    write(folder + "/sasldb2", "no database")
    return etc, folder


def body(tests):
    needs_root()
    needs("unshare", "mount")
    with Server(domains=[US], users=[USER]) as server:
        plain = seen(server)
        server.stop()
        etc, folder = trap(server.home)
        server.wrap = ["unshare", "--mount", "--propagation", "private", "sh", "-c", 'mount --bind "$0" /etc && exec "$@"', etc]
        server.env |= {"SASL_PATH": folder, "SASL_CONF_PATH": folder}
        with tests("the server starts among hostile files of libsasl2's"):
            server.start()
            same(os.path.exists(f"/proc/{server.process.pid}/root/etc/sasl2/buzon.conf"), True, "the trap is set")
        with tests("it shows and takes what it does without them"):
            found = eventually(lambda: seen(server), 5, "logins")
            same(found, plain)
        with tests("no plug-in but the five, and those of the system, are in its memory"):
            names = {path for path in loaded(server) if "/sasl2/" in path or path.startswith(server.home + "/plugins")}
            same({os.path.dirname(path) for path in names}, {os.path.realpath(plugins())})
            same({os.path.basename(path).split(".")[0] for path in names}, {"libplain", "liblogin", "libcrammd5", "libdigestmd5", "libscram"})
        with tests("no password in its log"):
            expect(PASSWORD not in server.log(), "the log has the password")


main(body)
