"""Debian's Exim: takes mail for its domain into maildirs, relays the rest from loopback to one port."""

import os
import shutil

from peers import debian

CONFIGURATION = """
exim_path = {dir}/exim4
primary_hostname = {host}
spool_directory = {dir}/spool
log_file_path = {dir}/%slog
pid_file_path = {dir}/pid
deliver_drop_privilege = true
local_interfaces = <; [{address}]:{port}
tls_advertise_hosts = {tls}
tls_certificate = {chain}
tls_privatekey = {key}
host_lookup =
rfc1413_query_timeout = 0s
smtp_accept_max = 200
smtp_accept_max_per_connection = 10000
smtp_accept_queue_per_connection = 0
smtputf8_advertise_hosts = *
keep_environment =
acl_smtp_rcpt = rcpt

begin acl
rcpt:
  accept

begin routers
out:
  driver = manualroute
  domains = ! {domain}
  transport = out
  route_list = * 127.0.0.1
  self = send
in:
  driver = accept
  transport = in

begin transports
out:
  driver = smtp
  port = {relay}
  allow_localhost
  hosts_avoid_tls = {avoid}
  hosts_require_tls = {require}
  hosts_try_dane =
in:
  driver = appendfile
  directory = {dir}/mail
  maildir_format
  create_directory

begin retry
* * F,1h,1m
"""


class Exim(debian.Peer):
    def __init__(self, certificate=None, domain="exim.example", address="127.0.0.3", port=None, relay=1, sends_tls=True):
        tree = debian.unpack("exim", "exim4-daemon-light", "exim4-base")
        user = debian.account("Debian-exim")
        super().__init__("exim", domain, address, port)
        shutil.copy(tree + "/usr/sbin/exim4", self.dir)  # Exim starts itself again as its own account
        os.chmod(self.dir + "/exim4", 0o4755)
        for name in ("spool", "mail"):
            os.makedirs(f"{self.dir}/{name}")
        chain, key = [shutil.copy(path, self.dir) for path in certificate] if certificate else ("", "")
        with open(self.dir + "/conf", "w") as file:
            file.write(CONFIGURATION.format(dir=self.dir, host=self.host, domain=domain, address=address, port=self.port, relay=relay,
                                            tls="*" if certificate else "", chain=chain, key=key,
                                            avoid="" if sends_tls else "*", require="*" if sends_tls else ""))
        for path in (self.dir, self.dir + "/spool", self.dir + "/mail", *([key] if key else [])):
            os.chown(path, user.pw_uid, user.pw_gid)

    def command(self):
        return [self.dir + "/exim4", "-C", self.dir + "/conf", "-bdf", "-q1m"]
