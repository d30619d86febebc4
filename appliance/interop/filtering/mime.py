"""Messages written by hand, as bytes with CRLF line ends, so that every odd header is exactly as it is meant."""

import base64
import binascii
import quopri
from dataclasses import dataclass, field

MESSAGE_ID = "Message-ID: <prueba@fuera.example>"  # the letter's own gets its number
TEXT = "Estimado colega:\r\nadjunto lo que pediste ayer. Saludos.\r\n"


@dataclass
class Letter:
    """A message of the corpus with its envelope; its class is the word before the dash of its name."""
    name: str
    content: bytes
    sender: str = "remitente@fuera.example"
    recipients: tuple = ("uno@virtual.test",)
    number: int = field(default=0)

    @property
    def kind(self):
        return self.name.split(" - ")[0]

    @property
    def mark(self):
        return f"{self.number:04d}"

    def text(self):
        """What is sent: the content under a field by which it is known again, with a Message-ID of its own."""
        own = f"Message-ID: <{self.mark}@fuera.example>"
        return f"X-Prueba: {self.mark}\r\n".encode() + self.content.replace(MESSAGE_ID.encode(), own.encode(), 1)


def part(kind="text/plain; charset=utf-8", body=TEXT, encoding="8bit", fields=()):
    """One entity. body: text or bytes, encoded here; encoding None leaves it as it is and says nothing."""
    data = body.encode() if isinstance(body, str) else body
    lines = [f"Content-Type: {kind}"] if kind else []
    if encoding:
        lines.append(f"Content-Transfer-Encoding: {encoding}")
    return "\r\n".join([*lines, *fields]).encode() + b"\r\n\r\n" + encoded(data, encoding)


def encoded(data, encoding):
    if encoding == "base64":
        return base64.encodebytes(data).replace(b"\n", b"\r\n")
    if encoding == "quoted-printable":
        return quopri.encodestring(data).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    if encoding == "x-uuencode":
        return uuencoded(data)
    return data


def uuencoded(data, name="a.dat"):
    lines = b"".join(binascii.b2a_uu(data[at:at + 45]).replace(b"\n", b"\r\n") for at in range(0, len(data), 45))
    return f"begin 644 {name}\r\n".encode() + lines + b"`\r\nend\r\n"


def attachment(name, body, kind="application/octet-stream", encoding="base64", disposition="attachment"):
    return part(f'{kind}; name="{name}"', body, encoding, [f'Content-Disposition: {disposition}; filename="{name}"'])


def multipart(*parts, subtype="mixed", boundary="=_limite", preamble=""):
    text = f'Content-Type: multipart/{subtype}; boundary="{boundary}"\r\n\r\n{preamble}'.encode()
    return text + b"".join(f"--{boundary}\r\n".encode() + each + b"\r\n" for each in parts) + f"--{boundary}--\r\n".encode()


def message(subject, entity, fields=(), sender="Remitente <remitente@fuera.example>", to="uno@virtual.test"):
    head = [f"From: {sender}", f"To: <{to}>", f"Subject: {subject}", "Date: Tue, 24 Nov 2026 10:00:00 +0000",
            MESSAGE_ID, "MIME-Version: 1.0", *fields]
    return "\r\n".join(head).encode() + b"\r\n" + entity


def with_attachment(subject, *attached):
    """The usual: a few words, and what is attached."""
    return message(subject, multipart(part(), *attached))


def carrying(name, data, *more, **fields):
    """The same with one file."""
    return with_attachment("Hola", attachment(name, data, *more, **fields))


def forwarded(content, subject="Fwd"):
    return message(subject, multipart(part(), part("message/rfc822", content, None)))


def report(content):
    """Another server's report that quotes a message."""
    return message("Undelivered", multipart(part(), part("message/rfc822", content, None), subtype="report"))
