"""A thousand messages, clean, infected, archived and broken, through a server under valgrind: no memory is lost on the way, and none is
read or written that is not ours."""

import os
import re
import tempfile
import time

import lib
from filtering import corpus
from lib import expect
from peers import clamd
from server import Server

USER = "uno@virtual.test"
SCANS = 1000
START, STOP = 240, 300  # seconds: valgrind makes everything thirty times as slow
LOST = 64 << 10  # bytes: what a process of this kind loses once, whatever it does


def body(tests):
    with tempfile.TemporaryDirectory(prefix="buzon-leaks-") as folder:
        log = folder + "/valgrind"
        # valgrind can't read the debugging information of Swift's compiler.
        lib.run("strip", "--strip-debug", "-o", folder + "/buzon", lib.binary())
        os.environ["BUZON"] = folder + "/buzon"
        wrap = ["valgrind", "--leak-check=full", "--show-leak-kinds=definite", "--num-callers=20", f"--log-file={log}"]
        server = Server(wrap=wrap)
        try:
            server.start(START)
            settings = {**server.settings, "signature-directory": clamd.signatures(folder), "scan-seconds": "120", "filter-seconds": "240"}
            for key, value in settings.items():
                server.cli("settings", "set", key, value)
            server.cli("domain", "add", "virtual.test")
            server.cli("user", "add", USER, input=lib.PASSWORD + "\n")
            time.sleep(10)
            letters = [letter for letter in corpus.letters() if len(letter.content) < 200_000]
            scanned = sum(hand_over(server, letters[number % len(letters)], number) for number in range(SCANS))
            with tests(f"{SCANS} messages were looked at"):
                expect(scanned > SCANS * 0.95, f"{scanned} were answered")
            with tests("the server ends as it should"):
                lib.same(server.stop(STOP), 0, "exit status")
            with open(log, errors="replace") as file:
                found = file.read()
            with tests("no memory is lost"):
                lost = sum(int(number.replace(",", "")) for number in re.findall(r"definitely lost: ([\d,]+) bytes", found))
                expect(lost < LOST, f"{lost} bytes are lost: {lib.one_line(found)[-2000:]}")
            with tests("no memory is touched that is not ours"):
                # What Swift's runtime compares before it is set, valgrind tells at each start.
                wrong = re.search(r"Invalid (read|write|free).*?(?=\n==\d+== \n)", found, re.S)
                expect(not wrong, wrong and lib.one_line(wrong[0])[:2000])
        finally:
            server.__exit__()


def hand_over(server, letter, number):
    """Whether the message had a final answer; each is another one than those before it, so that none is answered from memory."""
    try:
        with lib.Dialog(server.host, server.port(lib.SMTP), timeout=240) as smtp:
            smtp.greeted("mail.fuera.example")
            for line in ("MAIL FROM:<a@fuera.example> BODY=8BITMIME", f"RCPT TO:<{USER}>"):
                smtp.ask(line)
            return smtp.data(f"X-Number: {number}\r\n".encode() + letter.text())[:1] in "25"
    except OSError:
        return False


lib.main(body)
