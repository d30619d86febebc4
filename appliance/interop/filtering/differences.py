"""Where our fate of a letter differs from amavisd-new's on purpose, each with its reason; and the comparison."""

from dataclasses import fields

from filtering import opinions
from filtering.fates import BOUNCED, DELIVERED, DISCARDED, HELD, JUNK, REJECTED, Fate

ASPECTS = [field.name for field in fields(Fate)]


class Difference:
    """One row of the table: which aspects of a fate may differ, for which letters, and why."""

    def __init__(self, aspects, applies, reason):
        self.aspects, self.applies, self.reason, self.seen = aspects.split(), applies, reason, 0

    def explains(self, aspect, letter, recipient, theirs, ours):
        return aspect in self.aspects and self.applies(letter, recipient, theirs, ours)


def leaves(letter, *_):
    return not any(recipient in opinions.USERS for recipient in letter.recipients)


def called(*words):
    return lambda letter, *_: any(word in letter.name for word in words)


def table():
    """Made anew for each comparison, since the rows count what they explain."""
    return [
        Difference("word scanned alerts kept", leaves,
                   "the seed says that mail that only leaves is not looked at, and so do we (filter-outbound turns it on); amavisd-new with "
                   "the seed's lines does look at it, whatever the seed says"),
        Difference("word", lambda letter, recipient, theirs, ours: theirs.word == BOUNCED and ours.word in (DISCARDED, HELD),
                   "when recipients disagree amavisd-new reports to the sender who would have been refused; as long as nobody has proved to be that "
                   "sender the report may hit a stranger, so ours stays here with a copy in quarantine"),
        Difference("tag", lambda letter, recipient, theirs, ours: theirs.tag == "***UNCHECKED*** " and not ours.tag,
                   "amavisd-new writes ***UNCHECKED*** before the subject of whatever it could not open; a subject is its author's, and encrypted or "
                   "unopened content has a policy and a line in the trace"),
        Difference("alerts", lambda letter, recipient, theirs, ours: set(theirs.alerts) - set(ours.alerts) == {"BAD HEADER"},
                   "malformed header sections are delivered by Debian's amavisd-new with an X-Amavis-Alert; their form is not a check of ours"),
        Difference("kept", lambda letter, recipient, theirs, ours: theirs.kept and ours.word in (DELIVERED, JUNK),
                   "amavisd-new keeps a copy of some mail that it delivers (spam from the kill level on, infected or malformed mail that passes); in "
                   "our quarantine is what somebody did not get"),
        Difference("claims", lambda letter, recipient, theirs, ours: set(ours.claims) < set(theirs.claims),
                   "amavisd-new takes forged X-Spam-* out, but leaves X-Virus-Scanned, X-Quarantine-ID and X-Amavis-Alert of strangers in"),
        Difference("word kept", lambda letter, recipient, theirs, ours: called(".tar.xz")(letter) and (theirs.word, ours.word) == (DELIVERED, REJECTED),
                   "amavisd-new never opens xz on Debian 12: file(1) calls it `XZ compressed data`, amavisd-new looks for `xz`"),
        Difference("word kept", lambda letter, recipient, theirs, ours: called(".rar")(letter) and theirs.word == DELIVERED and ours.word == REJECTED,
                   "amavisd-new does not understand the list that Debian's unrar-free prints, and libclamav opens rar only with a library that is "
                   "not free; libarchive reads its names"),
        Difference("word kept", lambda letter, recipient, theirs, ours: called(" in rar")(letter) and theirs.word == DELIVERED and ours.word == DISCARDED,
                   "the same, where its members are scanned"),
        Difference("word kept", lambda letter, recipient, theirs, ours: called("in eml.zip")(letter) and ours.word == REJECTED,
                   "amavisd-new takes a message inside an archive for text; its parts are named all the same by ours"),
        Difference("word kept", lambda letter, recipient, theirs, ours: called("in a.docx")(letter) and ours.word == REJECTED,
                   "file(1) calls it a document of Word's, so amavisd-new does not open the zip that it is"),
        Difference("word kept", lambda letter, recipient, theirs, ours: called("b.vbs in nombre.gz")(letter) and ours.word == REJECTED,
                   "the name inside a gzip's header is what it unpacks to; amavisd-new unpacks by gzip(1), which does not tell"),
        Difference("word kept", lambda letter, recipient, theirs, ours: called("without its directory")(letter) and ours.word == REJECTED,
                   "a zip's members can be read without its directory, which some programs do, ours too"),
        Difference("word kept", lambda letter, recipient, theirs, ours: called("blanks at its end", "without the closing quote", "named a.exe.")(letter)
                   and ours.word == REJECTED,
                   "Windows drops blanks and dots at a name's end, and mail programs forgive a missing quote; Debian's pattern wants the name's very end"),
        Difference("word kept", lambda letter, recipient, theirs, ours: called("clam_cache_emax")(letter) and ours.word in (DISCARDED, HELD),
                   "amavisd-new gives up at its fourteenth level and delivers unscanned; what hits a limit of ours is not waved through"),
        Difference("spam flag score level tag", lambda letter, recipient, *_: letter.sender == "blanco@listas.example" and recipient == opinions.USERS[1],
                   "with tables in files amavisd-new lets white win over black, wherever both stand; with tables in SQL, as in the seed, the "
                   "narrowest scope speaks, and so with us"),
        Difference("spam flag score level tag", called("author"),
                   "amavisd-new also looks the author up who stands in From:, whom anybody can write there; lists of ours are about the envelope's "
                   "sender until an author can be proved"),
    ]


def compare(letters, theirs, ours):
    """(how many recipients' fates are equal, [(letter, recipient, aspects that no row explains)], the table with its counts)."""
    rows, equal, unexplained = table(), 0, []
    for letter in letters:
        for recipient in letter.recipients:
            one, other = theirs[letter.mark, recipient], ours[letter.mark, recipient]
            left, used = [], set()
            for aspect in differing(one, other):
                row = next((row for row in rows if row.explains(aspect, letter, recipient, one, other)), None)
                if row:
                    used.add(row)
                else:
                    left.append(aspect)
            for row in used:
                row.seen += 1
            equal += one == other
            if left:
                unexplained.append((letter, recipient, left))
    return equal, unexplained, rows


def differing(one, other):
    """The aspects in which two fates differ. The fields of a letter say nothing where only one of both was delivered."""
    if one.word != other.word and not {one.word, other.word} <= {DELIVERED, JUNK}:
        return ["word"] + ["kept"] * (one.kept != other.kept)
    return [aspect for aspect in ASPECTS if getattr(one, aspect) != getattr(other, aspect)]
