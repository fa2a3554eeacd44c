"""Standard Webhooks, against the official SDK in both directions."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from app.telephony.base import Refused
from app.telephony.standard_webhooks import decode_secret, sign, verify

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
OTHER = "whsec_" + base64.b64encode(b"another key, 24 bytes ok").decode()
KEY = decode_secret(SECRET)
BODY = b'{"event": "ringing", "call_id": "c-1", "cnam": "M\xc3\xbcller"}'
# The SDK reads the clock of the machine.
NOW = datetime.now(UTC).replace(microsecond=0)


def sdk_headers(body: bytes = BODY, secret: str = SECRET, at: datetime = NOW) -> dict[str, str]:
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign("msg_1", at, body.decode()),
    }


def refused(headers: Mapping[str, str], body: bytes = BODY, now: datetime = NOW) -> str:
    with pytest.raises(Refused) as refusal:
        verify([KEY], headers, body, now)
    return str(refusal.value)


def test_what_the_official_sdk_signs_is_accepted() -> None:
    verify([KEY], sdk_headers(), BODY, NOW)


@given(
    body=st.text(max_size=200), message_id=st.from_regex(r"[a-zA-Z0-9_.-]{1,40}", fullmatch=True)
)
def test_what_we_sign_the_official_sdk_accepts(body: str, message_id: str) -> None:
    at = datetime.now(UTC)
    headers = {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": sign(KEY, message_id, int(at.timestamp()), body.encode()),
    }
    Webhook(SECRET).verify(body, headers, json_parse=False)
    verify([KEY], headers, body.encode(), at)


def test_no_byte_of_the_body_can_change() -> None:
    headers = sdk_headers()
    for index in range(len(BODY)):
        for bit in (1, 0x20, 0x80):
            changed = BODY[:index] + bytes([BODY[index] ^ bit]) + BODY[index + 1 :]
            refused(headers, changed)
    refused(headers, BODY[:-1])
    refused(headers, BODY + b" ")


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_no_character_of_a_header_can_change(name: str) -> None:
    headers = sdk_headers()
    for index, character in enumerate(headers[name]):
        for bit in (1, 2, 0x20, 0x80):
            other = headers[name][:index] + chr(ord(character) ^ bit) + headers[name][index + 1 :]
            refused({**headers, name: other})


def test_a_signature_has_one_spelling_only() -> None:
    # The last character of 32 bytes in base64 has two bits that decode to nothing.
    headers = sdk_headers()
    signature = headers["webhook-signature"].removeprefix("v1,")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    twin = alphabet[alphabet.index(signature[-2]) ^ 1]
    same_bytes = signature[:-2] + twin + "="
    assert base64.b64decode(same_bytes) == base64.b64decode(signature)
    refused({**headers, "webhook-signature": "v1," + same_bytes})


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_every_header_is_needed(name: str) -> None:
    headers = sdk_headers()
    del headers[name]
    assert "not signed" in refused(headers)
    assert "not signed" in refused({**headers, name: ""})


@pytest.mark.parametrize("seconds", [-300, -299, 0, 300])
def test_a_clock_may_be_five_minutes_off(seconds: int) -> None:
    verify([KEY], sdk_headers(at=NOW + timedelta(seconds=seconds)), BODY, NOW)


@pytest.mark.parametrize(("seconds", "word"), [(-301, "old"), (301, "ahead"), (-86400, "old")])
def test_a_message_from_another_time_is_refused(seconds: int, word: str) -> None:
    assert word in refused(sdk_headers(at=NOW + timedelta(seconds=seconds)))


@pytest.mark.parametrize(
    "timestamp", ["now", "-5", "1e9", "1.5", "٣", "9" * 13, " 1", "1 ", "0x10", "nan", "+1"]
)
def test_a_timestamp_that_is_no_number_is_refused(timestamp: str) -> None:
    signed = {**sdk_headers(), "webhook-timestamp": timestamp}
    refused(signed)


def test_old_and_new_secret_are_good_side_by_side() -> None:
    keys = [decode_secret(OTHER), KEY]
    verify(keys, sdk_headers(secret=SECRET), BODY, NOW)
    verify(keys, sdk_headers(secret=OTHER), BODY, NOW)


def test_a_sender_may_sign_with_several_secrets() -> None:
    headers = sdk_headers()
    both = sdk_headers(secret=OTHER)["webhook-signature"] + " " + headers["webhook-signature"]
    verify([KEY], {**headers, "webhook-signature": both}, BODY, NOW)


def test_signatures_of_other_versions_are_skipped() -> None:
    headers = sdk_headers()
    good = headers["webhook-signature"]
    verify([KEY], {**headers, "webhook-signature": f"v1a,AAAA {good} v2,BBBB"}, BODY, NOW)
    refused({**headers, "webhook-signature": good.replace("v1,", "v2,")})


@pytest.mark.parametrize(
    "signature", ["v1", "garbage", ",", "v1,", "v1,,", "v1,=", "v1,é", "v1,☎", " ", "v1, AAAA", "☎"]
)
def test_a_malformed_signature_is_refused_and_never_an_error(signature: str) -> None:
    refused({**sdk_headers(), "webhook-signature": signature})


def test_a_malformed_entry_does_not_spoil_a_good_one() -> None:
    headers = sdk_headers()
    signatures = f"garbage v1 {headers['webhook-signature']}"
    verify([KEY], {**headers, "webhook-signature": signatures}, BODY, NOW)


def test_a_secret_that_signed_nothing_here_refuses() -> None:
    with pytest.raises(Refused):
        verify([decode_secret(OTHER)], sdk_headers(), BODY, NOW)
    with pytest.raises(Refused):
        verify([], sdk_headers(), BODY, NOW)


@given(st.dictionaries(st.sampled_from(sorted(sdk_headers())), st.text(max_size=60)))
def test_no_headers_make_it_raise_anything_else(headers: dict[str, str]) -> None:
    refused(headers)


def test_we_refuse_what_the_official_sdk_refuses() -> None:
    headers = sdk_headers(secret=OTHER)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(BODY, headers)
    refused(headers)


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_=", "whsec_not base64!", "secret-with-dashes", "whsec_é"]
)
def test_a_secret_that_is_no_key_says_how_to_make_one(secret: str) -> None:
    with pytest.raises(ValueError, match="openssl rand") as error:
        decode_secret(secret)
    assert secret in ("", "whsec_") or secret not in str(error.value)


def test_the_prefix_and_the_padding_of_a_secret_may_be_missing() -> None:
    key = b"0123456789abcdef0123456"
    encoded = base64.b64encode(key).decode()
    for text in (encoded, "whsec_" + encoded, "whsec_" + encoded.rstrip("=")):
        assert decode_secret(text) == key
