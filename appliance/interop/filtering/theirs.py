"""The corpus through amavisd-new, as Postfix would hand it over: a transaction for each letter; what it lets through comes to the collector."""

import concurrent.futures

import lib
from filtering import fates, opinions
from filtering.fates import Fate
from peers.amavis import Amavis
from peers.clamd import Clamd
from peers.collector import Collector

WORKERS = 2  # Debian's $max_servers


def run(letters):
    """{(mark, recipient): Fate}, and {mark: reply}."""
    with Clamd() as clamd, Collector() as collector:
        amavis = Amavis(clamd, collector.port, opinions.DOMAINS, points=opinions.POINTS, white=opinions.WHITE, black=opinions.BLACK,
                        policies=opinions.POLICIES)
        with amavis, concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
            replies = dict(zip([letter.mark for letter in letters], pool.map(lambda letter: hand_over(amavis, letter), letters)))
            lib.expect(amavis.process.poll() is None, "amavisd ended")
        return judged(letters, replies, collector.messages), replies


def hand_over(amavis, letter):
    """The reply to the letter's DATA."""
    with lib.Dialog("127.0.0.1", amavis.port, timeout=60) as smtp:
        smtp.greeted("mail.virtual.test")
        for line in (f"MAIL FROM:<{letter.sender}> BODY=8BITMIME", *[f"RCPT TO:<{each}>" for each in letter.recipients]):
            lib.same(smtp.ask(line)[:3], "250", line)
        return smtp.data(letter.text())


def judged(letters, replies, messages):
    copies, reports = {}, {}
    for message in messages:
        mark = fates.mark_of(message.content)
        kept = copies if message.sender or is_letter(message.content) else reports
        for recipient in message.recipients:
            kept.setdefault((mark, recipient), []).append(message.content)
    found = {}
    for letter in letters:
        bounced = [text for (mark, _), texts in reports.items() if mark == letter.mark for text in texts]
        for recipient in letter.recipients:
            arrived = copies.get((letter.mark, recipient), [])
            lib.expect(len(arrived) < 2, f"{len(arrived)} copies of {letter.name}")
            found[letter.mark, recipient] = fates.delivered(letter, arrived[0]) if arrived else Fate(
                without_copy(replies[letter.mark], recipient, bounced))
    return found


def is_letter(content):
    """Whether this is a letter of the corpus, not a report that quotes one."""
    return b"\r\n\r\n" not in content[:fates.MARK.search(content).start()] if fates.MARK.search(content) else False


def without_copy(reply, recipient, reports):
    if any(f"Final-Recipient: rfc822;{recipient}".encode() in each for each in reports):
        return fates.BOUNCED
    if reply.startswith("5"):
        return fates.REJECTED
    # Of several recipients those without a copy are left out in silence; alone, it says so.
    return fates.DISCARDED if reply.startswith("250 2.7.0") or reply.startswith("250 2.0.0") else fates.LOST
