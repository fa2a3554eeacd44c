"""`application/x-www-form-urlencoded`, as bytes: signatures cover the decoded bytes of a form."""

from __future__ import annotations

import binascii
from typing import AnyStr
from urllib.parse import unquote_to_bytes


def pairs(form: bytes) -> list[tuple[bytes, bytes]]:
    """Return the decoded names and values in their order; blank values count.

    A `%` that begins no escape stays as it is.
    """
    form = form.replace(b"+", b" ")
    if _can_be_decoded_whole(form):
        return _cut(_decoded(form), b"&", b"=")
    return [(_decoded(name), _decoded(value)) for name, value in _cut(form, b"&", b"=")]


def text_pairs(form: bytes) -> list[tuple[str, str]]:
    """Return the same as text.

    Raises:
        UnicodeDecodeError: not UTF-8.
    """
    form = form.replace(b"+", b" ")
    if _can_be_decoded_whole(form):
        return _cut(_decoded(form).decode(), "&", "=")
    return [(name.decode(), value.decode()) for name, value in pairs(form)]


def _can_be_decoded_whole(form: bytes) -> bool:
    """No separator is escaped, so it may be decoded before it is cut up, which is much quicker."""
    return b"%26" not in form and b"%3D" not in form and b"%3d" not in form


def _cut(form: AnyStr, between_pairs: AnyStr, within: AnyStr) -> list[tuple[AnyStr, AnyStr]]:
    return [
        (name, value)
        for pair in form.split(between_pairs)
        if pair
        for name, _, value in [pair.partition(within)]
    ]


def _decoded(encoded: bytes) -> bytes:
    """Decode as `unquote_to_bytes`, in C: quoted-printable has the same escapes after `=`.

    It differs in what is no escape, which the length tells, and at the end of a line.
    """
    if b"%" not in encoded:
        return encoded
    printable = encoded.replace(b"=", b"%3D").replace(b"%", b"=")
    decoded = binascii.a2b_qp(printable)
    all_escapes = len(printable) - len(decoded) == 2 * printable.count(b"=")
    if all_escapes and b"\n" not in encoded and b"\r" not in encoded:
        return decoded
    return unquote_to_bytes(encoded)
