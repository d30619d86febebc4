"""Certificates for the peers, made by the openssl command: an authority of the test's own, and what it signs."""

import hashlib
import os

import lib


class Authority:
    def __init__(self, folder, name="Autoridad de prueba"):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        os.chmod(folder, 0o755)
        self.chain, self.key = folder + "/ca.pem", folder + "/ca.key"
        openssl("req", "-x509", *new_key("ec"), "-nodes", "-days", "30", "-subj", "/CN=" + name,
                "-addext", "basicConstraints=critical,CA:TRUE", "-keyout", self.key, "-out", self.chain)

    def issue(self, *names, days=30, kind="ec"):
        """(chain, key) paths of a certificate for these DNS names, which ends in so many days. Some servers want the key private, and
        root's."""
        stem = f"{self.folder}/{names[0].replace('*', 'any')}-{days}-{kind}"
        alternatives = ",".join("DNS:" + name for name in names)
        openssl("req", *new_key(kind), "-nodes", "-subj", "/CN=" + names[0], "-keyout", stem + ".key", "-out", stem + ".csr")
        extensions = lib.write(stem + ".ext", f"subjectAltName={alternatives}\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n")
        openssl("x509", "-req", "-in", stem + ".csr", "-CA", self.chain, "-CAkey", self.key, "-CAcreateserial", "-days", str(days),
                "-extfile", extensions, "-out", stem + ".crt")
        with open(stem + ".pem", "w") as file:
            file.write(open(stem + ".crt").read() + open(self.chain).read())
        os.chmod(stem + ".key", 0o600)
        return stem + ".pem", stem + ".key"


def new_key(kind):
    return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"] if kind == "ec" else ["-newkey", "rsa:2048"]


ENDED = """
[ca]
default_ca = own
[own]
database = {folder}/index
serial = {folder}/serial
new_certs_dir = {folder}
default_md = sha256
policy = names
[names]
commonName = supplied
"""


def ended(folder, name):
    """(chain, key) paths of a self-signed certificate that ended years ago."""
    folder = f"{folder}/ended-{name}"
    os.makedirs(folder)
    chain, key, request = folder + "/chain.pem", folder + "/key.pem", folder + "/request"
    lib.write(folder + "/index", "")
    lib.write(folder + "/serial", "01\n")
    openssl("req", *new_key("ec"), "-nodes", "-subj", "/CN=" + name, "-keyout", key, "-out", request)
    openssl("ca", "-selfsign", "-batch", "-notext", "-config", lib.write(folder + "/configuration", ENDED.format(folder=folder)), "-in", request,
            "-keyfile", key, "-out", chain, "-startdate", "20200101000000Z", "-enddate", "20200201000000Z")
    return chain, key


def self_signed(folder, name, days=30, kind="rsa"):
    chain, key = f"{folder}/{name}-self.pem", f"{folder}/{name}-self.key"
    openssl("req", "-x509", *new_key(kind), "-nodes", "-days", str(days), "-subj", "/CN=" + name, "-keyout", key, "-out", chain)
    os.chmod(key, 0o600)
    return chain, key


def openssl(*words, text=True):
    return lib.run("openssl", *words, input="" if text else b"").stdout


def tlsa(chain, usage=3, selector=1, matching=1):
    """The data of a TLSA record for the first certificate of a file, or the last one for usage 2."""
    certificates = [part + "-----END CERTIFICATE-----\n" for part in open(chain).read().split("-----END CERTIFICATE-----\n")[:-1]]
    pem = certificates[-1 if usage == 2 else 0]
    public = lib.run("openssl", "x509", "-pubkey", "-noout", input=pem).stdout
    command = ["pkey", "-pubin", "-outform", "DER"] if selector else ["x509", "-outform", "DER"]
    data = lib.run("openssl", *command, input=(public if selector else pem).encode()).stdout
    digest = {0: lambda data: data.hex(), 1: lambda data: hashlib.sha256(data).hexdigest(), 2: lambda data: hashlib.sha512(data).hexdigest()}
    return f"{usage} {selector} {matching} {digest[matching](data)}"
