"""Where our fate of a letter differs from amavisd-new's on purpose, each with its reason; and the comparison."""

from dataclasses import fields

from filtering import opinions
from filtering.fates import BOUNCED, DELIVERED, DISCARDED, HELD, JUNK, REJECTED, Fate

ASPECTS = [field.name for field in fields(Fate)]
SPAM = "spam flag score level tag"


class Difference:
    """One row of the table: which aspects of a fate may differ, for which letters and fates, and why."""

    def __init__(self, aspects, reason, where):
        self.aspects, self.reason, self.where, self.seen = aspects.split(), reason, where, 0

    def explains(self, aspect, *case):
        return aspect in self.aspects and self.where(*case)


def refused_though_delivered(*names):
    """Letters, by a piece of their names, that amavisd-new delivers and we refuse."""
    return lambda letter, _, theirs, ours: (
        theirs.word == DELIVERED and ours.word == REJECTED and any(name in letter.name for name in names))


def table():
    """Made anew for each comparison, since the rows count what they explain."""
    return [
        Difference(
            "word scanned alerts kept claims",
            "the seed says that mail that only leaves is not looked at, and so it is with us (filter-outbound turns it on); amavisd-new with the "
            "seed's lines looks at it all the same",
            lambda letter, _, theirs, ours: letter.recipients == (opinions.AWAY,) and ours.word == DELIVERED and not ours.scanned),
        Difference(
            "word",
            "where recipients disagree, amavisd-new takes the message and reports to its sender for whom it was refused, or nobody at all, from ten "
            "points on; as long as nobody has proved to be that sender the report may hit a stranger, so it is held with us, and the trace says so",
            lambda letter, _, theirs, ours: len(letter.recipients) > 1 and theirs.word in (BOUNCED, DISCARDED) and ours.word == HELD),
        Difference(
            "tag",
            "the seed's tag has no blank at its end, so amavisd-new glues it to the subject: ***SPAM***Oferta; we leave a blank between them",
            lambda _, recipient, theirs, ours: theirs.tag and ours.tag == theirs.tag + " "),
        Difference(
            "tag",
            "amavisd-new writes ***UNCHECKED*** before the subject of what it could not open, and ***INFECTED*** where a policy lets a virus pass; "
            "the subject is its author's but for spam, so X-Buzon-Alert says it",
            lambda _, recipient, theirs, ours: theirs.tag in ("***UNCHECKED*** ", "***INFECTED*** ") and not ours.tag and ours.alerts),
        Difference(
            "tag",
            "amavisd-new takes the type multipart/encrypted for something that it should have opened; it is a letter like any other to us",
            lambda letter, _, theirs, ours: theirs.tag == "***UNCHECKED*** " and "encrypted by PGP" in letter.name),
        Difference(
            "alerts",
            "our X-Buzon-Alert also says what could not be opened, broken archives and 7z with encrypted names included, of which amavisd-new says nothing",
            lambda _, recipient, theirs, ours: set(ours.alerts) - set(theirs.alerts) == {"UNCHECKED"}),
        Difference(
            "alerts",
            "Debian's amavisd-new delivers malformed header sections with an alert; their form is not a check of ours",
            lambda _, recipient, theirs, ours: set(theirs.alerts) - set(ours.alerts) == {"BAD HEADER"}),
        Difference(
            "kept",
            "amavisd-new also keeps a copy of some mail that it delivers: spam from the kill level on, infected or malformed mail that passes; in our "
            "quarantine is what somebody did not get",
            lambda _, recipient, theirs, ours: theirs.kept and ours.word in (DELIVERED, JUNK)),
        Difference(
            "claims",
            "amavisd-new takes forged X-Spam-Status and its like out, but leaves X-Virus-Scanned, X-Quarantine-ID and X-Amavis-Alert of strangers in",
            lambda _, recipient, theirs, ours: set(ours.claims) < set(theirs.claims)),
        Difference(
            "claims",
            "what goes on to another server keeps the fields that it came with: what they are worth is that server's to judge",
            lambda _, recipient, theirs, ours: recipient == opinions.AWAY and set(ours.claims) > set(theirs.claims)),
        Difference(
            "claims",
            "who asks for no check gets his mail as it came with us, forged fields too; amavisd-new takes X-Spam-Status and its like out all the same",
            lambda _, recipient, theirs, ours: recipient == "libre@virtual.test" and set(ours.claims) > set(theirs.claims)),
        Difference(
            "word kept",
            "amavisd-new never opens xz on Debian 12: file(1) calls it `XZ compressed data`, amavisd-new looks for `xz`",
            refused_though_delivered("in a.tar.xz")),
        Difference(
            "word kept",
            "amavisd-new does not understand the list that Debian's unrar-free prints; libarchive reads names and contents in a rar",
            refused_though_delivered("in a.rar", "in a5.rar")),
        Difference(
            "word kept",
            "libclamav opens rar only with a library that is not free, so amavisd-new delivers a virus in one; libarchive unpacks it for our scan",
            lambda letter, _, theirs, ours: "dat in rar" in letter.name and (theirs.word, ours.word) == (DELIVERED, DISCARDED)),
        Difference(
            "tag",
            "where nothing in the rar is banned, amavisd-new says that it could not open it; we have read it",
            lambda letter, _, theirs, ours: theirs.tag == "***UNCHECKED*** " and any(name in letter.name for name in ("in rar", "a.rar", "a5.rar"))),
        Difference(
            "word kept",
            "amavisd-new takes a message inside an archive for text; its parts have names all the same",
            refused_though_delivered("in eml.zip")),
        Difference(
            "word kept",
            "file(1) calls it a document of Word's, so amavisd-new does not open the zip that it is",
            refused_though_delivered("in a.docx")),
        Difference(
            "word kept",
            "the name in a gzip's header is what it unpacks to for many programs; amavisd-new unpacks with gzip(1), which does not tell it",
            refused_though_delivered("b.vbs in nombre.gz")),
        Difference(
            "word kept",
            "a zip's members can be read without its directory at the end, which some programs do, ours too",
            refused_though_delivered("without its directory")),
        Difference(
            "word kept",
            "Windows drops blanks and dots at a name's end, and mail programs forgive a missing quote; Debian's pattern wants the extension at the end",
            refused_though_delivered("blanks at its end", "without the closing quote", "named a.exe.")),
        Difference(
            "word kept",
            "Debian's pattern wants a letter before the dot; a name that is nothing but .exe runs on Windows like any other",
            refused_though_delivered("attached .exe")),
        Difference(
            "word kept",
            "libclamav sees the whole message with us, and its mail parser also decodes what looks like base64 in a text; amavisd-new gives it the parts",
            lambda letter, _, theirs, ours: "base64 that nobody declares" in letter.name and ours.word == DISCARDED),
        Difference(
            "word kept",
            "amavisd-new gives up at its fourteenth level and delivers unscanned; what hits a limit of ours is not waved through",
            lambda letter, _, theirs, ours: "clam_cache_emax" in letter.name and ours.word in (DISCARDED, HELD)),
        Difference(
            SPAM,
            "with tables in files amavisd-new lets white win over black wherever they stand; with tables in SQL, as the seed has them, the narrowest "
            "scope speaks, and so with us",
            lambda letter, recipient, *_: letter.sender == "blanco@listas.example" and recipient == "dos@virtual.test"),
        Difference(
            SPAM,
            "amavisd-new also looks the author in From: up, whom anybody can write there; our lists are about the envelope's sender until an author "
            "can be proved",
            lambda letter, *_: letter.name in ("spammy - by its author's points", "spammy - by an author on the black list")),
    ]


def compare(letters, theirs, ours):
    """(how many recipients' fates are equal, [(letter, recipient, aspects that no row explains)], the table with its counts)."""
    rows, equal, unexplained = table(), 0, []
    for letter in letters:
        for recipient in letter.recipients:
            case = letter, recipient, theirs[letter.mark, recipient], ours[letter.mark, recipient]
            left, used = [], set()
            for aspect in differing(*case[2:]):
                row = next((row for row in rows if row.explains(aspect, *case)), None)
                used |= {row} if row else set()
                left += [] if row else [aspect]
            for row in used:
                row.seen += 1
            equal += case[2] == case[3]
            if left:
                unexplained.append((letter, recipient, left))
    return equal, unexplained, rows


def differing(one, other):
    """The aspects in which two fates differ. What fields a letter got says nothing where only one of both was delivered."""
    if one.word != other.word and not {one.word, other.word} <= {DELIVERED, JUNK}:
        return ["word"] + ["kept"] * (one.kept != other.kept)
    return [aspect for aspect in ASPECTS if getattr(one, aspect) != getattr(other, aspect)]
