"""3CX: the call report of our CRM template, and the events of add-ons, read by a map of names.

3CX itself sends no events by HTTP. What it does send is the report of a call that is over, which
`docs/phone-systems/3cx/screenpop.xml` asks for. Add-ons post JSON when a phone rings; their names
differ by add-on and version, so they are settings. What either means is in `threecx_event`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson
from pydantic import Field, field_validator
from typing_extensions import override

from app.core.call import CallEvent, EventKind
from app.errors import UserError
from app.telephony.base import (
    Accepted,
    Answer,
    HookRequest,
    PhoneSystem,
    PhoneSystemConfig,
    Refused,
    SignedRequest,
    TestCall,
)
from app.telephony.body import JSON
from app.telephony.provider_json import json_object
from app.telephony.required_secrets import RequiredSecrets, plain
from app.telephony.secrets import bearer_token, is_one_of
from app.telephony.threecx_event import FIELDS, is_report, read_addon_event, read_report
from app.telephony.url_token import token_in

IGNORE = "ignore"
# A transfer would need a target, for which no add-on's name is known.
_MEANINGS = (*(kind.value for kind in EventKind if kind is not EventKind.TRANSFERRED), IGNORE)


class ThreeCXConfig(PhoneSystemConfig):
    """Settings: the token, and for an add-on what its events and fields are called."""

    token: RequiredSecrets = Field(
        title="Token",
        description="A long random text. Fill it into the CRM template as webhook token, or give "
        "an add-on the webhook address with ?token=… and this text at its end.",
        min_length=1,
    )
    events: dict[str, str] = Field(
        default={"incoming": "incoming", "ringing": "ringing"},
        title="Events of an add-on",
        description="What the add-on calls an event, and which it is here: incoming, queued, "
        "ringing, answered, held, resumed, missed, ended or ignore. For example ringing: ringing.",
    )
    fields: dict[str, str] = Field(
        default={},
        title="Fields of an add-on",
        description=f"Which field of the add-on's JSON holds {', '.join(FIELDS)}; only those that "
        f"have another name than {', '.join(FIELDS.values())}.",
    )
    id_ends_in_leg: bool = Field(
        default=False,
        title="Ids end in the number of the leg",
        description="On: ids like 8841-0 and 8841-1 are the same call. For an add-on that counts "
        "the legs of a call at the end of its id.",
    )

    @field_validator("events")
    @classmethod
    def _events_are_known(cls, events: dict[str, str]) -> dict[str, str]:
        for name, meaning in events.items():
            if meaning not in _MEANINGS:
                raise ValueError(f"{name}: {meaning} is not one of {', '.join(_MEANINGS)}")
        return events

    @field_validator("fields")
    @classmethod
    def _fields_are_known(cls, fields: dict[str, str]) -> dict[str, str]:
        for name in fields:
            if name not in FIELDS:
                raise ValueError(f"{name} is not one of {', '.join(FIELDS)}")
            if not fields[name].strip():
                raise ValueError(f"{name} must not be blank: leave it out")
        return fields


class ThreeCX(PhoneSystem[ThreeCXConfig]):
    """3CX's call reports, and an add-on's events."""

    kind = "3cx"
    title = "3CX"
    summary = (
        "Call reports of 3CX's CRM integration with our template, and events of an add-on that "
        "posts JSON."
    )
    Config = ThreeCXConfig

    def __init__(self, slug: str, config: ThreeCXConfig) -> None:
        super().__init__(slug, config)
        self._tokens = plain(config.token)
        self._names: Mapping[str, str] = {**FIELDS, **config.fields}
        self._kinds = {
            name: None if meaning == IGNORE else EventKind(meaning)
            for name, meaning in config.events.items()
        }

    @override
    def verify(self, request: HookRequest) -> None:
        given = bearer_token(request.headers) or token_in(request)
        if not given or not is_one_of(given, self._tokens):
            raise Refused("the token (Authorization: Bearer …, or ?token=…) is missing or another")

    @override
    def parse(self, request: HookRequest) -> list[CallEvent]:
        data = json_object(request.body)
        if is_report(data):
            return read_report(data, slug=self.slug, received_at=request.received_at)
        return read_addon_event(
            data,
            self._names,
            self._kinds,
            slug=self.slug,
            received_at=request.received_at,
            id_ends_in_leg=self.config.id_ends_in_leg,
        )

    @override
    def answer(self, request: HookRequest, accepted: Sequence[Accepted]) -> Answer:
        return Answer(200, b"{}")

    @override
    def ring(self, call: TestCall) -> SignedRequest:
        ringing = next((n for n, kind in self._kinds.items() if kind is EventKind.RINGING), None)
        if ringing is None:
            raise UserError(
                f"phone system {self.slug}: 3CX itself tells of no ringing phone; if an add-on "
                "does, name its event in the setting events, such as {ringing: ringing}"
            )
        body = {
            self._names["event"]: ringing,
            self._names["call_id"]: f"{call.call_id}-0"
            if self.config.id_ends_in_leg
            else call.call_id,
            self._names["caller"]: call.ani,
            self._names["agent"]: call.extension,
            self._names["time"]: call.now,
        }
        headers = {"content-type": JSON, "authorization": f"Bearer {self._tokens[0]}"}
        return SignedRequest(call.url, headers, orjson.dumps(body))
