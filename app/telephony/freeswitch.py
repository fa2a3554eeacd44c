"""FreeSWITCH, over its event socket (ESL): we connect, it tells its calls.

Format: developer.signalwire.com, mod_event_socket; headers as switch_channel.c writes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import unquote

import orjson
from pydantic import Field
from typing_extensions import override

from app.core.call import CallEvent
from app.telephony.freeswitch_calls import FreeswitchCalls
from app.telephony.live_channels import resynchronise
from app.telephony.stream import (
    MAX_MESSAGE,
    LoginRefused,
    StreamConfig,
    StreamHost,
    StreamLost,
    StreamPhoneSystem,
    clean,
)

_EVENTS = (
    "event json CHANNEL_CREATE CHANNEL_PROGRESS CHANNEL_PROGRESS_MEDIA CHANNEL_ANSWER "
    "CHANNEL_BRIDGE CHANNEL_HOLD CHANNEL_UNHOLD CHANNEL_HANGUP_COMPLETE CUSTOM callcenter::info"
)
_NO_CHANNELS = (
    "the calls that were already going on are not known: FreeSWITCH refuses "
    "`show channels as json` ({why}); allow the command show"
)


class FreeswitchConfig(StreamConfig):
    """Settings: where the event socket listens."""

    port: int = Field(
        default=8021,
        ge=1,
        le=65535,
        title="Port",
        description="Port of the event socket, listen-port in event_socket.conf.xml: 8021.",
    )
    username: str = Field(
        default="",
        title="User",
        description="Empty for the socket's own password; else user@domain of a directory entry "
        "with esl-password, which can be given few rights.",
        pattern=r"^[^\s:]*$",
    )
    outside_contexts: tuple[str, ...] = Field(
        default=("public",),
        title="Contexts of calls from outside",
        description="Dialplan contexts in which calls from outside arrive; a call in another one "
        "is made by one of your own phones.",
    )


class Freeswitch(StreamPhoneSystem[FreeswitchConfig]):
    """A FreeSWITCH server."""

    kind = "freeswitch"
    title = "FreeSWITCH"
    summary = "We connect to the event socket (ESL) and follow the calls of its phones."
    Config = FreeswitchConfig

    @property
    @override
    def port(self) -> int:
        return self.config.port

    @override
    def converse(self, host: StreamHost) -> EslConversation:
        return EslConversation(self, host)


class EslConversation:
    """The event socket's protocol: log in, subscribe, ask for the open channels, follow."""

    def __init__(self, system: Freeswitch, host: StreamHost) -> None:
        self.ready = False
        self.warning: str | None = None
        self._slug = system.slug
        self._config = system.config
        self._host = host
        self._buffer = b""
        self._out = b""
        self._stage = "login"
        self._known = host.picture()
        self._calls = FreeswitchCalls(system.slug, system.config.outside_contexts, self._known)

    def outgoing(self) -> bytes:
        """Return what is to be sent now, once."""
        out, self._out = self._out, b""
        return out

    def ping(self) -> None:
        """Ask for a sign of life."""
        self._send("api uptime")

    def take(self, data: bytes, at: datetime) -> Iterator[CallEvent]:
        """Read what was received.

        Raises:
            LoginRefused: wrong user, password or address.
            StreamLost: this is not an event socket, or it says good-bye.
        """
        self._buffer += data
        while (message := self._next()) is not None:
            headers, body = message
            yield from self._read(headers, body, at)

    def _next(self) -> tuple[dict[str, str], bytes] | None:
        """Cut the next whole message from what was received."""
        head, blank, rest = self._buffer.partition(b"\n\n")
        if not self._buffer.startswith(b"Content-"[: len(self._buffer)]):
            raise StreamLost("that is not FreeSWITCH's event socket: check the port")
        headers = _headers(head) if blank else {}
        length = headers.get("content-length", "0")
        if not length.isdecimal() or max(int(length[:12]), len(head)) > MAX_MESSAGE:
            raise StreamLost("it sent a message without an end")
        if not blank or len(rest) < int(length):
            return None
        self._buffer = rest[int(length) :]
        return headers, rest[: int(length)]

    def _read(self, headers: dict[str, str], body: bytes, at: datetime) -> Iterator[CallEvent]:
        reply = headers.get("reply-text", "")
        match headers.get("content-type", ""):
            case "auth/request":
                secret, user = self._config.secret.get_secret_value(), self._config.username
                self._send(f"userauth {user}:{secret}" if user else f"auth {secret}")
            case "command/reply":
                self._replied(reply)
            case "api/response" if self._stage == "channels":
                yield from self._channels(body, at)
            case "text/event-json":
                event = _json(body)
                if isinstance(event, dict):
                    # Each has a moment of its own: the moment is the order.
                    yield from self._calls.read(_texts(event), self._host.now())
            case "text/rude-rejection":
                raise LoginRefused(
                    "FreeSWITCH does not let this address in: add it to apply-inbound-acl"
                )
            case "text/disconnect-notice":
                raise StreamLost("FreeSWITCH ended the connection")

    def _replied(self, reply: str) -> None:
        if self._stage == "login":
            if not reply.startswith("+OK"):
                raise LoginRefused(f"FreeSWITCH refuses the password: {clean(reply, 200)}")
            self._stage = "events"
            self._send(_EVENTS)
        elif self._stage == "events":
            if not reply.startswith("+OK"):
                raise StreamLost(f"FreeSWITCH refuses to send events: {clean(reply, 200)}")
            self._stage = "channels"
            self._send("api show channels as json")
        elif self._stage == "channels":
            self._follow(_NO_CHANNELS.format(why=clean(reply, 200)))

    def _follow(self, warning: str | None = None) -> None:
        self._stage, self.ready, self.warning = "following", True, warning

    def _channels(self, body: bytes, at: datetime) -> Iterator[CallEvent]:
        answer = _json(body)
        if not isinstance(answer, dict):
            self._follow(_NO_CHANNELS.format(why=clean(body.decode("utf-8", "replace"), 200)))
            return
        self._follow()
        rows = answer.get("rows")
        listed = rows if isinstance(rows, list) else ()
        channels = [_texts(row) for row in listed if isinstance(row, dict)]
        yield from resynchronise(self._slug, self._known, self._calls.open_calls(channels), at)

    def _send(self, command: str) -> None:
        self._out += f"{command}\n\n".encode()


def _headers(head: bytes) -> dict[str, str]:
    lines = (line.partition(":") for line in head.decode("utf-8", "replace").split("\n"))
    return {name.strip().lower(): unquote(value.strip()) for name, _, value in lines}


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def _texts(fields: dict[str, Any]) -> dict[str, str]:
    return {name: value for name, value in fields.items() if isinstance(value, str)}
