"""Tryton 6 to 8: parties, invoices, sales, credit limits and products of one company.

Asked over JSON-RPC as a user of Tryton; the company is the one that this user works in.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from datetime import date
from functools import partial
from typing import Any, ClassVar, Literal

from pydantic import Field, SecretStr, model_validator

from connectors._tryton_records import (
    INVOICE,
    NO_CREDIT_NOTE,
    OPEN_LINE,
    ORDERED,
    PARTY,
    PAYMENT,
    PRODUCT,
    SALE,
    SALE_LINE,
    TERM,
    contact_rows,
    item_row,
    line_rows,
    open_items,
    order_row,
    payment_rows,
    terms_row,
)
from connectors._tryton_session import Books, Login, Rpc, Session
from connectors._tryton_streams import Streams
from connectors._tryton_wire import Record, marked, refused
from connectors.sdk.budget import Budget
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
from connectors.sdk.facts import LISTED_ORDERS, LISTED_PAYMENTS
from connectors.sdk.history import item, purchase
from connectors.sdk.phones import has_number
from connectors.sdk.sections import Origin, Reading, answer
from connectors.sdk.service import Service
from connectors.sdk.settings import CustomerUrl, zone_of
from connectors.sdk.types import (
    Checkpoint,
    CheckResult,
    ContactRow,
    CustomerRef,
    Empty,
    ErrorKind,
    Found,
    Number,
    RejectedRow,
    SectionName,
    SourceError,
    Tombstone,
)
from connectors.sdk.values import Row, numbered
from connectors.sdk.vendor import (
    AllowPrivateNetwork,
    MaxConcurrency,
    PageSize,
    RowLimit,
    TimeoutMs,
    check_each,
    check_url,
    vendor_http,
)

# Tryton fails on ids that its database cannot hold: 32 bits.
_ID = re.compile(r"[0-9]{1,9}")
# Fewer digits than this find half the parties.
_LAST_DIGITS = 8
_FOUND_AT_MOST = 50
_MODULES = {
    "contacts": "party",
    "find": "party",
    "balance": "account_invoice",
    "credit_terms": "account_credit_limit",
    "purchases": "sale",
    "history": "sale",
    "catalogue": "product",
}
_SECTIONS: tuple[SectionName, ...] = ("balance", "credit_terms", "purchases")
_STREAMS: tuple[Capability, ...] = ("history", "catalogue")
_NEWEST_SALES = (("sale_date", "DESC"), ("id", "DESC"))
_NEWEST_LINES = (("date", "DESC"), ("id", "DESC"))
Part = Literal["balance", "credit_terms", "purchases", "history", "catalogue"]


class TrytonConfig(ConnectorConfig):
    """Settings of a Tryton database."""

    base_url: str = Field(
        title="Base URL", description="Where Tryton is: https://tryton.example.com."
    )
    database: str = Field(
        title="Database",
        description="As chosen on Tryton's sign-in page.",
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$",
    )
    username: str = Field(
        title="User",
        description="A user of its own, with reading rights (groups Accounting and Sales) and the"
        " company chosen in its preferences.",
        min_length=1,
        pattern="^[^:]*$",
    )
    password: SecretStr = Field(title="Password", description="The user's password.")
    company: str = Field(
        "",
        title="Company",
        description="Its name in Tryton. If given, the connector refuses to show the books of"
        " another, should the user's preferences change.",
    )
    leave_out: list[Part] = Field(
        default_factory=list,
        title="Leave out",
        description="What this Tryton does not have: balance, credit_terms, purchases, history,"
        " catalogue.",
    )
    customer_url: CustomerUrl = ""
    page_size: PageSize = 500
    row_limit: RowLimit = 2_000
    max_concurrency: MaxConcurrency = 5
    timeout_ms: TimeoutMs = 10_000
    allow_private_network: AllowPrivateNetwork = False

    @model_validator(mode="after")
    def _address_may_be_reached(self) -> TrytonConfig:
        check_url("base_url", self.base_url, allow_private=self.allow_private_network)
        return self


class TrytonConnector(Connector[TrytonConfig]):
    """One company of a Tryton server."""

    kind: ClassVar[str] = "tryton"
    title: ClassVar[str] = "Tryton"
    summary: ClassVar[str] = "Parties, invoices, sales, credit limits and products of Tryton."
    Config: ClassVar[type[Any]] = TrytonConfig
    brings: ClassVar[frozenset[Capability]] = ALL - {"tickets"}

    def __init__(self, config: TrytonConfig, context: Context) -> None:
        super().__init__(config, context)
        http = vendor_http(config)
        password = config.password.get_secret_value()
        login = Login(config.database, config.username, password, config.company)
        self._session = Session(http, login, context)
        budget = self.budget = Budget(None, config.max_concurrency)
        self._service = Service(http, self._session, budget, refused=refused)
        self._rpc = Rpc(self._service, self._session)
        self._streams = Streams(self._rpc, config.page_size)

    @property
    def provides(self) -> frozenset[Capability]:
        """Everything Tryton has, but what the settings leave out. It has no tickets."""
        every: tuple[Capability, ...] = ("contacts", "find", *_SECTIONS, *_STREAMS)
        return frozenset(every) - frozenset(self.config.leave_out)

    async def contacts(self, since: str | None) -> AsyncIterator[ContactItem]:
        """Read all parties by id, or those changed since, deactivated ones as tombstones.

        Tryton keeps no trace of a party that is deleted: only a read in full misses it.
        """
        books = await self._books("contacts")
        links = {"contact_mechanisms": "party.contact_mechanism"}
        reading = self._streams.changed(
            "party.party", links, since, PARTY, wanted=[["active", "=", True]]
        )
        async with aclosing(reading) as pages:
            async for page, checkpoint in pages:
                for number, party in enumerate(page, 1):
                    yield self._contact(party, number, books)
                yield checkpoint

    async def purchases(self, since: str | None) -> AsyncIterator[PurchaseItem]:
        """Read the orders of all customers, or those changed since; a cancelled one is gone."""
        books = await self._books("history")
        reading = self._streams.changed(
            "sale.sale",
            {},
            since,
            (*SALE, *SALE_LINE),
            domain=[["company", "=", books.company_id], ["number", "!=", None]],
            wanted=[["state", "in", list(ORDERED)]],
        )
        async with aclosing(reading) as pages:
            async for page, checkpoint in pages:
                for number, sale in enumerate(page, 1):
                    row = {**order_row(sale), "deleted": sale["state"] not in ORDERED}
                    lines = numbered(line_rows(sale), "sale line")
                    yield purchase([Row(row, number, "sale")], None, lines)
                yield checkpoint

    async def catalogue(self, since: str | None) -> AsyncIterator[CatalogueItem]:  # noqa: ARG002
        """Read all products: how many are in stock changes without a trace on the product."""
        books = await self._books("catalogue")
        domain, fields, context = await self._products(books)
        reading = self._streams.pages("product.product", domain, fields, **context)
        async with aclosing(reading) as pages:
            async for page in pages:
                for number, product in enumerate(page, 1):
                    yield item(Row(item_row(product), number, "product"), books.currency)
        yield Checkpoint(None)

    async def find(self, number: Number) -> list[ContactRow]:
        """Search for the last digits, whatever stands between them, and compare in full."""
        books = await self._books("find")
        digits = [c for c in number.e164 or "" if c.isdecimal()][-_LAST_DIGITS:]
        pattern = "%" + "%".join(digits) + "%"
        domain = [
            ["contact_mechanisms.value", "ilike", pattern],
            ["contact_mechanisms.type", "in", ["phone", "mobile", "other"]],
        ]
        parties = await self._rpc.search_read("party.party", domain, PARTY, most=_FOUND_AT_MOST)
        rows = [self._contact(party, place, books) for place, party in enumerate(parties, 1)]
        return [row for row in rows if isinstance(row, ContactRow) and self._has(row, number)]

    async def fetch(self, section: SectionName, ref: CustomerRef) -> Found | Empty:
        """Read a section of one party; what is no party's id is unknown."""
        books = await self._books(section)
        now, currency = self.context.now(), books.currency
        if not _ID.fullmatch(ref.remote_id):
            return Empty(now)
        party = int(ref.remote_id)
        link = customer_link(self._customer_url(books), ref)
        origin = Origin(self.context.slug, self._today(books), now, currency, link)
        if section == "balance":
            owed, payments = await self._balance(party, books)
            return answer(section, owed, origin, payments)
        if section == "purchases":
            return answer(section, await self._orders(party, books), origin)
        return answer(section, await self._terms(party, books), origin)

    async def check(self) -> CheckResult:
        """Sign in, and read one of everything that is brought."""

        async def signed_in() -> str:
            books = await self._session.books()
            place = f"{books.company}, {books.currency}, {books.zone_name or 'UTC'}"
            links = self.config.customer_url or books.has_web_client
            return f"{self.config.username} in {place}" + ("" if links else "; no web client")

        async def parties() -> str:
            return f"{await self._rpc.count('party.party', [])} parties"

        async def section(name: SectionName) -> str:
            found = await self.fetch(name, CustomerRef(await self._some_party()))
            return "of one party read" if isinstance(found, Found) else "may be read"

        async def orders() -> str:
            await self._books("history")
            await self._rpc.search_read("sale.sale", [], (*SALE, *SALE_LINE), most=1)
            return "may be read"

        async def products() -> str:
            domain, fields, context = await self._products(await self._books("catalogue"))
            await self._rpc.search_read("product.product", domain, fields, most=1, **context)
            return "may be read" + ("" if "quantity" in fields else ", without stock")

        parts: dict[str, Callable[[], Awaitable[str]]] = {
            "sign-in": signed_in,
            "contacts": parties,
            **{name: partial(section, name) for name in _SECTIONS},
            "history": orders,
            "catalogue": products,
        }
        wanted = {"sign-in", *self.provides}
        return await check_each({name: part for name, part in parts.items() if name in wanted})

    async def aclose(self) -> None:
        """Sign out and close the pooled connections."""
        await self._session.sign_out()
        await self._service.aclose()

    async def _balance(self, party: int, books: Books) -> tuple[Reading, Reading]:
        """Read what is open, the invoices it is of, and what was paid last, all at once."""
        receivable = [
            ["party", "=", party],
            ["company", "=", books.company_id],
            ["account.type.receivable", "=", True],
            ["move.state", "=", "posted"],
        ]
        paid = [
            *receivable,
            ["credit", ">", 0],
            ["journal.type", "!=", "write-off"],
            NO_CREDIT_NOTE,
        ]
        own = receivable[:2]
        invoices = [*own, ["type", "=", "out"], ["state", "=", "posted"]]
        limit = self.config.row_limit
        open_lines, open_invoices, payments = await asyncio.gather(
            self._streams.all(
                "account.move.line", [*receivable, ["reconciliation", "=", None]], OPEN_LINE, limit
            ),
            self._streams.all("account.invoice", invoices, INVOICE, limit),
            self._rpc.search_read(
                "account.move.line", paid, PAYMENT, most=LISTED_PAYMENTS, order=_NEWEST_LINES
            ),
        )
        items = open_items(open_lines[:limit], open_invoices, books.currency)
        rows = payment_rows(payments, books.currency)
        more = len(open_lines) > limit
        return Reading(numbered(items, "open item"), more), Reading(numbered(rows, "payment"))

    async def _orders(self, party: int, books: Books) -> Reading:
        """Read the newest orders with their lines, and the totals of the others if there are."""
        domain = [
            ["party", "=", party],
            ["company", "=", books.company_id],
            ["state", "in", list(ORDERED)],
        ]
        sales = await self._rpc.search_read(
            "sale.sale", domain, (*SALE, *SALE_LINE), most=LISTED_ORDERS, order=_NEWEST_SALES
        )
        older: list[dict[str, Any]] = []
        limit = self.config.row_limit
        if len(sales) == LISTED_ORDERS:
            listed = [["id", "not in", [sale["id"] for sale in sales]]]
            older = await self._streams.all("sale.sale", [*domain, *listed], SALE, limit)
        lines = [numbered(line_rows(sale), "sale line") for sale in sales]
        rows = numbered([order_row(sale) for sale in (*sales, *older[:limit])], "sale")
        return Reading(rows, len(older) > limit, [*lines, *([] for _ in older[:limit])])

    async def _terms(self, party: int, books: Books) -> Reading:
        fields = ("credit_limit_amount", "credit_amount", *TERM)
        # A party that is no longer active may still owe.
        found = await self._rpc.search_read(
            "party.party", [["id", "=", party]], fields, most=1, active_test=False
        )
        with_orders = None if books.modules is None else "sale_credit_limit" in books.modules
        return Reading(numbered([terms_row(one, with_orders=with_orders) for one in found]))

    async def _products(self, books: Books) -> tuple[list[Any], tuple[str, ...], dict[str, Any]]:
        """Return what is asked of products: domain, fields and context."""
        domain = [["salable", "=", True]] if books.may_have("sale") else []
        context: dict[str, Any] = {"active_test": False}
        if not books.may_have("stock"):
            return domain, PRODUCT, context
        # Without places to count in, Tryton says 0.
        places = await self._rpc.search_read(
            "stock.location", [["type", "=", "warehouse"]], ["code"], most=1_000
        )
        context |= {"locations": [place["id"] for place in places], "with_childs": True}
        context["stock_date_end"] = marked(self._today(books))
        return domain, (*PRODUCT, "quantity"), context

    async def _some_party(self) -> str:
        found = await self._rpc.search_read("party.party", [], ["code"], most=1)
        return str(found[0]["id"]) if found else "0"

    async def _books(self, part: str) -> Books:
        """Return the books, if Tryton has the module that a part comes from."""
        books = await self._session.books()
        module = _MODULES[part]
        if not books.may_have(module):
            raise SourceError(
                ErrorKind.BAD_CONFIG,
                f"Tryton's module `{module}` is not activated: activate it, or name {part} in"
                " `leave_out`",
            )
        return books

    def _contact(
        self, party: Record, number: int, books: Books
    ) -> ContactRow | Tombstone | RejectedRow:
        rows = [Row(row, number, "party") for row in contact_rows(party)]
        return contact(rows, self._customer_url(books))

    def _has(self, row: ContactRow, number: Number) -> bool:
        raws = [phone.raw for phone in row.phone_numbers]
        return has_number(raws, number, row.region or self.context.region)

    def _customer_url(self, books: Books) -> str:
        """Return the template of a party's page in Tryton's web client (see `trytond.url`)."""
        if self.config.customer_url or not books.has_web_client:
            return self.config.customer_url
        base = self.config.base_url.rstrip("/")
        return f"{base}/#{self.config.database}/model/party.party/{{remote_id}}"

    def _today(self, books: Books) -> date:
        return self.context.today(zone_of(books.zone_name))
