"""The demo's phone system: posts the events of its calls to the webhook, signed, as a PBX does."""

from __future__ import annotations

import asyncio
import http.client
import itertools
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import orjson

from app.demo.calls import Scene, first_call, scenes
from app.demo.records import Business
from app.telephony.standard_webhooks import decode_secret, sign

_TIMEOUT_S = 10


class HookFailed(Exception):
    """The webhook could not be reached or did not accept an event; says which."""


class PhoneSystem:
    """A phone system that knows one webhook (an `http` URL) and its `whsec_…` secret."""

    def __init__(self, hook_url: str, secret: str) -> None:
        parts = urlsplit(hook_url)
        self._host, self._port, self._path = parts.hostname or "", parts.port or 80, parts.path
        self._key = decode_secret(secret)
        # Call ids of one run never meet those of another, which the server may still know.
        self._run = secrets.token_hex(3)
        self._numbers = itertools.count(1)

    def new_call_id(self) -> str:
        """Return the id of a new call."""
        return f"{self._run}-{next(self._numbers)}"

    async def post(self, call_id: str, event: Mapping[str, Any]) -> str:
        """Post one event that happens now; return the full call id from the answer.

        Raises:
            HookFailed: the webhook did not accept it.
        """
        now = datetime.now(UTC)
        event_id = f"{call_id}-{next(self._numbers)}"
        body = orjson.dumps(
            {"call_id": call_id, "event_id": event_id, "occurred_at": now.isoformat(), **event}
        )
        timestamp = int(now.timestamp())
        headers = {
            "content-type": "application/json",
            "webhook-id": event_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(self._key, event_id, timestamp, body),
        }
        status, answer = await asyncio.to_thread(self._send, body, headers)
        if status != http.HTTPStatus.ACCEPTED:
            raise HookFailed(f"the webhook {self._path} answered {status} to `{event['event']}`")
        return str(orjson.loads(answer)["call_id"])

    def _send(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=_TIMEOUT_S)
        try:
            connection.request("POST", self._path, body, dict(headers))
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            raise HookFailed(f"the webhook {self._path} cannot be reached: {error}") from error
        finally:
            connection.close()


async def ring_once(hook_url: str, secret: str, business: Business) -> str:
    """Ring Ada with the first caller; return the call's full id.

    Raises:
        HookFailed: the webhook did not accept the call.
    """
    system = PhoneSystem(hook_url, secret)
    return await system.post(system.new_call_id(), first_call(business))


async def play(
    hook_url: str,
    secret: str,
    business: Business,
    pace: float,
    say: Callable[[str], None],
) -> None:
    """Play all scenes, again and again, until cancelled.

    `pace` 1 is for a person who watches, 2 is twice as fast. `say` gets a line of plain text for
    what happens, and for what the webhook refused: then the rest of that scene is left out.
    """
    system = PhoneSystem(hook_url, secret)
    for scene in itertools.cycle(scenes(business)):
        try:
            await play_scene(system, scene, pace, say)
        except HookFailed as failure:
            say(f"  {failure}")


async def play_scene(
    system: PhoneSystem, scene: Scene, pace: float, say: Callable[[str], None]
) -> None:
    """Play one scene to its end.

    Raises:
        HookFailed: an event was not accepted.
    """
    call_ids: dict[str, str] = {}
    for step in scene:
        await asyncio.sleep(step.after_s / pace)
        if step.call not in call_ids:
            call_ids[step.call] = system.new_call_id()
        if step.say:
            say(step.say)
        await system.post(call_ids[step.call], step.event)
