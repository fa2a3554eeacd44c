"""What a phone system's adapter implements: verify, parse, answer, and a test call.

Adapters are pure: bytes in, `CallEvent`s and an answer out. The web server is outside.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict

from app.core.call import CallEvent
from app.core.values import value


class PhoneSystemConfig(BaseModel):
    """Base of a phone system's settings: unknown keys are refused, secrets are `SecretStr`."""

    # A refused secret must not be quoted in the error.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


@value(frozen=True, slots=True)
class HookRequest:
    """A webhook as received.

    `url` is the public address the provider was given, with its query string; header names are
    lower case.
    """

    method: str
    url: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime


@value(frozen=True, slots=True)
class Accepted:
    """What became of one event: its call's id and whether it had been seen before."""

    call_id: str
    duplicate: bool


@value(frozen=True, slots=True)
class Answer:
    """The HTTP answer a provider wants."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


TEST_CALL = "test-"


@value(frozen=True, slots=True)
class TestCall:
    """A call for `screenpop ring`: what to put in the provider's own format."""

    __test__ = False

    call_id: str
    ani: str
    extension: str
    now: datetime
    url: str


@value(frozen=True, slots=True)
class SignedRequest:
    """A request as the provider would send it."""

    url: str
    headers: Mapping[str, str]
    body: bytes


class Refused(Exception):
    """The signature or token is wrong: answered 401, the reason is kept for the admin only."""


class NotUnderstood(Exception):
    """The body cannot be understood: answered 422 with these errors (JSON pointer, detail)."""

    def __init__(self, detail: str, pointer: str = "") -> None:
        super().__init__(detail)
        self.errors = [{"pointer": pointer, "detail": detail}]


C = TypeVar("C", bound=PhoneSystemConfig)


class PhoneSystem(ABC, Generic[C]):
    """One phone system's format. `slug` prefixes its call ids, so two systems never collide."""

    kind: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]
    Config: ClassVar[type[Any]]

    def __init__(self, slug: str, config: C) -> None:
        self.slug = slug
        self.config = config

    def full_id(self, provider_id: str) -> str:
        """Return the call id used everywhere: `{slug}:{provider's own id}`."""
        return f"{self.slug}:{provider_id}"

    @abstractmethod
    def verify(self, request: HookRequest) -> None:
        """Check the signature over the raw bytes. Runs before any parsing.

        Raises:
            Refused: the request is not proved to come from the phone system.
        """

    @abstractmethod
    def parse(self, request: HookRequest) -> list[CallEvent]:
        """Read the events in a verified request; an empty list is "nothing of interest".

        Raises:
            NotUnderstood: the body is not in this phone system's format.
        """

    def answer(
        self,
        request: HookRequest,  # noqa: ARG002 - some formats answer by what was asked
        accepted: Sequence[Accepted],
    ) -> Answer:
        """Answer in the provider's format. The default is 202 and the generic JSON."""
        out = [{"call_id": a.call_id, "duplicate": a.duplicate} for a in accepted]
        return Answer(202, orjson.dumps(out[0] if len(out) == 1 else out))

    def signed_again(
        self,
        request: HookRequest,  # noqa: ARG002 - for those that can
    ) -> Mapping[str, str] | None:
        """Return the headers that sign a recorded request for now (`received_at`) and for `url`.

        None: it is sent as recorded, as its proof does not age, or only the provider can sign.
        """
        return None

    @abstractmethod
    def ring(self, call: TestCall) -> SignedRequest:
        """Build the signed request that this provider would send when a phone rings."""
