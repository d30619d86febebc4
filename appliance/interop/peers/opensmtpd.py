"""Debian's OpenSMTPD: takes mail for its domain into maildirs, relays the rest from loopback to one port. Its folders are
compiled in, so it runs in a mount namespace where they are its own.

Debian 12's cannot serve TLS: 6.8.0p2 keeps its keys from OpenSSL in a way that OpenSSL 3 no longer knows, so every handshake
fails after STARTTLS. It is a peer that really exists, and what it tests is the way back to plain text. As a client it is whole."""

import os

from peers import debian

CONFIGURATION = """
{pki}
table users {{ "@" = nobody }}
listen on {address} port {port} {tls} hostname {host}
action in maildir "{dir}/mail" virtual <users>
action out relay host {scheme}://127.0.0.1:{relay} helo {host}
match from any for domain {domain} action in
match from any for any action out
smtp max-message-size 64M
"""

SPACE = """
set -e
for folder in /usr/libexec /var/spool /var/lib /run; do mount -t tmpfs none $folder; done
mkdir -p /usr/libexec/opensmtpd /var/lib/opensmtpd/empty
cp {tree}/usr/libexec/opensmtpd/* /usr/libexec/opensmtpd/
mkdir -m 711 /var/spool/smtpd
mkdir -m 700 /var/spool/smtpd/corrupt /var/spool/smtpd/incoming /var/spool/smtpd/purge /var/spool/smtpd/queue /var/spool/smtpd/temporary
mkdir -m 770 /var/spool/smtpd/offline
chown opensmtpq /var/spool/smtpd/corrupt /var/spool/smtpd/incoming /var/spool/smtpd/purge /var/spool/smtpd/queue /var/spool/smtpd/temporary
chgrp opensmtpq /var/spool/smtpd/offline
exec {tree}/usr/sbin/smtpd -d -f {dir}/conf
"""


class OpenSMTPD(debian.Peer):
    def __init__(self, certificate=None, domain="opensmtpd.example", address="127.0.0.4", port=None, relay=1, sends_tls=True):
        tree = debian.unpack("opensmtpd", "opensmtpd")
        debian.account("opensmtpd")
        debian.account("opensmtpq")
        super().__init__("opensmtpd", domain, address, port)
        os.makedirs(self.dir + "/mail")
        os.chown(self.dir + "/mail", debian.NOBODY, debian.NOBODY)
        pki = tls = ""
        if certificate:
            pki = f'pki "own" cert "{certificate[0]}"\npki "own" key "{certificate[1]}"'
            tls = 'tls pki "own"'
        with open(self.dir + "/conf", "w") as file:
            file.write(CONFIGURATION.format(dir=self.dir, pki=pki, tls=tls, address=address, port=self.port, host=self.host, domain=domain,
                                            relay=relay, scheme="smtp" if sends_tls else "smtp+notls"))
        self.script = SPACE.format(tree=tree, dir=self.dir)

    def command(self):
        return ["unshare", "-m", "--propagation", "private", "sh", "-c", self.script]
