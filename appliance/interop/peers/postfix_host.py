"""Debian's Postfix as a mail host of its own domain: into maildirs, the rest relayed from loopback to one port."""

import glob
import os

import lib
import postfix
from peers import debian

MAIN = """
virtual_mailbox_domains = {domain}
virtual_mailbox_maps = static:box/
virtual_mailbox_base = {{dir}}/mail
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
relayhost = [127.0.0.1]:{relay}
smtp_tls_security_level = {outgoing}
smtp_tls_loglevel = 1
smtpd_tls_loglevel = 1
smtpd_tls_received_header = yes
smtpd_tls_security_level = {incoming}
smtpd_tls_chain_files = {chain}
message_size_limit = 67108864
virtual_mailbox_limit = 0
"""


class PostfixHost(postfix.Postfix):
    name = "postfix"

    def __init__(self, certificate=None, domain="postfix.example", address="127.0.0.2", port=None, relay=1, sends_tls=True, more="",
                 master=""):
        self.domain, self.host = domain, "mx." + domain
        main = MAIN.format(domain=domain, relay=relay, outgoing="encrypt" if sends_tls else "none",
                           incoming="may" if certificate else "none", chain="{dir}/etc/chain.pem" if certificate else "")
        super().__init__(main=main + more, master="tlsmgr unix - - n 1000? 1 tlsmgr\n" + master, address=address, port=port)
        if certificate:
            chain, key = certificate
            lib.write(self.dir + "/etc/chain.pem", open(key).read() + open(chain).read())
        os.makedirs(self.dir + "/mail")
        os.chown(self.dir + "/mail", debian.NOBODY, debian.NOBODY)

    def delivered(self):
        return [lib.to_crlf(open(file, "rb").read()) for file in sorted(glob.glob(self.dir + "/mail/box/new/*"))]

    def tool(self, name, *words, wrap=(), check=True):
        """One of Postfix's commands (`posttls-finger`, `smtp-source`) with this configuration."""
        return lib.run(*wrap, postfix.TREE + "/usr/sbin/" + name, *words, env=self.env, check=check)
