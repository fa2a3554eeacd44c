"""What holds for every phone system, whichever files there are."""

from __future__ import annotations

import base64
import contextlib
import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.call import CallEvent, EventKind
from app.errors import UserError
from app.telephony.base import (
    Accepted,
    HookRequest,
    NotUnderstood,
    PhoneSystem,
    Refused,
    TestCall,
)
from app.telephony.registry import kinds, webhook_kinds
from connectors.sdk.form import form_problems
from tests.telephony.hooks import NOW, URL, hook, received

KINDS = sorted(kinds())
WEBHOOKS = sorted(webhook_kinds())
STREAMS = sorted(set(KINDS) - set(WEBHOOKS))
SECRET_TEXT = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
STRANGERS_TEXT = "whsec_" + base64.b64encode(b"76543210fedcba9876543210").decode()


def properties(kind: str) -> dict[str, dict[str, Any]]:
    schema = kinds()[kind].Config.model_json_schema()
    found: dict[str, dict[str, Any]] = schema["properties"]
    return found


def is_secret(schema: dict[str, Any]) -> bool:
    return any(part.get("writeOnly") is True for part in (schema, schema.get("items", {})))


def example(kind: str, secret: str = SECRET_TEXT) -> PhoneSystem[Any]:
    """Make a phone system with all its secrets set and nothing else."""
    given = {name: secret for name, schema in properties(kind).items() if is_secret(schema)}
    system = kinds()[kind]
    return system("pbx", system.Config.model_validate(given))


def test_the_phone_systems_are_found() -> None:
    assert {"generic", "twilio", "zammad"} <= set(KINDS)
    assert all(system.kind == kind for kind, system in kinds().items())


@pytest.mark.parametrize("kind", KINDS)
def test_an_admin_can_understand_what_it_is_and_what_it_asks(kind: str) -> None:
    system = kinds()[kind]
    assert system.title
    assert len(system.summary) > 30
    for name, schema in properties(kind).items():
        assert schema.get("title"), name
        assert len(schema.get("description", "")) > 30, name


@pytest.mark.parametrize("kind", KINDS)
def test_its_settings_can_be_drawn_as_a_form(kind: str) -> None:
    assert form_problems(kinds()[kind].Config.model_json_schema()) == []


@pytest.mark.parametrize("kind", KINDS)
def test_it_has_a_secret_and_never_shows_it(kind: str) -> None:
    assert any(is_secret(schema) for schema in properties(kind).values())
    system = example(kind)
    assert SECRET_TEXT not in repr(system.config)
    assert SECRET_TEXT not in system.config.model_dump_json()


@pytest.mark.parametrize("kind", WEBHOOKS)
@pytest.mark.parametrize("extension", ["101", "ada@example.com", "Zoë Ada"])
@pytest.mark.parametrize("ani", ["+442079460958", ""])
def test_its_test_call_verifies_and_rings_for_the_extension(
    kind: str, extension: str, ani: str
) -> None:
    system = example(kind)
    request = received(system.ring(TestCall("ring-1", ani, extension, NOW, URL)))
    system.verify(request)
    [event] = system.parse(request)
    assert (event.kind, event.call_id, event.extensions, event.direction) == (
        EventKind.RINGING,
        "pbx:ring-1",
        (extension,),
        "inbound",
    )
    assert event.event_key
    assert event.ani == ani if ani else event.withheld or event.ani == "anonymous"
    assert 200 <= system.answer(request, [Accepted(event.call_id, False)]).status < 300


@pytest.mark.parametrize("kind", WEBHOOKS)
def test_a_stranger_is_refused(kind: str) -> None:
    system, stranger = example(kind), example(kind, STRANGERS_TEXT)
    forged = received(stranger.ring(TestCall("ring-1", "+442079460958", "101", NOW, URL)))
    for request in (forged, hook(b""), hook(b"{}")):
        with pytest.raises(Refused):
            system.verify(request)


@pytest.mark.parametrize("kind", STREAMS)
def test_what_we_connect_to_takes_no_webhooks_and_no_test_call(kind: str) -> None:
    system = example(kind)
    with pytest.raises(Refused, match="this server connects to it"):
        system.verify(hook(b"{}"))
    with pytest.raises(NotUnderstood, match="this server connects to it"):
        system.parse(hook(b"{}"))
    with pytest.raises(UserError, match="a test call must be made on the PBX itself"):
        system.ring(TestCall("ring-1", "+442079460958", "101", NOW, URL))


FRAGMENTS = st.sampled_from(
    (
        *(b"\0", b"\xff", b"%00", b"%ff", b"\\ud800", b"null", b"true", b"-1", b"1e999"),
        *(b"[]", b"{}", b'"', b"&", b"=", b"[" * 40, b'{"a":'),
        *(b"ended", b"specversion", b"CallStatus", b"user[]="),
    )
)
CONTENT_TYPES = st.sampled_from(
    (
        *("application/json", "application/x-www-form-urlencoded", "application/json;;=", ""),
        *("application/cloudevents+json", "application/cloudevents-batch+json"),
        "text/plain; charset=utf-16",
    )
)


@st.composite
def mutated(draw: st.DrawFn, body: bytes) -> bytes:
    """Cut, replace and insert a few pieces of a good body."""
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(body)))
        end = min(len(body), start + draw(st.integers(0, 8)))
        body = body[:start] + draw(FRAGMENTS | st.binary(max_size=6)) + body[end:]
    return body


def requests(system: PhoneSystem[Any]) -> st.SearchStrategy[HookRequest]:
    good = received(system.ring(TestCall("ring-1", "+442079460958", "101", NOW, URL)))

    def request(body: bytes, content_type: str | None, extra: dict[str, str]) -> HookRequest:
        headers = {**good.headers, **extra}
        if content_type is not None:
            headers["content-type"] = content_type
        return hook(body, headers, url=good.url)

    names = st.sampled_from(["ce-specversion", "ce-id", "ce-time", "webhook-id", "authorization"])
    extra = st.dictionaries(names, st.just("1.0") | st.text(max_size=10), max_size=3)
    return st.builds(request, mutated(good.body), st.none() | CONTENT_TYPES, extra)


# `make fuzz` asks for more.
EXAMPLES = int(os.environ.get("SCREENPOP_TEST_FUZZ", "1000"))
SYSTEMS = {kind: example(kind) for kind in WEBHOOKS}
REQUESTS = {kind: requests(system) for kind, system in SYSTEMS.items()}


@pytest.mark.parametrize("kind", WEBHOOKS)
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_no_body_makes_it_raise_anything_but_its_own_refusals(
    kind: str, data: st.DataObject
) -> None:
    request = data.draw(REQUESTS[kind])
    system = SYSTEMS[kind]
    with contextlib.suppress(Refused):
        system.verify(request)
    with contextlib.suppress(NotUnderstood):
        events = system.parse(request)
        assert [text for event in events for text in texts(event) if "\0" in text] == []
        system.answer(request, [Accepted(event.call_id, False) for event in events])


def texts(event: CallEvent) -> Iterator[str]:
    for name in ("call_id", "event_key", "event_id", "ani", "cnam", "dnis", "queue", "transfer_to"):
        yield getattr(event, name) or ""
    yield from (*event.extensions, *event.collected.values(), *event.attached_data.values())
