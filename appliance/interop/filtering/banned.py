"""Letters with names, types and contents that Debian's $banned_filename_re forbids, and with their neighbours that it lets through."""

from filtering import archives
from filtering.mime import TEXT, Letter, carrying, forwarded, message, multipart, part, report, with_attachment

EXTENSIONS = ("exe", "vbs", "pif", "scr", "bat", "cmd", "com", "cpl")
DATA = b"Un texto cualquiera, no un programa.\r\n"
CLASS = "{00020C01-0000-0000-C000-000000000046}"
PROGRAM = archives.windows_program()


def named():
    """Names, each as an attachment's."""
    for index, each in enumerate(EXTENSIONS):
        yield f"a.{each}"
        yield f"factura.pdf.{each}" if index % 2 else f"A.{each.upper()}"
    yield from ("foto.jpg.dll", "a.exe.", "a.b.exe.", "factura.pdf          .exe", "www.example.com", f"nota.{CLASS}", f"nota.txt.{CLASS}",
                "C:\\\\Windows\\\\a.exe", "../../a.exe", "carpeta/a.scr", "año.exe", "a .exe", "(a).exe", "a;b.exe", "a'b.exe", "a&b.pif")


def fields():
    """The same name, `a.exe`, as the fields of a part may say it."""
    disposition, octets = "Content-Disposition: attachment", "application/octet-stream"
    for what, kind, more in (
            ("only in Content-Type", f'{octets}; name="a.exe"', ()),
            ("only in Content-Disposition", octets, [disposition + '; filename="a.exe"']),
            ("unquoted", f"{octets}; name=a.exe", [disposition + "; filename=a.exe"]),
            ("two that disagree", f'{octets}; name="a.txt"', [disposition + '; filename="a.exe"']),
            ("two that disagree, the other way", f'{octets}; name="a.exe"', [disposition + '; filename="a.txt"']),
            ("RFC 2231", octets, [disposition + "; filename*=utf-8''a%2Eexe"]),
            ("RFC 2231 with a language", octets, [disposition + "; filename*=iso-8859-1'es'a%F1o%2Eexe"]),
            ("RFC 2231 in pieces", octets, [disposition + '; filename*0="a.e"; filename*1="xe"']),
            ("RFC 2231 in encoded pieces", octets, [disposition + "; filename*0*=utf-8''a%2E; filename*1*=e%78e"]),
            ("RFC 2231 in Content-Type", f"{octets}; name*=utf-8''a%2Eexe", [disposition]),
            ("an encoded word", octets, [disposition + '; filename="=?utf-8?B?YS5leGU=?="']),
            ("an encoded word, Q", octets, [disposition + '; filename="=?iso-8859-1?Q?a=2Eexe?="']),
            ("an encoded word, unquoted", f"{octets}; name==?utf-8?Q?a.exe?=", ()),
            ("two encoded words", octets, [disposition + '; filename="=?utf-8?Q?a.e?=\r\n =?utf-8?Q?xe?="']),
            ("escaped letters", octets, [disposition + '; filename="a\\.e\\xe"']),
            ("folded", octets, [disposition + ';\r\n\tfilename="a.exe"']),
            ("a comment", octets, [disposition + ' (nota); filename="a.exe"']),
            ("inline", octets, ['Content-Disposition: inline; filename="a.exe"']),
            ("with capitals", octets, ['CONTENT-DISPOSITION: ATTACHMENT; FILENAME="A.EXE"']),
            ("without the closing quote", octets, [disposition + '; filename="a.exe']),
            ("blanks around the equals sign", octets, [disposition + '; filename = "a.exe"']),
            ("blanks at its end", octets, [disposition + '; filename="a.exe  "']),
            ("turned right to left", octets, [disposition + "; filename*=utf-8''a%E2%80%AEgpj.exe"]),
            ("on a text part", 'text/plain; name="a.exe"', ()),
            ("on a picture", 'image/jpeg; name="a.exe"', [disposition])):
        yield what, part(kind, DATA, "base64", more)


