"""Standard Webhooks signatures: sign and verify (standardwebhooks.com specification, 1.0).

A signature is `v1,` and the base64 of HMAC-SHA256 over `{webhook-id}.{webhook-timestamp}.{body}`;
several, separated by spaces, stand beside each other while a secret is being changed.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache

from app.telephony.base import Refused

TOLERANCE_S = 300
SECRET_PREFIX = "whsec_"  # noqa: S105 - the format's prefix, not a secret


def decode_secret(text: str) -> bytes:
    """Return the key of a secret written `whsec_` + base64 (the prefix may be missing).

    Raises:
        ValueError: it is not base64, or empty; says what to do, never what was given.
    """
    encoded = text.strip().removeprefix(SECRET_PREFIX).rstrip("=")
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise ValueError(
            "must be whsec_ followed by base64 of the key; make one with: "
            'echo "whsec_$(openssl rand -base64 32)"'
        )
    return key


def sign(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the `webhook-signature` of a message; `timestamp` is in Unix seconds."""
    return "v1," + _mac(key, b"%b.%d." % (message_id.encode(), timestamp) + body).decode()


def verify(
    keys: Sequence[bytes], headers: Mapping[str, str], body: bytes, received_at: datetime
) -> None:
    """Check that one of the keys signed this body, within 300 s of now, either way.

    Raises:
        Refused: a header is missing or malformed, the time is off, or no signature matches.
    """
    message_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    signatures = headers.get("webhook-signature", "")
    if not (message_id and timestamp and signatures):
        raise Refused(
            "not signed: the headers webhook-id, webhook-timestamp and webhook-signature are needed"
        )
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise Refused("webhook-timestamp is not a time in Unix seconds")
    drift = received_at.timestamp() - int(timestamp)
    if abs(drift) > TOLERANCE_S:
        raise Refused(
            f"webhook-timestamp is {abs(drift):.0f} s {'old' if drift > 0 else 'ahead'}, "
            f"more than {TOLERANCE_S} s: check both clocks"
        )
    try:
        # Header bytes reach us as latin-1 text; the signature covers the bytes.
        signed = f"{message_id}.{timestamp}.".encode("latin-1") + body
        given = [
            entry[3:].encode("latin-1") for entry in signatures.split() if entry.startswith("v1,")
        ]
    except UnicodeEncodeError:
        raise Refused("a signature header holds characters that no HTTP header can") from None
    found = False
    for key in keys:
        expected = _mac(key, signed)
        for signature in given:
            # The text, not the decoded bytes: base64 has several spellings of the same bytes.
            found |= hmac.compare_digest(signature, expected)
    if not found:
        raise Refused("no webhook-signature matches: the secret or the body differs")


@lru_cache(maxsize=256)
def _begun(key: bytes) -> hmac.HMAC:
    return hmac.new(key, digestmod="sha256")


def _mac(key: bytes, signed: bytes) -> bytes:
    # To begin with a key takes longer than all that follows.
    mac = _begun(key).copy()
    mac.update(signed)
    return binascii.b2a_base64(mac.digest(), newline=False)
