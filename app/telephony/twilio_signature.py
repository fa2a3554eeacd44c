"""Twilio's request signature (twilio.com/docs/usage/security), on raw bytes.

base64 of HMAC-SHA1 with the auth token over the full public address followed by, for a form, each
field's name and value in the order of names (of a repeated field the unique values, sorted). A
JSON body is covered by `bodySHA256` in the address instead.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator, Sequence
from urllib.parse import parse_qs, urlsplit, urlunsplit

from app.telephony.base import HookRequest, Refused
from app.telephony.body import FORM
from app.telephony.form import pairs

_DEFAULT_PORTS = {"https": 443, "http": 80}


def sign(token: str, url: str, form: bytes = b"") -> str:
    """Return the `X-Twilio-Signature` of a request; `form` is the encoded body, if it is a form."""
    return _mac(token, url, _signed_fields(form)).decode()


def verify(tokens: Sequence[str], request: HookRequest) -> None:
    """Check that one of the tokens signed this request, its address with or without a port.

    Raises:
        Refused: no signature, a body that it does not cover, or no token matches.
    """
    given = request.headers.get("x-twilio-signature", "")
    if not given:
        raise Refused("not signed: the header X-Twilio-Signature is needed")
    fields = _signed_fields(_covered_form(request))
    signature = given.encode("utf-8", "surrogateescape")
    for url in url_spellings(request.url):
        for token in tokens:
            if hmac.compare_digest(signature, _mac(token, url, fields)):
                return
    raise Refused(
        "X-Twilio-Signature does not match: check the auth token, and that the public address "
        f"is exactly the one given to Twilio (here {urlsplit(request.url).path or '/'})"
    )


def _covered_form(request: HookRequest) -> bytes:
    """Return the form that is part of the signed text; a body of another type must be hashed."""
    if request.method == "GET":
        return b""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media == FORM or not request.body:
        return request.body
    hashes = parse_qs(request.query).get("bodySHA256", [])
    actual = hashlib.sha256(request.body).hexdigest()
    given = hashes[0].lower().encode("utf-8", "surrogateescape") if hashes else b""
    if not hmac.compare_digest(given, actual.encode()):
        raise Refused("the body is not a form, and bodySHA256 in the address does not cover it")
    return b""


def _signed_fields(form: bytes) -> bytes:
    """Return the decoded names and values as they are signed; blank values count."""
    # Sorted, the same name and value stand beside each other and count once.
    return b"".join(name + value for name, value in sorted(set(pairs(form))))


def _mac(token: str, url: str, fields: bytes) -> bytes:
    signed = url.encode("utf-8", "surrogateescape") + fields
    # SHA-1 is what Twilio signs with; HMAC does not rest on its collision resistance.
    return base64.b64encode(hmac.digest(token.encode(), signed, "sha1"))


def url_spellings(url: str) -> Iterator[str]:
    """Yield the address as given, without its port, and with the default port: Twilio varies."""
    yield url
    parts = urlsplit(url)
    login, at, host = parts.netloc.rpartition("@")
    # An IPv6 address has colons inside its brackets.
    name, colon, port = host.rpartition(":")
    if not colon or not port.isdigit():
        name = host
    default = _DEFAULT_PORTS.get(parts.scheme, 443)
    for netloc in (f"{login}{at}{name}", f"{login}{at}{name}:{default}"):
        spelling = urlunsplit(parts._replace(netloc=netloc))
        if spelling != url:
            yield spelling