def packed(name, data):
    files = [("nota.txt", TEXT.encode()), (name, data)]
    zipped = archives.zipped(*files)
    mail = carrying(name, data)
    yield "a.zip", zipped
    yield "a.jpg", zipped
    yield "b.zip", archives.zipped(("a.zip", zipped))
    yield "c.zip", archives.zipped(("b.zip", archives.zipped(("a.zip", zipped))))
    yield "carpetas.zip", archives.zipped((f"uno/dos/{name}", data))
    yield "a.tar", archives.tarred(*files)
    yield "a.tar.gz", archives.tarred(*files, wrap=archives.gzipped)
    yield "a.tar.bz2", archives.tarred(*files, wrap=archives.bzipped)
    yield "a.tar.xz", archives.tarred(*files, wrap=archives.xzipped)
    yield "zip.tar.gz", archives.tarred(("a.zip", zipped), wrap=archives.gzipped)
    yield "nombre.gz", archives.gzipped(data, name)
    yield "a.7z", archives.seven(*files)
    yield "a.rar", archives.rar4(*files)
    yield "a5.rar", archives.rar5(*files)
    yield "a.arj", archives.arj(*files)
    yield "a.cab", archives.cab(*files)
    yield "a.cpio", archives.cpio(*files)
    yield "a.lzh", archives.lha(*files)
    yield "winmail.dat", archives.tnef(*files)
    yield "a.docx", archives.document((f"word/embeddings/{name}", data))
    yield "eml.zip", archives.zipped(("carta.eml", mail))
    yield "clave.zip", archives.encrypted_zip(*files)
    yield "clave-aes.zip", archives.encrypted_zip(*files, method="AES256")
    yield "clave.7z", archives.encrypted_seven(*files)
    yield "clave-nombres.7z", archives.encrypted_seven(*files, names_too=True)


def contents():
    """A Windows program by what it is, whatever it is called; and types that the list names."""
    for name, data, kind in (
            ("foto.jpg", PROGRAM, "image/jpeg"), ("programa", PROGRAM, "application/octet-stream"), 
            ("nota.txt", archives.windows_program(64), "text/plain"),
            ("dos", archives.DOS_PROGRAM, "application/octet-stream"), ("biblioteca.dll", PROGRAM, "application/octet-stream")):
        yield f"a program called {name}", carrying(name, data, kind)
    yield "a program without a name", message("Hola", multipart(part(), part("application/octet-stream", PROGRAM, "base64")))
    yield "a program alone", message("Hola", part("application/octet-stream", PROGRAM, "base64"))
    for kind in ("application/x-msdownload", "application/x-msdos-program", "application/hta", "APPLICATION/X-MSDownload"):
        yield f"type {kind}", with_attachment("Hola", part(kind, DATA, "base64"))
    yield "a program in a zip, called jpg", carrying("a.zip", archives.zipped(("foto.jpg", PROGRAM)))
    yield "a program in a tar.gz, called jpg", carrying("a.tgz", archives.tarred(("foto.jpg", PROGRAM), wrap=archives.gzipped))
    yield "a program in a gz", carrying("a.gz", archives.gzipped(PROGRAM))
    yield "a program in an encrypted zip, called jpg", carrying("a.zip", archives.encrypted_zip(("foto.jpg", PROGRAM)))
    yield "forwarded", forwarded(carrying("a.exe", DATA))
    yield "forwarded twice", forwarded(forwarded(carrying("a.scr", DATA)))
    yield "in a report", report(carrying("a.pif", DATA))
    yield "a forwarded message that is called a.exe", message("Fwd", multipart(part(), part(
        'message/rfc822; name="a.exe"', message("Antes", part()), None)))
    yield "a multipart that is called a.exe", message("Hola", multipart(part(), multipart(part(), boundary="=_dentro").replace(
        b'boundary="=_dentro"', b'boundary="=_dentro"; name="a.exe"')))
    yield "the last of 300 names", carrying("a.zip", archives.zipped(*[(f"n{each}.txt", b"") for each in range(300)], ("ultimo.exe", DATA)))
    yield "an empty file", carrying("a.exe", b"")
    yield "a folder in a zip", carrying("a.zip", archives.zipped(("carpeta.exe/", b""), ("carpeta.exe/nota.txt", DATA)))
    yield "a file behind the zip's comment", carrying("a.zip", archives.zipped(("a.exe", DATA), comment=b"hola " * 50))
    yield "a zip behind other bytes", carrying("a.bin", bytes(100) + archives.zipped(("a.exe", DATA)))
    yield "a zip without its directory", carrying("a.zip", cut(archives.zipped(("a.exe", DATA), ("b.txt", DATA))))


def cut(archive):
    return archive[:archive.index(b"PK\x01\x02")]


def letters():
    for name in named():
        yield Letter(f"banned - named {name}", carrying(name, DATA))
    for what, entity in fields():
        yield Letter(f"banned - a.exe, {what}", message("Adjunto", multipart(part(), entity)))
    for name, data, step in (("a.exe", PROGRAM, 1), ("b.vbs", archives.SCRIPT, 2)):
        for archive, made in list(packed(name, data))[::step]:
            yield Letter(f"banned - {name} in {archive}", carrying(archive, made))
    for what, content in contents():
        yield Letter(f"banned - {what}", content)
