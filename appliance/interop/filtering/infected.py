"""Letters with EICAR's or ClamAV's test file in many wrappings."""

import glob
import os

from filtering import archives
from filtering.mime import MESSAGE_ID, TEXT, Letter, attachment, carrying, encoded, forwarded, message, multipart, part, report, uuencoded, with_attachment
from peers.clamd import EICAR, TEST_FILE

TEST_FILES = os.path.dirname(TEST_FILE)


def carried(name, data):
    """One file's content as mail carries it."""
    yield "attached in base64", carrying(name, data)
    yield "quoted-printable", carrying(name, data, encoding="quoted-printable")
    yield "inline", carrying(name, data, "image/png", disposition="inline")
    yield "the whole message in base64", message("Hola", part("application/octet-stream", data, "base64"))
    yield "called text", with_attachment("Hola", part("text/plain", data, "base64"))
    yield "without a name", with_attachment("Hola", part("application/octet-stream", data, "base64"))
    yield "deep in multiparts", message("Hola", nested(attachment(name, data), 8))
    yield "forwarded", forwarded(carrying(name, data))
    yield "forwarded in base64", message("Fwd", multipart(part(), part("message/rfc822", carrying(name, data), "base64")))
    yield "forwarded thrice", forwarded(forwarded(forwarded(carrying(name, data))))
    yield "no end of the multipart", carrying(name, data)[:-len("--=_limite--\r\n")]
    yield "base64 in one line", with_attachment("Hola", in_base64(encoded(data, "base64").replace(b"\r\n", b"") + b"\r\n"))
    yield "base64 with blanks", with_attachment("Hola", in_base64(encoded(data, "base64").replace(b"\r\n", b" \r\n\r\n")))
    yield "encoding in capitals", with_attachment("Hola", in_base64(encoded(data, "base64"), "BASE64"))
    yield "x-uuencode", with_attachment("Hola", part("application/octet-stream", data, "x-uuencode"))
    yield "after the boundary's blanks", carrying(name, data).replace(b"--=_limite\r\n", b"--=_limite  \r\n")
    yield "the type's subtype unknown", with_attachment("Hola", part("rara/cosa", data, "base64"))
    yield "in a report", report(carrying(name, data))


def in_archives(name, data):
    for kind, made in packed(name, data):
        yield f"{name} in {kind}", carrying(f"a.{kind.split()[-1]}", made)


def packed(name, data):
    files = [("nota.txt", TEXT.encode()), (name, data)]
    zipped = archives.zipped(*files)
    mail = carrying("a.zip", zipped)
    yield "zip", zipped
    yield "stored zip", archives.zipped(*files, method=0)
    yield "zip in zip", archives.zipped(("b.zip", zipped))
    yield "four times zip", archives.zipped(("d.zip", archives.zipped(("c.zip", archives.zipped(("b.zip", zipped))))))
    yield "eml in zip", archives.zipped(("carta.eml", mail))
    yield "tar", archives.tarred(*files)
    yield "tar.gz", archives.tarred(*files, wrap=archives.gzipped)
    yield "tar.bz2", archives.tarred(*files, wrap=archives.bzipped)
    yield "tar.xz", archives.tarred(*files, wrap=archives.xzipped)
    yield "gz", archives.gzipped(data)
    yield "zip in tar.gz", archives.tarred(("b.zip", zipped), wrap=archives.gzipped)
    yield "7z", archives.seven(*files)
    yield "rar", archives.rar4(*files)
    yield "rar5", archives.rar5(*files)
    yield "arj", archives.arj(*files)
    yield "cab", archives.cab(*files)
    yield "cpio", archives.cpio(*files)
    yield "lzh", archives.lha(*files)
    yield "tnef", archives.tnef(*files)
    yield "docx", archives.document(("word/media/a.bin", data))
    yield "zip that says png", zipped


def nested(entity, depth):
    for level in range(depth):
        entity = multipart(part(), entity, boundary=f"=_nivel{level}")
    return entity


def in_base64(lines, word="base64"):
    """A part whose encoded lines are given."""
    return part("application/octet-stream", lines, None, [f"Content-Transfer-Encoding: {word}"])


def bodies():
    """Where EICAR is not an attachment, or not quite."""
    text = EICAR.decode()
    yield "the body itself", message("Hola", part(body=text + "\r\n"))
    yield "the body, no MIME", b"From: a@fuera.example\r\n" + MESSAGE_ID.encode() + b"\r\nSubject: Hola\r\n\r\n" + EICAR + b"\r\n"
    yield "a part of text", message("Hola", multipart(part(), part(body=text)))
    yield "uuencoded in the text", message("Hola", part(body=b"Hola\r\n" + uuencoded(EICAR, "eicar.dat"), encoding=None))


def unlike():
    """What looks alike and is not: no signature meets it."""
    yield "EICAR after other words", message("Hola", part(body="El texto es " + EICAR.decode() + "\r\n"))
    yield "EICAR with a letter less", carrying("a.dat", EICAR[:-1])
    yield "base64 that is cut short", with_attachment("Hola", in_base64(encoded(EICAR, "base64")[:-8]))
    yield "base64 that nobody declares", message("Hola", part(body=encoded(EICAR, "base64"), encoding="7bit"))
    yield "in an encrypted zip", carrying("a.zip", archives.encrypted_zip(("eicar.dat", EICAR)))


def letters():
    program = open(TEST_FILE, "rb").read()
    for what, content in [*carried("eicar.dat", EICAR), *in_archives("eicar.dat", EICAR), *list(in_archives("clam.dat", program))[::2]]:
        yield Letter(f"infected - {what}", content)
    for what, content in bodies():
        yield Letter(f"infected - {what}", content)
    for what, content in unlike():
        yield Letter(f"clean - {what}", content)
    for path in sorted(glob.glob(TEST_FILES + "/*")):
        name = os.path.basename(path)
        yield Letter(f"infected - ClamAV's own {name}", carrying(name + ".dat", open(path, "rb").read()))
