"""Phone systems that we connect to, and that tell their calls over one long connection.

The protocol itself is a `Conversation`: bytes in, events and bytes out, no socket. `run` joins it
to one.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from pydantic import Field, SecretStr, field_validator
from typing_extensions import override

from app.core.call import CallEvent
from app.errors import UserError
from app.telephony.base import (
    HookRequest,
    NotUnderstood,
    PhoneSystem,
    PhoneSystemConfig,
    Refused,
    SignedRequest,
    TestCall,
)
from app.telephony.body import MAX_DATA_VALUE

QUIET_S = 20.0
CONNECT_S = 10.0
# A message longer than this is not an event; a list of channels may be long.
MAX_MESSAGE = 4 * 1024 * 1024
_CHUNK = 64 * 1024

# The calls that are going on as we know them, each with the extensions that have it.
Picture = Mapping[str, frozenset[str]]


class StreamLost(Exception):
    """The connection is over; the text says why, for the admin."""


class LoginRefused(StreamLost):
    """The phone system does not accept the user or the secret."""


class StreamHost(Protocol):
    """What a stream needs of the program around it."""

    def now(self) -> datetime:
        """Return the time."""

    def picture(self) -> Picture:
        """Return this phone system's live calls as we know them."""

    async def connected(self, warning: str | None) -> None:
        """Hear that the stream is up; `warning` is what does not work all the same."""

    async def take(self, events: Sequence[CallEvent]) -> None:
        """Take events; returns when they are on disk."""


class StreamConfig(PhoneSystemConfig):
    """What every stream needs: where to connect, and the secret."""

    host: str = Field(
        default="127.0.0.1",
        title="Host",
        description="Address of the phone system, as seen from this server.",
        min_length=1,
        max_length=253,
    )
    secret: SecretStr = Field(
        title="Secret",
        description="The password that the phone system asks of whoever connects.",
        min_length=1,
    )
    tls: bool = Field(
        default=False,
        title="Use TLS",
        description="Encrypt the connection; its certificate must be valid for the host.",
    )

    @field_validator("secret")
    @classmethod
    def _secret_is_one_line(cls, secret: SecretStr) -> SecretStr:
        text = secret.get_secret_value()
        if not text.strip() or not text.isprintable():
            raise ValueError("must be one line of printable characters")
        return secret


class Conversation(Protocol):
    """One connection's protocol, without its socket.

    `ready`: logged in, and the live calls are known; `warning` is then what does not work.
    """

    ready: bool
    warning: str | None

    def take(self, data: bytes, at: datetime) -> Iterator[CallEvent]:
        """Read what was received.

        Raises:
            StreamLost: it cannot go on.
        """

    def ping(self) -> None:
        """Ask for a sign of life."""

    def outgoing(self) -> bytes:
        """Return what is to be sent now, once."""


S = TypeVar("S", bound=StreamConfig)


class StreamPhoneSystem(PhoneSystem[S]):
    """A phone system that we connect to. It sends no webhooks."""

    @property
    @abstractmethod
    def port(self) -> int:
        """Where to connect."""

    @abstractmethod
    def converse(self, host: StreamHost) -> Conversation:
        """Begin the protocol of a new connection."""

    async def run(self, host: StreamHost) -> None:
        """Connect, and hand over events until the connection is over.

        Raises:
            StreamLost: it is over; always, sooner or later.
        """
        reader, writer = await self._connect()
        try:
            await self._listen(reader, writer, host)
        except (OSError, asyncio.IncompleteReadError) as error:
            raise StreamLost(f"the connection broke: {_why(error)}") from None
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        where = f"{self.config.host}:{self.port}"
        context = ssl.create_default_context() if self.config.tls else None
        try:
            async with asyncio.timeout(CONNECT_S):
                return await asyncio.open_connection(self.config.host, self.port, ssl=context)
        except TimeoutError:
            raise StreamLost(f"{where} does not answer: check host, port and firewall") from None
        except (OSError, ValueError) as error:
            raise StreamLost(f"{where} cannot be reached: {_why(error)}") from None

    async def _listen(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: StreamHost
    ) -> None:
        talk = self.converse(host)
        asked, told = False, False
        while True:
            writer.write(talk.outgoing())
            await writer.drain()
            try:
                async with asyncio.timeout(QUIET_S):
                    data = await reader.read(_CHUNK)
            except TimeoutError:
                if asked or not talk.ready:
                    raise StreamLost("it went silent") from None
                talk.ping()
                asked = True
                continue
            if not data:
                raise StreamLost("it closed the connection")
            asked = False
            events = list(talk.take(data, host.now()))
            if events:
                await host.take(events)
            if talk.ready and not told:
                told = True
                await host.connected(talk.warning)

    @override
    def verify(self, request: HookRequest) -> None:
        raise Refused(f"{self.title} sends no webhooks: this server connects to it")

    @override
    def parse(self, request: HookRequest) -> list[CallEvent]:
        raise NotUnderstood(f"{self.title} sends no webhooks: this server connects to it")

    @override
    def ring(self, call: TestCall) -> SignedRequest:
        raise UserError(
            f"{self.slug}: a test call must be made on the PBX itself, by dialling the extension: "
            f"{self.title} sends no webhooks, this server connects to it"
        )


def clean(value: str, limit: int = MAX_DATA_VALUE) -> str:
    """Make a text of a stream fit to be kept: no NUL, no endless length."""
    return value.replace("\0", "").strip()[:limit]


def _why(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()
