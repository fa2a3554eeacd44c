"""Any database with an SQLAlchemy driver: one query text for each thing it can bring."""

from __future__ import annotations

import asyncio
import difflib
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any, ClassVar

from pydantic import Field, SecretStr, field_validator, model_validator

from connectors.sdk.checks import failed_check
from connectors.sdk.connector import (
    Capability,
    Connector,
    ConnectorConfig,
    ContactItem,
    Context,
)
from connectors.sdk.contacts import CONTACT, contact, customer_link, later, missing_contact_columns
from connectors.sdk.facts import COLUMNS, missing_columns
from connectors.sdk.sections import NOTHING, Origin, Reading, answer
from connectors.sdk.settings import Currency, CustomerUrl
from connectors.sdk.sql import ReadOnlyDatabase, Rows, parameters, parse_url
from connectors.sdk.types import (
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
from connectors.sdk.values import Row

_BY_CUSTOMER = frozenset({"remote_id", "external_id"})
_BY_NUMBER = frozenset({"e164", "national", "digits"})
_ALLOWED = {"contacts": frozenset({"since"}), "find": _BY_NUMBER}
_EVER = "1970-01-01T00:00:00Z"
_LEADING_COMMENTS = re.compile(r"(?:\s+|--[^\n]*\n|/\*.*?\*/)*", re.DOTALL)
_SAMPLE = 20


def _query(title: str, description: str) -> Any:
    return Field("", title=title, description=description, json_schema_extra={"format": "sql"})


class Queries(ConnectorConfig):
    """One SELECT for each thing the database can bring; leave out what it has not."""

    contacts: str = _query(
        "Contacts",
        "All customers with their phone numbers, ORDER BY remote_id. Columns: remote_id,"
        " display_name, phone (and any phone…, mobile…, email…); repeat the row for each further"
        " number. Also: company_name, external_id, tax_number, tier, tags, language, region,"
        " owner_name, owner_email, remote_url, phone_type, is_primary, deleted. To read only"
        " changes, use :since and return updated_at.",
    )
    find: str = _query(
        "Find by number",
        "Customers with a phone number, asked during a call when the number is not known yet."
        " Columns as in contacts. Parameters: :e164 (+442079460958), :national (02079460958),"
        " :digits (442079460958).",
    )
    balance: str = _query(
        "Balance",
        "Open items of a customer (:remote_id or :external_id). Columns: amount_due (negative for"
        " credit notes and unallocated payments), number, issue_date, due_date, total_amount,"
        " currency. Or one row with: balance, overdue_amount, unapplied_credit, oldest_due_date.",
    )
    payments: str = _query(
        "Payments",
        "Latest payments of a customer. Columns: transaction_date, total_amount, payment_method,"
        " currency. Needs the balance query too.",
    )
    purchases: str = _query(
        "Purchases",
        "Order lines of a customer, newest first. Columns: order_number, order_date, status,"
        " order_total, currency, item_id, sku, name, quantity, unit_price, total_amount (of the"
        " line).",
    )
    credit_terms: str = _query(
        "Credit terms",
        "One row for a customer. Columns: credit_limit (NULL = none set), credit_used,"
        " exposure_includes_orders, payment_terms, days_until_due, on_hold, hold_reason,"
        " risk_rating, currency.",
    )
    tickets: str = _query(
        "Tickets",
        "Support cases of a customer. Columns: number, subject, status, priority, updated_at, url.",
    )

    @field_validator("*")
    @classmethod
    def _reads_with_known_parameters(cls, sql: str, info: Any) -> str:
        if not sql.strip():
            return ""
        start = _LEADING_COMMENTS.sub("", sql, count=1)[:7].lower()
        if not re.match(r"(select|with)\b|\(", start):
            raise ValueError("must be one SELECT (or WITH … SELECT)")
        allowed = _ALLOWED.get(info.field_name, _BY_CUSTOMER)
        used = parameters(sql)
        for name in sorted(used - allowed):
            near = difflib.get_close_matches(name, allowed, 1) or sorted(allowed)
            raise ValueError(f"there is no parameter :{name} here, did you mean :{near[0]}?")
        if info.field_name != "contacts" and not used:
            names = " or ".join(f":{name}" for name in sorted(allowed))
            raise ValueError(f"must use {names}, else it returns every customer's data")
        return sql

    @model_validator(mode="after")
    def _payments_go_with_a_balance(self) -> Queries:
        if self.payments and not self.balance:
            raise ValueError("payments are shown with the balance: give a balance query too")
        return self


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
        title="Contacts timeout (ms)",
        description="The database stops the reading of all contacts after this time.",
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

    def __init__(self, config: SqlConfig, context: Context) -> None:
        super().__init__(config, context)
        self._database = ReadOnlyDatabase(
            parse_url(config.url.get_secret_value()),
            context.data_dir,
            config.statement_timeout_ms,
            config.max_connections,
        )

    @property
    def provides(self) -> frozenset[Capability]:
        """What there is a query for."""
        names: tuple[Capability, ...] = (
            "contacts",
            "find",
            "balance",
            "purchases",
            "credit_terms",
            "tickets",
        )
        return frozenset(name for name in names if getattr(self.config.queries, name))

    async def contacts(self, since: str | None) -> AsyncIterator[ContactItem]:
        """Read the contacts query row by row; the cursor is its greatest `updated_at`."""
        sql = self.config.queries.contacts
        link = self.config.customer_url
        newest: Any = None
        # Hashes only: a million customers must not sit in memory.
        seen: set[int] = set()
        group: list[Row] = []
        number = 0
        values = {"since": since or _EVER}
        stream = self._database.stream(sql, values, self.config.contacts_timeout_ms)
        async with aclosing(stream) as batches:
            async for batch in batches:
                _require(missing_contact_columns(batch.columns))
                for record in batch.records:
                    number += 1
                    newest = later(newest, record.get("updated_at"))
                    if group and record["remote_id"] != group[0].values["remote_id"]:
                        yield contact(group, link)
                        group = []
                    if not group:
                        _require_new(record["remote_id"], seen, number)
                    group.append(Row(record, number, "contacts row"))
        if group:
            yield contact(group, link)
        if "since" not in parameters(sql):
            yield Checkpoint(None)
        else:
            yield Checkpoint(since if newest is None else str(newest))

    async def find(self, number: Number) -> list[ContactRow]:
        """Run the find query for one number."""
        rows = await self._database.read(
            self.config.queries.find, number_parameters(number), self.config.row_limit
        )
        _require(missing_contact_columns(rows.columns))
        groups: dict[Any, list[Row]] = {}
        for index, record in enumerate(rows.records, 1):
            groups.setdefault(record["remote_id"], []).append(Row(record, index, "find row"))
        items = [contact(group, self.config.customer_url) for group in groups.values()]
        return [item for item in items if isinstance(item, ContactRow)]

    async def fetch(self, section: SectionName, ref: CustomerRef) -> Found | Empty:
        """Run the query of a section for one customer."""
        queries = self.config.queries
        if section != "balance" or not queries.payments:
            rows = await self._read(section, ref)
            return self._answer(section, ref, rows)
        rows, paid = await asyncio.gather(
            self._read("balance", ref), self._read("payments", ref, tolerate=True)
        )
        return self._answer(section, ref, rows, paid)

    async def _read(
        self, name: str, ref: CustomerRef, *, tolerate: bool = False
    ) -> Rows | SourceError:
        sql = getattr(self.config.queries, name)
        values = {"remote_id": ref.remote_id, "external_id": ref.external_id}
        if ref.external_id is None and parameters(sql) == {"external_id"}:
            return Rows((), [])
        try:
            rows = await self._database.read(sql, values, self.config.row_limit)
            _require(missing_columns(name, rows.columns))
        except SourceError as error:
            if tolerate:
                return error
            raise
        return rows

    def _answer(
        self,
        section: SectionName,
        ref: CustomerRef,
        rows: Rows | SourceError,
        paid: Rows | SourceError | None = None,
    ) -> Found | Empty:
        if isinstance(rows, SourceError):
            raise rows
        notes = [f"payments: {paid.text}"] if isinstance(paid, SourceError) else []
        # Without a summary row the balance is unknown, whatever was paid.
        items = bool(rows.records) or "amount_due" in rows.columns
        payments = _reading("payments", paid) if isinstance(paid, Rows) and items else NOTHING
        link = customer_link(self.config.customer_url, ref)
        origin = Origin(
            self.context.slug,
            self.context.today(),
            self.context.now(),
            self.config.currency or None,
            link,
        )
        return answer(section, _reading(section, rows), origin, payments, notes)

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
            return CheckResult(CheckStatus.BAD_CONFIG, "no query is set: give at least one")
        return CheckResult(CheckStatus.OK, "", tuple(proved))

    async def _try(self, name: str, ref: CustomerRef) -> tuple[Rows, str]:
        """Run one query with values that fit any type, and understand what it returns."""
        known = {"remote_id": ref.remote_id or None, "external_id": ref.external_id}
        values: Mapping[str, Any] = {**known, "since": _EVER}
        limit = _SAMPLE if name in _ALLOWED else self.config.row_limit
        rows = await self._database.read(getattr(self.config.queries, name), values, limit)
        if name in _ALLOWED:
            _require(missing_contact_columns(rows.columns))
            usual: tuple[str, ...] = (*CONTACT, "phone_type")
        else:
            _require(missing_columns(name, rows.columns))
            usual = COLUMNS[name]
        if name in {"balance", "purchases", "credit_terms", "tickets"}:
            section: Any = name
            self._answer(section, ref, rows)
        unused = [c for c in rows.columns if c not in usual and not _is_list_column(c)]
        text = f"{name}: {len(rows.records)} rows"
        return rows, f"{text}, columns not used: {', '.join(unused)}" if unused else text

    async def aclose(self) -> None:
        """Close the database."""
        await self._database.aclose()


def _is_list_column(name: str) -> bool:
    return name.startswith(("phone", "mobile", "email"))


def _reading(name: str, rows: Rows) -> Reading:
    records = enumerate(rows.records, 1)
    return Reading([Row(record, index, f"{name} row") for index, record in records], rows.more)


def _ref(record: Mapping[str, Any]) -> CustomerRef:
    row = Row(record)
    return CustomerRef(row.text("remote_id") or "", row.text("external_id"))


def _require(missing: str | None) -> None:
    if missing:
        raise SourceError(ErrorKind.BAD_CONFIG, missing)


def _require_new(remote_id: Any, seen: set[int], number: int) -> None:
    mark = hash(remote_id)
    if mark in seen and remote_id is not None:
        raise SourceError(
            ErrorKind.BAD_CONFIG,
            f"contacts row {number} is of a customer whose other rows came earlier:"
            " add ORDER BY remote_id to the contacts query",
        )
    seen.add(mark)
