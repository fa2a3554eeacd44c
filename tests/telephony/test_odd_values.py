"""A value of a type or size that the vendor never sends costs at most its own event."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from app.core.call import CallEvent
from app.telephony.base import Accepted, HookRequest, NotUnderstood, PhoneSystem
from tests.telephony import test_plivo as plivo
from tests.telephony import test_signalwire as signalwire
from tests.telephony import test_telnyx as telnyx
from tests.telephony import test_vonage as vonage
from tests.telephony.hooks import hook

ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    1e300,
    "",
    "é" * 300,
    "a\0b",
    "sip:%00@x",
    [],
    [[]],
    {},
    {"a": []},
)
ODD_TEXTS = [value for value in ODD if isinstance(value, str)]
STIR = {"shaken_stir_attestation": "A", "shaken_stir_validated": True, "caller_id_name": "ADA"}
HEADERS = {"custom_headers": [{"name": "X-A", "value": "1"}], "sip_headers": [], "tags": ["vip"]}
TELNYX = [
    telnyx.body(
        "call.initiated", {**telnyx.ADA, **STIR, **HEADERS, "client_state": "bGFuZz1mcg=="}
    ),
    telnyx.body(
        "call.hangup", {**telnyx.ADA, "hangup_cause": "timeout", "sip_hangup_cause": "480"}
    ),
    telnyx.body("call.enqueued", {**telnyx.CUSTOMER, "queue": "sales"}),
    telnyx.body("call.gather.ended", {**telnyx.CUSTOMER, "digits": "12"}),
]
MOVED = {"conversation_uuid_from": "CON-1", "conversation_uuid_to": "CON-2", "uuid": "u-1"}
VONAGE: list[dict[str, Any]] = [
    vonage.event(vonage.ADA, "completed", 0, duration="7", custom_data={"a": "b"}),
    {**vonage.ASKED, "dtmf": {"digits": "12"}, "from_user": "ada", "SipHeader_X-A": "1"},
    {**MOVED, "timestamp": "2026-11-22T10:00:00Z"},
]
RELAY = [
    signalwire.state("c-1", "ringing", **signalwire.agent("ada"), tag="vip"),
    signalwire.state("c-1", "ended", **signalwire.INBOUND, end_reason="busy", answer_time=0),
]
FORMS: list[tuple[PhoneSystem[Any], dict[str, str]]] = [
    (telnyx.PBX, {**telnyx.PARENT, "ParentCallSid": "v3:parent"}),
    (signalwire.PBX, signalwire.CALL),
    (plivo.PBX, {**plivo.INCOMING, "STIRVerification": "Verified", "X-PH-A": "1", "Digits": "1"}),
    (plivo.PBX, plivo.AGENT),
    (plivo.PBX, {**plivo.DIAL, "DialAction": "hangup", "DialBLegDuration": "7"}),
]
BODIES: list[tuple[PhoneSystem[Any], dict[str, Any]]] = [
    *((telnyx.PBX, body) for body in TELNYX),
    *((vonage.PBX, body) for body in VONAGE),
    *((signalwire.PBX, body) for body in RELAY),
]


def with_odd_values(body: Any) -> Iterator[Any]:
    """Yield the body with each of its values, at any depth, replaced and then left out."""
    for key in body if isinstance(body, dict) else range(len(body)):
        for odd in ODD:
            changed = copy.copy(body)
            changed[key] = odd
            yield changed
        without = copy.copy(body)
        del without[key]
        yield without
        if isinstance(body[key], dict | list):
            for inner in with_odd_values(body[key]):
                changed = copy.copy(body)
                changed[key] = inner
                yield changed


def read(system: PhoneSystem[Any], request: HookRequest) -> list[CallEvent] | None:
    """Parse and answer as the server does; None when it was not understood."""
    try:
        events = system.parse(request)
    except NotUnderstood:
        return None
    answer = system.answer(request, [Accepted(e.call_id, False) for e in events])
    assert answer.status in (200, 204, 503)
    return events


def check(system: PhoneSystem[Any], request: HookRequest) -> None:
    for event in read(system, request) or ():
        texts = (event.call_id, event.ani, event.dnis, event.cnam, event.queue, *event.extensions)
        assert not [text for text in texts if text and ("\0" in text or len(text) > 300)]
        assert all(event.extensions)


@pytest.mark.parametrize(("system", "body"), BODIES)
def test_json_with_an_odd_value_is_read_or_not_understood(
    system: PhoneSystem[Any], body: dict[str, Any]
) -> None:
    assert read(system, hook(body))
    for changed in with_odd_values(body):
        check(system, hook(changed))


@pytest.mark.parametrize(("system", "fields"), FORMS)
def test_a_form_with_an_odd_value_is_read_or_not_understood(
    system: PhoneSystem[Any], fields: dict[str, str]
) -> None:
    assert read(system, hook(urlencode(fields).encode(), plivo.FORM))
    for name in fields:
        for odd in ODD_TEXTS:
            check(system, hook(urlencode({**fields, name: odd}).encode(), plivo.FORM))
        without = {key: value for key, value in fields.items() if key != name}
        check(system, hook(urlencode(without).encode(), plivo.FORM))
