"""Any database with an SQLAlchemy driver: one query text for each thing it can bring."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from time import perf_counter
from typing import Any, ClassVar, get_args

from pydantic import Field, SecretStr, field_validator

from connectors.sdk import columns, trace
from connectors.sdk.checks import failed_check
from connectors.sdk.connector import (
    ALL,
    Capability,
    CatalogueItem,
    Connector,
    ConnectorConfig,
    ContactItem,
    Context,
    PurchaseItem,
)
from connectors.sdk.contacts import contact, customer_link
from connectors.sdk.history import Groups, Newest, item, purchase
from connectors.sdk.queries import STREAMS, Queries
from connectors.sdk.sections import NOTHING, Origin, Reading, answer
from connectors.sdk.settings import Currency, CustomerUrl, TimeZone, zone_of
from connectors.sdk.sql import ReadOnlyDatabase, Rows, parameters, parse_url
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

_EVER = "1970-01-01T00:00:00Z"
_SAMPLE = 20
# What is read beside a section, and shown even if that cannot be read.
_BESIDE: dict[SectionName, str] = {"balance": "payments", "purchases": "purchase_totals"}
_BY_ORDER = "add ORDER BY order_number to the history query"
_BY_CUSTOMER = "add ORDER BY remote_id to the contacts query"


class SqlConfig(ConnectorConfig):
    """Settings of a database."""

    url: SecretStr = Field(
        title="Database URL",
        description="postgresql://user:password@host/name, sqlite:///file.db (in the data folder),"
        " or any SQLAlchemy URL. Use an account that may only read.",
    )
    queries: Queries = Field(title="Queries", description="One SELECT for each section.")
    currency: Currency = ""
    customer_url: CustomerUrl = ""
    time_zone: TimeZone = ""
    row_limit: int = Field(
        2_000, ge=1, le=100_000, title="Row limit", description="Most rows read for one customer."
    )
    statement_timeout_ms: int = Field(
        5_000,
        ge=100,
        le=600_000,
        title="Statement timeout (ms)",
        description="The database stops a query of one customer after this time.",
    )
    contacts_timeout_ms: int = Field(
        600_000,
        ge=1_000,
        le=86_400_000,
        title="Sync timeout (ms)",
        description="The database stops the reading of all contacts, orders or items after this"
        " time.",
    )
    max_connections: int = Field(
        4,
        ge=1,
        le=32,
        title="Connections",
        description="Most connections open at once (one more during a sync).",
    )

    @field_validator("url")
    @classmethod
    def _is_a_database_url(cls, url: SecretStr) -> SecretStr:
        try:
            parse_url(url.get_secret_value())
        except SourceError as error:
            raise ValueError(error.text) from None
        return url


class SqlConnector(Connector[SqlConfig]):
    """A database read with the admin's own queries, never written to."""

    kind: ClassVar[str] = "sql"
    title: ClassVar[str] = "Database (SQL)"
    summary: ClassVar[str] = "Any SQL database, with one query for each section. Only ever reads."
    Config: ClassVar[type[Any]] = SqlConfig
    brings: ClassVar[frozenset[Capability]] = ALL

    def __init__(self, config: SqlConfig, context: Context) -> None:
        super().__init__(config, context)
        self._form = TextFormat(zone=zone_of(config.time_zone))
        self._database = ReadOnlyDatabase(
            parse_url(config.url.get_secret_value()),
            context.data_dir,
            config.statement_timeout_ms,
            config.max_connections,
        )

    @property
    def provides(self) -> frozenset[Capability]:
        """What there is a query for."""
        return frozenset(
            name for name in get_args(Capability) if getattr(self.config.queries, name)
        )

    async def contacts(self, since: str | None) -> AsyncIterator[ContactItem]:
        """Read the contacts query row by row; the cursor is its greatest `updated_at`."""
        groups = Groups("a customer", "remote_id", _BY_CUSTOMER)
        changed = Newest(since)
        link = self.config.customer_url
        async with aclosing(self._rows("contacts", since)) as batches:
            async for rows in batches:
                for row in rows:
                    changed.see(row)
                    if done := groups.add(row):
                        yield contact(done, link)
        for group in groups.rest():
            yield contact(group, link)
        yield self._checkpoint("contacts", changed)

    async def purchases(self, since: str | None) -> AsyncIterator[PurchaseItem]:
        """Read the history query row by row, one order after the other."""
        groups = Groups("an order", "order_number", _BY_ORDER)
        changed = Newest(since)
        async with aclosing(self._rows("history", since)) as batches:
            async for rows in batches:
                for row in rows:
                    changed.see(row)
                    if done := groups.add(row):
                        yield purchase(done, self.config.currency or None)
        for group in groups.rest():
            yield purchase(group, self.config.currency or None)
        yield self._checkpoint("history", changed)

    async def catalogue(self, since: str | None) -> AsyncIterator[CatalogueItem]:
        """Read the catalogue query row by row."""
        changed = Newest(since)
        async with aclosing(self._rows("catalogue", since)) as batches:
            async for rows in batches:
                for row in rows:
                    changed.see(row)
                    yield item(row, self.config.currency or None)
        yield self._checkpoint("catalogue", changed)

    async def _rows(self, name: str, since: str | None) -> AsyncGenerator[list[Row]]:
        """Run a query over everything, and hand over its rows some at a time."""
        number = 0  # Of the last row so far.
        values = {"since": since or _EVER}
        sql: str = getattr(self.config.queries, name)
        stream = self._database.stream(sql, values, self.config.contacts_timeout_ms)
        began = perf_counter()
        what = f"{name} row"
        async with aclosing(stream) as batches:
            async for batch in batches:
                if number == 0:
                    bound = {key: values.get(key) for key in sorted(parameters(sql))}
                    trace.tell_rows(f"query {name}", began, batch.records, values=bound)
                _require(columns.missing(name, batch.columns))
                yield [Row(r, i, what, self._form) for i, r in enumerate(batch.records, number + 1)]
                number += len(batch.records)

    def _checkpoint(self, name: str, changed: Newest) -> Checkpoint:
        incremental = "since" in parameters(getattr(self.config.queries, name))
        return Checkpoint(changed.cursor if incremental else None)

    async def find(self, number: Number) -> list[ContactRow]:
        """Run the find query for one number."""
        rows = await self._ask("find", number_parameters(number), self.config.row_limit)
        _require(columns.missing("find", rows.columns))
        groups: dict[Any, list[Row]] = {}
        for row in self._reading("find", rows).rows:
            groups.setdefault(row.values["remote_id"], []).append(row)
        items = [contact(group, self.config.customer_url) for group in groups.values()]
        return [item for item in items if isinstance(item, ContactRow)]

    async def fetch(self, section: SectionName, ref: CustomerRef) -> Found | Empty:
        """Run the query of a section for one customer."""
        beside = _BESIDE.get(section, "")
        if not getattr(self.config.queries, beside, ""):
            return self._answer(section, ref, await self._read(section, ref))
        rows, more = await asyncio.gather(self._read(section, ref), self._tolerant(beside, ref))
        return self._answer(section, ref, rows, more)

    async def _tolerant(self, name: str, ref: CustomerRef) -> Rows | SourceError:
        try:
            return await self._read(name, ref)
        except SourceError as error:
            return error

    async def _read(self, name: str, ref: CustomerRef) -> Rows:
        sql = getattr(self.config.queries, name)
        values = {"remote_id": ref.remote_id, "external_id": ref.external_id}
        if ref.external_id is None and parameters(sql) == {"external_id"}:
            return Rows((), [])
        rows = await self._ask(name, values, self.config.row_limit)
        _require(columns.missing(name, rows.columns))
        return rows

    async def _ask(self, name: str, values: Mapping[str, Any], limit: int) -> Rows:
        sql: str = getattr(self.config.queries, name)
        began = perf_counter()
        try:
            rows = await self._database.read(sql, values, limit)
        except SourceError as error:
            trace.tell(trace.TraceEntry(f"query {name}", error.text, trace.since(began)))
            raise
        if trace.is_heard():
            bound = {key: values.get(key) for key in sorted(parameters(sql))}
            trace.tell_rows(f"query {name}", began, rows.records, values=bound, more=rows.more)
        return rows

    def _answer(
        self,
        section: SectionName,
        ref: CustomerRef,
        rows: Rows,
        more: Rows | SourceError | None = None,
    ) -> Found | Empty:
        beside = _BESIDE.get(section, "")
        notes = [f"{beside}: {more.text}"] if isinstance(more, SourceError) else []
        # Without a summary row the balance is unknown, whatever was paid.
        known = bool(rows.records) or "amount_due" in rows.columns
        extra = self._reading(beside, more) if isinstance(more, Rows) and known else NOTHING
        origin = Origin(
            self.context.slug,
            self.context.today(self._form.zone),
            self.context.now(),
            self.config.currency or None,
            customer_link(self.config.customer_url, ref),
        )
        return answer(section, self._reading(section, rows), origin, extra, notes)

    def _reading(self, name: str, rows: Rows) -> Reading:
        records = enumerate(rows.records, 1)
        return Reading([Row(r, i, f"{name} row", self._form) for i, r in records], rows.more)

    async def check(self) -> CheckResult:
        """Run every query once, for a customer of the contacts query if there is one."""
        queries = self.config.queries
        proved: list[str] = []
        if not self._database.enforces_read_only:
            proved.append(
                "this kind of database is not told to refuse writes: use a read-only user"
            )
        ref = CustomerRef("")
        for name in Queries.model_fields:
            if not getattr(queries, name):
                continue
            try:
                rows, text = await self._try(name, ref)
            except SourceError as error:
                return failed_check(error, f"query `{name}`", tuple(proved))
            proved.append(text)
            if name == "contacts" and rows.records:
                ref = _ref(rows.records[0])
        if not any(getattr(queries, name) for name in Queries.model_fields):
            return await self._check_connection()
        return CheckResult(CheckStatus.OK, "", tuple(proved))

    async def _check_connection(self) -> CheckResult:
        try:
            await self._database.inspect(lambda _connection: None)
        except SourceError as error:
            return failed_check(error)
        text = "it can be connected to, but no query is set: give at least one"
        return CheckResult(CheckStatus.BAD_CONFIG, text, ("connected",))

    async def _try(self, name: str, ref: CustomerRef) -> tuple[Rows, str]:
        """Run one query with values that fit any type, and understand what it returns."""
        known = {"remote_id": ref.remote_id or None, "external_id": ref.external_id}
        values: Mapping[str, Any] = {**known, "since": _EVER}
        limit = _SAMPLE if name in {*STREAMS, "find"} else self.config.row_limit
        rows = await self._database.read(getattr(self.config.queries, name), values, limit)
        _require(columns.missing(name, rows.columns))
        if name in SECTIONS:
            self._answer(name, ref, rows)
        unused = columns.unknown(name, rows.columns)
        text = f"{name}: {len(rows.records)} rows"
        return rows, f"{text}, columns not used: {', '.join(unused)}" if unused else text

    async def aclose(self) -> None:
        """Close the database."""
        await self._database.aclose()


def _ref(record: Mapping[str, Any]) -> CustomerRef:
    row = Row(record)
    return CustomerRef(row.text("remote_id") or "", row.text("external_id"))


def _require(missing: str | None) -> None:
    if missing:
        raise SourceError(ErrorKind.BAD_CONFIG, missing)
