"""Zammad's generic CTI form: `newCall`, `answer` and `hangup`, spoken by many PBXs.

Format: docs.zammad.org, API, Generic CTI. There is no signature, but a token in the address.

Two things it does not say, and what we make of them. A number without `+` and without a leading
0 starts with its country code. An outbound call keeps `ani` = who calls (us) and `dnis` = who is
called (the customer), with `direction` "outbound": whoever looks the caller up must use `dnis`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import orjson
import phonenumbers
from pydantic import Field, SecretStr, field_validator
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
from app.telephony.body import (
    FORM,
    JSON,
    checked_text,
    form_fields,
    json_type,
    json_value,
    media_type,
    required_text,
    text,
)
from app.telephony.secrets import bearer_token, is_one_of

MAX_USERS = 1000

_VERBS = ("newCall", "answer", "hangup")
_DIRECTIONS: dict[str, Direction] = {"in": "inbound", "out": "outbound"}
# Causes in our words; one that we do not know is kept as it came.
_REASONS = {
    "normalClearing": "completed",
    "busy": "busy",
    "cancel": "cancelled",
    "noAnswer": "no_answer",
    "congestion": "failed",
    "notFound": "failed",
    "forwarded": "forwarded",
}


class ZammadConfig(PhoneSystemConfig):
    """Settings: the token in the address."""

    token: SecretStr = Field(
        title="Token",
        description="A long random text. Give the phone system the webhook address with "
        "?token=… and this text at its end; anyone who has it can announce calls.",
        min_length=1,
    )
    country_code_without_plus: bool = Field(
        default=True,
        title="Numbers start with the country code",
        description="On: 493055571600 is read as +49 30 55571600, as Zammad's format has it. "
        "Switch off if the phone system sends national numbers without a leading 0.",
    )

    @field_validator("token")
    @classmethod
    def _token_is_not_blank(cls, token: SecretStr) -> SecretStr:
        if not token.get_secret_value().strip():
            raise ValueError("must not be blank: make one with: openssl rand -hex 32")
        return token


class Zammad(PhoneSystem[ZammadConfig]):
    """A PBX that is set up as for Zammad."""

    kind = "zammad"
    title = "Zammad CTI form"
    summary = (
        "A PBX that can notify Zammad's generic CTI (newCall, answer, hangup): give it our "
        "address instead."
    )
    Config = ZammadConfig

    def __init__(self, slug: str, config: ZammadConfig) -> None:
        super().__init__(slug, config)
        self._token = config.token.get_secret_value()

    @override
    def verify(self, request: HookRequest) -> None:
        try:
            fields = dict(form_fields(request.query.encode("utf-8", "surrogateescape")))
        except NotUnderstood:
            raise Refused("the address has a query that cannot be read") from None
        given = fields.get("token") or bearer_token(request.headers)
        if not given or not is_one_of(given, (self._token,)):
            raise Refused("the token in the address (?token=…) is missing or another")

    @override
    def parse(self, request: HookRequest) -> list[CallEvent]:
        fields = _fields(request)
        verb = required_text(fields, "event", "", f"send one of {', '.join(_VERBS)}")
        if verb not in _VERBS:
            raise NotUnderstood(f'"{verb[:40]}" is not one of {", ".join(_VERBS)}', "/event")
        call_id = required_text(fields, "callId", "", "send the phone system's id of the call")
        users = _users(fields)
        queue = text(fields, "queue")
        direction = _direction(fields)
        answering = text(fields, "answeringNumber")
        caller = text(fields, "from")
        inbound = direction != "outbound"
        return [
            CallEvent(
                kind=_kind(verb, users, queue),
                call_id=self.full_id(call_id),
                phone_system=self.slug,
                received_at=request.received_at,
                event_key=_key(call_id, verb, users, answering),
                direction=direction,
                ani=self._international(caller),
                withheld=verb == "newCall" and inbound and caller is None,
                dnis=self._international(text(fields, "to")),
                extensions=_whose(verb, users, answering, inbound),
                queue=queue,
                ended_reason=_reason(fields) if verb == "hangup" else None,
            )
        ]

    @override
    def answer(self, request: HookRequest, accepted: Sequence[Accepted]) -> Answer:
        return Answer(200, b"{}")

    @override
    def ring(self, call: TestCall) -> SignedRequest:
        body = orjson.dumps(
            {
                "event": "newCall",
                "from": call.ani or "anonymous",
                "to": call.extension,
                "direction": "in",
                "callId": call.call_id,
                "user": [call.extension],
            }
        )
        address = urlsplit(call.url)
        token = f"token={quote(self._token, safe='')}"
        query = f"{address.query}&{token}" if address.query else token
        return SignedRequest(
            urlunsplit(address._replace(query=query)), {"content-type": JSON}, body
        )

    def _international(self, number: str | None) -> str | None:
        if (
            number is None
            or not self.config.country_code_without_plus
            or not (number.isascii() and number.isdigit())
            or number.startswith("0")
        ):
            return number
        try:
            parsed = phonenumbers.parse("+" + number)
        except phonenumbers.NumberParseException:
            return number
        return "+" + number if phonenumbers.is_valid_number(parsed) else number


def _fields(request: HookRequest) -> Mapping[str, Any]:
    """Read the body as one mapping, whichever of the two ways it was sent."""
    media = media_type(request.headers)
    if media == JSON or (not media and request.body.lstrip()[:1] == b"{"):
        value = json_value(request.body)
        if not isinstance(value, dict):
            raise NotUnderstood(f"must be one object, not {json_type(value)}")
        # Templates of PBXs often leave the quotes off numbers.
        return {key: str(v) if type(v) is int else v for key, v in value.items()}
    if media not in (FORM, ""):
        raise NotUnderstood(f'content-type "{media[:80]}" is not one of {JSON}, {FORM}')
    fields: dict[str, Any] = {}
    for name, value in form_fields(request.body):
        if name in ("user", "user[]"):
            fields.setdefault("user", []).append(value)
        else:
            fields.setdefault(name, value)
    return fields


def _users(fields: Mapping[str, Any]) -> tuple[str, ...]:
    given = fields.get("user", fields.get("user[]"))
    if given is None or given == "":
        return ()
    if not isinstance(given, list):
        return (checked_text(given, "/user"),)
    if len(given) > MAX_USERS:
        raise NotUnderstood(f"names {len(given)} users, the limit is {MAX_USERS}", "/user")
    checked = (checked_text(user, f"/user/{index}") for index, user in enumerate(given))
    return tuple(dict.fromkeys(user for user in checked if user))


def _direction(fields: Mapping[str, Any]) -> Direction | None:
    direction = text(fields, "direction")
    if direction is None:
        return None
    if direction not in _DIRECTIONS:
        raise NotUnderstood(f'"{direction[:40]}" is not one of in, out', "/direction")
    return _DIRECTIONS[direction]


def _kind(verb: str, users: Sequence[str], queue: str | None) -> EventKind:
    if verb == "answer":
        return EventKind.ANSWERED
    if verb == "hangup":
        return EventKind.ENDED
    if users:
        return EventKind.RINGING
    return EventKind.QUEUED if queue else EventKind.INCOMING


def _whose(
    verb: str, users: tuple[str, ...], answering: str | None, inbound: bool
) -> tuple[str, ...]:
    """Return the agents the event is about. A hangup is the whole call's."""
    if verb == "hangup":
        return ()
    if verb == "newCall" or not inbound or answering is None:
        return users
    # Of a group that rang, only the one who answered; a single user may be known by either name.
    return (answering,) if len(users) != 1 else tuple(dict.fromkeys((*users, answering)))


def _reason(fields: Mapping[str, Any]) -> str | None:
    cause = text(fields, "cause")
    return None if cause is None else _REASONS.get(cause, cause)


def _key(call_id: str, verb: str, users: Sequence[str], answering: str | None) -> str:
    """Recognise a repeat: nothing in the format numbers the events."""
    whole = orjson.dumps([call_id, verb, sorted(users), answering])
    return f"zammad:{hashlib.sha256(whole).hexdigest()[:32]}"
