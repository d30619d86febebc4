"""The corpus through amavisd-new, as Postfix would hand it over, a transaction for each letter; what it lets through comes to the
collector."""

import concurrent.futures

import lib
from filtering import fates, opinions
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
            kept = {fates.mark_of(message) for message in amavis.quarantined()}
        # Of several recipients those without a copy are left out in silence.
        return fates.judged(letters, replies, arrived(collector.messages), kept, lambda *_: fates.DISCARDED), replies


def hand_over(amavis, letter):
    """The reply to the letter's DATA."""
    with lib.Dialog("127.0.0.1", amavis.port, timeout=60) as smtp:
        smtp.greeted("mail.virtual.test")
        for line in (f"MAIL FROM:<{letter.sender}> BODY=8BITMIME", *[f"RCPT TO:<{each}>" for each in letter.recipients]):
            lib.same(smtp.ask(line)[:3], "250", line)
        return smtp.data(letter.text())


def arrived(messages):
    """{(mark, recipient): [(fate's word, content)]}; reports to senders have the word of a bounce."""
    found = {}
    for message in messages:
        word = fates.DELIVERED if is_letter(message.content) else fates.BOUNCED
        for recipient in message.recipients:
            found.setdefault((fates.mark_of(message.content), recipient), []).append((word, message.content))
    return found


def is_letter(content):
    """Whether this is a letter of the corpus, not a report that quotes one."""
    return fates.MARK.search(content.split(b"\r\n\r\n", 1)[0]) is not None
