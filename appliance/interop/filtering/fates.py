"""What became of a letter for one recipient, and which fields it got on its way: the same words for every filter."""

import contextlib
import email.header
import re
from dataclasses import dataclass

import lib

DELIVERED, HELD, DISCARDED, REJECTED, BOUNCED, JUNK, LOST = "delivered", "held", "discarded", "rejected", "bounced", "junk", "lost"
MARK = re.compile(rb"^X-Prueba: (\d{4})\r?$", re.M)
ALERTS = ("x-amavis-alert", "x-buzon-alert")
CLAIMS = re.compile(r"^x-(spam|virus-scanned|quarantine-id|amavis)", re.I)


@dataclass(frozen=True)
class Fate:
    word: str
    scanned: bool = False  # X-Virus-Scanned was added
    spam: str = ""  # the first word of X-Spam-Status: Yes, No, or none was added
    flag: str = ""  # X-Spam-Flag
    score: float | None = None  # X-Spam-Score
    level: int = 0  # the stars of X-Spam-Level
    tag: str = ""  # what stands before the subject now
    alerts: tuple = ()  # the first words of X-Amavis-Alert, X-Buzon-Alert
    kept: bool = False  # a copy is in quarantine
    claims: tuple = ()  # fields of that kind that were in the letter already and still are

    def __str__(self):
        if self.word not in (DELIVERED, JUNK):
            return self.word + " without a copy" * (not self.kept)
        return " ".join([self.word, "scanned" * self.scanned, self.spam and f"{self.spam}/{self.flag} {self.score:g} {'*' * self.level}",
                         self.tag and repr(self.tag), "+".join(self.alerts), "copied" * self.kept,
                         f"still has {', '.join(self.claims)}" if self.claims else ""]).strip()


def mark_of(content):
    """The number of the letter that this is, or that is quoted in it; None."""
    found = MARK.search(content)
    return found[1].decode() if found else None


def judged(letters, replies, copies, kept, unfinished):
    """{(mark, recipient): Fate}. copies: {(mark, recipient): [(word, content)]}, where a report to the sender has the word BOUNCED; kept: the
    marks of the letters that left a copy in quarantine; unfinished(letter, recipient): what an accepted letter is that did not arrive."""
    found = {}
    for letter in letters:
        is_kept = letter.mark in kept
        reports = [content for word, content in copies.get((letter.mark, letter.sender), []) if word == BOUNCED]
        for recipient in letter.recipients:
            here = [each for each in copies.get((letter.mark, recipient), []) if each[0] != BOUNCED]
            if len(here) > 1:
                raise lib.Failure(f"{len(here)} copies of {letter.name} for {recipient}")
            if here:
                fate = delivered(letter, here[0][1], is_kept, here[0][0])
            elif any(re.search(rb"(?mi)^Final-Recipient: *rfc822; *" + re.escape(recipient.encode()), each) for each in reports):
                fate = Fate(BOUNCED, kept=is_kept)
            else:
                word = {"2": unfinished(letter, recipient), "5": REJECTED}.get(replies[letter.mark][:1], LOST)
                fate = Fate(word, kept=is_kept)
            found[letter.mark, recipient] = fate
    return found


def delivered(letter, content, kept, word):
    """The fate of a copy that arrived."""
    head = content.split(b"\r\n\r\n", 1)[0]
    fields = unfolded(head)
    at = next(index for index, (name, _) in enumerate(fields) if name == "x-prueba")
    added = fields[:at]
    def first(name):
        return next((value for each, value in added if each == name), None)
    status = first("x-spam-status") or ""
    score = first("x-spam-score")
    return Fate(
        word, first("x-virus-scanned") is not None, status.split(",")[0].strip(), first("x-spam-flag") or "",
        float(score) if score is not None else None, len(first("x-spam-level") or ""), tag_of(letter.text(), fields),
        tuple(sorted(alert_of(value) for name, value in added if name in ALERTS)),
        kept, tuple(sorted(name for name, _ in fields[at:] if CLAIMS.match(name))))


def alert_of(value):
    value = decoded(value)
    return next((word for word in ("INFECTED", "BANNED", "BAD HEADER", "UNCHECKED") if value.startswith(word)), value)


def tag_of(sent, fields):
    """What was put before the first subject, as people read both."""
    before, after = subject(unfolded(sent.split(b"\r\n\r\n", 1)[0])), subject(fields)
    if after.endswith(before):
        return after[:len(after) - len(before)]
    return f"another subject: {after}"


def subject(fields):
    return re.sub(r"\s+", " ", decoded(next((value for name, value in fields if name == "subject"), "")))


def decoded(value):
    """RFC 2047's encoded words as people read them."""
    with contextlib.suppress(ValueError, LookupError):
        return str(email.header.make_header(email.header.decode_header(value.encode("utf-8", "surrogateescape").decode("utf-8"))))
    return value


def unfolded(head):
    """(name in lower case, value) of each field."""
    lines = re.sub(rb"\r?\n(?=[ \t])", b"", head).decode("utf-8", "surrogateescape").splitlines()
    return [(name.strip().lower(), value.strip()) for name, colon, value in (line.partition(":") for line in lines) if colon]
