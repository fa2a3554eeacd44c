"""Aircall: webhook events of a call. There is no signature, but a token in the body.

Format: developer.aircall.io, API references, Webhooks. How events map, and why:

- `call.created` is `incoming`, `call.ringing_on_agent` rings for that agent alone. Who dials out
  has the call from its creation.
- `call.hungup` comes at once and ends the call; `call.ended` comes when Aircall has written the
  call down, and says the same.
- `call.transferred` takes the call from one agent and rings the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson
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
from app.telephony.body import JSON, required_text, text, text_values
from app.telephony.provider_json import (
    event_key,
    json_object,
    part,
    required_word,
    word,
    words,
)
from app.telephony.required_secrets import RequiredSecrets, plain
from app.telephony.secrets import is_one_of
from app.telephony.times import epoch_time
from app.telephony.url_token import token_in

MAX_TAGS = 50

_KINDS = {
    "call.created": EventKind.INCOMING,
    "call.ringing_on_agent": EventKind.RINGING,
    "call.agent_declined": EventKind.MISSED,
    "call.answered": EventKind.ANSWERED,
    "call.hold": EventKind.HELD,
    "call.unhold": EventKind.RESUMED,
    "call.transferred": EventKind.TRANSFERRED,
    "call.external_transferred": EventKind.TRANSFERRED,
    # The agent who wanted to hand it over has it again.
    "call.unsuccessful_transfer": EventKind.RINGING,
    "call.unanswered": EventKind.MISSED,
    "call.hungup": EventKind.ENDED,
    "call.ended": EventKind.ENDED,
    "call.voicemail_left": EventKind.ENDED,
}
_WHOLE_CALL = ("call.unanswered", "call.hungup", "call.ended", "call.voicemail_left")
_DIRECTIONS: dict[str | None, Direction] = {
    "inbound": "inbound",
    "outbound": "outbound",
    "internal": "internal",
}
# Reasons in our words; one that we do not know is kept as it came.
_REASONS = {
    "agents_did_not_answer": "no_answer",
    "no_available_agent": "no_answer",
    "abandoned_in_classic": "cancelled",
    "abandoned_in_ivr": "cancelled",
    "short_abandoned": "cancelled",
}


class AircallConfig(PhoneSystemConfig):
    """Settings: the webhook's token."""

    token: RequiredSecrets = Field(
        title="Webhook token",
        description="The token that Aircall shows for the webhook and sends in every event. Or a "
        "long random text of your own, given to Aircall with ?token=… at the end of the address.",
        min_length=1,
    )


