"""clamd of Debian's, unpacked into the cache folder: on a Unix socket, with no signatures but those that a test makes."""

import hashlib
import os
import shutil
import socket
import subprocess
import tempfile

import lib
import processes
from peers import debian

EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + rb"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
TEST_FILE = "/usr/share/clamav-testfiles/clam.exe"

# Debian's own values, as its postinst writes them, where they bear on what is found.
CONFIGURATION = """
LocalSocket {dir}/clamd.ctl
LocalSocketMode 666
FixStaleSocket true
TemporaryDirectory {dir}/tmp
DatabaseDirectory {dir}/signatures
LogFile {dir}/clamd.log
LogFileMaxSize 0
Foreground true
ScanMail true
ScanArchive true
ArchiveBlockEncrypted false
MaxDirectoryRecursion 15
MaxThreads 12
MaxQueue 200
MaxScanTime 120000
MaxScanSize 100M
MaxFileSize 25M
MaxRecursion 16
MaxFiles 10000
MaxEmbeddedPE 10M
StreamMaxLength 25M
AllowAllMatchScan true
OfficialDatabaseOnly false
SelfCheck 3600
User {user}
"""


def hash_signature(name, content):
    """A line of an .hdb database: exactly these bytes."""
    return f"{hashlib.md5(content).hexdigest()}:{len(content)}:{name}\n"


def signatures(folder):
    """Makes the only signatures of these tests in a folder: EICAR wherever a file begins with it, and Debian's test file by its hash."""
    os.makedirs(folder, exist_ok=True)
    if not os.path.exists(TEST_FILE):
        raise lib.Skip("clamav-testfiles is not installed")
    lib.write(folder + "/prueba.ndb", f"Eicar-Prueba:0:0:{EICAR.hex()}\n", mode=0o644)
    lib.write(folder + "/prueba.hdb", hash_signature("Clam-Prueba", open(TEST_FILE, "rb").read()), mode=0o644)
    return folder


class Clamd:
    """`with Clamd() as clamd:` listens on the socket clamd.path, as an account that has no rights."""

    def __init__(self, user="nobody"):
        lib.needs_root()
        self.tree, self.user = debian.unpack("clamd", "clamav-daemon"), user
        self.dir = tempfile.mkdtemp(prefix="buzon-clamd-")
        self.path = self.dir + "/clamd.ctl"
        self.process = None

    def __enter__(self):
        try:
            signatures(self.dir + "/signatures")
            os.makedirs(self.dir + "/tmp")
            configuration = lib.write(self.dir + "/clamd.conf", CONFIGURATION.format(dir=self.dir, user=self.user), mode=0o644)
            os.chmod(self.dir, 0o755)
            for folder in (self.dir, self.dir + "/tmp"):
                shutil.chown(folder, self.user)
            with open(self.dir + "/out", "w") as out:
                self.process = subprocess.Popen([self.tree + "/usr/sbin/clamd", "--config-file=" + configuration], stdin=subprocess.DEVNULL,
                                                stdout=out, stderr=out, start_new_session=True)
            lib.eventually(lambda: self.ask("PING") == "PONG" or self.process.poll() is not None, 20, "clamd's answer")
            lib.expect(self.process.poll() is None, "clamd ended: " + open(self.dir + "/out").read()[-300:])
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        processes.end(self.process)
        shutil.rmtree(self.dir, ignore_errors=True)

    def ask(self, command):
        """One command of its protocol, and its answer; None while nobody listens."""
        with socket.socket(socket.AF_UNIX) as there:
            there.settimeout(30)
            try:
                there.connect(self.path)
            except OSError:
                return None
            there.sendall(f"n{command}\n".encode())
            return b"".join(iter(lambda: there.recv(4096), b"")).decode("utf-8", "replace").strip()
