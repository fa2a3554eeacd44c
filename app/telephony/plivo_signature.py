"""Plivo's signature, version 3, on raw bytes.

base64 of HMAC-SHA256 with the auth token over the address, its query and the form's fields in the
order of their names, and a nonce. As in Plivo's SDK: the query is `name=value` with `&` between,
the form's names and values follow each other, `.` parts them, and all of it is decoded.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence
from urllib.parse import urlsplit, urlunsplit

from app.telephony.base import HookRequest, Refused
from app.telephony.form import pairs

SIGNATURE = "x-plivo-signature-v3"
# A sub-account's requests carry the main account's signature beside their own.
MAIN_SIGNATURE = "x-plivo-signature-ma-v3"
NONCE = "x-plivo-signature-v3-nonce"


def sign(token: str, method: str, url: str, nonce: str, form: bytes = b"") -> str:
    """Return the `X-Plivo-Signature-V3` of a request; `form` is the encoded body of a POST."""
    return _mac(token, _signed_text(method, url, form), nonce).decode()


def verify(tokens: Sequence[str], request: HookRequest) -> None:
    """Check that one of the tokens signed this request.

    Raises:
        Refused: no signature or nonce, or no token matches.
    """
    headers = request.headers
    nonce = headers.get(NONCE, "")
    both = f"{headers.get(SIGNATURE, '')},{headers.get(MAIN_SIGNATURE, '')}"
    given = [each.strip().encode("utf-8", "replace") for each in both.split(",") if each.strip()]
    if not given or not nonce:
        raise Refused("not signed: the headers X-Plivo-Signature-V3 and its -Nonce are needed")
    text = _signed_text(request.method, request.url, request.body)
    found = False
    for token in tokens:
        expected = _mac(token, text, nonce)
        for signature in given:
            found |= hmac.compare_digest(signature, expected)
    if not found:
        raise Refused(
            "X-Plivo-Signature-V3 does not match: check the auth token, and that the public "
            f"address is exactly the one given to Plivo (here {urlsplit(request.url).path or '/'})"
        )


def _signed_text(method: str, url: str, form: bytes) -> bytes:
    parts = urlsplit(url)
    address = urlunsplit(parts._replace(query="", fragment="")).encode("utf-8", "surrogateescape")
    query = b"&".join(
        name + b"=" + value
        for name, value in sorted(pairs(parts.query.encode("utf-8", "surrogateescape")))
    )
    if method == "GET":
        return address + (b"?" + query if query else b"")
    fields = sorted(pairs(form))
    if not fields:
        return address + (b"?" + query if query else b"")
    # A body without a query still has the question mark, and no dot.
    signed_fields = b"".join(name + value for name, value in fields)
    return address + b"?" + query + (b"." if query else b"") + signed_fields


def _mac(token: str, text: bytes, nonce: str) -> bytes:
    signed = text + b"." + nonce.encode("utf-8", "surrogateescape")
    return base64.b64encode(hmac.digest(token.encode(), signed, "sha256"))
