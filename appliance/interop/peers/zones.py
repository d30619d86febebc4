"""A DNS of the test's own on loopback: a signed root with everything in it, an unsigned zone and a bogus one below it, served by
nsd; and a validating unbound for the peers. Nothing ever asks the real root."""

import glob
import os
import shutil
import signal
import subprocess
import tempfile
import time

import lib
import processes

ROOT = """$TTL 3
. IN SOA ns.example. hostmaster.example. 1 3600 600 86400 3
. IN NS ns.example.
ns.example. IN A {address}
unsigned.example. IN NS ns.example.
bogus.example. IN NS ns.example.
{bogus_ds}
"""
CHILD = """$TTL 3
{name} IN SOA ns.example. hostmaster.example. 1 3600 600 86400 3
{name} IN NS ns.example.
"""
NSD = """
server:
  ip-address: {address}@{port}
  username: ""
  chroot: ""
  zonesdir: "{dir}"
  database: ""
  zonelistfile: "{dir}/zone.list"
  pidfile: "{dir}/nsd.pid"
  xfrdfile: "{dir}/xfrd.state"
  xfrdir: "{dir}"
  logfile: "{dir}/nsd.log"
  server-count: 1
  rrl-ratelimit: 0
remote-control:
  control-enable: no
"""
UNBOUND = """
server:
  interface: {address}@{port}
  access-control: 127.0.0.0/8 allow
  chroot: ""
  username: ""
  directory: "{dir}"
  pidfile: "{dir}/unbound.pid"
  use-syslog: no
  logfile: "{dir}/unbound.log"
  do-not-query-localhost: no
  trust-anchor-file: "{dir}/anchor"
  root-hints: ""
  module-config: "validator iterator"
  local-zone: "test." nodefault
  qname-minimisation: no
  aggressive-nsec: no
remote-control:
  control-enable: no
stub-zone:
  name: "."
  stub-addr: {server}@{server_port}
"""


class Zones:
    """`with Zones(records, unsigned=…, bogus=…) as dns:` answers on dns.forwarder; records are lines of a zone file with whole
    names. `anchor` is the root's key as a DS record."""

    def __init__(self, records="", unsigned="", bogus="", address="127.0.0.8"):
        lib.needs("nsd", "ldns-keygen", "ldns-signzone", "ldns-key2ds")
        self.dir = tempfile.mkdtemp(prefix="buzon-dns-")
        os.chmod(self.dir, 0o755)
        self.address, self.port = address, lib.free_port()
        self.process = None
        # ldns adds records for a key of another zone's signature: the parent's DS fits the key that did not sign.
        other, real = self.key("bogus.example."), self.key("bogus.example.")
        self.zone("unsigned.example.", CHILD.format(name="unsigned.example.") + unsigned)
        self.sign("bogus.example.", CHILD.format(name="bogus.example.") + bogus, real)
        self.root, self.head = self.key("."), ROOT.format(address=address, bogus_ds=self.ds(other))
        self.anchor = self.ds(self.root)
        self.sign(".", self.head + records + "\n", self.root)
        lib.write(self.dir + "/anchor", self.anchor + "\n", 0o644)

    @property
    def forwarder(self):
        return f"{self.address}@{self.port}"

    def key(self, zone):
        return self.ldns("ldns-keygen", "-k", "-a", "ECDSAP256SHA256", "-r", "/dev/urandom", zone).strip()

    def ds(self, key):
        return " ".join(self.ldns("ldns-key2ds", "-n", "-2", key + ".key").split())

    def ldns(self, *words):
        return lib.run(*words, cwd=self.dir).stdout

    def zone(self, name, text):
        return lib.write(f"{self.dir}/{name}zone", text, 0o644)

    def sign(self, name, text, key):
        path = self.zone(name, text)
        self.ldns("ldns-signzone", "-o", name, "-f", path, path, key)

    def __enter__(self):
        zones = "".join(f'zone:\n  name: "{name}"\n  zonefile: "{name}zone"\n' for name in (".", "unsigned.example.", "bogus.example."))
        conf = lib.write(self.dir + "/nsd.conf", NSD.format(dir=self.dir, address=self.address, port=self.port) + zones)
        self.process = subprocess.Popen(["nsd", "-d", "-c", conf], stdin=subprocess.DEVNULL, stdout=open(self.dir + "/out", "w"),
                                        stderr=subprocess.STDOUT, start_new_session=True)
        try:
            processes.wait_for_port(self.process, self.port, self.log, self.address)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        processes.end(self.process)
        shutil.rmtree(self.dir, ignore_errors=True)

    def change(self, records):
        """Serves other records in the signed zone from now on; what was answered before holds for 3 seconds."""
        self.sign(".", self.head.replace(" 1 3600", f" {time.time_ns() // 10**9} 3600") + records + "\n", self.root)
        self.process.send_signal(signal.SIGHUP)

    def log(self):
        return "".join(open(name).read() for name in glob.glob(self.dir + "/*log") + [self.dir + "/out"] if os.path.isfile(name))


class Validator:
    """An unbound that validates what `zones` says and tells so with AD."""

    def __init__(self, zones, address="127.0.0.9", port=53):
        lib.needs_root()
        lib.needs("unbound")
        self.zones, self.address, self.port, self.process = zones, address, port, None
        self.dir = zones.dir

    def __enter__(self):
        conf = lib.write(self.dir + "/unbound.conf", UNBOUND.format(dir=self.dir, address=self.address, port=self.port,
                                                                    server=self.zones.address, server_port=self.zones.port))
        self.process = subprocess.Popen(["unbound", "-d", "-c", conf], stdin=subprocess.DEVNULL, stdout=open(self.dir + "/out2", "w"),
                                        stderr=subprocess.STDOUT, start_new_session=True)
        try:
            processes.wait_for_port(self.process, self.port, lambda: open(self.dir + "/out2").read(), self.address)
        except BaseException:
            self.__exit__()
            raise
        lib.write(self.dir + "/resolv.conf", f"nameserver {self.address}\noptions edns0 trust-ad\n", 0o644)
        return self

    def __exit__(self, *_):
        processes.end(self.process)

    def inside(self, *command):
        """The command with this resolver as /etc/resolv.conf, in a mount namespace of its own."""
        return ["unshare", "-m", "--propagation", "private", "sh", "-c",
                f'mount --bind {self.dir}/resolv.conf "$(readlink -f /etc/resolv.conf)" && exec "$@"', "sh", *command]
