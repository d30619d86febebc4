"""The outbound queue under kill -9: 1,000 letters wait for a host while the server is killed at random instants and started again.
Every letter arrives at least once; twice only what was under way when a kill fell."""

import collections
import contextlib
import random
import re
import threading
import time

import lib
from lib import expect, same
from peers.misbehaving import Host
from peers.zones import Zones
from sending import USER, bounces, client, letter, sender

SEED, LETTERS, KILLS, DOMAINS = 20261127, 1000, 12, 5
RECORDS = "".join(f"d{n}.example. IN MX 10 mx.example.\n" for n in range(DOMAINS)) + "mx.example. IN A 127.0.0.6\n"


class Counter(Host):
    """Says no for now to some, as hosts do."""

    def __init__(self, dice, **more):
        super().__init__(RCPT=self.rcpt, content=self.kept, **more)
        self.dice = dice

    def rcpt(self, session):
        return b"451 4.3.0 not yet\r\n" if self.dice.random() < 0.05 else b"250 ok\r\n"

    def kept(self, session):
        time.sleep(0.002)  # so that a kill falls into it
        return b"250 2.0.0 kept\r\n"

    def names(self):
        """How often each letter came."""
        return collections.Counter(re.search(rb"Message-ID: <(k-\d+)@", data)[1].decode() for data in self.letters())

    def letters(self):
        """Their bytes; a pipelined DATA behind a refused RCPT ends with nothing in it (RFC 2920 §3.1)."""
        return [data for _, _, data in list(self.messages) if data.strip()]


def fill(server, count):
    """Letters in one connection after another, four at a time; the names that were answered 250."""
    promised, lock = [], threading.Lock()

    def part(numbers):
        with client(server, USER) as smtp:
            for number in numbers:
                smtp.sendmail(USER, [f"alguien@d{number % DOMAINS}.example"], letter(f"k-{number}"))
                with lock:
                    promised.append(f"k-{number}")
    threads = [threading.Thread(target=part, args=(range(start, count, 4),)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    same(len(promised), count, "letters that were answered 250")
    return promised


def body(tests):
    dice = random.Random(SEED)
    with contextlib.ExitStack() as stack:
        zones, host = stack.enter_context(Zones(RECORDS)), Counter(random.Random(SEED + 1))
        server = stack.enter_context(sender(zones, host.port, queue_retry="1s,1s,2s", outbound_connections="20", daily_recipients="1000000"))
        with tests(f"{LETTERS} letters are queued while their host is down, and wait through a kill"):
            promised = fill(server, LETTERS)
            server.kill()
            server.start()
            same(sum(len(row["recipients"]) for row in server.queue()), LETTERS, "recipients in the queue")
        # A host that refused connections is left alone for a minute; a server that starts knows nothing of that.
        server.kill()
        stack.enter_context(host)
        server.start()
        sizes = []
        for number in range(KILLS):
            with tests(f"kill -9, round {number + 1} of {KILLS}"):
                before = len(host.letters())
                lib.eventually(lambda: len(host.letters()) > before or not server.queue(), 20, "a letter left")
                time.sleep(dice.uniform(0, 0.25))
                server.kill()
                sizes.append(len(host.letters()) - before)
                time.sleep(0.05)
                server.start()
                server.verify()
        with tests("the rounds are worth something: letters left in most of them, and some were left for the last"):
            expect(sum(1 for size in sizes if size) >= KILLS // 2, f"letters that left in each round: {sizes}")
            print(f"     letters that left in each round: {sizes}, random seed {SEED}")
        with tests("every letter arrives at least once, and the queue empties"):
            lib.eventually(lambda: not server.queue(), 120, "empty queue")
            counts = host.names()
            lost = sorted(set(promised) - set(counts))
            expect(not lost, f"{len(lost)} of {len(promised)} are lost, as {lost[:3]}")
            same(sorted(set(counts) - set(promised)), [], "letters that nobody sent")
        with tests("twice arrived only what was under way at a kill: at most a letter for each connection and kill"):
            twice = {name: count for name, count in host.names().items() if count > 1}
            print(f"     twice: {len(twice)} of {LETTERS}, {KILLS} kills")
            expect(sum(count - 1 for count in twice.values()) <= KILLS * 20, f"{len(twice)} letters, as {list(twice.items())[:3]}")
            expect(max(twice.values(), default=1) <= 4, f"one came {max(twice.values(), default=1)} times")
        with tests("control: without a kill, nothing comes twice"):
            before = len(host.letters())
            with client(server, USER) as smtp:
                for number in range(LETTERS, LETTERS + 100):
                    smtp.sendmail(USER, [f"alguien@d{number % DOMAINS}.example"], letter(f"k-{number}"))
            lib.eventually(lambda: not server.queue(), 60, "empty queue")
            same(len(host.letters()) - before, 100, "letters that came")
        with tests("no report was made, and the database is consistent"):
            same(len(bounces(server)), 0, "reports")
            server.verify()


lib.main(body)
