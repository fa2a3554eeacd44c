"""Placetel's notify API: `IncomingCall`, `OutgoingCall`, `CallAccepted` and `HungUp`, in forms.

Format and signature: github.com/Placetel/call-control-notify-api.

Placetel does not tell whose phones ring, only which number was dialled: an incoming call rings
for the agents who have that number among their extensions. Who answered is told as a SIP user
(`peer`); of an outgoing call only at its end, by its duration. Nothing tells when an event
happened; its receipt counts.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import urlencode

from pydantic import Field
from typing_extensions import override

from app.core.call import CallEvent, Direction, EventKind
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
from app.telephony.body import FORM, form_fields, media_type, required_text, text
from app.telephony.provider_json import event_key
from app.telephony.required_secrets import RequiredSecrets, plain
from app.telephony.secrets import is_one_of

_KINDS = {
    "IncomingCall": EventKind.RINGING,
    "OutgoingCall": EventKind.RINGING,
    "CallAccepted": EventKind.ANSWERED,
    "HungUp": EventKind.ENDED,
}
_DIRECTIONS: dict[str, Direction] = {"in": "inbound", "out": "outbound"}
# Types in our words; one that we do not know is kept as it came.
_REASONS = {
    "accepted": "completed",
    "missed": "no_answer",
    "voicemail": "voicemail",
    "blocked": "declined",
    "busy": "busy",
    "canceled": "cancelled",
    "unavailable": "failed",
    "congestion": "failed",
}


class PlacetelConfig(PhoneSystemConfig):
    """Settings: the shared secret."""

    secret: RequiredSecrets = Field(
        title="Shared secret",
        description="The secret of the external API in Placetel's web portal, Settings, External "
        "APIs. While you change it, keep the old and the new one here side by side.",
    )


class Placetel(PhoneSystem[PlacetelConfig]):
    """Placetel PROFI."""

    kind = "placetel"
    title = "Placetel"
    summary = (
        "Call notifications of Placetel PROFI: enter this webhook's address in Placetel's web "
        "portal under Settings, External APIs, and switch notifications on for each number."
    )
    Config = PlacetelConfig

    def __init__(self, slug: str, config: PlacetelConfig) -> None:
        super().__init__(slug, config)
        self._secrets = [secret.encode() for secret in plain(config.secret)]

    @override
    def verify(self, request: HookRequest) -> None:
        given = request.headers.get("x-placetel-signature", "")
        if not given:
            raise Refused("not signed: the header X-PLACETEL-SIGNATURE is needed")
        if not is_one_of(given, (sign(secret, request.body) for secret in self._secrets)):
            raise Refused("X-PLACETEL-SIGNATURE does not match: the secret or the body differs")

    @override
    def parse(self, request: HookRequest) -> list[CallEvent]:
        fields = _fields(request)
        verb = required_text(fields, "event", "", f"send one of {', '.join(_KINDS)}")
        kind = _KINDS.get(verb)
        if kind is None:
            raise NotUnderstood(f'"{verb[:40]}" is not one of {", ".join(_KINDS)}', "/event")
        call_id = required_text(fields, "call_id", "", "it says which call the event is of")
        caller, called, peer = (text(fields, name) for name in ("from", "to", "peer"))
        event = CallEvent(
            kind=kind,
            call_id=self.full_id(call_id),
            phone_system=self.slug,
            received_at=request.received_at,
            event_key=event_key(self.kind, call_id, verb, peer),
            direction=_direction(verb, fields, called),
            ani=caller,
            withheld=kind is EventKind.RINGING and caller is None,
            dnis=called,
            extensions=_whose(verb, caller, called, peer),
            ended_reason=_reason(fields) if verb == "HungUp" else None,
        )
        if event.ended_reason != "completed" or event.direction == "inbound":
            return [event]
        answered = replace(
            event,
            kind=EventKind.ANSWERED,
            event_key=event_key(self.kind, call_id, "answered"),
            occurred_at=_answered_at(request.received_at, fields),
            ended_reason=None,
        )
        return [answered, event]

    @override
    def answer(self, request: HookRequest, accepted: Sequence[Accepted]) -> Answer:
        """Answer with nothing: only a number that is routed by us would expect a document.

        Such a number then takes its backup routing, which is what should happen.
        """
        return Answer(200, b"", "text/plain")

    @override
    def ring(self, call: TestCall) -> SignedRequest:
        body = urlencode(
            {
                "call_id": call.call_id,
                "direction": "in",
                "event": "IncomingCall",
                "from": call.ani or "anonymous",
                "to": call.extension,
            }
        ).encode()
        signature = sign(self._secrets[0], body)
        headers = {"content-type": FORM, "x-placetel-signature": signature}
        return SignedRequest(call.url, headers, body)


def sign(secret: bytes, body: bytes) -> str:
    """Return the `X-PLACETEL-SIGNATURE` of a body: HMAC-SHA256 in lower-case hexadecimal."""
    return hmac.digest(secret, body, "sha256").hex()


def _fields(request: HookRequest) -> Mapping[str, str]:
    media = media_type(request.headers)
    if media not in (FORM, ""):
        raise NotUnderstood(f'content-type "{media[:80]}" is not {FORM}')
    return dict(form_fields(request.body))


def _direction(verb: str, fields: Mapping[str, str], called: str | None) -> Direction | None:
    """Return the direction; a call to a SIP user instead of a number is a colleague's."""
    if verb in ("IncomingCall", "CallAccepted"):
        return "inbound"
    told = "outbound" if verb == "OutgoingCall" else _DIRECTIONS.get(fields.get("direction", ""))
    return "internal" if told == "outbound" and called and "@" in called else told


def _answered_at(ended: datetime, fields: Mapping[str, str]) -> datetime:
    """Return when a call was answered that has just ended, from its duration in seconds."""
    duration = fields.get("duration", "")
    is_short = duration.isascii() and duration.isdigit() and len(duration) <= 6
    return ended - timedelta(seconds=int(duration) if is_short else 0)


def _whose(verb: str, caller: str | None, called: str | None, peer: str | None) -> tuple[str, ...]:
    """Return whose the event is. A hang-up is the whole call's."""
    match verb:
        case "IncomingCall":
            named = called
        case "OutgoingCall":
            named = peer or caller
        case "CallAccepted":
            named = peer
        case _:
            named = None
    return (named,) if named else ()


def _reason(fields: Mapping[str, str]) -> str | None:
    given = text(fields, "type")
    return None if given is None else _REASONS.get(given, given)
