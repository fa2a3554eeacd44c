"""Callers and callees as phone systems write them, times, and tokens."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import jwt
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.telephony import hs256
from app.telephony.base import NotUnderstood, Refused
from app.telephony.parties import is_telephone_number, party, sip_user, with_plus
from app.telephony.times import epoch_time, iso_time

KEY = b"0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("address", "user"),
    [
        ("sip:101@pbx.example.com", "101"),
        ("SIPS:ada%40example.com@pbx.example.com;transport=tls?X-Account=1", "ada@example.com"),
        ("sip:101", "101"),
        ("sip:@pbx.example.com", None),
        ("client:ada", None),
        ("+442079460958", None),
        ("", None),
        (None, None),
    ],
)
def test_a_sip_address_names_its_user(address: str | None, user: str | None) -> None:
    assert sip_user(address) == user


def test_a_nul_in_a_sip_user_is_not_understood() -> None:
    with pytest.raises(NotUnderstood):
        sip_user("sip:a%00b@example.com")


def test_what_a_sip_address_passes_along_does_not_count_as_its_length() -> None:
    assert party({"to": "sip:bob@example.com;x=" + "9" * 300}, "to") == "sip:bob@example.com"
    with pytest.raises(NotUnderstood):
        party({"to": "sip:" + "b" * 300}, "to")


@pytest.mark.parametrize(
    ("number", "plus"),
    [
        ("442079460958", "+442079460958"),
        ("+442079460958", "+442079460958"),
        ("02079460958", "02079460958"),
        ("101", "101"),
        ("999999999999999", "999999999999999"),
        ("anonymous", "anonymous"),
        ("sip:442079460958@example.com", "sip:442079460958@example.com"),
        (None, None),
    ],
)
def test_a_number_that_begins_with_its_country_code_gets_its_plus(
    number: str | None, plus: str | None
) -> None:
    assert with_plus(number) == plus


@pytest.mark.parametrize("text", ["101", "ada", "sip:101@x", "", "٠١٢٣٤٥٦٧", "1" * 16])
def test_an_extension_or_a_name_is_no_telephone_number(text: str) -> None:
    assert not is_telephone_number(text)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-22T10:00:00Z", datetime(2026, 11, 22, 10, tzinfo=UTC)),
        ("2026-11-22T11:00:00.000+01:00", datetime(2026, 11, 22, 10, tzinfo=UTC)),
        ("2026-11-22T10:00:00", datetime(2026, 11, 22, 10, tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", None),
        ("noon", None),
        (1, None),
        (None, None),
    ],
)
def test_an_iso_time_that_cannot_be_read_is_unknown(text: Any, moment: datetime | None) -> None:
    assert iso_time(text) == moment


@pytest.mark.parametrize("value", [True, "1", None, 1e300, -1e300, float("nan")])
def test_seconds_that_cannot_be_read_are_unknown(value: Any) -> None:
    assert epoch_time(value) is None
    assert epoch_time(1795341600) == datetime(2026, 11, 22, 10, tzinfo=UTC)


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=8) | st.integers(0, 2**31)))
def test_pyjwt_and_we_read_each_others_tokens(claims: dict[str, Any]) -> None:
    assert hs256.verified_claims([b"another", KEY], encoded(claims)) == claims
    no_checks = {"verify_exp": False, "verify_iat": False, "verify_nbf": False}
    ours = hs256.sign(KEY, claims)
    try:
        assert jwt.decode(ours, KEY, ["HS256"], options=no_checks) == claims  # type: ignore[arg-type]
    except jwt.InvalidTokenError:
        # PyJWT also minds the types of registered claims.
        assert claims.keys() & {"iss", "sub", "aud", "jti", "iat", "nbf", "exp"}


def encoded(claims: dict[str, Any]) -> str:
    return jwt.PyJWS().encode(orjson.dumps(claims), KEY, "HS256")


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "a.b.c",
        "é.b.c",
        jwt.encode({"iss": "x"}, KEY + b"0" * 32, "HS512"),
        jwt.encode({"iss": "x"}, b"f" * 32, "HS256"),
        jwt.encode({"iss": "x"}, "", "none"),
    ],
)
def test_another_token_is_refused(token: str) -> None:
    with pytest.raises(Refused):
        hs256.verified_claims([KEY, KEY + b"0" * 32], token)


def test_a_signed_token_whose_parts_are_no_objects_is_refused() -> None:
    for payload in (b"[]", b"hello", b"\xff"):
        with pytest.raises(Refused):
            hs256.verified_claims([KEY], jwt.PyJWS().encode(payload, KEY, "HS256"))


def test_every_flipped_character_of_a_token_is_refused() -> None:
    token = hs256.sign(KEY, {"iss": "x"})
    for index in range(len(token)):
        flipped = token[:index] + ("A" if token[index] != "A" else "B") + token[index + 1 :]
        with pytest.raises(Refused):
            hs256.verified_claims([KEY], flipped)
