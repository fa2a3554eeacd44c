"""WooCommerce: customers and guests, orders and products of a shop on WordPress.

REST API version 3, https://woocommerce.github.io/woocommerce-rest-api-docs/. Records are named
`customer/25` (an account), `guest/ada@x.example` (orders of an address), `order/99` (neither).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar

from pydantic import Field, SecretStr, StringConstraints, model_validator

from connectors import _woocommerce_records as woo
from connectors.sdk import vendor
from connectors.sdk.auth import BasicAuth, StaticCredentials, auth_headers
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
from connectors.sdk.history import item
from connectors.sdk.phones import has_number, spellings
from connectors.sdk.sections import Origin, Reading, answer
from connectors.sdk.service import Document, Service
from connectors.sdk.settings import Currency
from connectors.sdk.types import (
    Balance,
    Checkpoint,
    CheckResult,
    ContactRow,
    CustomerRef,
    Empty,
    ErrorKind,
    Found,
    Number,
    SectionName,
    SourceError,
    Tombstone,
)
from connectors.sdk.values import Row
from connectors.sdk.vendor import Record

_API, _PAGE = "/wp-json/wc/v3", 100
_LAG = timedelta(minutes=5)
_EMAIL = re.compile(r"[^\s@]{1,100}@[^\s@]{1,100}")
Status = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,20}$")]


class WooCommerceConfig(ConnectorConfig):
    """Settings of a shop."""

    base_url: str = Field(title="Shop", description="The site's address: https://shop.example.")
    consumer_key: str = Field(
        title="Consumer key", description="WooCommerce > Settings > Advanced > REST API: ck_…"
    )
    consumer_secret: SecretStr = Field(title="Consumer secret", description="Shown once: cs_…")
    statuses: tuple[Status, ...] = Field(
        ("processing", "completed", "on-hold"),
        title="Statuses that count",
        description="Orders in these are purchases; pending, failed and cancelled ones are not.",
        min_length=1,
    )
    unpaid_statuses: tuple[Status, ...] = Field(
        (),
        title="Statuses not paid",
        description="Orders in these are owed, for shops that sell on terms: on-hold. Empty: the"
        " shop brings no balance.",
    )
    currency: Currency = ""
    row_limit: vendor.RowLimit = 100
    requests_per_minute: vendor.RequestsPerMinute = 120
    max_concurrency: vendor.MaxConcurrency = 4
    timeout_ms: vendor.TimeoutMs = 15_000
    allow_private_network: vendor.AllowPrivateNetwork = False

    @model_validator(mode="after")
    def _address_may_be_reached(self) -> WooCommerceConfig:
        vendor.check_url("base_url", self.base_url, allow_private=self.allow_private_network)
        return self


class WooCommerceConnector(Connector[WooCommerceConfig]):
    """A shop. It has no credit limits, payment terms or tickets."""

    kind: ClassVar[str] = "woocommerce"
    title: ClassVar[str] = "WooCommerce"
    summary: ClassVar[str] = "Customers, guests, orders and products of a WooCommerce shop."
    Config: ClassVar[type[Any]] = WooCommerceConfig
    brings: ClassVar[frozenset[Capability]] = ALL - {"credit_terms", "tickets"}

    def __init__(self, config: WooCommerceConfig, context: Context) -> None:
        super().__init__(config, context)
        key = BasicAuth(kind="basic", username=config.consumer_key, password=config.consumer_secret)
        self.budget = Budget(config.requests_per_minute, config.max_concurrency)
        self._service = Service(
            vendor.vendor_http(config),
            StaticCredentials(auth_headers(key)),
            self.budget,
            refused=woo.refused,
        )
        self._shops: str | None = config.currency or None

    @property
    def provides(self) -> frozenset[Capability]:
        """Balances only where unpaid orders are taken as such."""
        own: tuple[Capability, ...] = ("contacts", "find", "purchases", "history", "catalogue")
        return frozenset((*own, *(("balance",) if self.config.unpaid_statuses else ())))

    async def _list(self, path: str, fields: str, **query: str) -> tuple[list[Record], Document]:
        document = await self._service.get(f"{_API}/{path}", {**query, "_fields": fields})
        return vendor.records({path: document.data}, path), document

    async def _pages(
        self, path: str, fields: str, query: Mapping[str, str], start: int = 1
    ) -> AsyncGenerator[tuple[list[Record], int, int | None]]:
        """Read pages from number `start` on: records, the number of the next (0: last), total."""
        asked = {"orderby": "id", "order": "asc", **query, "per_page": str(_PAGE)}
        page = start
        while page:
            found, document = await self._list(path, fields, **asked, page=str(page))
            pages = woo.counted(document, "x-wp-totalpages")
            more = len(found) == _PAGE if pages is None else page < pages
            page = page + 1 if more else 0
            yield found, page, woo.counted(document, "x-wp-total")

    async def contacts(self, since: str | None) -> AsyncIterator[ContactItem]:
        """Read all accounts, then guests from orders; or those new and those whose orders changed.

        A guest is what the newest order of an e-mail address says. A cursor
        `2026-11-22T08:55:00Z` is a completed read, ` guests 3` behind it one under way.
        """
        begun, part, start = woo.position(since)
        started = vendor.utc_text(begun if begun and part else self.context.now() - _LAG)
        if begun and not part:
            async for changed in self._changed_contacts(begun):
                yield changed
            yield Checkpoint(started)
            return
        base, number = self.config.base_url, 0
        if part in ("", "customers"):
            async for found, page, total in self._pages(
                "customers", woo.CUSTOMER, {"role": "all"}, start
            ):
                for customer in found:
                    number += 1
                    yield woo.account_contact(customer, base, number)
                place = f"customers {page}" if page else "guests 1"
                yield Checkpoint(f"{started} {place}", total)
            start = 1
        # By id: the newest order of an address comes last, and stays.
        async for found, page, _ in self._pages("orders", woo.ORDER, {"customer": "0"}, start):
            for order in found:
                number += 1
                if order.get("customer_id") == 0:
                    yield woo.buyer_contact(order, base, number)
            if page:
                yield Checkpoint(f"{started} guests {page}")
        yield Checkpoint(started)

    async def _changed_contacts(self, begun: datetime) -> AsyncIterator[ContactItem]:
        """Accounts tell no change: those that are new, and those whose orders changed, are read."""
        base, guests, accounts = self.config.base_url, dict[str, Record](), dict[str, None]()
        async for page, _, _ in self._pages("orders", woo.ORDER, woo.since(begun)):
            for order in page:
                kind, _, own = woo.buyer_of(order).partition("/")
                if kind == "customer":
                    accounts[own] = None
                else:
                    guests[woo.buyer_of(order)] = order
        newest = {"orderby": "registered_date", "order": "desc", "role": "all"}
        async for page, _, _ in self._pages("customers", woo.CUSTOMER, newest):
            new = [c for c in page if woo.registered(c) >= begun]
            for customer in new:
                accounts.pop(str(customer.get("id")), None)
                yield woo.account_contact(customer, base, 1)
            if len(new) < len(page):
                break
        ids = list(accounts)
        for first in range(0, len(ids), _PAGE):
            wanted = {"include": ",".join(ids[first : first + _PAGE]), "role": "all"}
            found, _ = await self._list(
                "customers", woo.CUSTOMER, per_page=str(_PAGE), orderby="id", **wanted
            )
            for customer in found:
                yield woo.account_contact(customer, base, 1)
        for remote_id, order in guests.items():
            # An old order that changed must not bring back what a newer one has put right.
            orders, _ = await self._orders_of(remote_id, "any")
            yield woo.buyer_contact(orders[0] if orders else order, base, 1)

    async def _orders_of(self, remote_id: str, statuses: str) -> tuple[list[Record], bool]:
        """Read the newest orders of somebody, and whether there are more."""
        kind, _, own = remote_id.partition("/")
        query = {"status": statuses, "orderby": "date", "order": "desc"}
        match kind:
            case "customer" if own.isascii() and own.isdecimal() and own != "0":
                query["customer"] = own
            case "order" if own.isascii() and own.isdecimal():
                query["include"] = own
            case "guest" if _EMAIL.fullmatch(own):
                # A search finds the address anywhere in an order, also in those of others.
                query |= {"customer": "0", "search": own}
            case _:
                return [], False
        limit, orders = self.config.row_limit, list[Record]()
        async for page, following, _ in self._pages("orders", woo.ORDER, query):
            orders += [order for order in page if woo.buyer_of(order) == remote_id]
            if len(orders) > limit or (following and len(orders) == limit):
                return orders[:limit], True
        return orders, False

    async def find(self, number: Number) -> list[ContactRow]:
        """Search orders by the usual spellings, newest first; keep whose number is this one."""
        searches = [
            self._list("orders", woo.ORDER, search=text, per_page="20", orderby="date")
            for text in spellings(number)
        ]
        found: dict[str, ContactRow] = {}
        for orders, _ in await asyncio.gather(*searches):
            for order in orders:
                made = woo.buyer_contact(order, self.config.base_url, 1)
                if isinstance(made, ContactRow) and has_number(
                    (p.raw for p in made.phone_numbers), number, made.region or self.context.region
                ):
                    found.setdefault(made.remote_id, made)
        return list(found.values())

    async def fetch(self, section: SectionName, ref: CustomerRef) -> Found | Empty:
        """Read the newest orders of somebody, or those that are not paid."""
        now = self.context.now()
        page = woo.page_of(self.config.base_url, ref.remote_id)
        origin = Origin(self.context.slug, self.context.today(), now, remote_url=page)
        if section == "balance":
            return await self._balance(ref.remote_id, origin)
        orders, more = await self._orders_of(ref.remote_id, ",".join(self.config.statuses))
        rows = [woo.order_row(order, n) for n, order in enumerate(orders, 1)]
        return answer(
            section, Reading(rows, more, [woo.line_rows(order) for order in orders]), origin
        )

    async def _balance(self, remote_id: str, origin: Origin) -> Found | Empty:
        unpaid, more = await self._orders_of(remote_id, ",".join(self.config.unpaid_statuses))
        open_ = [order for order in unpaid if order.get("date_paid") is None]
        rows = [woo.unpaid_row(order, n) for n, order in enumerate(open_, 1)]
        if not rows:
            # Of somebody with orders, none unpaid means that nothing is owed.
            orders, _ = await self._orders_of(remote_id, "any")
            if not orders:
                return Empty(origin.as_of)
            rows = [Row({"amount_due": 0, "currency": orders[0].get("currency")}, 1, "order")]
        owed = answer("balance", Reading(rows, more), origin)
        if not isinstance(owed, Found) or not isinstance(owed.facts, Balance):
            return owed
        # An order has no due date, and a shop no credits: what is not known is not 0.
        unknown = {"overdue_amount": None, "aging": None, "unapplied_credit": None}
        known = owed.facts.model_copy(update=unknown)
        return Found(known, owed.as_of, owed.remote_url, owed.incomplete)

    async def purchases(self, since: str | None) -> AsyncIterator[PurchaseItem]:
        """Read the orders of all, or those changed since; trashed and cancelled ones are gone."""
        begun, part, start = woo.position(since)
        delta = begun is not None and not part
        started = vendor.utc_text(begun if begun and part else self.context.now() - _LAG)
        passes = [{"status": ",".join(self.config.statuses)}]
        if begun and delta:
            passes = [{"status": name, **woo.since(begun)} for name in ("any", "trash")]
        number = 0
        for query in passes:
            async for found, page, _ in self._pages("orders", woo.ORDER, query, start):
                for order in found:
                    number += 1
                    if order.get("status") in self.config.statuses:
                        yield woo.purchase_of(order, number)
                    else:
                        yield Tombstone(Row(order, number, "order").needed_text("number"))
                if page and not delta:
                    yield Checkpoint(f"{started} orders {page}")
            start = 1
        yield Checkpoint(started)

    async def catalogue(self, since: str | None) -> AsyncIterator[CatalogueItem]:  # noqa: ARG002
        """Read all products and their variations: stock changes without any sign to go by."""
        currency, base, number = await self._currency(), self.config.base_url, 0
        async for page, _, _ in self._pages("products", woo.PRODUCT, {}):
            for product in page:
                number += 1
                if product.get("type") != "variable":
                    yield item(woo.product_row(product, base, number), currency)
                    continue
                path = f"products/{Row(product).needed_text('id')}/variations"
                async for variations, _, _ in self._pages(path, woo.VARIATION, {}):
                    for each in variations:
                        yield item(woo.product_row(each, base, number, product), currency)
        yield Checkpoint(None)

    async def _currency(self) -> str:
        if self._shops is None:
            found = (await self._service.get(f"{_API}/data/currencies/current")).data
            code = found.get("code") if isinstance(found, Mapping) else None
            if not isinstance(code, str):
                raise SourceError(
                    ErrorKind.BAD_DATA,
                    "the shop does not say its currency: give it in the setting `currency`",
                )
            self._shops = code
        return self._shops

    async def check(self) -> CheckResult:
        """Read a little of each part with the key."""
        parts = {"customers": woo.CUSTOMER, "orders": woo.ORDER, "products": woo.PRODUCT}

        async def read(path: str) -> str:
            found, document = await self._list(path, parts[path], per_page="1")
            total = woo.counted(document, "x-wp-total")
            return f"{len(found)} read of {'an unknown number' if total is None else total}"

        async def search() -> str:
            await self.find(Number("+12025550100", "+12025550100"))
            return "the search of orders answers"

        async def status() -> str:
            statuses = {*self.config.statuses, *self.config.unpaid_statuses}
            for name in sorted(statuses):
                await self._list("orders", "id", per_page="1", status=name)
            return f"{', '.join(sorted(statuses))} are known"

        return await vendor.check_each(
            {
                "customers": lambda: read("customers"),
                "orders": lambda: read("orders"),
                "statuses": status,
                "find": search,
                "products": lambda: read("products"),
                "currency": self._currency,
            }
        )

    async def aclose(self) -> None:
        """Close the pooled connections."""
        await self._service.aclose()
