"""Any web service that answers with JSON: addresses with placeholders, fields by JMESPath."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any, ClassVar

from pydantic import Field, field_validator, model_validator

from connectors.sdk.address import check_origin
from connectors.sdk.answers import Answer, raise_for_status, read_json
from connectors.sdk.auth import Auth, NoAuth, auth_headers, check_headers
from connectors.sdk.checks import failed_check
from connectors.sdk.connector import (
    Capability,
    Connector,
    ConnectorConfig,
    ContactItem,
    Context,
)
from connectors.sdk.contacts import contact, customer_link, later, missing_contact_columns
from connectors.sdk.facts import missing_columns
from connectors.sdk.http import HttpClient
from connectors.sdk.mapping import fill_path, fill_text, pick_records
from connectors.sdk.operation import (
    PLACEHOLDERS,
    Operation,
    OrdersOperation,
    Page,
    check_operation,
    map_page,
)
from connectors.sdk.paging import NoPaging, Paging, first_step, next_step
from connectors.sdk.sections import NOTHING, Origin, Reading, answer
from connectors.sdk.settings import Currency, CustomerUrl
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

_EVER = "1970-01-01T00:00:00Z"
_MOST_PAGES = 100_000
_SAMPLE = 20
_CAPABILITIES: tuple[Capability, ...] = (
    "contacts",
    "find",
    "balance",
    "purchases",
    "credit_terms",
    "tickets",
)
_OPERATIONS = (*_CAPABILITIES, "payments")


def _operation(title: str, description: str, kind: type[Operation] = Operation) -> Any:
    return Field(default_factory=kind, title=title, description=description)


class RestConfig(ConnectorConfig):
    """Settings of a web service."""

    base_url: str = Field(
        title="Base URL", description="Where the service is: https://shop.example.com/api/v1."
    )
    auth: Auth = Field(
        default_factory=NoAuth, title="Credentials", description="How the service knows us."
    )
    headers: dict[str, str] = Field(
        default_factory=dict,
        title="Headers",
        description="Further headers, such as a tenant or version. Not for secrets.",
    )
    contacts: Operation = _operation(
        "Contacts",
        "All customers. Fields: remote_id, display_name, phone (and any phone…, mobile…,"
        " email…; a value may be a list), company_name, external_id, tax_number, tier, tags,"
        " language, region, owner_name, owner_email, remote_url, deleted. With {since}, give"
        " updated_at too.",
    )
    find: Operation = _operation(
        "Find by number",
        "Customers with a phone number: {e164}, {national} or {digits}. Fields as in contacts.",
    )
    balance: Operation = _operation(
        "Balance",
        "Open items of a customer: {remote_id} or {external_id}. Fields: amount_due (negative"
        " for credits), number, issue_date, due_date, total_amount, currency. Or one object:"
        " balance, overdue_amount, unapplied_credit, oldest_due_date, currency.",
    )
    payments: Operation = _operation(
        "Payments",
        "Payments of a customer, shown with the balance. Fields: transaction_date, total_amount,"
        " payment_method, currency.",
    )
    purchases: OrdersOperation = _operation(
        "Purchases",
        "Orders of a customer. Fields: order_number, order_date, status, order_total, currency.",
        OrdersOperation,
    )
    credit_terms: Operation = _operation(
        "Credit terms",
        "One object. Fields: credit_limit, credit_used, exposure_includes_orders, payment_terms,"
        " days_until_due, on_hold, hold_reason, risk_rating, currency.",
    )
    tickets: Operation = _operation(
        "Tickets",
        "Support cases of a customer. Fields: number, subject, status, priority, updated_at, url.",
    )
    paging: Paging = Field(
        default_factory=NoPaging,
        title="Paging",
        description="How the service divides long lists.",
    )
    currency: Currency = ""
    customer_url: CustomerUrl = ""
    row_limit: int = Field(
        2_000, ge=1, le=100_000, title="Row limit", description="Most records of one customer."
    )
    timeout_ms: int = Field(
        10_000,
        ge=100,
        le=600_000,
        title="Request timeout (ms)",
        description="One request is given up after this time.",
    )
    max_answer_mib: int = Field(
        8, ge=1, le=256, title="Largest answer (MiB)", description="Larger answers are refused."
    )
    max_connections: int = Field(
        8, ge=1, le=100, title="Connections", description="Most connections open at once."
    )
    allow_private_network: bool = Field(
        False,
        title="Server in the own network",
        description="Allow private addresses (10.…, 192.168.…, localhost) and plain http.",
    )
    ca_file: str = Field(
        "",
        title="Certificate authority",
        description="PEM file in the data folder, for a server with your own certificates.",
    )

    @field_validator("headers")
    @classmethod
    def _headers_can_be_sent(cls, headers: dict[str, str]) -> dict[str, str]:
        check_headers(headers)
        return headers

    @field_validator("auth")
    @classmethod
    def _credentials_can_be_sent(cls, auth: Auth) -> Auth:
        auth_headers(auth)
        return auth

    @field_validator(*_OPERATIONS)
    @classmethod
    def _operation_fits_its_name(cls, operation: Operation, info: Any) -> Operation:
        check_operation(info.field_name, operation)
        return operation

    @model_validator(mode="after")
    def _address_may_be_reached(self) -> RestConfig:
        if self.payments.path and not self.balance.path:
            raise ValueError("payments are shown with the balance: give balance too")
        try:
            check_origin(self.base_url, allow_private=self.allow_private_network)
        except SourceError as error:
            raise ValueError(f"base_url: {error.text}") from None
        return self


class RestConnector(Connector[RestConfig]):
    """A web service asked with the admin's own addresses and field maps."""

    kind: ClassVar[str] = "rest"
    title: ClassVar[str] = "Web service (REST)"
    summary: ClassVar[str] = "Any HTTP service that answers with JSON, mapped field by field."
    Config: ClassVar[type[Any]] = RestConfig

    def __init__(self, config: RestConfig, context: Context) -> None:
        super().__init__(config, context)
        self._provides = frozenset(name for name in _CAPABILITIES if getattr(config, name).path)
        self._headers = {**config.headers, **auth_headers(config.auth)}
        self._http = HttpClient(
            config.base_url,
            allow_private_network=config.allow_private_network,
            ca_file=context.data_dir / config.ca_file if config.ca_file else None,
            timeout_s=config.timeout_ms / 1000,
            max_bytes=config.max_answer_mib * 1024 * 1024,
            max_connections=config.max_connections,
        )

    @property
    def provides(self) -> frozenset[Capability]:
        """What there is an operation for."""
        return self._provides

    async def contacts(self, since: str | None) -> AsyncIterator[ContactItem]:
        """Read page by page; the cursor is the greatest `updated_at` when {since} is used."""
        operation = self.config.contacts
        link = self.config.customer_url
        newest: Any = None
        number = 0
        async with aclosing(self._pages("contacts", {"since": since or _EVER})) as pages:
            async for page in pages:
                for record in page.records:
                    number += 1
                    newest = later(newest, record.get("updated_at"))
                    yield contact([Row(record, number, "contacts record")], link)
        if "since" not in operation.placeholders:
            yield Checkpoint(None)
        else:
            yield Checkpoint(since if newest is None else str(newest))

    async def find(self, number: Number) -> list[ContactRow]:
        """Ask the service for a number."""
        reading = await self._read("find", number_parameters(number))
        items = [contact([row], self.config.customer_url) for row in reading.rows]
        return [item for item in items if isinstance(item, ContactRow)]

    async def fetch(self, section: SectionName, ref: CustomerRef) -> Found | Empty:
        """Ask the service for a section of one customer; 404 means nothing on record."""
        values = {"remote_id": ref.remote_id, "external_id": ref.external_id}
        link = customer_link(self.config.customer_url, ref)
        context, currency = self.context, self.config.currency or None
        origin = Origin(context.slug, context.today(), context.now(), currency, link)
        if section != "balance" or not self.config.payments.path:
            return answer(section, await self._read(section, values), origin)
        reading, paid = await asyncio.gather(
            self._read("balance", values), self._tolerant("payments", values)
        )
        notes = [f"payments: {paid.text}"] if isinstance(paid, SourceError) else []
        # Without a summary the balance is unknown, whatever was paid.
        items = bool(reading.rows) or "amount_due" in self.config.balance.fields
        payments = paid if isinstance(paid, Reading) and items else NOTHING
        return answer(section, reading, origin, payments, notes)

    async def _tolerant(self, name: str, values: Mapping[str, str | None]) -> Reading | SourceError:
        try:
            return await self._read(name, values)
        except SourceError as error:
            return error

    async def _read(self, name: str, values: Mapping[str, str | None], most: int = 0) -> Reading:
        """Read all pages of an operation, up to the row limit (`most`, else the setting)."""
        limit = most or self.config.row_limit
        rows: list[Row] = []
        lines: list[list[Row]] | None = None
        async with aclosing(self._pages(name, values)) as pages:
            async for page in pages:
                for record in page.records:
                    rows.append(Row(record, len(rows) + 1, f"{name} record"))
                if page.lines is not None:
                    lines = [*(lines or []), *page.lines]
                if len(rows) > limit:
                    break
        return Reading(rows[:limit], len(rows) > limit, lines[:limit] if lines else lines)

    async def _pages(self, name: str, values: Mapping[str, str | None]) -> AsyncGenerator[Page]:
        operation: Operation = getattr(self.config, name)
        known = {key: value for key, value in values.items() if value is not None}
        if not operation.placeholders <= known.keys():
            # The customer has no such id: the service has nothing under it.
            return
        path = fill_path(operation.path, known)
        query = {key: fill_text(value, known) for key, value in operation.query.items()}
        # One object is not a list to be divided.
        paging = NoPaging() if name == "credit_terms" else self.config.paging
        step = first_step(paging)
        got: Answer | None = None
        for number in range(_MOST_PAGES):
            last = got
            if step.link and last:
                got = await self._http.follow(last, step.link, self._headers)
            else:
                got = await self._http.get(path, {**query, **step.params}, self._headers)
            # Past the last page some services answer 404; for a customer it means unknown.
            if got.status in {404, 410} and (number > 0 or name not in PLACEHOLDERS):
                return
            raise_for_status(got)
            document = await read_json(got)
            records = pick_records(operation.records, document)
            if records and last and got.body == last.body:
                raise SourceError(
                    ErrorKind.BAD_CONFIG,
                    f"{name}: two pages are the same, the setting `paging` does not fit",
                )
            yield map_page(operation, records)
            following = next_step(paging, step, len(records), document, got.headers.get("link"))
            if following is None:
                return
            step = following
        raise SourceError(ErrorKind.BAD_DATA, f"{name}: more than {_MOST_PAGES} pages")

    async def check(self) -> CheckResult:
        """Ask every operation once, for a customer of the contacts if there are any."""
        proved: list[str] = []
        ref: CustomerRef | None = None
        names = [name for name in _OPERATIONS if getattr(self.config, name).path]
        for name in names:
            try:
                text, found = await self._try(name, ref)
            except SourceError as error:
                return failed_check(error, name, tuple(proved))
            proved.append(text)
            ref = ref or found
        if not names:
            return CheckResult(CheckStatus.BAD_CONFIG, "no operation has a path: give at least one")
        return CheckResult(CheckStatus.OK, "", tuple(proved))

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
        columns = tuple(first.values)
        if name in PLACEHOLDERS:
            _require(missing_contact_columns(columns))
            item = contact([first])
            if isinstance(item, ContactRow):
                return text, CustomerRef(item.remote_id, item.external_id)
            return text, None
        _require(missing_columns(name, columns))
        if name != "payments":
            section: Any = name
            origin = Origin("", self.context.today(), self.context.now(), self.config.currency)
            answer(section, reading, origin)
        return text, None

    async def aclose(self) -> None:
        """Close the pooled connections."""
        await self._http.aclose()


def _require(missing: str | None) -> None:
    if missing:
        raise SourceError(ErrorKind.BAD_CONFIG, missing)
