"""Twilio's signature, against the official validator in both directions."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import parse_qsl, urlencode

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from app.telephony.base import HookRequest, Refused
from app.telephony.twilio import Twilio, TwilioConfig
from app.telephony.twilio_signature import sign
from tests.telephony.hooks import URL, hook

# The SDK has no types.
OFFICIAL: Any = RequestValidator
TOKEN = "0123456789abcdef0123456789abcdef"
OTHER = "fedcba9876543210fedcba9876543210"
PBX = Twilio("tw", TwilioConfig(auth_token=TOKEN))
FORM = "application/x-www-form-urlencoded"
CALL = {
    "CallSid": "CA1",
    "CallStatus": "ringing",
    "Direction": "inbound",
    "From": "+442079460958",
    "CallerName": "ADA LÖVELACE",
    "FromCity": "",
}


class Repeated:
    """Parameters with repeated names, as the validator wants them."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self.pairs = pairs

    def __iter__(self) -> Any:
        return iter([name for name, _ in self.pairs])

    def __len__(self) -> int:
        return len(self.pairs)

    def getlist(self, name: str) -> list[str]:
        return [value for key, value in self.pairs if key == name]


def official(url: str, form: bytes, token: str = TOKEN) -> str:
    pairs = parse_qsl(form.decode(), keep_blank_values=True)
    signature: str = OFFICIAL(token).compute_signature(url, Repeated(pairs))
    return signature


def signed(
    body: bytes, url: str = URL, token: str = TOKEN, seen_as: str | None = None
) -> HookRequest:
    headers = {"content-type": FORM, "x-twilio-signature": official(url, body, token)}
    return hook(body, headers, url=seen_as or url)


def refused(request: HookRequest, pbx: Twilio = PBX) -> None:
    with pytest.raises(Refused):
        pbx.verify(request)


def test_what_the_official_sdk_signs_is_accepted() -> None:
    PBX.verify(signed(urlencode(CALL).encode()))


@given(
    st.lists(st.tuples(st.text(min_size=1, max_size=12), st.text(max_size=20)), max_size=8),
    st.sampled_from([URL, URL + "?a=1&b=%20", "https://pop.example.com:8443/x", "http://h/y"]),
)
def test_what_we_sign_the_official_validator_accepts(
    pairs: list[tuple[str, str]], url: str
) -> None:
    body = urlencode(pairs).encode()
    signature = sign(TOKEN, url, body)
    assert signature == official(url, body)
    PBX.verify(signed(body, url))


def test_blank_and_repeated_parameters_are_signed() -> None:
    body = b"Digits=&a=2&a=1&a=2&b=x+y&b=x%20y&%C3%A9=%E2%82%AC&A"
    PBX.verify(signed(body))
    assert OFFICIAL(TOKEN).validate(
        URL, Repeated(parse_qsl(body.decode(), keep_blank_values=True)), sign(TOKEN, URL, body)
    )


@pytest.mark.parametrize(
    ("signed_url", "seen_as"),
    [
        ("https://pop.example.com:443/hooks/pbx", "https://pop.example.com/hooks/pbx"),
        ("https://pop.example.com/hooks/pbx", "https://pop.example.com:443/hooks/pbx"),
        ("http://pop.example.com:80/hooks/pbx", "http://pop.example.com/hooks/pbx"),
        ("https://pop.example.com/hooks/pbx", "https://pop.example.com:8443/hooks/pbx"),
        ("https://pop.example.com:443/p?q=1:2", "https://pop.example.com/p?q=1:2"),
        ("https://[2001:db8::1]:443/p", "https://[2001:db8::1]/p"),
    ],
)
def test_the_port_may_be_left_out_of_the_address(signed_url: str, seen_as: str) -> None:
    PBX.verify(signed(b"CallSid=CA1", signed_url, seen_as=seen_as))


@pytest.mark.parametrize(
    "seen_as",
    [
        "http://pop.example.com/hooks/pbx",
        "https://pop.example.org/hooks/pbx",
        "https://pop.example.com/hooks/other",
        "https://pop.example.com/hooks/pbx?a=1",
        "https://pop.example.com:8443/hooks/pbx",
    ],
)
def test_another_address_is_refused(seen_as: str) -> None:
    request = signed(b"CallSid=CA1", "https://pop.example.com:9000/hooks/pbx")
    refused(hook(request.body, request.headers, url=seen_as))


def test_primary_and_secondary_token_are_good_side_by_side() -> None:
    pbx = Twilio("tw", TwilioConfig(auth_token=[OTHER, TOKEN]))
    for token in (TOKEN, OTHER):
        pbx.verify(signed(b"CallSid=CA1", token=token))
    refused(signed(b"CallSid=CA1", token=OTHER))


def test_no_byte_of_the_form_can_change() -> None:
    request = signed(urlencode(CALL).encode())
    for index, byte in enumerate(request.body):
        changed = request.body[:index] + bytes([byte ^ 1]) + request.body[index + 1 :]
        refused(hook(changed, request.headers))
    refused(hook(request.body + b"&Digits=1", request.headers))
    refused(hook(b"", request.headers))


def test_no_character_of_the_signature_can_change() -> None:
    request = signed(urlencode(CALL).encode())
    signature = request.headers["x-twilio-signature"]
    for index, character in enumerate(signature):
        for other in (chr(ord(character) ^ 1), chr(ord(character) ^ 0x20), "é", "☎"):
            changed = signature[:index] + other + signature[index + 1 :]
            refused(hook(request.body, {**request.headers, "x-twilio-signature": changed}))
    refused(hook(request.body, {"content-type": FORM}))
    refused(hook(request.body, {**request.headers, "x-twilio-signature": ""}))


def test_a_get_is_signed_by_its_address_alone() -> None:
    url = f"{URL}?{urlencode(CALL)}"
    request = hook(b"", {"x-twilio-signature": official(url, b"")}, method="GET", url=url)
    PBX.verify(request)
    [event] = PBX.parse(request)
    assert event.call_id == "tw:CA1"
    refused(hook(b"", request.headers, method="GET", url=url + "&Digits=1"))


def json_request(body: bytes, covered: bytes | None = None, **headers: str) -> HookRequest:
    digest = hashlib.sha256(body if covered is None else covered).hexdigest()
    url = f"{URL}?bodySHA256={digest}"
    signature = official(url, b"")
    sent = {"content-type": "application/json", "x-twilio-signature": signature, **headers}
    return hook(body, sent, url=url)


def test_a_json_body_is_covered_by_its_hash_in_the_address() -> None:
    body = orjson.dumps(CALL)
    request = json_request(body)
    signature = request.headers["x-twilio-signature"]
    assert OFFICIAL(TOKEN).validate(request.url, body.decode(), signature)
    PBX.verify(request)
    assert PBX.parse(request) == PBX.parse(hook(urlencode(CALL).encode(), {"content-type": FORM}))


def test_a_json_body_that_its_hash_does_not_cover_is_refused() -> None:
    refused(json_request(orjson.dumps(CALL), covered=b"{}"))
    body = orjson.dumps(CALL)
    bare = {"content-type": "application/json", "x-twilio-signature": official(URL, b"")}
    refused(hook(body, bare))


def test_a_body_cannot_slip_past_the_signature_under_another_type() -> None:
    body = urlencode(CALL).encode()
    headers = {"content-type": "text/plain", "x-twilio-signature": official(URL, b"")}
    refused(hook(body, headers))
    refused(hook(body, {"x-twilio-signature": official(URL, b"")}))
