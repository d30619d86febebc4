"""Letters that are spam or not by the points that their senders bring, and letters that claim to have been judged already."""

import random

from filtering.clean import HTML, prose
from filtering.mime import Letter, attachment, forwarded, message, multipart, part, with_attachment
from filtering.opinions import AWAY, POINTS

UNO, DOS, TRES, STRICT, PASSING = "uno@virtual.test", "dos@virtual.test", "tres@otro.test", "estricto@virtual.test", "pasa@virtual.test"
OFFER = "Compre ahora mismo, es muy barato.\r\n"


def by_points():
    """Each sender of the server's list to one local user, and a few to several."""
    for sender, points in POINTS["."].items():
        if not sender.startswith((".", "nadie@")) and "@" in sender:
            yield f"{points} points", sender, (UNO,), message("Oferta", part(body=OFFER))
    for sender in ("p49", "p50", "p100", "p1000"):
        yield f"{sender} to three", f"{sender}@puntos.example", (UNO, DOS, TRES), message("Oferta", part("text/html", HTML))
        yield f"{sender} to one here and one away", f"{sender}@puntos.example", (UNO, AWAY), message("Oferta", part(body=OFFER))
        yield f"{sender} to the strict and another", f"{sender}@puntos.example", (STRICT, UNO), message("Oferta", part(body=OFFER))
        yield f"{sender} to one with a tag of his own", f"{sender}@puntos.example", (PASSING,), message("Oferta", part(body=OFFER))
    for sender in ("cualquiera@dominio.example", "Cualquiera@DOMINIO.example", "especial@dominio.example", "a@sub.dominio.example",
                   "a@abajo.example", "a@muy.abajo.example", "nadie@donde.sea.example", "P100@puntos.example", "suma@puntos.example",
                   "quita@puntos.example", "solodos@puntos.example"):
        yield f"from {sender} to three", sender, (UNO, DOS, TRES), message("Oferta", part(body=OFFER))
    for sender in ("blanco@listas.example", "negro@listas.example", "gris@listas.example", "a@blanca.example", "a@b.negra.example",
                   "p1000@puntos.example"):
        yield f"from {sender} to two", sender, (UNO, DOS), message("Oferta", part(body=OFFER))
    for sender in ("cualquiera@dominio.example", "quita@puntos.example"):
        yield f"from {sender} to the strict and another", sender, (STRICT, UNO), message("Oferta", part(body=OFFER))
        yield f"from {sender} to the strict alone", sender, (STRICT,), message("Oferta", part(body=OFFER))
    yield "by its author's points", "remitente@fuera.example", (UNO,), message("Oferta", part(body=OFFER), sender="P <p51@puntos.example>")
    yield "by both senders' points", "pmitad@puntos.example", (UNO,), message("Oferta", part(body=OFFER), sender="P <p51@puntos.example>")
    yield "by an author on the black list", "remitente@fuera.example", (UNO,), message("Oferta", part(body=OFFER), sender="<negro@listas.example>")
    yield "to one who wants no checks", "p1000@puntos.example", ("libre@virtual.test", UNO), message("Oferta", part(body=OFFER))


def in_forms():
    """Spam in the forms that the subject's tag and the body's checks meet."""
    draw = random.Random(12)
    plain = part(body=OFFER)
    yield "no subject field", message("Oferta", plain).replace(b"Subject: Oferta\r\n", b"")
    yield "an empty subject", message("", plain)
    yield "an encoded subject", message("=?utf-8?B?T2ZlcnRhIMO6bmljYQ==?=", plain)
    yield "a subject in 8 bits", message("Oferta única", plain)
    yield "a folded subject", message("Oferta\r\n de hoy", plain)
    yield "a subject that has the tag", message("***SPAM*** Oferta", plain)
    yield "two subjects", message("Oferta", plain, ["Subject: Otra"])
    yield "a subject in capitals", message("Oferta", plain).replace(b"Subject:", b"SUBJECT:")
    yield "more than 200 kB", message("Oferta", part(body=prose(draw, 4500)))
    yield "with a picture", with_attachment("Oferta", attachment("a.gif", b"GIF89a\1\0\1\0\0\0\0;", "image/gif"))
    yield "forwarded", forwarded(message("Oferta", plain))
    yield "signed", message("Oferta", multipart(
        plain, attachment("smime.p7s", bytes(200), "application/pkcs7-signature"), subtype="signed"))


FORGED = {
    "a flag": ["X-Spam-Flag: YES"], "a status": ["X-Spam-Status: Yes, score=99 required=5"], "a level": ["X-Spam-Level: **********"],
    "a score": ["X-Spam-Score: 99"], "that it is clean": ["X-Spam-Flag: NO", "X-Spam-Status: No, score=-50 required=5", "X-Spam-Level:"],
    "a report": ["X-Spam-Report: detailed\r\n\tmany words", "X-Spam-Checker-Version: SpamAssassin 4"],
    "other names": ["X-Spam-Whatever: yes", "X-Spam: yes"],
    "a virus scan": ["X-Virus-Scanned: amavis at fuera.example"], "our own virus scan": ["X-Virus-Scanned: Debian amavis at virtual.test"],
    "a quarantine": ["X-Quarantine-ID: <abc>"], "an alert": ["X-Amavis-Alert: INFECTED, message contains virus: Nada"],
    "with odd capitals": ["x-SPAM-flag: YES"], "with a blank before the colon": ["X-Spam-Flag : YES"],
    "a tagged subject": []}


def forged():
    for index, (what, fields) in enumerate(FORGED.items()):
        subject = "***SPAM*** Hola" if what == "a tagged subject" else "Hola"
        for sender in ("remitente@fuera.example", "p100@puntos.example")[:1 + (index % 3 == 0)]:
            yield f"{what} from {sender.split('@')[0]}", sender, message(subject, part(), fields)


def letters():
    for what, sender, recipients, content in by_points():
        yield Letter(f"spammy - {what}", content, sender, recipients)
    for what, content in in_forms():
        yield Letter(f"spammy - {what}", content, "p51@puntos.example")
    for what, sender, content in forged():
        yield Letter(f"forged - {what}", content, sender)
    claims = message("Hola", part(), [field for what in ("a flag", "a status", "a virus scan", "an alert") for field in FORGED[what]])
    yield Letter("forged - to one here and one away", claims, recipients=(UNO, AWAY))
    yield Letter("forged - to one without checks", claims, recipients=("libre@virtual.test",))
    yield Letter("leaving - forged", claims, UNO, (AWAY,))
