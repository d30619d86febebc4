"""Mail servers of Debian's packages that can't be installed beside each other: unpacked into a cache folder, run from there
by hand, on loopback addresses and high ports, with folders of their own."""

import glob
import os
import pwd
import shutil
import subprocess
import tempfile

import lib
import processes
from postfix import CACHE

NOBODY = 65534


def unpack(name, *packages):
    """Downloads and unpacks packages into a folder once; its path. Raises Skip where that cannot be."""
    tree = os.path.join(CACHE, name)
    if os.path.exists(tree):
        return tree
    if not shutil.which("apt-get"):
        raise lib.Skip(f"no apt-get to download {name} with")
    os.makedirs(CACHE, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        got = subprocess.run(["apt-get", "download", "-q", *packages], cwd=folder, capture_output=True, text=True, timeout=300)
        if got.returncode:
            raise lib.Skip(f"apt-get download {' '.join(packages)}: " + got.stderr.strip()[-200:])
        for package in glob.glob(folder + "/*.deb"):
            subprocess.run(["dpkg", "-x", package, folder + "/tree"], check=True)
        os.chmod(folder + "/tree", 0o755)
        os.rename(folder + "/tree", tree)
    return tree


def account(name):
    """A system account of that name, which the server insists on."""
    lib.needs_root()
    if subprocess.run(["getent", "passwd", name], capture_output=True).returncode:
        subprocess.run(["useradd", "--system", "--user-group", "--no-create-home", "--home", "/nonexistent",
                        "--shell", "/usr/sbin/nologin", name], check=True)
    return pwd.getpwnam(name)


class Peer:
    """A server process with a folder and maildirs; `with` starts and ends it."""

    def __init__(self, name, domain, address, port=None):
        self.name, self.domain, self.address = name, domain, address
        self.host = "mx." + domain
        self.port = port or lib.free_port()
        self.dir = tempfile.mkdtemp(prefix=f"buzon-{name}-")
        os.chmod(self.dir, 0o755)
        self.process = None

    def command(self):
        raise NotImplementedError

    def __enter__(self):
        self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=open(self.dir + "/out", "w"),
                                        stderr=subprocess.STDOUT, start_new_session=True)
        try:
            processes.wait_for_port(self.process, self.port, self.log, self.address)
        except BaseException:
            self.__exit__(None)
            raise
        return self

    def __exit__(self, kind, *_):
        if kind:
            print(f"     {self.name} said: " + lib.one_line(self.log()[-600:]))
        processes.end(self.process)
        shutil.rmtree(self.dir, ignore_errors=True)

    def log(self):
        names = [name for name in glob.glob(self.dir + "/*log") + [self.dir + "/out"] if os.path.isfile(name)]
        return "".join(open(name, errors="replace").read() for name in names)

    def delivered(self):
        """What is in all of its maildirs, as bytes with CRLF line ends."""
        files = sorted(glob.glob(self.dir + "/mail/**/new/*", recursive=True))
        return [lib.to_crlf(open(file, "rb").read()) for file in files]
