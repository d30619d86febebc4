"""smtp-sink of Debian's Postfix: takes mail fast, or misbehaves as told."""

import os
import subprocess
import tempfile
import shutil

import lib
import postfix
import processes

ENVIRONMENT = {**os.environ, "LD_LIBRARY_PATH": postfix.LIBRARIES, "MAIL_CONFIG": "/nonexistent"}


class Sink:
    """`with Sink("-q", "rcpt") as sink:`; the options are smtp-sink's own. With keeps=True each message is kept as a file."""

    def __init__(self, *options, address="127.0.0.5", port=None, keeps=False):
        postfix.unpack()
        self.options, self.address, self.port = options, address, port or lib.free_port()
        self.dir = tempfile.mkdtemp(prefix="buzon-sink-")
        self.process, self.keeps = None, keeps

    def command(self):
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        kept = ["-d", self.dir + "/m."] if self.keeps else []  # strftime(3) makes the rest of the name
        return [postfix.TREE + "/usr/sbin/smtp-sink", *user, *kept, *self.options, f"{self.address}:{self.port}", "1024"]

    def __enter__(self):
        os.chmod(self.dir, 0o777)
        self.process = subprocess.Popen(self.command(), env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=open(self.dir + "/../" + os.path.basename(self.dir) + ".log", "w"))
        try:
            processes.wait_for_port(self.process, self.port, address=self.address)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        processes.end(self.process)
        shutil.rmtree(self.dir, ignore_errors=True)
        os.unlink(self.dir + ".log")

    @property
    def pid(self):
        return self.process.pid

    def kept(self):
        """The messages, with smtp-sink's own X- fields before them."""
        return [open(os.path.join(self.dir, name), "rb").read() for name in sorted(os.listdir(self.dir))]
