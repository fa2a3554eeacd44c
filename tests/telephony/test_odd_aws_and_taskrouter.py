"""A value of a type or size that Amazon, Genesys or Twilio never send costs only its own event."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

from app.telephony.base import HookRequest, NotUnderstood, PhoneSystem
from tests.telephony import amazon_connect_bodies as amazon
from tests.telephony import genesys_bodies as genesys
from tests.telephony import test_twilio_taskrouter as taskrouter
from tests.telephony.hooks import hook
from tests.telephony.odd_values import with_odd_values
from tests.telephony.stories import told

TALKED = {"userId": "ada", "interactingDurationMs": 9000, "heldDurationMs": 1000}
HELD = {"held": True, "connectedTime": amazon.at(3), "startHoldTime": amazon.at(4)}
BODIES: list[tuple[PhoneSystem[Any], Any]] = [
    (amazon.PBX, amazon.connected(2, disconnectReason="EXPIRED", queueInfo={"queueArn": "arn"})),
    (amazon.PBX, amazon.agent_event("ada", 3, "CONNECTED", "CONNECTED_ONHOLD")),
    (amazon.PBX, amazon.flow_event()),
    (genesys.PBX, genesys.detail("user.end", 9, disconnectType="TRANSFER", **TALKED)),
    (genesys.PBX, genesys.detail("attributes", 9, attributes={"a": "b"})),
    (
        genesys.PBX,
        genesys.whole(
            9, genesys.customer(), genesys.QUEUE, genesys.agent("ada", "connected", 2, **HELD)
        ),
    ),
    (taskrouter.PBX, taskrouter.stream(("reservation.created", 1, "ada"))),
]


def check(system: PhoneSystem[Any], request: HookRequest) -> None:
    try:
        events = system.parse(request)
    except NotUnderstood:
        return
    texts = [
        text
        for event in events
        for text in (event.call_id, event.ani, event.dnis, event.queue, *event.extensions)
        if text is not None
    ]
    assert not [text for text in texts if "\0" in text or not text or len(text) > 300]
    assert len(told(events)) <= len(events)


@pytest.mark.parametrize(("system", "body"), BODIES)
def test_json_with_an_odd_value_is_read_or_not_understood(
    system: PhoneSystem[Any], body: Any
) -> None:
    assert system.parse(hook(body))
    for odd in with_odd_values(body):
        check(system, hook(orjson.dumps(odd), {"content-type": "application/json"}))


@pytest.mark.parametrize("name", ["TaskAttributes", "WorkerAttributes"])
def test_attributes_with_an_odd_value_are_read_or_not_understood(name: str) -> None:
    good = {"TaskAttributes": taskrouter.ATTRIBUTES, "WorkerAttributes": taskrouter.WORKERS["bob"]}
    for odd in with_odd_values(good[name]):
        text = orjson.dumps(odd).decode()
        fields = taskrouter.fields("reservation.created", 1, "ada", **{name: text})
        check(taskrouter.PBX, hook(urlencode(fields).encode(), {"content-type": taskrouter.FORM}))
