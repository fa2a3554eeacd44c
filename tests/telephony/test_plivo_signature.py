"""Plivo's signature, against Plivo's own SDK in both directions.

Its Python SDK fails on a query that is not ASCII, so of such a query it proves nothing.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plivo.utils import validate_v3_signature  # type: ignore[attr-defined]

from app.telephony.base import HookRequest, Refused, TestCall
from app.telephony.plivo import Plivo, PlivoConfig
from app.telephony.plivo_signature import MAIN_SIGNATURE, NONCE, SIGNATURE, sign
from tests.telephony.hooks import NOW, URL, hook

# The SDK has no types.
OFFICIAL: Any = validate_v3_signature
TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4OTA"
OTHER = "OTg3NjU0MzIxMDk4NzY1NDMyMTA"
PBX = Plivo("pl", PlivoConfig.model_validate({"auth_token": [OTHER, TOKEN]}))
FORM = {"content-type": "application/x-www-form-urlencoded"}
CALL = {
    "CallUUID": "c-1",
    "CallStatus": "ringing",
    "Direction": "inbound",
    "From": "442079460958",
    "CallerName": "ADA LÖVELACE & Co",
    "Empty": "",
}
BODY = urlencode(CALL).encode()


def official(method: str, url: str, form: bytes, signature: str, nonce: str = "n-1") -> bool:
    params = {
        name: values if len(values) > 1 else values[0]
        for name, values in parse_qs(form.decode(), keep_blank_values=True).items()
    }
    valid: bool = OFFICIAL(method, url, nonce, TOKEN, signature, params)
    return valid


def signed(body: bytes = BODY, url: str = URL, method: str = "POST") -> HookRequest:
    headers = {**FORM, SIGNATURE: sign(TOKEN, method, url, "n-1", body), NONCE: "n-1"}
    return hook(body, headers, method=method, url=url)


def refused(request: HookRequest) -> None:
    with pytest.raises(Refused):
        PBX.verify(request)


@pytest.mark.parametrize(
    "url", [URL, URL + "?call_uuid=c-1&a=%20b", URL + "?", URL + "?b=2&a=1&a=0"]
)
@pytest.mark.parametrize("body", [BODY, b"", b"a=2&a=1&b=%C3%A9"])
def test_plivos_sdk_accepts_what_we_sign(url: str, body: bytes) -> None:
    assert official("POST", url, body, sign(TOKEN, "POST", url, "n-1", body))
    PBX.verify(signed(body, url))


@given(
    st.lists(
        st.tuples(st.text(min_size=1, max_size=8), st.text(min_size=1, max_size=12)), max_size=6
    ),
    st.lists(
        st.tuples(
            st.from_regex("[a-zA-Z]{1,6}", fullmatch=True),
            st.from_regex("[ -~]{0,9}", fullmatch=True),
        ),
        max_size=3,
    ),
    st.sampled_from(["GET", "POST"]),
)
def test_plivos_sdk_accepts_any_form_and_query_that_we_sign(
    fields: list[tuple[str, str]], query: list[tuple[str, str]], method: str
) -> None:
    url = URL + ("?" + urlencode(query) if query else "")
    form = urlencode(fields).encode() if method == "POST" else b""
    assert official(method, url, form, sign(TOKEN, method, url, "n-1", form))
    assert not official(method, url, form, sign(OTHER, method, url, "n-1", form))


def test_one_good_signature_of_several_is_enough_in_either_header() -> None:
    good = sign(TOKEN, "POST", URL, "n-1", BODY)
    headers = {**FORM, NONCE: "n-1"}
    PBX.verify(hook(BODY, {**headers, SIGNATURE: f"bad, {good}"}))
    PBX.verify(hook(BODY, {**headers, SIGNATURE: "bad", MAIN_SIGNATURE: good}))
    refused(hook(BODY, {**headers, SIGNATURE: "bad,worse", MAIN_SIGNATURE: ","}))


def test_a_get_is_signed_with_its_query() -> None:
    url = f"{URL}?{BODY.decode().replace('%C3%96', 'O')}"
    PBX.verify(signed(b"", url, "GET"))
    refused(hook(b"", signed(b"", url, "GET").headers, method="GET", url=url + "&x=1"))


def test_every_flipped_byte_of_the_body_and_of_the_headers_is_refused() -> None:
    request = signed()
    for index in range(len(BODY)):
        flipped = BODY[:index] + bytes([BODY[index] ^ 1]) + BODY[index + 1 :]
        # %c3 for %C3 is the same form.
        if flipped.upper() != BODY.upper():
            refused(hook(flipped, request.headers))
    for name in (SIGNATURE, NONCE):
        value = request.headers[name]
        for index, character in enumerate(value):
            other = value[:index] + chr(ord(character) ^ 1) + value[index + 1 :]
            refused(hook(BODY, {**request.headers, name: other}))


@pytest.mark.parametrize("missing", [SIGNATURE, NONCE])
def test_without_a_signature_or_its_nonce_it_is_refused(missing: str) -> None:
    refused(hook(BODY, {k: v for k, v in signed().headers.items() if k != missing}))


def test_another_address_is_refused() -> None:
    refused(hook(BODY, signed().headers, url=URL + "?call_uuid=c-2"))
    refused(hook(BODY, signed().headers, url="https://elsewhere.example.com/hooks/pbx"))


def test_plivos_sdk_accepts_our_test_call() -> None:
    own = Plivo("pl", PlivoConfig.model_validate({"auth_token": TOKEN}))
    request = own.ring(TestCall("ring-1", "+442079460958", "Zoë Ada", NOW, URL))
    signature, nonce = request.headers[SIGNATURE], request.headers[NONCE]
    assert official("POST", request.url, request.body, signature, nonce)
