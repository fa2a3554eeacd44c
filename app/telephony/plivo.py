"""Plivo Voice: callbacks of calls and of the legs that `<Dial>` makes.

Signature in `plivo_signature`, meaning in `plivo_event`; here the settings, the answers and a test
call.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from urllib.parse import quote, urlencode

from pydantic import Field
from typing_extensions import override

from app.core.call import CallEvent
from app.telephony import plivo_signature
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
from app.telephony.body import FORM, form_fields, media_type, text
from app.telephony.plivo_event import is_dial_callback, read_event
from app.telephony.required_secrets import RequiredSecrets, plain
from app.telephony.voice_document import VoiceUrl, voice_document


class PlivoConfig(PhoneSystemConfig):
    """Settings: the account's auth token, and where an answer URL really is."""

    auth_token: RequiredSecrets = Field(
        title="Auth token",
        description="From Plivo's console, on its overview page. While you change it, the old and "
        "the new one side by side. A sub-account has its own.",
        min_length=1,
    )
    voice_redirect_url: VoiceUrl = ""


class Plivo(PhoneSystem[PlivoConfig]):
    """Plivo Voice."""

    kind = "plivo"
    title = "Plivo"
    summary = (
        "Callbacks of Plivo: set this webhook as the hangup URL of your application, as "
        "callbackUrl of Dial, and as ring, answer or hangup URL of the calls made to agents."
    )
    Config = PlivoConfig

    def __init__(self, slug: str, config: PlivoConfig) -> None:
        super().__init__(slug, config)
        self._tokens = plain(config.auth_token)

    @override
    def verify(self, request: HookRequest) -> None:
        plivo_signature.verify(self._tokens, request)

    @override
    def parse(self, request: HookRequest) -> list[CallEvent]:
        query = dict(form_fields(request.query.encode("utf-8", "surrogateescape")))
        event = read_event(
            _fields(request),
            text(query, "call_uuid"),
            slug=self.slug,
            received_at=request.received_at,
        )
        return [] if event is None else [event]

    @override
    def answer(self, request: HookRequest, accepted: Sequence[Accepted]) -> Answer:
        """A callback wants nothing; a call that waits for its document must not be dropped."""
        fields = _fields(request)
        waits = fields.get("CallStatus") in ("ringing", "in-progress")
        if not waits or is_dial_callback(fields) or fields.get("Event") == "Ring":
            return Answer(200, content_type="text/plain")
        return voice_document(self.config.voice_redirect_url, wait="Wait")

    @override
    def ring(self, call: TestCall) -> SignedRequest:
        body = urlencode(
            {
                "CallStatus": "ringing",
                "CallUUID": call.call_id,
                "Direction": "outbound",
                "Event": "Ring",
                "From": call.ani.removeprefix("+") or "anonymous",
                "To": f"sip:{quote(call.extension, safe='')}@phone.plivo.com",
            }
        ).encode()
        nonce = hashlib.sha256(f"{call.call_id} {call.now}".encode()).hexdigest()[:32]
        signature = plivo_signature.sign(self._tokens[0], "POST", call.url, nonce, body)
        headers = {
            "content-type": FORM,
            plivo_signature.SIGNATURE: signature,
            plivo_signature.NONCE: nonce,
        }
        return SignedRequest(call.url, headers, body)


def _fields(request: HookRequest) -> Mapping[str, str]:
    """Read the parameters from where the signature covers them; the last of a repeated one wins."""
    if request.method == "GET":
        return dict(form_fields(request.query.encode("utf-8", "surrogateescape")))
    media = media_type(request.headers)
    if media not in (FORM, ""):
        raise NotUnderstood(f'content-type "{media[:80]}" is not {FORM}')
    return dict(form_fields(request.body))
