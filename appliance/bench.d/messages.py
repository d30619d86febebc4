"""Messages as a mailbox has them: plain text, HTML alternatives, attachments, in Spanish and English, the same ones on
every run. Two words are rare on purpose, for SEARCH: RARE in some subjects, BURIED in some bodies."""

import base64
import dataclasses
import quopri
import random
import time

RARE, BURIED = "factura", "zanahoria"
LAST = 1764000000  # 24 November 2025; the dates go back from here, twice an hour
STEP = 1800
PEOPLE = [("Alejandro Bárcena", "alejandro@barcena.example"), ("Ana María Núñez", "ana@virtual.test"), ("Usuario", "usuario@virtual.test"),
          ("John Smith", "john.smith@example.org"), ("Büro Müller", "buero@mueller.example"), ("List", "list-bounces@lists.example.net"),
          ("Soporte", "soporte@empresa.example"), ("Mary O'Brien", "mary@obrien.example")]
WORDS = ("el correo de la casa llega con calma y sin ruido the message came in the morning before lunch servidor buzón lista "
         "reunión proyecto informe meeting report budget draft schedule invoice answer semana mañana próximo año niño camión").split()


@dataclasses.dataclass
class Message:
    data: bytes
    flags: list
    date: int


def make(count, seed=1):
    """`count` messages, oldest first, one after the other."""
    dice = random.Random(seed)
    for number in range(count):
        yield one(dice, number, LAST - (count - number) * STEP)


def one(dice, number, date):
    sender, receiver = dice.sample(PEOPLE, 2)
    subject = " ".join(dice.choices(WORDS, k=dice.randint(3, 8)))
    if dice.random() < 0.02:
        subject += " " + RARE
    head = [f"Return-Path: <{sender[1]}>",
            f"Received: from mx.example.org (mx.example.org [192.0.2.{number % 254 + 1}])\r\n"
            f"\tby mail.virtual.test with ESMTPS id {number:08X}\r\n\tfor <{receiver[1]}>; {day(date)}",
            f"From: {person(sender)}", f"To: {person(receiver)}", f"Subject: {word(subject)}", f"Date: {day(date)}",
            f"Message-ID: <{number}.{date}@{sender[1].partition('@')[2]}>", "MIME-Version: 1.0", "X-Mailer: Cliente 1.0"]
    if dice.random() < 0.3:
        head.append("Cc: " + ",\r\n\t".join(person(each) for each in dice.sample(PEOPLE, 3)))
    if dice.random() < 0.5:
        head.append(f"In-Reply-To: <{number - 1}.{date - STEP}@example.org>")
        head.append(f"References: <{number - 2}.{date - 2 * STEP}@example.org>\r\n\t<{number - 1}.{date - STEP}@example.org>")
    text = prose(dice, dice.randint(300, 3500))
    if dice.random() < 0.01:
        text += f"\r\n{BURIED}\r\n"
    kind = dice.random()
    if kind < 0.5:
        more, body = text_part(text)
    elif kind < 0.8:
        more, body = multipart(dice, "alternative", text_part(text), html_part(text))
    else:
        more, body = multipart(dice, "mixed", text_part(text), attachment(dice))
    flags = [flag for flag, chance in (("\\Seen", 0.7), ("\\Answered", 0.1), ("\\Flagged", 0.05)) if dice.random() < chance]
    return Message("\r\n".join(head + more + ["", body]).encode(), flags, date)


def day(date):
    return time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime(date))


def word(text):
    return text if text.isascii() else "=?utf-8?B?" + base64.b64encode(text.encode()).decode() + "?="


def person(who):
    name = word(who[0])
    return f"{name if name.startswith('=?') else chr(34) + name + chr(34)} <{who[1]}>"


def prose(dice, size):
    lines, length = [], 0
    while length < size:
        lines.append(" ".join(dice.choices(WORDS, k=11)))
        length += len(lines[-1])
    return "\r\n".join(lines) + "\r\n"


def quoted(text):
    return quopri.encodestring(text.replace("\r\n", "\n").encode()).decode().replace("\n", "\r\n")


def text_part(text):
    return ["Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: quoted-printable"], quoted(text)


def html_part(text):
    page = "<html><body><p>" + text.replace("\r\n", "<br>\r\n") + "</p></body></html>\r\n"
    return ["Content-Type: text/html; charset=utf-8", "Content-Transfer-Encoding: quoted-printable"], quoted(page)


def attachment(dice):
    data = base64.encodebytes(dice.randbytes(dice.randint(1000, 12000))).decode().replace("\n", "\r\n")
    name = f"documento-{dice.randint(1, 999)}.pdf"
    return [f'Content-Type: application/pdf; name="{name}"', "Content-Transfer-Encoding: base64",
            f'Content-Disposition: attachment; filename="{name}"'], data


def multipart(dice, subtype, *parts):
    line = f"=-{dice.getrandbits(64):016x}"
    body = "".join(f"--{line}\r\n" + "\r\n".join(head) + "\r\n\r\n" + text + "\r\n" for head, text in parts) + f"--{line}--\r\n"
    return [f'Content-Type: multipart/{subtype};\r\n\tboundary="{line}"'], "This is a message with several parts.\r\n\r\n" + body
