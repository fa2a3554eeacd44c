"""JSON Web Tokens signed with HMAC-SHA256 (RFC 7515, RFC 7519), and no other algorithm."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from app.telephony.base import Refused

_HEADER = b'{"alg":"HS256","typ":"JWT"}'


def sign(key: bytes, claims: Mapping[str, Any]) -> str:
    """Return a token with these claims."""
    signed = _encode(_HEADER) + b"." + _encode(orjson.dumps(claims))
    return (signed + b"." + _mac(key, signed)).decode()


def verified_claims(keys: Sequence[bytes], token: str) -> dict[str, Any]:
    """Return the claims of a token that one of the keys signed. Times in it are not checked.

    Raises:
        Refused: not such a token, another algorithm, or no key signed it.
    """
    try:
        signed, _, signature = token.encode("ascii").rpartition(b".")
    except UnicodeEncodeError:
        raise Refused("the token holds characters that no token can") from None
    found = False
    for key in keys:
        # The text, not the decoded bytes: base64 has several spellings of the same bytes.
        found |= hmac.compare_digest(signature, _mac(key, signed))
    if not found:
        raise Refused("the token's signature does not match: the secret differs")
    header, dot, payload = signed.partition(b".")
    if not dot or _object(header).get("alg") != "HS256":
        raise Refused("the token is not a JWT signed with HS256")
    return _object(payload)


def _object(part: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4)))
    except (binascii.Error, orjson.JSONDecodeError):
        value = None
    if not isinstance(value, dict):
        raise Refused("a part of the token is not a JSON object")
    return value


def _encode(part: bytes) -> bytes:
    return base64.urlsafe_b64encode(part).rstrip(b"=")


def _mac(key: bytes, signed: bytes) -> bytes:
    return _encode(hmac.digest(key, signed, "sha256"))