class Aircall(PhoneSystem[AircallConfig]):
    """Aircall's webhooks."""

    kind = "aircall"
    title = "Aircall"
    summary = (
        "Aircall's Webhook integration with the call events: created, ringing on agent, answered, "
        "transferred, hung up and ended."
    )
    Config = AircallConfig

    def __init__(self, slug: str, config: AircallConfig) -> None:
        super().__init__(slug, config)
        self._tokens = plain(config.token)

    @override
    def verify(self, request: HookRequest) -> None:
        try:
            given = token_in(request) or text(json_object(request.body), "token")
        except NotUnderstood:
            raise Refused("the body, which must hold the token, cannot be read") from None
        if not given or not is_one_of(given, self._tokens):
            raise Refused("the webhook token is missing from the body, or another")

    @override
    def parse(self, request: HookRequest) -> list[CallEvent]:
        notice = json_object(request.body)
        name = required_text(notice, "event", "", "Aircall's name of the event")
        kind = _KINDS.get(name)
        if kind is None:
            return []
        call = part(notice, "data")
        call_id = required_word(call, "id", "/data", "Aircall's id of the call")
        direction = _DIRECTIONS.get(text(call, "direction", "/data"))
        user = _agent(call, "user")
        customer = text(call, "raw_digits", "/data")
        ours = text(part(call, "number"), "digits", "/data/number")
        outbound = direction == "outbound"
        if kind is EventKind.INCOMING and outbound and user:
            kind = EventKind.RINGING
        giver, taker = _agent(call, "transferred_by"), _agent(call, "transferred_to")
        if name == "call.unsuccessful_transfer":
            user = giver or user
        over = kind in (EventKind.ENDED, EventKind.MISSED)
        key = event_key("aircall", name, call_id, word(notice, "timestamp"), *user, *giver, *taker)
        event = CallEvent(
            kind=kind,
            call_id=self.full_id(call_id),
            phone_system=self.slug,
            received_at=request.received_at,
            event_key=key,
            occurred_at=epoch_time(notice.get("timestamp")),
            direction=direction,
            ani=ours if outbound else customer,
            withheld=customer is None and direction == "inbound" and not over,
            cnam=_contact(call),
            dnis=customer if outbound else ours,
            extensions=_whose(name, kind, user, giver),
            queue=_team(call),
            attached_data=_attached_data(call),
            transfer_to=taker[-1] if name == "call.transferred" and taker else None,
            ended_reason=_reason(name, call) if over else None,
            call_goes_on=name == "call.agent_declined",
        )
        if event.transfer_to is None or not giver:
            return [event]
        # The other agent may be known here by any of the names, and only one fits above.
        rings = replace(
            event,
            kind=EventKind.RINGING,
            event_key=f"{key}:to",
            extensions=taker,
            transfer_to=None,
        )
        return [event, rings]

    @override
    def answer(self, request: HookRequest, accepted: Sequence[Accepted]) -> Answer:
        """Always 200: Aircall switches a webhook off that answers anything else too often."""
        return Answer(200, b"{}")

    @override
    def ring(self, call: TestCall) -> SignedRequest:
        is_address = "@" in call.extension
        body = orjson.dumps(
            {
                "resource": "call",
                "event": "call.ringing_on_agent",
                "timestamp": int(call.now.timestamp()),
                "token": self._tokens[0],
                "data": {
                    "id": call.call_id,
                    "direction": "inbound",
                    "status": "initial",
                    "started_at": int(call.now.timestamp()),
                    "raw_digits": call.ani or None,
                    "user": {"email" if is_address else "id": call.extension},
                },
            }
        )
        return SignedRequest(call.url, {"content-type": JSON}, body)


def _agent(call: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """Return the names that an agent may be configured by: Aircall's user id, e-mail address."""
    user, at = part(call, key), f"/data/{key}"
    return words(word(user, "id", at), text(user, "email", at))


def _whose(
    name: str, kind: EventKind, user: tuple[str, ...], giver: tuple[str, ...]
) -> tuple[str, ...]:
    if name in _WHOLE_CALL or kind is EventKind.INCOMING:
        return ()
    return giver if kind is EventKind.TRANSFERRED else user


def _contact(call: Mapping[str, Any]) -> str | None:
    """Return the name in Aircall's own address book."""
    contact, at = part(call, "contact"), "/data/contact"
    names = (text(contact, key, at) for key in ("first_name", "last_name"))
    return " ".join(name for name in names if name) or text(contact, "company_name", at)


def _team(call: Mapping[str, Any]) -> str | None:
    """Return the team that the call rings for, Aircall's queue."""
    teams = call.get("teams")
    first = teams[0] if isinstance(teams, list) and teams else None
    return text(first, "name", "/data/teams/0") if isinstance(first, dict) else None


def _attached_data(call: Mapping[str, Any]) -> dict[str, str]:
    """Keep the line's name and the tags."""
    tags = call.get("tags")
    names = [
        tag["name"]
        for tag in (tags[:MAX_TAGS] if isinstance(tags, list) else ())
        if isinstance(tag, dict) and isinstance(tag.get("name"), str)
    ]
    line = part(call, "number").get("name")
    data = {"line": line if isinstance(line, str) else None, "tags": ", ".join(names) or None}
    return text_values({"data": data}, "data", "")


def _reason(name: str, call: Mapping[str, Any]) -> str | None:
    if name == "call.agent_declined":
        return "declined"
    if name == "call.voicemail_left":
        return "voicemail"
    missed = text(call, "missed_call_reason", "/data")
    if missed is not None:
        return _REASONS.get(missed, missed)
    return "completed" if call.get("answered_at") else None
