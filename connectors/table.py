"""CSV and Excel files: an export that somebody puts into the data folder."""

from __future__ import annotations

import asyncio
import codecs
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import Any, ClassVar, TypeVar

from pydantic import Field, field_validator, model_validator

from connectors._table_file import (
    LargeCustomers,
    Reading,
    WatchedFile,
    being_written,
    large_customers,
    with_notes,
)
from connectors._table_records import contact_items
from connectors.sdk import trace
from connectors.sdk.checks import failed_check
from connectors.sdk.columns import known, missing
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
from connectors.sdk.contacts import (
    CONTACT,
    customer_link,
    is_contact_column,
    missing_contact_columns,
)
from connectors.sdk.history import CATALOGUE, item, purchase
from connectors.sdk.indexed import (
    KEYS,
    Content,
    Key,
    customers_of,
    index,
    key_of,
    orders_of,
    ref_of,
    rows_of,
)
from connectors.sdk.mapping import check_names
from connectors.sdk.sections import Origin, answer
from connectors.sdk.sections import Reading as Rows
from connectors.sdk.settings import Currency, CustomerUrl, TimeZone, zone_of
from connectors.sdk.tabular import read_table
from connectors.sdk.types import (
    Checkpoint,
    CheckResult,
    CheckStatus,
    CustomerRef,
    Empty,
    ErrorKind,
    Found,
    RejectedRow,
    SectionName,
    SourceError,
)
from connectors.sdk.values import DateOrder, TextFormat

T = TypeVar("T")
_SECTIONS: tuple[SectionName, ...] = ("balance", "purchases", "credit_terms")
KNOWN = {
    *CONTACT,
    *(column for section in _SECTIONS for column in known(section)),
    "phone",
    "mobile",
    "email",
    *CATALOGUE,
}
_CHECKED_CUSTOMERS = 1_000
# How often a file that changes while it is read is read again.
_TRIES = 3


class TableConfig(ConnectorConfig):
    """Settings of a file."""

    path: str = Field(
        title="File",
        description="Name in the data folder: exports/credit.xlsx. It is read again when changed.",
    )
    columns: dict[str, str] = Field(
        title="Columns",
        description="Our name: the header in the file. remote_id or external_id is needed; phone"
        " (phone…, mobile…) with display_name brings contacts; amount_due or balance brings"
        " balances; credit_limit, on_hold, payment_terms… bring credit terms; order_number brings"
        " purchases and their history; item_id with name, without order_number, a catalogue.",
    )
    sheet: str = Field("", title="Sheet", description="Of a spreadsheet; the first if empty.")
    encoding: str = Field(
        "utf-8-sig",
        title="Encoding",
        description="Of a text file: utf-8-sig, windows-1252… UTF-16 is recognised.",
    )
    delimiter: str = Field(
        ",",
        title="Delimiter",
        description="What separates the cells of a text file: one character, or tab.",
        pattern=r"^([^\r\n\x22]|tab)$",
    )
    decimal_comma: bool = Field(
        False, title="Decimal comma", description="Text amounts are written 1.234,50."
    )
    date_order: DateOrder = Field(
        "ymd",
        title="Order of dates",
        description="Of dates written as text: ymd 2026-10-12, dmy 12.10.2026, mdy 10/12/2026.",
    )
    currency: Currency = ""
    customer_url: CustomerUrl = ""
    time_zone: TimeZone = ""

    @field_validator("encoding")
    @classmethod
    def _is_a_text_encoding(cls, encoding: str) -> str:
        try:
            "".encode(encoding)
            codecs.lookup(encoding)
        except LookupError:
            raise ValueError("is not an encoding: try utf-8-sig or windows-1252") from None
        return encoding

    @field_validator("columns")
    @classmethod
    def _columns_are_known(cls, columns: dict[str, str]) -> dict[str, str]:
        check_names([name for name in columns if not is_contact_column(name)], KNOWN, "column")
        if not set(columns).intersection(KEYS) and "catalogue" not in brought(columns):
            raise ValueError("remote_id or external_id must be mapped: whose are the rows?")
        return columns

    @model_validator(mode="after")
    def _brings_something(self) -> TableConfig:
        if not brought(self.columns):
            raise ValueError(
                "columns: nothing would come of these; map phone with display_name, amount_due or"
                " balance, credit_limit, order_number, or item_id with name"
            )
        return self


