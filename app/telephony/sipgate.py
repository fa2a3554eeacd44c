"""sipgate.io's push API: `newCall`, `answer`, `hangup` and `dtmf`, signed with sipgate's RSA key.

Format: the README of github.com/sipgate/sipgate.io. Signature in `sipgate_signature`.

- sipgate sends `answer` and `hangup` only if the answer to `newCall` asks for them, with the
  addresses to send them to: our own.
- A transfer or forward is a new call with its own `callId`, user and hang-up; `origCallId` names
  the first one. So it is a call of its own here, with `parent_call_id`: the first one's hang-up,
  which only says that the first user has left, must not take it off the next one's screen.
- Nothing tells when an event happened; its receipt counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal
from urllib.parse import urlencode
from xml.sax.saxutils import quoteattr

from pydantic import Field, SecretStr, field_validator
from typing_extensions import override

from app.core.call import CallEvent, Direction, EventKind
from app.errors import UserError
from app.telephony import sipgate_signature, standard_webhooks
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
from app.telephony.body import FORM, checked_text, form_fields, media_type, required_text, text
from app.telephony.parties import with_plus
from app.telephony.provider_json import event_key
from app.telephony.secrets import OptionalSecret, OptionalText
from app.telephony.sipgate_signature import SIPGATE_KEY

MAX_USERS = 1000

_KINDS = {
    "newCall": EventKind.RINGING,
    "answer": EventKind.ANSWERED,
    "hangup": EventKind.ENDED,
    # What the caller typed: adds to the call, changes nothing else.
    "dtmf": EventKind.INCOMING,
}
_DIRECTIONS: dict[str, Direction] = {"in": "inbound", "out": "outbound"}
_REASONS = {
    "normalClearing": "completed",
    "busy": "busy",
    "cancel": "cancelled",
    "noAnswer": "no_answer",
    "congestion": "failed",
    "notFound": "failed",
    "forwarded": "forwarded",
}


class SipgateConfig(PhoneSystemConfig):
    """Settings: what names an agent, and the keys."""

    agents_by: Literal["userId", "fullUserId", "user"] = Field(
        default="userId",
        title="Agents are named by",
        description="What the agents' extensions hold: userId is like w0, fullUserId like "
        "1234567w0, user is the name of the sipgate user.",
    )
    public_key: OptionalText = Field(
        default="",
        title="sipgate's public key",
        description="Leave empty for the key that sipgate publishes. If it changes: the new one, "
        "as PEM (BEGIN PUBLIC KEY); several may stand below each other.",
    )
    test_secret: OptionalSecret = Field(
        default=SecretStr(""),
        title="Secret of test calls",
        description="Only for the command screenpop ring, which cannot sign as sipgate does: "
        "whsec_ followed by base64 of 24 to 64 random bytes.",
    )

    @field_validator("public_key")
    @classmethod
    def _keys_are_rsa(cls, pem: str) -> str:
        if pem.strip():
            sipgate_signature.read_keys(pem)
        return pem

    @field_validator("test_secret")
    @classmethod
    def _secret_is_a_key(cls, secret: SecretStr) -> SecretStr:
        if secret.get_secret_value():
            standard_webhooks.decode_secret(secret.get_secret_value())
        return secret


class Sipgate(PhoneSystem[SipgateConfig]):
    """sipgate basic, sipgate team, simquadrat."""

    kind = "sipgate"
    title = "sipgate.io"
    summary = (
        "Webhooks of sipgate basic, sipgate team and simquadrat: enter this webhook's address for "
        "incoming and outgoing calls in sipgate's console."
    )
    Config = SipgateConfig

    def __init__(self, slug: str, config: SipgateConfig) -> None:
        super().__init__(slug, config)
        self._keys = sipgate_signature.read_keys(config.public_key.strip() or SIPGATE_KEY)
        secret = config.test_secret.get_secret_value()
        self._test_key = standard_webhooks.decode_secret(secret) if secret else None

    @override
    def verify(self, request: HookRequest) -> None:
        if self._test_key is not None and "webhook-signature" in request.headers:
            standard_webhooks.verify(
                [self._test_key], request.headers, request.body, request.received_at
            )
            return
        sipgate_signature.verify(self._keys, request.headers, request.body)

    @override
    def parse(self, request: HookRequest) -> list[CallEvent]:
        fields = _fields(request)
        verb = required_text(fields, "event", "", f"send one of {', '.join(_KINDS)}")
        kind = _KINDS.get(verb)
        if kind is None:
            raise NotUnderstood(f'"{verb[:40]}" is not one of {", ".join(_KINDS)}', "/event")
        call_id = required_text(fields, "callId", "", "it says which call the event is of")
        first = text(fields, "origCallId") or call_id
        digits = text(fields, "dtmf")
        if verb == "dtmf" and digits is None:
            return []
        direction = _direction(fields)
        caller = with_plus(text(fields, "from"))
        users = self._users(fields)
        if verb == "newCall" and not users:
            kind = EventKind.INCOMING
        diversion = text(fields, "diversion")
        return [
            CallEvent(
                kind=kind,
                call_id=self.full_id(call_id),
                phone_system=self.slug,
                received_at=request.received_at,
                event_key=event_key(self.kind, call_id, verb, digits, *sorted(users)),
                direction=direction,
                ani=caller,
                withheld=verb == "newCall" and caller is None,
                dnis=with_plus(text(fields, "to")),
                extensions=self._whose(verb, fields, users, direction),
                collected={"dtmf": digits} if digits else {},
                attached_data={"diversion": diversion} if diversion else {},
                parent_call_id=None if first == call_id else self.full_id(first),
                ended_reason=_reason(fields) if verb == "hangup" else None,
            )
        ]

    @override
    def answer(self, request: HookRequest, accepted: Sequence[Accepted]) -> Answer:
        """Ask for `answer` and `hangup`, at the address that sipgate used for `newCall`."""
        wants = ""
        if _fields(request).get("event") == "newCall":
            ours = quoteattr(request.url)
            wants = f" onAnswer={ours} onHangup={ours}"
        document = f'<?xml version="1.0" encoding="UTF-8"?><Response{wants}/>'
        return Answer(200, document.encode("utf-8", "replace"), "application/xml")

    @override
    def ring(self, call: TestCall) -> SignedRequest:
        if self._test_key is None:
            raise UserError(
                f"{self.slug}: only sipgate has the key to sign its calls; give the phone system "
                'the setting test_secret (echo "whsec_$(openssl rand -base64 32)") for test calls'
            )
        body = urlencode(
            {
                "event": "newCall",
                "direction": "in",
                "from": call.ani.removeprefix("+") or "anonymous",
                "to": "4915791234567",
                "callId": call.call_id,
                "origCallId": call.call_id,
                f"{self.config.agents_by}[]": call.extension,
            }
        ).encode()
        message_id, timestamp = f"msg_{call.call_id}", int(call.now.timestamp())
        headers = {
            "content-type": FORM,
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": standard_webhooks.sign(
                self._test_key, message_id, timestamp, body
            ),
        }
        return SignedRequest(call.url, headers, body)

    def _users(self, fields: Mapping[str, str | list[str]]) -> tuple[str, ...]:
        given = fields.get(self.config.agents_by) or fields.get("user") or []
        checked = (checked_text(user, f"/{self.config.agents_by}") for user in given)
        return tuple(dict.fromkeys(user for user in checked if user))

    def _whose(
        self,
        verb: str,
        fields: Mapping[str, str | list[str]],
        users: tuple[str, ...],
        direction: Direction | None,
    ) -> tuple[str, ...]:
        """Return whose the event is. A hang-up is the whole call's."""
        if verb == "newCall" or (verb == "answer" and users):
            return users
        if verb == "answer" and direction != "outbound":
            # No user took it: a mailbox or another number did, so nobody's phone rings on.
            number = with_plus(text(fields, "answeringNumber"))
            return (number,) if number else ()
        return ()


def _fields(request: HookRequest) -> dict[str, str | list[str]]:
    """Read the form; `user`, `userId` and `fullUserId` are lists, with and without `[]`."""
    media = media_type(request.headers)
    if media not in (FORM, ""):
        raise NotUnderstood(f'content-type "{media[:80]}" is not {FORM}')
    fields: dict[str, str | list[str]] = {}
    lists: dict[str, list[str]] = {"user": [], "userId": [], "fullUserId": []}
    for name, value in form_fields(request.body):
        many = lists.get(name.partition("[")[0])
        if many is not None:
            many.append(value)
        else:
            fields.setdefault(name, value)
    return {**fields, **lists}


def _direction(fields: Mapping[str, str | list[str]]) -> Direction | None:
    direction = text(fields, "direction")
    if direction is None:
        return None
    if direction not in _DIRECTIONS:
        raise NotUnderstood(f'"{direction[:40]}" is not one of in, out', "/direction")
    return _DIRECTIONS[direction]


def _reason(fields: Mapping[str, str | list[str]]) -> str | None:
    cause = text(fields, "cause")
    return None if cause is None else _REASONS.get(cause, cause)
