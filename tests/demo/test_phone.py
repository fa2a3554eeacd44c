from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from app.core.call import CallEvent, EventKind
from app.demo.calls import scenes
from app.demo.phone import HookFailed, PhoneSystem, play, play_scene, ring_once
from app.demo.records import Business
from app.telephony.base import HookRequest
from app.telephony.generic import Generic, GenericConfig

SECRET = "whsec_" + "c2NyZWVucG9wIGRlbW8gc2VjcmV0IGZvciB0ZXN0cw=="
AT_ONCE = 1e9


@dataclass
class Hook:
    """The receiving side: the product's own adapter behind a plain web server."""

    url: str = ""
    status: int = 202
    events: list[CallEvent] = field(default_factory=list)
    system: Generic = field(
        default_factory=lambda: Generic("pbx", GenericConfig.model_validate({"secret": SECRET}))
    )


@pytest.fixture
def hook() -> Iterator[Hook]:
    hook = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = HookRequest(
                "POST", hook.url, "", headers, body, received_at=datetime.now(UTC)
            )
            hook.system.verify(request)
            (event,) = hook.system.parse(request)
            hook.events.append(event)
            self.send_response(hook.status)
            self.end_headers()
            self.wfile.write(json.dumps({"call_id": event.call_id, "duplicate": False}).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    hook.url = f"http://127.0.0.1:{server.server_address[1]}/hooks/pbx"
    yield hook
    server.shutdown()
    thread.join()
    server.server_close()


async def test_the_first_call_rings_ada_and_gives_the_calls_full_id(
    hook: Hook, business: Business
) -> None:
    call_id = await ring_once(hook.url, SECRET, business)
    (event,) = hook.events
    assert event.call_id == call_id
    assert call_id.startswith("pbx:")
    assert (event.kind, event.ani, event.extensions) == (
        EventKind.RINGING,
        "+442079460958",
        ("101",),
    )


async def test_every_scene_is_understood_and_every_call_in_it_comes_to_an_end(
    hook: Hook, business: Business
) -> None:
    system = PhoneSystem(hook.url, SECRET)
    for scene in scenes(business):
        hook.events.clear()
        await play_scene(system, scene, AT_ONCE, lambda _line: None)
        last = {event.call_id: event.kind for event in hook.events}
        assert set(last.values()) <= {EventKind.ENDED, EventKind.MISSED}
        first = {event.call_id: event for event in reversed(hook.events)}
        assert all(e.ani is not None or e.withheld for e in first.values())
        assert len({e.event_id for e in hook.events}) == len(hook.events)


async def test_the_scenes_show_every_kind_of_call(hook: Hook, business: Business) -> None:
    system = PhoneSystem(hook.url, SECRET)
    lines: list[str] = []
    for scene in scenes(business):
        await play_scene(system, scene, AT_ONCE, lines.append)
    assert {e.kind for e in hook.events} == set(EventKind)
    assert {e.transfer_kind for e in hook.events} == {None, "blind", "attended"}
    assert any(e.withheld for e in hook.events)
    assert any(e.extensions == ("101", "102") for e in hook.events)
    verdicts = {e.attestation.verdict for e in hook.events if e.attestation}
    assert "failed" in verdicts
    assert "Kestrel Garden rings Ada (ext 101): overdue, a call back is due" in lines


async def test_it_plays_on_and_on_with_new_calls_and_says_what_was_refused(
    hook: Hook, business: Business
) -> None:
    hook.status = 503
    lines: list[str] = []
    enough = asyncio.Event()

    def say(line: str) -> None:
        lines.append(line)
        if lines.count("Kestrel Garden rings Ada (ext 101): overdue, a call back is due") == 2:
            enough.set()

    playing = asyncio.create_task(play(hook.url, SECRET, business, AT_ONCE, say))
    await asyncio.wait_for(enough.wait(), 30)
    playing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await playing
    assert "  the webhook /hooks/pbx answered 503 to `ringing`" in lines
    calls = [e.call_id for e in hook.events]
    assert len(set(calls)) == len(calls)


async def test_a_webhook_that_is_not_there_is_named(business: Business, hook: Hook) -> None:
    with pytest.raises(HookFailed, match="/hooks/pbx cannot be reached"):
        await ring_once("http://127.0.0.1:1/hooks/pbx", SECRET, business)
