"""The same 500 letters through Debian's amavisd-new with the seed's configuration (step 11) and through us: each recipient's fate is the
same, or the difference stands in filtering/differences.py with its reason."""

import collections
import time

import lib
from filtering import corpus, fates, ours, theirs
from filtering.differences import compare

# What each class of letters is made for: at amavisd-new most of them must get it, or the corpus tests nothing.
MEANT = {"clean": fates.DELIVERED, "real": fates.DELIVERED, "forged": fates.DELIVERED, "spammy": fates.DELIVERED,
         "infected": fates.DISCARDED, "banned": fates.REJECTED}
SHOWN = 40


def counted(letters, found):
    words = collections.Counter(found[letter.mark, recipient].word for letter in letters for recipient in letter.recipients)
    return ", ".join(f"{count} {word}" for word, count in sorted(words.items()))


def passed(tests, name, through, letters):
    """What became of the letters, told in one line."""
    with tests(name):
        started = time.monotonic()
        found, replies = through.run(letters)
        lib.same(len(found), sum(len(letter.recipients) for letter in letters), "fates")
        lost = [letter.name + ": " + replies[letter.mark] for letter in letters for each in letter.recipients
                if found[letter.mark, each].word == fates.LOST]
        lib.expect(not lost, f"lost: {lost}")
        print(f"     {counted(letters, found)}; {time.monotonic() - started:.0f} s")
        return found


def body(tests):
    lib.needs_root()
    letters = corpus.letters()
    there = passed(tests, f"{len(letters)} letters through amavisd-new with the seed's configuration", theirs, letters)
    if there is None:
        return
    for kind, meant in MEANT.items():
        with tests(f"amavisd-new: letters made to be {kind} are {meant}, four in five at least"):
            words = [there[letter.mark, letter.recipients[0]].word for letter in letters if letter.kind == kind]
            lib.expect(words.count(meant) >= len(words) * 0.8, f"{words.count(meant)} of {len(words)}")
    here = passed(tests, "the same letters through us", ours, letters)
    if here is None:
        return
    equal, unexplained, rows = compare(letters, there, here)
    words = sum(there[case].word == here[case].word for case in there)
    with tests(f"of {len(there)} fates {words} are the same and {equal} also in every field; the other differences are argued"):
        for letter, recipient, aspects in unexplained[:SHOWN]:
            both = f"{there[letter.mark, recipient]} | {here[letter.mark, recipient]}"
            print(f"     {letter.name}, {recipient}: {both} ({', '.join(aspects)})")
        lib.expect(not unexplained, f"{len(unexplained)} differ without a reason")
    for row in rows:
        with tests(f"argued, and still so ({row.seen}): {row.reason}"):
            lib.expect(row.seen, "no letter shows it any more")


lib.main(body)
