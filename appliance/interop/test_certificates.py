"""The certificates that the doors show: the server's own, others from files and from the data directory, by SNI, without a restart."""

import json
import re
import socket
import tempfile
import time

import lib
from encrypted import DOORS, PEM, s_client, subject
from lib import IMAPS, SMTP, expect, run, same
from peers.certificates import Authority, ended
from sending import US, USER, trusting
from server import Server


def own(tests, server):
    with tests("the certificate that it made itself: the server's name as CN and SAN, ten years"):
        shown = PEM.search(s_client(server, IMAPS))[0]
        text = run("openssl", "x509", "-noout", "-subject", "-ext", "subjectAltName", "-startdate", "-enddate", input=shown).stdout
        expect("CN = mail.virtual.test" in text and "DNS:mail.virtual.test" in text, text)
        years = [int(year) for year in re.findall(r"not(?:Before|After)=.* (\d{4}) GMT", text)]
        same(years[1] - years[0], 10, "years")
    with tests("the same certificate on every door, and after a restart"):
        first = {PEM.search(s_client(server, standard))[0] for standard in DOORS}
        server.stop()
        server.start()
        same(first, {PEM.search(s_client(server, IMAPS))[0]}, "certificates")


def others(tests, server):
    """Certificates from files: by SNI, and read again when they change, while a connection stays open."""
    folder = tempfile.mkdtemp(dir=server.home)
    authority = Authority(folder)
    one, two = authority.issue("uno.virtual.test"), authority.issue("dos.virtual.test", "*.comodin.virtual.test", kind="rsa")
    with tests("two certificates from files are taken without a restart"):
        server.cli("settings", "set", "certificate-files", ", ".join(f"{chain}:{key}" for chain, key in (one, two)))
        lib.eventually(lambda: "uno.virtual.test" in subject(s_client(server, IMAPS, "-servername", "uno.virtual.test")), 5, "taken")
    for name, wanted in {"uno.virtual.test": "uno.virtual.test", "dos.virtual.test": "dos.virtual.test", "DOS.virtual.test": "dos.virtual.test",
                         "algo.comodin.virtual.test": "dos.virtual.test", "mail.virtual.test": "mail.virtual.test"}.items():
        with tests(f"SNI {name}: the certificate of {wanted}, on every door"):
            for standard in DOORS:
                expect(f"DNS:{wanted}" in subject(s_client(server, standard, "-servername", name)), f"{standard}: another one")
    with tests("it verifies, with the chain that was given, for the authority that signed it"):
        for standard in (IMAPS, SMTP):
            shown = s_client(server, standard, "-servername", "uno.virtual.test", "-CAfile", authority.chain, "-verify_return_error",
                             "-verify_hostname", "uno.virtual.test")
            expect("Verify return code: 0 (ok)" in shown, lib.one_line(shown)[-300:])
    with tests("a file that changes is read again within seconds; open connections stay"):
        idle = server.dialog(SMTP)
        idle.greeted()
        secured = trusting().wrap_socket(socket.create_connection((server.host, server.port(IMAPS)), 10), server_hostname="uno.virtual.test")
        secured.recv(4096)
        before = PEM.search(s_client(server, IMAPS, "-servername", "uno.virtual.test"))[0]
        other = authority.issue("uno.virtual.test", days=60)
        for new, old in zip(other, one):
            with open(old, "w") as file:
                file.write(open(new).read())
        lib.eventually(lambda: PEM.search(s_client(server, IMAPS, "-servername", "uno.virtual.test"))[0] != before, 70, "the new one")
        secured.sendall(b"a NOOP\r\n")
        expect(secured.recv(4096).startswith(b"a OK"), "the open connection was dropped")
        expect(idle.ask("NOOP")[:3] == "250", "the open session was dropped")
    with tests("a certificate that is kept in the data directory is shown within a second or two, and again no more once removed"):
        name = "tres.virtual.test"
        server.cli("certificate", "add", *authority.issue(name))
        lib.eventually(lambda: name in subject(s_client(server, IMAPS, "-servername", name)), 5, "shown")
        (number,) = [each["id"] for each in json.loads(server.cli("certificate", "list", "--json").stdout) if name in each["names"]]
        server.cli("certificate", "remove", str(number))
        lib.eventually(lambda: name not in subject(s_client(server, IMAPS, "-servername", name)), 5, "gone")
    with tests("a key that does not fit: the old certificate stays, and the log says why"):
        before = PEM.search(s_client(server, IMAPS, "-servername", "uno.virtual.test"))[0]
        stranger = authority.issue("uno.virtual.test", days=61)
        with open(one[1], "w") as file:
            file.write(open(stranger[1]).read())
        lib.eventually(lambda: re.search(r"(?i)(certificate|key).*(fit|match|belong)", server.log()), 70, "a line in the log")
        same(PEM.search(s_client(server, IMAPS, "-servername", "uno.virtual.test"))[0], before, "certificate")
    with tests("`buzon certificate list` goes on where a file can't be used"):
        said = server.cli("certificate", "list", check=False)
        expect("mail.virtual.test" in said.stdout, f"status {said.returncode}: {said.stdout} {said.stderr}")
    with tests("a certificate that does not fit its key is not taken at all"):
        done = server.cli("certificate", "add", two[0], stranger[1], check=False)
        expect(done.returncode != 0 and done.stderr, "it was taken")
    with tests("a certificate that is over is not taken either, and one in a file shadows none that is not"):
        old = ended(authority.folder, "uno.virtual.test")
        done = server.cli("certificate", "add", *old, check=False)
        expect(done.returncode != 0 and "2020" in done.stderr, f"status {done.returncode}: {done.stderr}")
        before = PEM.search(s_client(server, IMAPS, "-servername", "uno.virtual.test"))[0]
        files = server.cli("settings", "get", "certificate-files").stdout.strip()
        server.cli("settings", "set", "certificate-files", f"{old[0]}:{old[1]},{files}")
        time.sleep(3)
        same(PEM.search(s_client(server, IMAPS, "-servername", "uno.virtual.test"))[0], before, "certificate")


def body(tests):
    with Server(domains=[US], users=[USER], settings={"hostname": "mail.virtual.test"}) as server:
        server.stop()
        server.start()
        own(tests, server)
        others(tests, server)


lib.main(body)
