"""The client's side of DIGEST-MD5 (RFC 2831 §2.1.2), with whatever realm: Cyrus's own takes the only one that is offered."""

import base64
import hashlib
import os
import re


def answer(challenge, user, password, realm, service="smtp", host="mail.virtual.test"):
    """The digest-response to a challenge."""
    nonce = re.search(r'nonce="([^"]*)"', challenge)[1]
    own, uri = base64.b64encode(os.urandom(12)).decode(), f"{service}/{host}"
    secret = hashlib.md5(f"{user}:{realm}:{password}".encode()).digest() + f":{nonce}:{own}".encode()
    first, second = hashlib.md5(secret).hexdigest(), hashlib.md5(f"AUTHENTICATE:{uri}".encode()).hexdigest()
    proof = hashlib.md5(f"{first}:{nonce}:00000001:{own}:auth:{second}".encode()).hexdigest()
    return (f'charset=utf-8,username="{user}",realm="{realm}",nonce="{nonce}",nc=00000001,cnonce="{own}",digest-uri="{uri}",'
            f'response={proof},qop=auth')
