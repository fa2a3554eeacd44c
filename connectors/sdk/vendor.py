"""What connectors to vendors' web services share: settings, the client, records as objects."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Protocol, Self, TypeVar

from pydantic import ConfigDict, Field, model_validator

from connectors.sdk.address import check_origin
from connectors.sdk.checks import failed_check
from connectors.sdk.connector import ConnectorConfig, Context
from connectors.sdk.grants import ClientSettings, OAuthKind
from connectors.sdk.http import HttpClient
from connectors.sdk.oauth import CodeCredentials, token_http
from connectors.sdk.sections import Reading
from connectors.sdk.settings import TimeZone, zone_of
from connectors.sdk.types import (
    Checkpoint,
    CheckResult,
    CheckStatus,
    ErrorKind,
    RejectedRow,
    SourceError,
)
from connectors.sdk.values import Row, numbered

Record = Mapping[str, Any]
T = TypeVar("T")
# A page of a thousand records with their lines.
_MAX_BYTES = 32 * 1024 * 1024
_CLOCKS_DIFFER = timedelta(minutes=5)

RequestsPerMinute = Annotated[
    int,
    Field(ge=1, le=100_000, title="Requests a minute", description="Most that are sent."),
]
MaxConcurrency = Annotated[
    int, Field(ge=1, le=100, title="Requests at once", description="Most that are under way.")
]
TimeoutMs = Annotated[
    int,
    Field(
        ge=100,
        le=600_000,
        title="Request timeout (ms)",
        description="One request is given up after this time.",
    ),
]
AllowPrivateNetwork = Annotated[
    bool,
    Field(
        title="Server in the own network",
        description="Allow private addresses (10.…, 192.168.…, localhost) and plain http.",
    ),
]
BaseUrl = Annotated[
    str, Field(title="Base URL", description="Where the vendor is; a test company is elsewhere.")
]
TokenUrl = Annotated[
    str, Field(title="Token URL", description="Where the vendor gives tokens; rarely elsewhere.")
]
RowLimit = Annotated[
    int,
    Field(ge=1, le=100_000, title="Row limit", description="Most records of one customer."),
]
PageSize = Annotated[
    int, Field(ge=1, le=1_000, title="Page size", description="Records asked for at once.")
]


def _own_settings_first(schema: dict[str, Any], model: type[Any]) -> None:
    """Let a form begin with the settings of the connector itself."""
    common = VendorConfig.model_fields.keys()
    named: dict[str, Any] = schema.get("properties", {})
    own = {name: found for name, found in named.items() if name not in common}
    if model is not VendorConfig:
        schema["properties"] = {**own, **named}


class VendorConfig(ConnectorConfig):
    """Settings that a connector to a vendor has beside its own credentials and addresses."""

    model_config = ConfigDict(json_schema_extra=_own_settings_first)

    time_zone: TimeZone = ""
    row_limit: RowLimit = 1_000
    max_concurrency: MaxConcurrency = 5
    timeout_ms: TimeoutMs = 10_000
    allow_private_network: AllowPrivateNetwork = False

    @model_validator(mode="after")
    def _addresses_may_be_reached(self) -> Self:
        for name in type(self).model_fields:
            if name.endswith("_url") and name != "customer_url":
                check_url(name, getattr(self, name), allow_private=self.allow_private_network)
        return self


class VendorSettings(Protocol):
    """The settings that every connector to a vendor has."""

    @property
    def base_url(self) -> str:
        """Where the vendor is."""

    @property
    def max_concurrency(self) -> int:
        """Requests at once."""

    @property
    def timeout_ms(self) -> int:
        """For one request."""

    @property
    def allow_private_network(self) -> bool:
        """Private addresses and plain http are allowed."""


def vendor_http(config: VendorSettings) -> HttpClient:
    """Return the client for a vendor's web service."""
    return HttpClient(
        config.base_url,
        allow_private_network=config.allow_private_network,
        timeout_s=config.timeout_ms / 1000,
        max_bytes=_MAX_BYTES,
        max_connections=config.max_concurrency,
    )


def check_url(name: str, url: str, *, allow_private: bool) -> None:
    """Refuse an address that must not be reached.

    Raises:
        ValueError: in words for the admin, naming the setting.
    """
    try:
        check_origin(url, allow_private=allow_private)
    except SourceError as error:
        raise ValueError(f"{name}: {error.text}") from None


class OAuthSettings(ClientSettings, Protocol):
    """The settings of a connector that a person connects."""

    @property
    def allow_private_network(self) -> bool:
        """Private addresses and plain http are allowed."""


def code_credentials(kind: OAuthKind, config: OAuthSettings, context: Context) -> CodeCredentials:
    """Return what a person granted to this connector."""
    http = token_http(kind.token_url, allow_private_network=config.allow_private_network)
    return CodeCredentials(http, kind, config, context.grants, name=context.slug, now=context.now)


