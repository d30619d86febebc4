"""Archives of many formats with chosen members, made in memory or by Debian's own programs."""

import bz2
import gzip
import io
import lzma
import os
import struct
import subprocess
import tarfile
import tempfile
import zipfile
import zlib

import lib

PASSWORD = "clave"


def zipped(*members, method=zipfile.ZIP_DEFLATED, comment=b""):
    """members: (name, bytes); a name that ends in / is a folder."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name, (2026, 11, 24, 10, 0, 0)), data, method)
        archive.comment = comment
    return made.getvalue()


def tarred(*members, wrap=lambda data: data):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, data in members:
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return wrap(made.getvalue())


def gzipped(data, name=""):
    made = io.BytesIO()
    with gzip.GzipFile(name, "wb", 9, made, mtime=0) as file:
        file.write(data)
    return made.getvalue()


bzipped, xzipped = bz2.compress, lzma.compress


def by_program(file, *command, members, input=None):
    """What a program makes of members in a folder of their own; {file} in its words is the archive's name."""
    lib.needs(command[0])
    with tempfile.TemporaryDirectory(prefix="buzon-archive-") as folder:
        for name, data in members:
            os.makedirs(os.path.dirname(f"{folder}/{name}"), exist_ok=True)
            with open(f"{folder}/{name}", "wb") as member:
                member.write(data)
        lib.run(*command, file, *[name for name, _ in members], cwd=folder, input=input, stdin=None if input else subprocess.DEVNULL)
        return open(f"{folder}/{file}", "rb").read()


def seven(*members, options=()):
    return by_program("a.7z", "7zz", "a", *options, members=members)


def encrypted_seven(*members, names_too=False):
    return seven(*members, options=[f"-p{PASSWORD}", "-mhe=on" if names_too else "-mhe=off"])


def encrypted_zip(*members, method="ZipCrypto"):
    return by_program("a.zip", "7zz", "a", f"-p{PASSWORD}", f"-mem={method}", members=members)


def arj(*members, options=()):
    return by_program("a.arj", "arj", "a", "-i", *options, members=members)


def cpio(*members, form="newc"):
    lib.needs("cpio")
    with tempfile.TemporaryDirectory(prefix="buzon-archive-") as folder:
        for name, data in members:
            with open(f"{folder}/{name}", "wb") as member:
                member.write(data)
        names = "".join(name + "\n" for name, _ in members).encode()
        return lib.run("cpio", "-o", "--quiet", "-H", form, input=names, cwd=folder).stdout


def cab(*members):
    """A cabinet whose one folder is stored, not compressed."""
    data = b"".join(each for _, each in members)
    files, offset = b"", 0
    for name, each in members:
        files += struct.pack("<IIHHHH", len(each), offset, 0, 0x5B78, 0x5000, 0x20) + name.encode() + b"\0"
        offset += len(each)
    blocks = [data[at:at + 32768] for at in range(0, len(data), 32768)]
    stored = b"".join(struct.pack("<IHH", 0, len(each), len(each)) + each for each in blocks)
    files_at, data_at = 36 + 8, 36 + 8 + len(files)
    head = struct.pack("<4sIIIIIBBHHHHH", b"MSCF", 0, data_at + len(stored), 0, files_at, 0, 3, 1, 1, len(members), 0, 0, 0)
    return head + struct.pack("<IHH", data_at, len(blocks), 0) + files + stored


def lha(*members):
    """Stored members (-lh0-) with headers of level 0."""
    made = b""
    for name, data in members:
        rest = b"-lh0-" + struct.pack("<IIIBB", len(data), len(data), 0x5B785000, 0x20, 0)
        rest += bytes([len(name)]) + name.encode() + struct.pack("<H", crc16(data))
        made += bytes([len(rest), sum(rest) & 0xFF]) + rest + data
    return made + b"\0"


def crc16(data):
    value = 0
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
    return value


def rar4(*members):
    made = b"Rar!\x1a\x07\x00" + rar4_block(0x73, 0, b"\0" * 6)
    for name, data in members:
        head = struct.pack("<IIBIIBBHI", len(data), len(data), 2, zlib.crc32(data), 0x5B785000, 20, 0x30, len(name), 0x20) + name.encode()
        made += rar4_block(0x74, 0x8000, head) + data
    return made + rar4_block(0x7B, 0x4000, b"")


def rar4_block(kind, flags, rest):
    head = struct.pack("<BHH", kind, flags, 7 + len(rest)) + rest
    return struct.pack("<H", zlib.crc32(head) & 0xFFFF) + head


def rar5(*members):
    made = b"Rar!\x1a\x07\x01\x00" + rar5_block(vint(1) + vint(0) + vint(0))
    for name, data in members:
        body = vint(2) + vint(2) + vint(len(data))  # a file, with data behind it
        body += vint(4) + vint(len(data)) + vint(0x20) + struct.pack("<I", zlib.crc32(data)) + vint(0) + vint(1)
        made += rar5_block(body + vint(len(name)) + name.encode()) + data
    return made + rar5_block(vint(5) + vint(0) + vint(0))


def rar5_block(body):
    sized = vint(len(body)) + body
    return struct.pack("<I", zlib.crc32(sized)) + sized


def vint(value):
    made = b""
    while value > 0x7F:
        made, value = made + bytes([value & 0x7F | 0x80]), value >> 7
    return made + bytes([value])


def tnef(*members):
    """winmail.dat with attachments."""
    made = struct.pack("<IH", 0x223E9F78, 1) + tnef_attribute(1, 0x00089006, struct.pack("<I", 0x10000))
    for name, data in members:
        made += tnef_attribute(2, 0x00069002, struct.pack("<HIHHI", 1, 0xFFFFFFFF, 0, 0, 0))
        made += tnef_attribute(2, 0x00018010, name.encode() + b"\0") + tnef_attribute(2, 0x0006800F, data)
    return made


def tnef_attribute(level, key, data):
    return struct.pack("<BII", level, key, len(data)) + data + struct.pack("<H", sum(data) & 0xFFFF)


def windows_program(bits=32, padding=512):
    """The smallest file that file(1) calls a Windows program; it does nothing."""
    machine, magic, size = (0x14C, 0x10B, 0xE0) if bits == 32 else (0x8664, 0x20B, 0xF0)
    dos = b"MZ" + b"\0" * 58 + struct.pack("<I", 0x80) + b"\0" * 64
    coff = b"PE\0\0" + struct.pack("<HHIIIHH", machine, 0, 0, 0, 0, size, 0x102)
    optional = struct.pack("<H", magic) + b"\0" * 66 + struct.pack("<H", 2) + b"\0" * (size - 70)
    return dos + coff + optional + b"\0" * padding


DOS_PROGRAM = b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0\xb8" + b"\0" * 300
ELF_PROGRAM = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0x400000, 64, 0, 0, 64, 56, 0, 64, 0, 0) + bytes(200)
SCRIPT = b"MsgBox \"hola\"\r\n"
OLE_STARTS = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def document(*more):
    """A word processor's file: a zip with the members that make it one."""
    types = b'<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
    return zipped(("[Content_Types].xml", types), ("_rels/.rels", b'<?xml version="1.0"?><Relationships/>'),
                  ("word/document.xml", b"<w:document/>"), *more)
