"""Forms, decoded as signatures want them: byte by byte."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.telephony.form import pairs, text_pairs

PIECES = st.sampled_from(
    (
        *(b"%", b"=", b"&", b"+", b"a", b"F", b"3", b"D", b"2", b"6", b"\n", b"\r", b"\xff"),
        *(b"\0", b"%41", b"%0a", b"%3D", b"%3d", b"%26", b"%25", b"%C3%A9"),
    )
)


@pytest.mark.parametrize(
    ("form", "found"),
    [
        (b"", []),
        (b"&&", []),
        (b"a", [(b"a", b"")]),
        (b"a=&b=1=2", [(b"a", b""), (b"b", b"1=2")]),
        (b"a=1+%2B+2&a=%C3%A9", [(b"a", b"1 + 2"), (b"a", "é".encode())]),
        (b"a%3Db=x%26y&c=%41", [(b"a=b", b"x&y"), (b"c", b"A")]),
        (b"a=100%&b=%zz&c=%4", [(b"a", b"100%"), (b"b", b"%zz"), (b"c", b"%4")]),
        (b"a=%2526", [(b"a", b"%26")]),
    ],
)
def test_names_and_values_are_decoded_once(form: bytes, found: list[tuple[bytes, bytes]]) -> None:
    assert pairs(form) == found
    assert text_pairs(form) == [(name.decode(), value.decode()) for name, value in found]


@settings(max_examples=500)
@given(st.lists(PIECES | st.binary(max_size=3), max_size=16).map(b"".join))
def test_it_is_what_urllib_makes_of_each_name_and_value(form: bytes) -> None:
    cut = [pair.partition(b"=") for pair in form.replace(b"+", b" ").split(b"&") if pair]
    assert pairs(form) == [(unquote_to_bytes(n), unquote_to_bytes(v)) for n, _, v in cut]


@pytest.mark.parametrize("form", [b"a=%ff", b"a=\xff", b"a%3D=%ff"])
def test_what_is_not_utf8_is_no_text(form: bytes) -> None:
    assert pairs(form)[0][1] == b"\xff"
    with pytest.raises(UnicodeDecodeError):
        text_pairs(form)