def brought(columns: Mapping[str, str]) -> frozenset[Capability]:
    """Say what the mapped columns are enough for."""
    found: list[Capability] = []
    named = ("remote_id", *columns)
    if missing_contact_columns(named) is None:
        found.append("contacts")
    if set(columns).intersection(KEYS):
        found += [section for section in _SECTIONS if missing(section, tuple(columns)) is None]
    if "purchases" in found:
        found.append("history")
    elif missing("catalogue", tuple(columns)) is None:
        found.append("catalogue")
    return frozenset(found)


class TableConnector(Connector[TableConfig]):
    """A file read whole, kept in memory, and read again when it changes."""

    kind: ClassVar[str] = "table"
    title: ClassVar[str] = "File (CSV, Excel)"
    summary: ClassVar[str] = "A table in the data folder, read again whenever it changes."
    Config: ClassVar[type[Any]] = TableConfig
    brings: ClassVar[frozenset[Capability]] = ALL - {"find", "tickets"}

    def __init__(self, config: TableConfig, context: Context) -> None:
        super().__init__(config, context)
        zone = zone_of(config.time_zone)
        self._form = TextFormat(config.decimal_comma, config.date_order, zone, config.columns)
        # One thread: a reload and the look-ups behind it never see half a file.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="table-source")
        self._file = WatchedFile(context.data_dir, config.path, self._read)
        self._large = LargeCustomers()
        self._prepared: Content | None = None

    @property
    def provides(self) -> frozenset[Capability]:
        """What the mapped columns are enough for."""
        return brought(self.config.columns)

    async def contacts(self, since: str | None) -> AsyncIterator[ContactItem]:  # noqa: ARG002
        """Read all customers; a file knows nothing of changes since."""
        whole = await self._whole()
        customers = await self._run(lambda: customers_of(whole.content))
        for rows in customers:
            for each in contact_items(
                rows, whole.content.faults, self.config.columns, self.config.customer_url
            ):
                yield each
        await self._run(lambda: self._file.check_whole(whole))
        yield Checkpoint(None, len(customers))

    async def purchases(self, since: str | None) -> AsyncIterator[PurchaseItem]:  # noqa: ARG002
        """Read the orders of all customers."""
        whole = await self._whole()
        faults = whole.content.faults
        orders = await self._run(lambda: orders_of(whole.content))
        currency = self.config.currency or None
        for rows in orders:
            faulty = [row for row in rows if row.number in faults]
            for row in faulty:
                yield RejectedRow(row.where, faults[row.number])
            if not faulty:
                yield purchase(rows, currency)
        await self._run(lambda: self._file.check_whole(whole))
        yield Checkpoint(None, len(orders))

    async def catalogue(self, since: str | None) -> AsyncIterator[CatalogueItem]:  # noqa: ARG002
        """Read all items."""
        whole = await self._whole()
        content = whole.content
        for row in content.rows:
            if row.number in content.faults:
                yield RejectedRow(row.where, content.faults[row.number])
            else:
                yield item(row, self.config.currency or None)
        await self._run(lambda: self._file.check_whole(whole))
        yield Checkpoint(None, len(content.rows))

    async def _whole(self) -> Reading:
        """Return the content, if it is the file's and nobody is writing it.

        What a sync does not find in half a file would be removed.
        """
        for _ in range(_TRIES):
            reading = await self._run(self._reading)
            if reading.note:
                raise SourceError(ErrorKind.BAD_DATA, reading.note)
            wait_s = self._file.quiet_in_s(reading)
            if not wait_s:
                return reading
            await asyncio.sleep(wait_s)
        raise being_written(self.config.path)

    async def fetch(self, section: SectionName, ref: CustomerRef) -> Found | Empty:
        """Find the rows of a customer; if the new file is unreadable, in the old content."""
        if trace.is_heard():
            await self._tell(section, ref)
        return await self._run(lambda: self._fetch(section, ref))

    async def _tell(self, section: SectionName, ref: CustomerRef) -> None:
        began = perf_counter()
        content = (await self._run(self._reading)).content
        rows = rows_of(section, content, key_of(content, ref))
        headers = self.config.columns.items()
        cells = [
            {"row": row.number, **{header: row.values.get(name) for name, header in headers}}
            for row in rows
        ]
        trace.tell_rows(f"file {self.config.path}", began, cells)

    def _fetch(self, section: SectionName, ref: CustomerRef) -> Found | Empty:
        content, note, _ = self._reading()
        found = self._answer(section, key_of(content, ref), content)
        return with_notes(found, customer_link(self.config.customer_url, ref), note)

    def _answer(self, section: SectionName, key: Key | None, content: Content) -> Found | Empty:
        if section == "purchases":
            return self._large.kept(content, key, lambda: self._worked_out(section, key, content))
        return self._worked_out(section, key, content)

    def _worked_out(self, section: SectionName, key: Key | None, content: Content) -> Found | Empty:
        rows = rows_of(section, content, key)
        for row in rows:
            if row.number in content.faults:
                raise SourceError(ErrorKind.BAD_DATA, f"{row.where} {content.faults[row.number]}")
        origin = Origin(
            self.context.slug,
            self.context.today(self._form.zone),
            content.as_of,
            self.config.currency or None,
        )
        return answer(section, Rows(rows), origin)

    def _reading(self) -> Reading:
        """Read the file; of a new one, what takes long is worked out before anybody asks."""
        reading = self._file.reading()
        content = reading.content
        if content is not self._prepared and "purchases" in self.provides:
            self._prepared = content
            self._soon(content, large_customers(content))
        return reading

    def _prepare(self, content: Content, keys: list[Key]) -> None:
        # One at a time: look-ups that came meanwhile are answered before the next.
        if content is self._prepared:
            with suppress(SourceError):
                self._answer("purchases", keys.pop(), content)
            self._soon(content, keys)

    def _soon(self, content: Content, keys: list[Key]) -> None:
        # RuntimeError: the connector was closed meanwhile.
        with suppress(RuntimeError):
            if keys:
                self._thread.submit(self._prepare, content, keys)

    def _read(self, path: Path, as_of: datetime) -> Content:
        delimiter = "\t" if self.config.delimiter == "tab" else self.config.delimiter
        table = read_table(
            path, sheet=self.config.sheet, encoding=self.config.encoding, delimiter=delimiter
        )
        return index(table, self.config.columns, self._form, as_of)

    async def check(self) -> CheckResult:
        """Read the file, and try up to a thousand of its customers."""
        try:
            return await self._run(self._check)
        except SourceError as error:
            return failed_check(error)

    def _check(self) -> CheckResult:
        content, note, _ = self._reading()
        if note:
            return CheckResult(CheckStatus.BAD_CONFIG, note)
        proved = [f"{len(content.rows)} rows, of {content.as_of:%Y-%m-%d %H:%M} UTC"]
        customers = customers_of(content)
        if "contacts" in self.provides:
            columns, link = self.config.columns, self.config.customer_url
            items = [
                each
                for rows in customers
                for each in contact_items(rows, content.faults, columns, link)
            ]
            rejected = [i for i in items if isinstance(i, RejectedRow)]
            proved.append(f"contacts: {len(items) - len(rejected)}")
            if rejected:
                first = rejected[0]
                proved.append(f"{len(rejected)} rows rejected, first: {first.where} {first.why}")
        refs = [ref for rows in customers[:_CHECKED_CUSTOMERS] if (ref := ref_of(rows))]
        if "catalogue" in self.provides:
            proved.append(_proved_items(content, self.config.currency or None))
        sections = [section for section in _SECTIONS if section in self.provides]
        proved += [self._try(section, refs, content) for section in sections]
        return CheckResult(CheckStatus.OK, "", tuple(proved))

    def _try(self, section: SectionName, refs: Sequence[CustomerRef], content: Content) -> str:
        """Work out a section of many customers; it fails if not one can be read."""
        found, errors = 0, []
        for ref in refs:
            try:
                found += isinstance(self._answer(section, key_of(content, ref), content), Found)
            except SourceError as error:
                errors.append(error)
        if errors and not found:
            raise errors[0]
        text = f"{section}: {found} of {len(refs)} customers"
        return f"{text}, {len(errors)} cannot be read: {errors[0].text}" if errors else text

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def aclose(self) -> None:
        """Let the thread end and the content go."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def _proved_items(content: Content, currency: str | None) -> str:
    """Say how many items there are; it fails if not one can be read."""
    made = [item(row, currency) for row in content.rows if row.number not in content.faults]
    rejected = [i for i in made if isinstance(i, RejectedRow)]
    if rejected and len(rejected) == len(made):
        raise SourceError(ErrorKind.BAD_DATA, rejected[0].why)
    text = f"catalogue: {len(made) - len(rejected)} items"
    first = f", {len(rejected)} rows rejected, first: {rejected[0].why}" if rejected else ""
    return text + first
