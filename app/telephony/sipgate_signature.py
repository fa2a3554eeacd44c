"""sipgate's signature: base64 of RSA-SHA256 (PKCS#1 v1.5) over the raw body, by sipgate's own key.

The key and a signed example are published in github.com/sipgate-io/sipgateio-node (2.15.1).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from app.telephony.base import Refused

SIPGATE_KEY = """-----BEGIN PUBLIC KEY-----
MIICIjANBgkqhkiG9w0BAQEFAAOCAg8AMIICCgKCAgEAvFdlnqRfO5TmqzjtsFVC
qPz+oW+poi3lXQFvMJJMEAtlU4MbX+yuIkgnC+Qt3AQWIK+oWSEQiybg+p39wEMl
16PZxEzf9gONQvTg1XhyHnwqYUFQj/AoxPKGYC3jmdjZ224SrESiTN3CdxoOc3vk
cXiQstYE7SxnksPtzfk0aIOkicim5/tAP9izNQ18/zmX3ChjK2k72gf5dDlq+qZ8
pRiHAPZ64TySH6cLQDhaoh6Nbq8FEG3usXXPClbUMh2DZaTMPafpd+LNuTngJ/y+
KoZasVuFfXAeBqGA6l5d4Uedfr99Z6qjwDrJ8sU4z2Do9bJrbuqP+mOXEebhSI1K
vi8trEfrIt8hnDBGsBaB9NEO3kYxvDT2/PhC9fNYFocjEpZNd7/mUqTJDYlpa4UC
NDQaU+ATdXG8/P5sGAegks6MQTu+qe9XTO0CV48eswDkz6g3UbLOwmrJK59SjD3J
yAZ52sluwyDKRWw/PPTt8BTQLjvkdbiLUlc4ehJ4b1X7D7diYWHDPeFL47cAvaXh
dXVrZDeBJYibvD1jRx4ES0KlfhwzNXBYUoM/Movg9zMM2PzyHHKS//xIjwUC/FJ6
/6eykno0Hy2B1ev6s3hdY6VkN2zd7Wf+EK4DxRliwsg1U99szFE3ewLfexF+Uag5
M+TfPtOUumI/NHMTvsRW9+ECAwEAAQ==
-----END PUBLIC KEY-----
"""

_PEM = re.compile(r"-----BEGIN PUBLIC KEY-----.+?-----END PUBLIC KEY-----", re.DOTALL)


def read_keys(pem: str) -> list[RSAPublicKey]:
    """Return the RSA keys of a text with one or more PEM blocks.

    Raises:
        ValueError: there is none, or one is no RSA public key.
    """
    keys: list[RSAPublicKey] = []
    for block in _PEM.findall(pem):
        try:
            key = load_pem_public_key(block.encode("utf-8", "replace"))
        except (ValueError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, RSAPublicKey):
            raise ValueError("holds a block that is no RSA public key")
        keys.append(key)
    if not keys:
        raise ValueError("must be a public key in PEM: -----BEGIN PUBLIC KEY----- and so on")
    return keys


def verify(keys: Sequence[RSAPublicKey], headers: Mapping[str, str], body: bytes) -> None:
    """Check that one of the keys signed this body.

    Raises:
        Refused: there is no signature, or it is not of these keys and this body.
    """
    signature = _signature(headers)
    for key in keys:
        try:
            key.verify(signature, body, PKCS1v15(), SHA256())
        except InvalidSignature:
            continue
        return
    raise Refused("X-Sipgate-Signature does not match: not from sipgate, or its key is new")


def _signature(headers: Mapping[str, str]) -> bytes:
    given = headers.get("x-sipgate-signature", "")
    if not given:
        raise Refused("not signed: the header X-Sipgate-Signature is needed")
    try:
        signature = base64.b64decode(given, validate=True)
    except (binascii.Error, ValueError):
        signature = b""
    # Base64 has several spellings of the same bytes; only one is a signature.
    if not signature or base64.b64encode(signature).decode() != given:
        raise Refused("X-Sipgate-Signature is not base64")
    return signature
