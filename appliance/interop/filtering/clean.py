"""Letters that nobody objects to."""

import random
import struct
import zlib

from filtering import archives
from filtering.mime import TEXT, Letter, attachment, carrying, forwarded, message, multipart, part, uuencoded, with_attachment

WORDS = "casa perro mesa árbol camino correo servidor mañana noche ciudad río montaña libro puerta ventana año niño canción".split()


def png(side=4):
    rows = b"".join(b"\0" + bytes(3 * side) for _ in range(side))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in ((b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")))


GIF = b"GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\1\0\1\0\0\2\2D\1\0;"
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0" + b"\xff\xdb\0\x43\0" + bytes(64) + b"\xff\xd9"
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
HTML = "<html><body><h1>Hola</h1><p>Un saludo desde <a href=\"https://www.example.com/a.com\">aquí</a>.</p></body></html>\r\n"
OCTETS = "application/octet-stream"
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
SHEET = archives.zipped(("[Content_Types].xml", b"<Types/>"), ("xl/workbook.xml", b"<workbook/>"))
REPORT = "Reporting-MTA: dns; a.example\r\n\r\nFinal-Recipient: rfc822; b@c.example\r\nAction: failed\r\n"
ENCRYPTED = b"-----BEGIN PGP MESSAGE-----\r\n\r\nhQEMA\r\n-----END PGP MESSAGE-----\r\n"
CALENDAR = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nSUMMARY:Reunión\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"


def prose(draw, lines):
    return "".join(" ".join(draw.choices(WORDS, k=10)) + "\r\n" for _ in range(lines))


def ordinary(draw):
    """The forms that most mail has."""
    alternative = multipart(part(), part("text/html; charset=utf-8", HTML, "quoted-printable"), subtype="alternative", boundary="=_otras")
    yield "text", message("Hola", part())
    yield "seven bits, no MIME", b"From: a@fuera.example\r\nTo: uno@virtual.test\r\nSubject: Hola\r\n\r\nSin acentos.\r\n"
    yield "latin 1", message("=?iso-8859-1?Q?Ma=F1ana?=", part("text/plain; charset=iso-8859-1", TEXT.encode("latin-1")))
    yield "8 bits in the subject", message("Mañana vamos", part())
    yield "quoted-printable", message("Hola", part(body=prose(draw, 20), encoding="quoted-printable"))
    yield "base64 text", message("Hola", part(body=prose(draw, 20), encoding="base64"))
    yield "html", message("Hola", part("text/html; charset=utf-8", HTML))
    yield "alternative", message("Hola", alternative)
    yield "alternative in mixed with a picture", message("Fotos", multipart(alternative, attachment("foto.png", png(), "image/png")))
    yield "related picture", message("Fotos", multipart(
        part("text/html", HTML), attachment("a.gif", GIF, "image/gif", disposition="inline"), subtype="related"))
    yield "long", message("Informe", part(body=prose(draw, 4000)))
    yield "long lines", message("Líneas", part(body=" ".join(draw.choices(WORDS, k=900)) + "\r\n", encoding="quoted-printable"))
    yield "empty body", message("Nada", part(body=""))
    yield "no subject", message("", part())
    yield "mailing list", message("[lista] Hola", part(), [
        "List-Id: <lista.fuera.example>", "Precedence: list", "List-Unsubscribe: <mailto:a@b.example>"])
    yield "forwarded", forwarded(message("Antes", part()))
    yield "forwarded twice", forwarded(forwarded(message("Antes", alternative)))
    yield "digest", message("Resumen", multipart(*[part("", message(str(each), part()), None) for each in range(3)], subtype="digest"))
    yield "report", message("Undelivered", multipart(
        part(), part("message/delivery-status", REPORT, None),
        part("message/rfc822", message("Antes", part()), None), subtype="report"))
    yield "signed", message("Firmado", multipart(
        part(), attachment("smime.p7s", b"0\x82\1\0" + bytes(256), "application/pkcs7-signature"), subtype="signed"))
    yield "encrypted by PGP", message("Cifrado", multipart(
        part("application/pgp-encrypted", "Version: 1\r\n", None), attachment("encrypted.asc", ENCRYPTED, encoding="8bit"), subtype="encrypted"))
    yield "calendar", message("Reunión", part("text/calendar; method=REQUEST; charset=utf-8", CALENDAR))
    yield "external body", message("Afuera", part(
        'message/external-body; access-type=URL; URL="https://example.com/a"', "Content-Type: text/plain\r\n\r\n", None))
    yield "part of a message", message("Parte", part("message/partial; id=\"a@b\"; number=1; total=2", message("Todo", part()), None))
    yield "uuencoded text", message("Viejo", part(body=b"Hola\r\n" + uuencoded(b"Un texto. " * 20, "nota.txt"), encoding=None))
    yield "no end of the multipart", with_attachment("Cortado", attachment("a.txt", b"hola"))[:-30]
    yield "preamble and epilogue", message("Hola", multipart(part(), preamble="This is MIME.\r\n")) + b"epilogo\r\n"
    yield "unknown encoding", message("Raro", part(encoding="x-rara", body="hola\r\n"))
    yield "unknown charset", message("Raro", part("text/plain; charset=x-nadie", "hola\r\n"))
    yield "many recipients in To", message("Todos", part(), [f"Cc: {', '.join(f'u{each}@virtual.test' for each in range(60))}"])


def attached(draw):
    """Files that Debian's list lets through, whatever they are called."""
    text = prose(draw, 30).encode()
    for name, data, kind in (
            ("foto.png", png(32), "image/png"), ("foto.jpg", JPEG, "image/jpeg"), ("foto.gif", GIF, "image/gif"),
            ("informe.pdf", PDF, "application/pdf"), ("carta.docx", archives.document(), WORD), ("hoja.xlsx", SHEET, OCTETS),
            ("viejo.doc", archives.OLE_STARTS + bytes(2000), "application/msword"), ("pagina.html", HTML.encode(), "text/html"),
            ("guion.js", b"alert(1);\r\n", "application/javascript"), ("nota.txt", text, "text/plain"),
            ("guion.sh", b"#!/bin/sh\necho hola\n", "application/x-sh"), ("ruta.lnk", b"L\0\0\0\1\x14\2\0" + bytes(80), OCTETS),
            ("ayuda.chm", b"ITSF\3\0\0\0" + bytes(100), OCTETS), ("biblioteca.dll", b"texto\r\n", OCTETS), ("registro.reg", b"REGEDIT4\r\n", OCTETS),
            ("instalador.msi", archives.OLE_STARTS + bytes(1000), OCTETS), ("programa", archives.ELF_PROGRAM, OCTETS), ("exe", text, OCTETS),
            (".exe", text, "text/plain"), ("a.exe.txt", text, "text/plain"), ("a.exé", text, "text/plain"), ("sitio.com.mx", text, "text/plain"),
            ("batman.zip", archives.zipped(("bat", text)), "application/zip"), ("a.exe_", text, OCTETS),
            ("meta.wmf", b"\xd7\xcd\xc6\x9a" + bytes(60), "application/x-msmetafile"), ("sin extension", bytes(range(256)), OCTETS)):
        yield f"attached {name}", carrying(name, data, kind)
    note, files = ("nota.txt", text), [("carpeta/nota.txt", text), ("lista.csv", b"1;2\r\n")]
    zipped = archives.zipped(("carpeta/", b""), *files)
    for name, data in (
            ("a.zip", zipped), ("vacio.zip", archives.zipped()), ("zip.zip", archives.zipped(("a.zip", zipped))), ("a.tar", archives.tarred(*files)),
            ("a.tar.gz", archives.tarred(*files, wrap=archives.gzipped)), ("a.tar.bz2", archives.tarred(*files, wrap=archives.bzipped)),
            ("a.tar.xz", archives.tarred(*files, wrap=archives.xzipped)), ("nota.gz", archives.gzipped(text, "nota.txt")),
            ("a.7z", archives.seven(*files)), ("a.rar", archives.rar4(note)), ("a5.rar", archives.rar5(note)), ("a.cab", archives.cab(note)),
            ("a.lzh", archives.lha(note)), ("a.arj", archives.arj(note)), ("a.cpio", archives.cpio(note)), ("winmail.dat", archives.tnef(note)),
            ("clave.zip", archives.encrypted_zip(note)), ("clave-aes.zip", archives.encrypted_zip(note, method="AES256")),
            ("clave.7z", archives.encrypted_seven(note)), ("clave-nombres.7z", archives.encrypted_seven(note, names_too=True)),
            ("cortado.zip", zipped[:-30]), ("roto.zip", b"PK\3\4" + bytes(40)), ("roto.gz", b"\x1f\x8b\x08\0" + bytes(20)),
            ("roto.7z", b"7z\xbc\xaf\x27\x1c" + bytes(60))):
        yield f"attached {name}", carrying(name, data)


def letters():
    draw = random.Random(11)
    for what, content in [*ordinary(draw), *attached(draw)]:
        yield Letter(f"clean - {what}", content)
    for what, sender, recipients in (
            ("null sender", "", ("uno@virtual.test",)),
            ("two recipients", "remitente@fuera.example", ("uno@virtual.test", "dos@virtual.test")),
            ("three of two domains", "remitente@fuera.example", ("uno@virtual.test", "dos@virtual.test", "tres@otro.test")),
            ("a user who writes to another", "dos@virtual.test", ("uno@virtual.test",))):
        yield Letter(f"clean - {what}", message("Hola", part()), sender, recipients)
