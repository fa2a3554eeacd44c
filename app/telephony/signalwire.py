"""SignalWire: cXML callbacks, which are Twilio's, and RELAY call states in JSON.

Signature as in SignalWire's SDK, with the project's signing key: a form as Twilio signs it, another
body as the lower-case hex of HMAC-SHA1 over the address and the raw body.
What RELAY tells is read by `signalwire_relay`.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from pydantic import Field
from typing_extensions import override

from app.core.call import CallEvent
from app.telephony import twilio_signature
from app.telephony.base import (
    Accepted,
    Answer,
    HookRequest,
    NotUnderstood,
    PhoneSystem,
    PhoneSystemConfig,
    Refused,
    SignedRequest,
    TestCall,
)
from app.telephony.body import FORM, media_type
from app.telephony.provider_json import json_object
from app.telephony.required_secrets import RequiredSecrets, plain
from app.telephony.secrets import is_one_of
from app.telephony.signalwire_relay import read_state
from app.telephony.twilio import Twilio, TwilioConfig
from app.telephony.voice_document import VoiceUrl

SIGNATURE = "x-signalwire-signature"
_TWILIOS = "x-twilio-signature"


class SignalWireConfig(PhoneSystemConfig):
    """Settings: the project's signing key, and where a voice URL really is."""

    signing_key: RequiredSecrets = Field(
        title="Signing key",
        description="From SignalWire's dashboard, API credentials, Signing Key: not the API token. "
        "While you change it, the old and the new one side by side.",
        min_length=1,
    )
    voice_redirect_url: VoiceUrl = ""


class SignalWire(PhoneSystem[SignalWireConfig]):
    """SignalWire cXML and RELAY."""

    kind = "signalwire"
    title = "SignalWire"
    summary = (
        "Callbacks of SignalWire: set this webhook as the status callback of your cXML numbers and "
        "of Number or Sip inside Dial, or as call_state_url of RELAY calls."
    )
    Config = SignalWireConfig

    def __init__(self, slug: str, config: SignalWireConfig) -> None:
        super().__init__(slug, config)
        self._keys = plain(config.signing_key)
        self._cxml = Twilio(
            slug,
            TwilioConfig(
                auth_token=config.signing_key, voice_redirect_url=config.voice_redirect_url
            ),
        )

    @override
    def verify(self, request: HookRequest) -> None:
        given = request.headers.get(SIGNATURE) or request.headers.get(_TWILIOS)
        if not given:
            raise Refused("not signed: the header X-SignalWire-Signature is needed")
        if _is_form(request):
            as_twilio = replace(request, headers={**request.headers, _TWILIOS: given})
            try:
                twilio_signature.verify(self._keys, as_twilio)
            except Refused:
                raise _mismatch(request) from None
            return
        expected = [
            sign_body(key, url, request.body)
            for url in twilio_signature.url_spellings(request.url)
            for key in self._keys
        ]
        if not is_one_of(given, expected):
            raise _mismatch(request)

    @override
    def parse(self, request: HookRequest) -> list[CallEvent]:
        if _is_form(request):
            return self._cxml.parse(request)
        event = read_state(
            json_object(request.body), slug=self.slug, received_at=request.received_at
        )
        return [] if event is None else [event]

    @override
    def answer(self, request: HookRequest, accepted: Sequence[Accepted]) -> Answer:
        """As Twilio: a callback wants nothing, a call that waits must not be dropped."""
        return self._cxml.answer(request, accepted) if _is_form(request) else Answer(204)

    @override
    def ring(self, call: TestCall) -> SignedRequest:
        request = self._cxml.ring(call)
        headers = {**request.headers, SIGNATURE: request.headers[_TWILIOS]}
        del headers[_TWILIOS]
        return SignedRequest(request.url, headers, request.body)


def sign_body(key: str, url: str, body: bytes) -> str:
    """Return the signature of a body that is no form."""
    signed = url.encode("utf-8", "surrogateescape") + body
    return hmac.digest(key.encode(), signed, "sha1").hex()


def _is_form(request: HookRequest) -> bool:
    """Is it signed as Twilio signs? So is what has no body: the address alone."""
    if request.method == "GET" or not request.body:
        return True
    try:
        return media_type(request.headers) in (FORM, "")
    except NotUnderstood:
        return False


def _mismatch(request: HookRequest) -> Refused:
    return Refused(
        "X-SignalWire-Signature does not match: check the signing key, and that the public address "
        f"is exactly the one given to SignalWire (here {urlsplit(request.url).path or '/'})"
    )
