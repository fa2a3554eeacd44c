"""Asterisk and FreePBX, over the manager interface (AMI): we connect, it tells its calls.

Format: docs.asterisk.org, "AMI v2 Specification" and the events of Asterisk 22.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pydantic import Field, field_validator
from typing_extensions import override

from app.core.call import CallEvent
from app.telephony.asterisk_block import Block
from app.telephony.asterisk_calls import AsteriskCalls
from app.telephony.live_channels import resynchronise
from app.telephony.secrets import OptionalText
from app.telephony.stream import (
    MAX_MESSAGE,
    LoginRefused,
    StreamConfig,
    StreamHost,
    StreamLost,
    StreamPhoneSystem,
    clean,
)

_LOGIN, _CHANNELS = "login", "channels"
_NO_CHANNELS = (
    "the calls that were already going on are not known: Asterisk refuses CoreShowChannels "
    "({why}); give the manager user write=reporting"
)


class AsteriskConfig(StreamConfig):
    """Settings: where Asterisk's manager listens, and as whom to log in."""

    port: int = Field(
        default=5038,
        ge=1,
        le=65535,
        title="Port",
        description="Port of the manager interface: 5038, with TLS usually 5039.",
    )
    username: str = Field(
        default="screenpop",
        min_length=1,
        title="Manager user",
        description="Name of the user in manager.conf, or in FreePBX's Asterisk Manager Users.",
    )
    trunks: tuple[str, ...] = Field(
        default=(),
        title="Trunks",
        description="Names of the trunks as they stand in channel names: provider for "
        "PJSIP/provider-0000001f. Tells calls from outside from those of your own phones; without "
        "it, a phone is who calls with its own name as the number.",
    )
    presentation_variable: OptionalText = Field(
        default="",
        title="Variable for withheld callers",
        description="Channel variable that the dialplan sets to CALLERID(pres) and manager.conf "
        "lists in channelvars. Asterisk tells in no other way that a caller hides the number.",
    )
    system_name: OptionalText = Field(
        default="",
        title="System name",
        description="Put before the ids of calls, for when several Asterisk servers may give the "
        "same id: each its own name.",
    )

    @field_validator("username")
    @classmethod
    def _username_is_one_line(cls, username: str) -> str:
        if not username.isprintable():
            raise ValueError("must be one line of printable characters")
        return username


class Asterisk(StreamPhoneSystem[AsteriskConfig]):
    """An Asterisk server."""

    kind = "asterisk"
    title = "Asterisk / FreePBX"
    summary = "We connect to the manager interface (AMI) and follow the calls of its phones."
    Config = AsteriskConfig

    @property
    @override
    def port(self) -> int:
        return self.config.port

    @override
    def converse(self, host: StreamHost) -> AmiConversation:
        return AmiConversation(self, host)


class AmiConversation:
    """The manager protocol: log in, ask for the open channels, then follow the events."""

    def __init__(self, system: Asterisk, host: StreamHost) -> None:
        config = system.config
        self.ready = False
        self.warning: str | None = None
        self._slug = system.slug
        self._host = host
        self._buffer = b""
        self._greeted = False
        self._known = host.picture()
        self._calls = AsteriskCalls(
            system.slug,
            trunks=config.trunks,
            presentation_variable=config.presentation_variable,
            system_name=config.system_name,
            known=self._known,
        )
        self._channels: list[Block] = []
        self._out = _action(
            "Login",
            _LOGIN,
            Username=config.username,
            Secret=config.secret.get_secret_value(),
            Events="on",
        )

    def outgoing(self) -> bytes:
        """Return what is to be sent now, once."""
        out, self._out = self._out, b""
        return out

    def ping(self) -> None:
        """Ask for a sign of life."""
        self._out += _action("Ping", "ping")

    def take(self, data: bytes, at: datetime) -> Iterator[CallEvent]:
        """Read what was received.

        Raises:
            LoginRefused: wrong user or secret.
            StreamLost: this is not Asterisk's manager.
        """
        self._buffer += data
        if not self._greeted:
            banner, newline, rest = self._buffer.partition(b"\n")
            if not b"Asterisk Call Manager".startswith(banner[:21]):
                raise StreamLost("that is not Asterisk's manager interface: check the port")
            if not newline:
                return
            self._greeted, self._buffer = True, rest
        *blocks, self._buffer = self._buffer.split(b"\r\n\r\n")
        if len(self._buffer) > MAX_MESSAGE:
            raise StreamLost("it sent a message without an end")
        for raw in blocks:
            block = read_block(raw)
            if "Response" in block:
                self._answered(block)
            elif block.get("ActionID") == _CHANNELS:
                yield from self._channel(block, at)
            elif "Event" in block:
                # Each has a moment of its own: the moment is the order.
                yield from self._calls.read(block, self._host.now())

    def _answered(self, block: Block) -> None:
        refused = block["Response"] == "Error"
        why = block.get("Message", "no reason given")
        if block.get("ActionID") == _LOGIN:
            if refused:
                raise LoginRefused(f"Asterisk refuses the manager user or its secret: {why}")
            self._out += _action("CoreShowChannels", _CHANNELS)
        elif block.get("ActionID") == _CHANNELS and refused:
            self.warning = _NO_CHANNELS.format(why=why)
            self.ready = True

    def _channel(self, block: Block, at: datetime) -> Iterator[CallEvent]:
        if block.get("Event") == "CoreShowChannel":
            self._channels.append(block)
        elif block.get("Event") == "CoreShowChannelsComplete":
            found = self._calls.open_calls(self._channels)
            self._channels = []
            self.ready = True
            yield from resynchronise(self._slug, self._known, found, at)


def read_block(raw: bytes) -> Block:
    """Read `Key: value` lines; the values of a key that comes again are put under each other."""
    block: Block = {}
    for line in raw.decode("utf-8", "replace").split("\r\n"):
        key, colon, value = line.partition(":")
        if colon:
            key, value = key.strip(), clean(value)
            block[key] = f"{block[key]}\n{value}" if key in block else value
    return block


def _action(name: str, action_id: str, **fields: str) -> bytes:
    lines = [f"Action: {name}", f"ActionID: {action_id}", *(f"{k}: {v}" for k, v in fields.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
