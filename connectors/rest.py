"""Any web service that answers with JSON: addresses with placeholders, fields by JMESPath."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from functools import partial
from typing import Any, ClassVar, cast, get_args

from connectors.sdk import columns
from connectors.sdk.answers import Answer, retry_after
from connectors.sdk.budget import Budget
from connectors.sdk.checks import failed_check
from connectors.sdk.connector import (
    ALL,
    Capability,
    CatalogueItem,
    Connector,
    ContactItem,
    Context,
    PurchaseItem,
)
from connectors.sdk.contacts import contact, customer_link
from connectors.sdk.facts import credits_as_items
from connectors.sdk.grants import ClientSettings, OAuthKind
from connectors.sdk.history import Groups, Newest, item, purchase
from connectors.sdk.http import HttpClient
from connectors.sdk.mapping import pick
from connectors.sdk.operation import PLACEHOLDERS, Operation
from connectors.sdk.reader import Reader
from connectors.sdk.rest_settings import OPERATIONS, RestConfig
from connectors.sdk.sections import NOTHING, Origin, Reading, answer
from connectors.sdk.service import Service
from connectors.sdk.settings import zone_of
from connectors.sdk.sign_in import credentials, oauth_kind
from connectors.sdk.types import (
    SECTIONS,
    Checkpoint,
    CheckResult,
    CheckStatus,
    ContactRow,
    CustomerRef,
    Empty,
    ErrorKind,
    Found,
    Number,
    SectionName,
    SourceError,
    number_parameters,
)
from connectors.sdk.values import Row, TextFormat

__all__ = ["RestConfig", "RestConnector"]

_EVER = "1970-01-01T00:00:00Z"
# What the bare base URL may say of a server that is there: few have anything at it.
_ANSWERED = frozenset({ErrorKind.NOT_FOUND, ErrorKind.AUTH_DENIED, ErrorKind.BAD_DATA})
_SAMPLE = 20
# What is read beside a section, and shown even if that cannot be read.
_BESIDE: dict[SectionName, str] = {"balance": "payments", "purchases": "purchase_totals"}


class RestConnector(Connector[RestConfig]):
    """A web service asked with the admin's own addresses and field maps."""

    kind: ClassVar[str] = "rest"
    title: ClassVar[str] = "Web service (REST)"
    summary: ClassVar[str] = "Any HTTP service that answers with JSON, mapped field by field."
    Config: ClassVar[type[Any]] = RestConfig
    brings: ClassVar[frozenset[Capability]] = ALL

    def __init__(self, config: RestConfig, context: Context) -> None:
        super().__init__(config, context)
        operations: dict[str, Operation] = {name: getattr(config, name) for name in OPERATIONS}
        self._provides = frozenset(name for name in get_args(Capability) if operations[name].path)
        self._form = TextFormat(zone=zone_of(config.time_zone))
        http = HttpClient(
            config.base_url,
            allow_private_network=config.allow_private_network,
            ca_file=context.data_dir / config.ca_file if config.ca_file else None,
            timeout_s=config.timeout_ms / 1000,
            max_bytes=config.max_answer_mib * 1024 * 1024,
            max_connections=config.max_connections,
        )
        self.budget = Budget(config.requests_per_minute or None, config.max_connections)
        self._service = Service(
            http,
            credentials(
                config.auth, http, context, allow_private_network=config.allow_private_network
            ),
            self.budget,
            config.headers,
            partial(_refused, config.error_code, config.errors),
        )
        self._reader = Reader(self._service, operations, config.paging, self._form, config.query)

    @classmethod
    def oauth_kind(cls, config: RestConfig) -> OAuthKind | None:
        """Return where a person is asked, if the credentials are of that kind."""
        return oauth_kind(config.auth)

    @classmethod
    def oauth_client(cls, config: RestConfig) -> ClientSettings:
        """Return the credentials: they hold client id and secret."""
        return cast("ClientSettings", config.auth)

    @property
    def provides(self) -> frozenset[Capability]:
        """What there is an operation for."""
        return self._provides

    async def contacts(self, since: str | None) -> AsyncIterator[ContactItem]:
        """Read page by page; the records of one customer in one page are one contact.

        So are those that a page ends with and the next begins with.
        """
        changed = Newest(since)
        link = self.config.customer_url
        customers: dict[Any, list[Row]] = {}
        async with aclosing(self._stream("contacts", since)) as pages:
            async for rows, _ in pages:
                last = customers.popitem() if customers else None
                for group in customers.values():
                    yield contact(group, link)
                customers = dict([last] if last else [])
                for row in rows:
                    changed.see(row)
                    own = row.values.get("remote_id")
                    # Without an id, or with one of another shape, each is rejected for itself.
                    key = own if isinstance(own, str | int) else (row.number,)
                    customers.setdefault(key, []).append(row)
        for group in customers.values():
            yield contact(group, link)
        yield self._checkpoint("contacts", changed)

    async def purchases(self, since: str | None) -> AsyncIterator[PurchaseItem]:
        """Read page by page; without nested lines the records of an order stand together."""
        changed = Newest(since)
        groups = Groups("an order", "order_number", "sort the history by order")
        currency = self.config.currency or None
        async with aclosing(self._stream("history", since)) as pages:
            async for rows, lines in pages:
                for index, row in enumerate(rows):
                    changed.see(row)
                    if lines is not None:
                        yield purchase([row], currency, lines[index])
                    elif done := groups.add(row):
                        yield purchase(done, currency)
        for group in groups.rest():
            yield purchase(group, currency)
        yield self._checkpoint("history", changed)

    async def catalogue(self, since: str | None) -> AsyncIterator[CatalogueItem]:
        """Read page by page."""
        changed = Newest(since)
        async with aclosing(self._stream("catalogue", since)) as pages:
            async for rows, _ in pages:
                for row in rows:
                    changed.see(row)
                    yield item(row, self.config.currency or None)
        yield self._checkpoint("catalogue", changed)

    async def _stream(
        self, name: str, since: str | None
    ) -> AsyncGenerator[tuple[list[Row], list[list[Row]] | None]]:
        """Read an operation over everything, a page at a time."""
        number = 0
        async with aclosing(self._reader.pages(name, {"since": since or _EVER})) as pages:
            async for page in pages:
                first = number + 1
                number += len(page.records)
                records = enumerate(page.records, first)
                yield [Row(r, i, f"{name} record", self._form) for i, r in records], page.lines

    def _checkpoint(self, name: str, changed: Newest) -> Checkpoint:
        operation: Operation = getattr(self.config, name)
        return Checkpoint(changed.cursor if "since" in operation.placeholders else None)

    async def find(self, number: Number) -> list[ContactRow]:
        """Ask the service for a number."""
        reading = await self._read("find", number_parameters(number))
        items = [contact([row], self.config.customer_url) for row in reading.rows]
        return [item for item in items if isinstance(item, ContactRow)]

    async def fetch(self, section: SectionName, ref: CustomerRef) -> Found | Empty:
        """Ask the service for a section of one customer; 404 means nothing on record."""
        values = {"remote_id": ref.remote_id, "external_id": ref.external_id}
        own = self._balance(values) if section == "balance" else self._read(section, values)
        beside = _BESIDE.get(section, "")
        if not beside or not getattr(self.config, beside).path:
            return self._answer(section, ref, await own)
        reading, more = await asyncio.gather(own, self._tolerant(beside, values))
        return self._answer(section, ref, reading, more)

    async def _balance(self, values: Mapping[str, str | None]) -> Reading:
        """Read the open items, and the credits if they are kept elsewhere."""
        if not self.config.credits.path:
            return await self._read("balance", values)
        items, credit = await asyncio.gather(
            self._read("balance", values), self._read("credits", values)
        )
        rows = [*items.rows, *credits_as_items(credit.rows)]
        return Reading(rows, items.more or credit.more)

    def _answer(
        self,
        section: SectionName,
        ref: CustomerRef,
        reading: Reading,
        more: Reading | SourceError = NOTHING,
    ) -> Found | Empty:
        beside = _BESIDE.get(section, "")
        notes = [f"{beside}: {more.text}"] if isinstance(more, SourceError) else []
        fields = getattr(self.config, section).fields
        notes += [
            f"the answer has no `{fields[name]}` ({name}): was it renamed?"
            for name in reading.absent
            if "amount_due" not in fields
        ]
        # Without a summary the balance is unknown, whatever was paid.
        items = bool(reading.rows) or "amount_due" in fields
        extra = more if isinstance(more, Reading) and items else NOTHING
        origin = Origin(
            self.context.slug,
            self.context.today(self._form.zone),
            self.context.now(),
            self.config.currency or None,
            customer_link(self.config.customer_url, ref),
        )
        return answer(section, reading, origin, extra, notes)

    async def _tolerant(self, name: str, values: Mapping[str, str | None]) -> Reading | SourceError:
        try:
            return await self._read(name, values)
        except SourceError as error:
            return error

    async def _read(self, name: str, values: Mapping[str, str | None], most: int = 0) -> Reading:
        """Read an operation up to the row limit (`most`, else the setting)."""
        return await self._reader.read(name, values, most or self.config.row_limit)

    async def look(self, name: str, values: Mapping[str, str]) -> None:
        """Ask an operation once; who listens hears the answer as it came (sdk/trace.py)."""
        await self._read(name, values, 1)

    async def check(self) -> CheckResult:
        """Ask every operation once, for a customer of the contacts if there are any."""
        proved: list[str] = []
        ref: CustomerRef | None = None
        names = [name for name in OPERATIONS if getattr(self.config, name).path]
        for name in names:
            try:
                text, found = await self._try(name, ref)
            except SourceError as error:
                return failed_check(error, name, tuple(proved))
            proved.append(text)
            ref = ref or found
        if not names:
            return await self._check_server()
        return CheckResult(CheckStatus.OK, "", tuple(proved))

    async def _check_server(self) -> CheckResult:
        try:
            await self._service.get("")
        except SourceError as error:
            if error.kind not in _ANSWERED:
                return failed_check(error)
        text = "the server answers, but no operation has a path: give at least one"
        return CheckResult(CheckStatus.BAD_CONFIG, text, ("the server answers",))

    async def _try(self, name: str, ref: CustomerRef | None) -> tuple[str, CustomerRef | None]:
        """Ask one operation, for a customer or number that no service has if none is known."""
        known = ref or CustomerRef("0", "0")
        values = {
            "since": _EVER,
            "e164": "+10000000000",
            "digits": "10000000000",
            "national": "0000000000",
            "remote_id": known.remote_id,
            "external_id": known.external_id,
        }
        reading = await self._read(name, values, _SAMPLE if name in PLACEHOLDERS else 0)
        text = f"{name}: {len(reading.rows)} records"
        if not reading.rows:
            return text, None
        first = reading.rows[0]
        _require(columns.missing(name, tuple(first.values)))
        never = [c for c in first.values if all(r.values.get(c) is None for r in reading.rows)]
        if never:
            text += f", always empty: {', '.join(never)}"
        if name in SECTIONS:
            self._answer(name, known, reading)
        made = contact([first]) if name in {"contacts", "find"} else None
        if isinstance(made, ContactRow):
            return text, CustomerRef(made.remote_id, made.external_id)
        return text, None

    async def aclose(self) -> None:
        """Close the pooled connections."""
        await self._service.aclose()


def _refused(
    error_code: str, errors: Mapping[str, str], answer: Answer, document: Any
) -> SourceError | None:
    """Read the service's own error code, if the settings say what it means."""
    if not error_code or not isinstance(document, dict | list):
        return None
    code = pick(error_code, document)
    if isinstance(code, bool) or not isinstance(code, str | int):
        return None
    meaning = errors.get(str(code))
    if meaning is None:
        return None
    kind, _, words = (part.strip() for part in meaning.partition(":"))
    text = words or "the source refuses, with an error code that the settings know"
    wait = retry_after(answer.headers.get("retry-after"), datetime.now(UTC))
    return SourceError(ErrorKind(kind), f"{text} (code {code})", retry_after_s=wait)


def _require(missing: str | None) -> None:
    if missing:
        raise SourceError(ErrorKind.BAD_CONFIG, missing)
