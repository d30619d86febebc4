"""What `bench filter` sends: letters of several kinds, and signatures made by hand, since official ones can't be had without the Internet.
Both are the same on every run."""

import base64
import io
import os
import random
import zipfile

import messages

NUMBER = b"X-Number: "
DIGITS = 12
TEST_FILE = "44d88612fea8a8f36de82e1278abb02f:68:Eicar-Test-Signature\n"
SHARES = [("1", 60), ("0", 10), ("3", 10), ("4", 5), ("7", 10), ("2", 5)]  # programs, anything, HTML, mail, text, OLE2: as in ClamAV's own


def kinds():
    """{kind: letters}; the mix is what a mailbox gets: mostly text, some of it as HTML, now and then a file."""
    dice = random.Random(4)
    text = [letter(dice, *plain(dice, 4096)) for _ in range(6)]
    pages = [letter(dice, *page(dice, 8192)) for _ in range(2)]
    attached = [letter(dice, *with_file(dice, "datos.bin", "application/octet-stream", dice.randbytes(100 << 10)))]
    zipped = [letter(dice, *with_file(dice, "informes.zip", "application/zip", archive(dice)))]
    return {"text of 4 KiB": text[:1], "100 KiB attached": attached, "a zip of 10 files": zipped, "mix": text + pages + attached + zipped}


def letter(dice, head, body):
    """One that came by another server, as bytes. Its number is to be changed each time it is sent."""
    date = messages.day(messages.LAST - dice.randrange(10 ** 6))
    top = [f"Received: from mx.example.org (mx.example.org [192.0.2.{dice.randrange(1, 255)}])\r\n"
           f"\tby relay.example.net with ESMTPS id {dice.getrandbits(32):08X}\r\n\tfor <usuario@virtual.test>; {date}",
           "From: Remitente <remitente@fuera.example>", "To: <usuario@virtual.test>",
           "Subject: " + messages.word(" ".join(dice.choices(messages.WORDS, k=6))), f"Date: {date}",
           f"Message-ID: <{dice.getrandbits(64):016x}@fuera.example>", (NUMBER + b"0" * DIGITS).decode(), "MIME-Version: 1.0"]
    return ("\r\n".join(top + head) + "\r\n\r\n" + body).encode()


def plain(dice, size):
    return messages.text_part(messages.prose(dice, size - 700))


def page(dice, size):
    text = messages.prose(dice, size // 2)
    return messages.multipart(dice, "alternative", messages.text_part(text), messages.html_part(text))


def with_file(dice, name, kind, data):
    encoded = base64.encodebytes(data).decode().replace("\n", "\r\n")
    head = [f'Content-Type: {kind}; name="{name}"', "Content-Transfer-Encoding: base64", f'Content-Disposition: attachment; filename="{name}"']
    return messages.multipart(dice, "mixed", plain(dice, 2048), (head, encoded))


def archive(dice):
    """Ten texts of 10 KiB, and a picture that is none."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as file:
        for number in range(9):
            file.writestr(zipfile.ZipInfo(f"informes/{number}.txt"), messages.prose(dice, 10 << 10))
        file.writestr(zipfile.ZipInfo("informes/foto.raw"), dice.randbytes(20 << 10))
    return data.getvalue()


def numbered(data, number):
    """The letter with that number."""
    place = data.index(NUMBER) + len(NUMBER)
    return data[:place] + b"%0*d" % (DIGITS, number) + data[place + DIGITS:]


def signatures(folder, count, seed=1):
    """Writes databases with so many signatures: three of four are hashes of files, the rest patterns. They appear whole, by renaming."""
    dice = random.Random(seed)
    os.makedirs(folder, exist_ok=True)
    hashes = count * 3 // 4
    lines = [TEST_FILE] + [f"{dice.getrandbits(128):032x}:{dice.randrange(1000, 10 ** 6)}:Bench.Hash-{number}\n" for number in range(hashes)]
    replace(folder + "/bench.hdb", lines)
    targets = dice.choices([target for target, _ in SHARES], [share for _, share in SHARES], k=count - hashes)
    replace(folder + "/bench.ndb", [f"Bench.Pattern-{number}:{target}:*:{dice.getrandbits(256):064x}\n"
                                    for number, target in enumerate(targets)])


def replace(path, lines):
    with open(path + ".new", "w") as file:
        file.writelines(lines)
    os.replace(path + ".new", path)
