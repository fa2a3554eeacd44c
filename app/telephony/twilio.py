"""Twilio Programmable Voice: status callbacks of calls and of the legs that `<Dial>` makes.

Signature in `twilio_signature`, meaning in `twilio_event`; here the settings, the answers and a
test call.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC
from email.utils import format_datetime
from urllib.parse import quote, urlencode, urlsplit
from xml.sax.saxutils import escape

from pydantic import Field, field_validator
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
    SignedRequest,
    TestCall,
)
from app.telephony.body import (
    FORM,
    MAX_FORM_FIELDS,
    form_fields,
    json_type,
    json_value,
    media_type,
)
from app.telephony.secrets import OptionalText, Secrets
from app.telephony.twilio_event import read_event

# Seconds that the customer hears ringing when a number's voice URL points here by mistake.
RING_ON_S = 120


class TwilioConfig(PhoneSystemConfig):
    """Settings: the account's auth token, and where a voice URL really is."""

    auth_token: Secrets = Field(
        title="Auth token",
        description="From Twilio's console, Account, API keys & tokens. While you change it, keep "
        "the primary and the secondary token here side by side. A sub-account has its own.",
        min_length=1,
    )
    voice_redirect_url: OptionalText = Field(
        default="",
        title="Voice URL to hand calls to",
        description="Only if a number's voice URL points at this webhook: the address of the "
        "TwiML that really handles the call. Without it such a call just keeps ringing.",
    )

    @field_validator("auth_token")
    @classmethod
    def _tokens_are_not_blank(cls, tokens: Secrets) -> Secrets:
        if any(not token.get_secret_value().strip() for token in tokens):
            raise ValueError("must not be blank: copy it from Twilio's console")
        return tokens

    @field_validator("voice_redirect_url")
    @classmethod
    def _is_web_address(cls, url: str) -> str:
        if url and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname):
            raise ValueError("must be a full address, such as https://example.com/voice")
        return url


class Twilio(PhoneSystem[TwilioConfig]):
    """Twilio Programmable Voice."""

    kind = "twilio"
    title = "Twilio Voice"
    summary = (
        "Status callbacks of Twilio: set this webhook as the status callback of your numbers, and "
        "as statusCallback of the Client, Number or Sip inside Dial, with the events initiated, "
        "ringing, answered and completed."
    )
    Config = TwilioConfig

    def __init__(self, slug: str, config: TwilioConfig) -> None:
        super().__init__(slug, config)
        self._tokens = [token.get_secret_value().strip() for token in config.auth_token]

    @override
    def verify(self, request: HookRequest) -> None:
        twilio_signature.verify(self._tokens, request)

    @override
    def parse(self, request: HookRequest) -> list[CallEvent]:
        event = read_event(_fields(request), slug=self.slug, received_at=request.received_at)
        return [] if event is None else [event]

    @override
    def answer(self, request: HookRequest, accepted: Sequence[Accepted]) -> Answer:
        """A callback wants nothing; a call that waits for instructions must not be dropped.

        Without `voice_redirect_url` the answer is a long `<Pause>`: as the first verb it keeps the
        customer's phone ringing unanswered, where an empty document would hang up.
        """
        fields = _fields(request)
        waits = fields.get("CallStatus") in ("ringing", "in-progress", "queued")
        if not waits or fields.get("CallbackSource"):
            return Answer(204)
        target = self.config.voice_redirect_url
        verb = (
            f'<Redirect method="POST">{escape(target)}</Redirect>'
            if target
            else f'<Pause length="{RING_ON_S}"/>'
        )
        document = f'<?xml version="1.0" encoding="UTF-8"?><Response>{verb}</Response>'
        return Answer(200, document.encode(), "text/xml")

    @override
    def ring(self, call: TestCall) -> SignedRequest:
        body = urlencode(
            {
                "AccountSid": "AC" + "0" * 32,
                "ApiVersion": "2010-04-01",
                "CallSid": "CA" + hashlib.sha256(call.call_id.encode()).hexdigest()[:32],
                "ParentCallSid": call.call_id,
                "CallStatus": "ringing",
                "CallbackSource": "call-progress-events",
                "Direction": "outbound-dial",
                "From": call.ani or "anonymous",
                "SequenceNumber": "1",
                "Timestamp": format_datetime(call.now.astimezone(UTC)),
                "To": f"client:{quote(call.extension, safe='')}",
            }
        ).encode()
        signature = twilio_signature.sign(self._tokens[0], call.url, body)
        return SignedRequest(
            call.url, {"content-type": FORM, "x-twilio-signature": signature}, body
        )

    @override
    def signed_again(self, request: HookRequest) -> Mapping[str, str]:
        signature = twilio_signature.sign(self._tokens[0], request.url, _form(request))
        return {"x-twilio-signature": signature}


def _form(request: HookRequest) -> bytes:
    """Return what of the body is signed along with the address."""
    media = request.headers.get("content-type", FORM).partition(";")[0].strip().lower()
    return request.body if request.method == "POST" and media == FORM else b""


def _fields(request: HookRequest) -> Mapping[str, str]:
    """Read the parameters from where the signature covers them; the last of a repeated one wins."""
    if request.method == "GET":
        return dict(form_fields(request.query.encode("utf-8", "surrogateescape")))
    media = media_type(request.headers)
    if media in (FORM, ""):
        return dict(form_fields(request.body))
    value = json_value(request.body)
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        # Event Streams: a batch of CloudEvents, none of which is a call's status.
        return {"specversion": "batch"} if value else {}
    if not isinstance(value, dict):
        raise NotUnderstood(f"must be a form or one object, not {json_type(value)}")
    if len(value) > MAX_FORM_FIELDS:
        raise NotUnderstood(f"has {len(value)} fields, the limit is {MAX_FORM_FIELDS}")
    return {k: v if isinstance(v, str) else "" for k, v in value.items() if v is not None}
