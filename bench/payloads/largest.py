"""The fullest webhook of each kind as its provider would sign it, and what reading one must cost.

A kind that is not listed is measured with its test call.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlencode

import orjson
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.telephony import cloudevents, hs256, plivo_signature, standard_webhooks, twilio_signature
from app.telephony.base import HookRequest, PhoneSystem, TestCall
from app.telephony.body import FORM, JSON
from app.telephony.placetel import sign as placetel_sign
from app.telephony.registry import webhook_kinds
from app.telephony.signalwire import SIGNATURE as SIGNALWIRE
from app.telephony.signalwire import sign_body
from app.telephony.telnyx import SIGNATURE as TELNYX
from app.telephony.telnyx import TIMESTAMP
from bench.payloads import apis, contact_centres, pbxs

URL = "https://pop.example.com/hooks/pbx"
TOKEN = "a-token-that-is-as-long-as-a-token-usually-is"
_KEY = b"0123456789abcdef01234567"
SECRET = "whsec_" + base64.b64encode(_KEY).decode()
_NONCE = "12345"


@dataclass(frozen=True, slots=True)
class Largest:
    """A phone system and its fullest webhook; `floor` reads and proves the bare bytes."""

    system: PhoneSystem[Any]
    request: HookRequest
    floor: Callable[[], object]


@dataclass(frozen=True, slots=True)
class _Sent:
    """A webhook before it is received: `settings` are what it is verified with."""

    settings: Mapping[str, Any]
    body: bytes
    headers: Mapping[str, str]
    query: str = ""
    method: str = "POST"
    prove: Callable[[], object] | None = None


def largest(kind: str, now: datetime) -> Largest:
    """Return the fullest webhook of a kind, sent now."""
    make = _MAKERS.get(kind)
    system_of = webhook_kinds()[kind]
    if make is None:
        return _test_call(system_of("pbx", _all_secrets(system_of)), now)
    sent = make(now)
    system = system_of("pbx", system_of.Config.model_validate(sent.settings))
    return _received(system, sent, now)


def _received(system: PhoneSystem[Any], sent: _Sent, now: datetime) -> Largest:
    request = HookRequest(
        method=sent.method,
        url=f"{URL}?{sent.query}" if sent.query else URL,
        query=sent.query,
        headers=sent.headers,
        body=sent.body,
        received_at=now,
    )
    is_json = sent.headers.get("content-type") not in (FORM, "application/jwt", None)
    whole = sent.body or sent.query.encode()
    form = whole.decode()

    def floor() -> object:
        proof = sent.prove() if sent.prove else hmac.digest(_KEY, whole, "sha256")
        if sent.headers.get("content-type") == "application/jwt":
            payload = whole.split(b".")[1]
            return orjson.loads(base64.urlsafe_b64decode(payload + b"==")), proof
        return orjson.loads(whole) if is_json else dict(parse_qsl(form)), proof

    return Largest(system, request, floor)


def _all_secrets(system: type[PhoneSystem[Any]]) -> Any:
    properties = system.Config.model_json_schema()["properties"]
    return system.Config.model_validate(
        {
            name: SECRET
            for name, schema in properties.items()
            if schema.get("writeOnly") or schema.get("items", {}).get("writeOnly")
        }
    )


def _test_call(system: PhoneSystem[Any], now: datetime) -> Largest:
    sent = system.ring(TestCall("c-1001", "+442079460958", "101", now, URL))
    headers = {name.lower(): value for name, value in sent.headers.items()}
    query = sent.url.partition("?")[2]
    return _received(system, _Sent({}, sent.body, headers, query), now)


def _standard(at: datetime, body: bytes, media: str = JSON) -> _Sent:
    seconds = int(at.timestamp())
    headers = {
        "content-type": media,
        "webhook-id": "msg_1",
        "webhook-timestamp": str(seconds),
        "webhook-signature": standard_webhooks.sign(_KEY, "msg_1", seconds, body),
    }
    return _Sent({"secret": SECRET}, body, headers)


def _twilio(fields: Mapping[str, str], setting: str, header: str) -> _Sent:
    body = urlencode(fields).encode()
    headers = {"content-type": FORM, header: twilio_signature.sign(TOKEN, URL, body)}
    return _Sent({setting: TOKEN}, body, headers)


def _signalwire(at: datetime) -> _Sent:
    body = orjson.dumps(apis.relay(at))
    headers = {"content-type": JSON, SIGNALWIRE: sign_body(TOKEN, URL, body)}
    return _Sent({"signing_key": TOKEN}, body, headers)


def _telnyx(at: datetime) -> _Sent:
    key = Ed25519PrivateKey.from_private_bytes(_KEY.ljust(32, b"0"))
    public = key.public_key()
    body = orjson.dumps(apis.telnyx(at))
    seconds = str(int(at.timestamp()))
    signed = f"{seconds}|".encode() + body
    signature = key.sign(signed)
    headers = {
        "content-type": JSON,
        TIMESTAMP: seconds,
        TELNYX: base64.b64encode(signature).decode(),
    }
    text = base64.b64encode(public.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()
    return _Sent(
        {"public_key": text}, body, headers, prove=lambda: public.verify(signature, signed)
    )


@cache
def _rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 4096)  # As long as sipgate's own.


def _sipgate(_: datetime) -> _Sent:
    key = _rsa_key()
    public = key.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    body = urlencode(pbxs.sipgate()).encode()
    signature = key.sign(body, PKCS1v15(), SHA256())
    headers = {
        "content-type": FORM,
        "x-sipgate-signature": base64.b64encode(signature).decode(),
    }
    return _Sent(
        {"public_key": pem},
        body,
        headers,
        prove=lambda: public.verify(signature, body, PKCS1v15(), SHA256()),
    )


def _vonage(at: datetime) -> _Sent:
    body = orjson.dumps(apis.vonage(at))
    claims = {
        "iat": int(at.timestamp()),
        "jti": "c5ba8f24-1a14-4c10-bfdf-3fbe8ce511b5",
        "iss": "Vonage",
        "payload_hash": hashlib.sha256(body).hexdigest(),
        "api_key": "a1b2c3d",
        "application_id": "aaaaaaaa-bbbb-cccc-dddd-0123456789ab",
    }
    token = hs256.sign(TOKEN.encode(), claims)
    headers = {"content-type": JSON, "authorization": f"Bearer {token}"}
    return _Sent({"signature_secret": TOKEN}, body, headers)


def _plivo(_: datetime) -> _Sent:
    body = urlencode(apis.plivo()).encode()
    headers = {
        "content-type": FORM,
        plivo_signature.NONCE: _NONCE,
        plivo_signature.SIGNATURE: plivo_signature.sign(TOKEN, "POST", URL, _NONCE, body),
    }
    return _Sent({"auth_token": TOKEN}, body, headers)


def _zoom(at: datetime) -> _Sent:
    body, seconds = orjson.dumps(pbxs.zoom(at)), str(int(at.timestamp()))
    mac = hmac.digest(TOKEN.encode(), f"v0:{seconds}:".encode() + body, "sha256").hex()
    headers = {
        "content-type": JSON,
        "x-zm-request-timestamp": seconds,
        "x-zm-signature": f"v0={mac}",
    }
    return _Sent({"secret_token": TOKEN}, body, headers)


def _placetel(_: datetime) -> _Sent:
    body = urlencode(pbxs.placetel()).encode()
    headers = {"content-type": FORM, "x-placetel-signature": placetel_sign(TOKEN.encode(), body)}
    return _Sent({"secret": TOKEN}, body, headers)


def _json(setting: str, body: object, query: str = "", **headers: str) -> _Sent:
    sent = {"content-type": JSON, **{k.replace("_", "-"): v for k, v in headers.items()}}
    return _Sent({setting: TOKEN}, orjson.dumps(body), sent, query)


def _exotel(_: datetime) -> _Sent:
    query = urlencode({**apis.exotel(), "token": TOKEN})
    return _Sent({"token": TOKEN}, b"", {}, query, method="GET")


def _dialpad(at: datetime) -> _Sent:
    body = hs256.sign(TOKEN.encode(), pbxs.dialpad(at)).encode()
    return _Sent({"secret": TOKEN}, body, {"content-type": "application/jwt"})


_MAKERS: Mapping[str, Callable[[datetime], _Sent]] = {
    "3cx": lambda at: _json("token", pbxs.threecx(at), authorization=f"Bearer {TOKEN}"),
    "aircall": lambda at: _json("token", pbxs.aircall(at, TOKEN)),
    "amazon_connect": lambda at: _standard(at, orjson.dumps(contact_centres.amazon_connect(at))),
    "dialpad": _dialpad,
    "exotel": _exotel,
    "generic": lambda at: _standard(at, orjson.dumps(pbxs.generic(at)), cloudevents.BATCH),
    "genesys": lambda at: _standard(at, orjson.dumps(contact_centres.genesys(at))),
    "placetel": _placetel,
    "plivo": _plivo,
    "ringcentral": lambda at: _json(
        "verification_token", contact_centres.ringcentral(at), verification_token=TOKEN
    ),
    "signalwire": _signalwire,
    "sipgate": _sipgate,
    "telnyx": _telnyx,
    "twilio": lambda at: _twilio(apis.twilio(at), "auth_token", "x-twilio-signature"),
    "twilio_taskrouter": lambda at: _twilio(
        contact_centres.taskrouter(at), "auth_token", "x-twilio-signature"
    ),
    "vonage": _vonage,
    "zammad": lambda _: _json("token", pbxs.zammad(), f"token={TOKEN}"),
    "zoom": _zoom,
}