async def together(*reads: Coroutine[Any, Any, Reading]) -> list[Reading]:
    """Read at once; the first that fails ends the others, so that none goes on unseen.

    Raises:
        SourceError: that of the first that fails.
    """
    tasks = [asyncio.create_task(read) for read in reads]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def check_each(parts: Mapping[str, Callable[[], Awaitable[str]]]) -> CheckResult:
    """Try each part in turn; it says what it has proved, or why it cannot."""
    proved: list[str] = []
    for name, prove in parts.items():
        try:
            proved.append(f"{name}: {await prove()}")
        except SourceError as error:
            return failed_check(error, name, tuple(proved))
    return CheckResult(CheckStatus.OK, "", tuple(proved))


def at(record: Mapping[str, Any], *path: str) -> Any:
    """Return a nested field of a vendor's record, None where it or its parent is absent.

    Raises:
        SourceError: BAD_DATA, a parent is no object: the vendor has changed its format.
    """
    value: Any = record
    for depth, name in enumerate(path):
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise SourceError(ErrorKind.BAD_DATA, f"field `{'.'.join(path[:depth])}` is no object")
        value = value.get(name)
    return value


def part(document: Any, name: str) -> Record:
    """Return the object that an answer holds under a name.

    Raises:
        SourceError: BAD_DATA, it is missing or something else.
    """
    found = document.get(name) if isinstance(document, Mapping) else None
    if not isinstance(found, Mapping):
        raise SourceError(
            ErrorKind.BAD_DATA,
            f"the answer has no object `{name}`: check base_url, or the vendor has changed its"
            " format",
        )
    return found


def records(document: Any, name: str) -> list[Mapping[str, Any]]:
    """Return the list of objects that an answer holds under a name.

    Raises:
        SourceError: BAD_DATA, it is missing or something else.
    """
    found = document.get(name) if isinstance(document, Mapping) else None
    if not isinstance(found, list) or not all(isinstance(r, Mapping) for r in found):
        raise SourceError(
            ErrorKind.BAD_DATA,
            f"the answer has no list of objects `{name}`: check base_url, or the vendor has"
            " changed its format",
        )
    return found


def columns(text: str) -> dict[str, str]:
    """Read `remote_id=Id email=PrimaryEmailAddr.Address`: our columns and the vendor's fields."""
    return dict(pair.split("=") for pair in text.split())


def mapped(record: Record, names: Mapping[str, str]) -> dict[str, Any]:
    """Give a record our columns; a dotted field is nested.

    Raises:
        SourceError: BAD_DATA, as `at`.
    """
    return {ours: at(record, *theirs.split(".")) for ours, theirs in names.items()}


def negated(values: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Turn the sign of amounts: a return is an order with negative quantities.

    Raises:
        SourceError: BAD_DATA, one of them is no number.
    """
    row = Row(values)
    amounts = {name: row.amount(name) for name in names}
    return {**values, **{name: None if a is None else -a for name, a in amounts.items()}}


async def made(
    what: str, pages: AsyncGenerator[Sequence[Record]], make: Callable[[Record, int], Any]
) -> AsyncGenerator[Any]:
    """Make something of each record; one that cannot be used is named and stops nothing.

    `make` gets the record and its number, and returns None for one to be left out.
    """
    number = 0
    async with aclosing(pages) as read:
        async for page in read:
            for record in page:
                number += 1
                try:
                    found = make(record, number)
                except SourceError as error:
                    found = RejectedRow(f"{what} {number}", error.text)
                if found is not None:
                    yield found


def or_rejected(where: str, make: Callable[[], T]) -> T | RejectedRow:
    """Make something of a record, or name the record that it cannot be made of."""
    try:
        return make()
    except SourceError as error:
        return RejectedRow(where, error.text)


async def first(
    what: str,
    pages: AsyncGenerator[Sequence[Record]],
    most: int,
    names: Mapping[str, str] | None = None,
) -> Reading:
    """Read the first `most` records, with our columns if `names` are given.

    Raises:
        SourceError: as the pages, or BAD_DATA as `mapped`.
    """
    found: list[Record] = []
    async with aclosing(pages) as read:
        async for page in read:
            found += page if names is None else [mapped(record, names) for record in page]
            if len(found) > most:
                break
    return Reading(numbered(found[:most], what), len(found) > most)


def checkpoint(now: datetime) -> Checkpoint:
    """Return where the next read of changes begins: at `now`, when this read began.

    A little earlier, as the vendor's clock may differ from ours.
    """
    return Checkpoint(utc_text(now - _CLOCKS_DIFFER))


def one(record: Any) -> Record:
    """Return an answer that is one object.

    Raises:
        SourceError: BAD_DATA, it is something else.
    """
    return part({"answer": record}, "answer")


def today_in(zone: str, now: datetime) -> date:
    """Return the date that it is in a time zone (setting `time_zone`; empty: UTC)."""
    return now.astimezone(zone_of(zone) or UTC).date()


def utc_text(instant: datetime) -> str:
    """Write an instant as 2026-11-22T09:00:00Z."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
