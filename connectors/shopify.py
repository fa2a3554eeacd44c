"""Shopify: customers, orders and products of a shop, and what of its orders is not paid.

GraphQL Admin API, https://shopify.dev/docs/api/admin-graphql. All amounts are in the shop's own
currency (`shopMoney`), whatever the customer paid in.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any, ClassVar

from pydantic import Field, SecretStr, model_validator

from connectors import _shopify_api as api
from connectors._shopify_api import Record, ShopifyApi, nodes, number_of
from connectors._shopify_records import (
    counts,
    customer_of,
    lines_of,
    order_of,
    page_of,
    unpaid_of,
    variant_of,
    zone_of,
)
from connectors.sdk.auth import StaticCredentials
from connectors.sdk.budget import Budget
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
from connectors.sdk.contacts import contact
from connectors.sdk.history import item, purchase
from connectors.sdk.oauth import ClientCredentials, token_http
from connectors.sdk.phones import has_number
from connectors.sdk.sections import Origin, Reading, answer
from connectors.sdk.service import Credentials, Service
from connectors.sdk.types import (
    Balance,
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
    Tombstone,
)
from connectors.sdk.values import Row
from connectors.sdk.vendor import (
    AllowPrivateNetwork,
    MaxConcurrency,
    RequestsPerMinute,
    TimeoutMs,
    at,
    check_url,
    today_in,
    utc_text,
    vendor_http,
)

# So many that a query stays below the 1,000 points it may cost.
_CUSTOMERS, _ORDERS, _HISTORY, _LINES, _VARIANTS, _UNPAID = 50, 20, 10, 20, 100, 50
# Searches do not see what was written in the last moments.
_LAG = timedelta(minutes=5)
_E164 = re.compile(r"\+\d{7,15}")


class ShopifyConfig(ConnectorConfig):
    """Settings of a shop."""

    base_url: str = Field(
        title="Shop", description="The shop's own address: https://acme.myshopify.com."
    )
    access_token: SecretStr = Field(
        SecretStr(""),
        title="Access token",
        description="Of an app made in the shop's admin (shpat_…). Newer apps have none.",
    )
    client_id: str = Field(
        "", title="Client id", description="Of an app of the Dev Dashboard, instead of a token."
    )
    client_secret: SecretStr = Field(
        SecretStr(""), title="Client secret", description="Of the same app."
    )
    api_version: str = Field(
        "2026-10", title="API version", description="Such as 2026-10.", pattern=r"^\d{4}-\d{2}$"
    )
    outstanding: bool = Field(
        False,
        title="Unpaid orders",
        description="Take what is not paid of orders as the balance: for shops that sell on terms.",
    )
    requests_per_minute: RequestsPerMinute = 600
    max_concurrency: MaxConcurrency = 4
    timeout_ms: TimeoutMs = 10_000
    allow_private_network: AllowPrivateNetwork = False

    @model_validator(mode="after")
    def _settings_fit_together(self) -> ShopifyConfig:
        check_url("base_url", self.base_url, allow_private=self.allow_private_network)
        token, secret = self.access_token.get_secret_value(), self.client_secret.get_secret_value()
        if bool(token) == bool(self.client_id and secret):
            raise ValueError("give either access_token, or client_id and client_secret")
        return self


class ShopifyConnector(Connector[ShopifyConfig]):
    """A shop. It has no credit limit and no tickets."""

    kind: ClassVar[str] = "shopify"
    title: ClassVar[str] = "Shopify"
    summary: ClassVar[str] = "Customers, orders and products of a Shopify shop."
    Config: ClassVar[type[Any]] = ShopifyConfig
    brings: ClassVar[frozenset[Capability]] = ALL - {"credit_terms", "tickets"}

    def __init__(self, config: ShopifyConfig, context: Context) -> None:
        super().__init__(config, context)
        budget = self.budget = Budget(config.requests_per_minute, config.max_concurrency)
        self._service = Service(vendor_http(config), _credentials(config), budget)
        self._api = ShopifyApi(self._service, config.api_version, budget)
        self._details: Record | None = None

    @property
    def provides(self) -> frozenset[Capability]:
        """Balances only where unpaid orders are taken as such."""
        own: tuple[Capability, ...] = ("contacts", "find", "purchases", "history", "catalogue")
        return frozenset((*own, *(("balance",) if self.config.outstanding else ())))

    async def contacts(self, since: str | None) -> AsyncIterator[ContactItem]:
        """Read all customers, or those changed since; deletions are not told by Shopify.

        A cursor `2026-11-22T08:55:00Z` is a completed read, with a place behind it one under way.
        """
        begun, after = _position(since)
        started = utc_text(self.context.now() - _LAG)
        query = None
        if begun and after is None:
            query = f"updated_at:>='{begun}'"
        started = begun if begun and after else started
        number = 0
        async for page, following in self._api.pages(
            api.CUSTOMERS, "customers", after, first=_CUSTOMERS, query=query
        ):
            for customer in page:
                number += 1
                yield contact([customer_of(customer, self.config.base_url, number)])
            if following and query is None:
                yield Checkpoint(f"{started} {following}")
        yield Checkpoint(started)

    async def find(self, number: Number) -> list[ContactRow]:
        """Search by E.164, as Shopify keeps the numbers of customers (not those of addresses)."""
        if not _E164.fullmatch(number.e164 or ""):
            return []
        data = await self._api.ask(api.CUSTOMERS, first=10, query=f"phone:{number.e164}")
        found = []
        for position, customer in enumerate(nodes(data, "customers"), 1):
            made = contact([customer_of(customer, self.config.base_url, position)])
            if isinstance(made, ContactRow) and has_number(
                (p.raw for p in made.phone_numbers), number, made.region or self.context.region
            ):
                found.append(made)
        return found

    async def fetch(self, section: SectionName, ref: CustomerRef) -> Found | Empty:
        """Read the latest orders of a customer, or what of them is not paid."""
        own_id, now = ref.remote_id, self.context.now()
        if not (own_id.isascii() and own_id.isdecimal()):
            return Empty(now)
        shop = await self._shop()
        origin = Origin(
            self.context.slug,
            today_in(zone_of(shop), now),
            now,
            at(shop, "currencyCode"),
            page_of(self.config.base_url, "customers", own_id),
        )
        gid = f"gid://shopify/Customer/{own_id}"
        if section == "balance":
            return await self._balance(gid, origin, zone_of(shop))
        asked = {"id": gid, "first": _ORDERS, "lines": _LINES, "after_line": None}
        customer = (await self._api.ask(api.PURCHASES, **asked)).get("customer")
        if customer is None:
            return Empty(now)
        orders = [order for order in nodes(customer, "orders") if counts(order)]
        rows = [order_of(order, zone_of(shop), n) for n, order in enumerate(orders, 1)]
        lines = [lines_of(nodes(order, "lineItems")) for order in orders]
        totals = {
            "order_count": customer.get("numberOfOrders"),
            "lifetime_amount": at(customer, "amountSpent", "amount"),
            "currency": at(customer, "amountSpent", "currencyCode"),
        }
        cut = any(at(order, "lineItems", "pageInfo", "hasNextPage") is True for order in orders)
        notes = [f"only {_LINES} lines of an order were read"] if cut else []
        more = at(customer, "orders", "pageInfo", "hasNextPage") is True
        reading = Reading(rows, more, lines)
        return answer("purchases", reading, origin, Reading([Row(totals, 1, "customer")]), notes)

    async def _balance(self, gid: str, origin: Origin, zone: str) -> Found | Empty:
        query = "financial_status:pending OR financial_status:partially_paid"
        customer = (await self._api.ask(api.OUTSTANDING, id=gid, first=_UNPAID, query=query)).get(
            "customer"
        )
        if customer is None:
            return Empty(origin.as_of)
        found = [order for order in nodes(customer, "orders") if counts(order)]
        more = at(customer, "orders", "pageInfo", "hasNextPage") is True
        # Of a customer who is there, no unpaid order means that nothing is owed.
        rows = [unpaid_of(order, zone, n) for n, order in enumerate(found, 1)]
        rows = rows or [Row({"amount_due": 0, "currency": origin.currency}, 1, "customer")]
        owed = answer("balance", Reading(rows, more), origin)
        if isinstance(owed, Found) and isinstance(owed.facts, Balance):
            # Store credit and gift cards are not read: unknown is not 0.
            known = owed.facts.model_copy(update={"unapplied_credit": None})
            return Found(known, owed.as_of, owed.remote_url, owed.incomplete)
        return owed

    async def purchases(self, since: str | None) -> AsyncIterator[PurchaseItem]:
        """Read the orders of all customers, or those changed since; cancelled ones are gone.

        Without the access scope read_all_orders Shopify shows the last 60 days only.
        """
        begun, after = _position(since)
        shop = await self._shop()
        started = begun if begun and after else utc_text(self.context.now() - _LAG)
        query = f"updated_at:>='{begun}'" if begun and after is None else None
        number = 0
        async for page, following in self._api.pages(
            api.HISTORY, "orders", after, first=_HISTORY, query=query, lines=_LINES, after_line=None
        ):
            for order in page:
                number += 1
                if at(order, "customer", "id") is None or order.get("test") is True:
                    continue
                row = order_of(order, zone_of(shop), number)
                if order.get("cancelledAt") is not None:
                    yield Tombstone(row.needed_text("order_number"))
                    continue
                lines = lines_of(await self._all_lines(order))
                yield purchase([row], at(shop, "currencyCode"), lines)
            if following and query is None:
                yield Checkpoint(f"{started} {following}")
        yield Checkpoint(started)

    async def _all_lines(self, order: Record) -> list[Record]:
        found = nodes(order, "lineItems")
        after = api.next_page(order, "lineItems")
        while after is not None:
            asked = {"id": order.get("id"), "lines": _LINES * 5, "after_line": after}
            data = await self._api.ask(api.MORE_LINES, **asked)
            found += nodes(data, "order", "lineItems")
            after = api.next_page(data, "order", "lineItems")
        return found

    async def catalogue(self, since: str | None) -> AsyncIterator[CatalogueItem]:  # noqa: ARG002
        """Read all variants: their price and stock change without any sign to go by."""
        currency = at(await self._shop(), "currencyCode")
        number = 0
        async for page, _ in self._api.pages(api.VARIANTS, "productVariants", first=_VARIANTS):
            for variant in page:
                number += 1
                yield item(variant_of(variant, self.config.base_url, number), currency)
        yield Checkpoint(None)

    async def check(self) -> CheckResult:
        """See which shop it is and what the app may read, then read a little of each."""
        proved: list[str] = []
        what = "shop"
        try:
            data = await self._api.ask(api.SHOP)
            proved.append(f"shop {at(data, 'shop', 'myshopifyDomain')}")
            scopes = {str(s.get("handle")) for s in _scopes(data)}
            orders = "all orders" if "read_all_orders" in scopes else "orders of the last 60 days"
            what = "contacts"
            page = nodes(await self._api.ask(api.CUSTOMERS, first=1, query=None), "customers")
            proved.append(f"contacts: {len(page)} read")
            what = "find"
            await self.find(Number("+12025550100", "+12025550100"))
            proved.append("find: the search answers")
            what = "orders"
            await self._api.ask(api.HISTORY, first=1, query=None, lines=1, after_line=None)
            proved.append(f"purchases: {orders}")
            if self.config.outstanding:
                what = "balance"
                gid = number_of(page[0].get("id")) if page else "1"
                await self.fetch("balance", CustomerRef(gid))
                proved.append("balance: can be read")
            what = "catalogue"
            await self._api.ask(api.VARIANTS, first=1)
            proved.append("catalogue: can be read")
        except SourceError as error:
            return failed_check(error, what, tuple(proved))
        return CheckResult(CheckStatus.OK, "", tuple(proved))

    async def _shop(self) -> Record:
        if self._details is None:
            shop = at(await self._api.ask(api.SHOP), "shop")
            if not at({"shop": shop}, "shop", "currencyCode"):
                raise SourceError(ErrorKind.BAD_DATA, "Shopify does not say the shop's currency")
            self._details = shop
        return self._details or {}

    async def aclose(self) -> None:
        """Close the pooled connections."""
        await self._service.aclose()


def _credentials(config: ShopifyConfig) -> Credentials:
    if not config.client_id:
        token = config.access_token.get_secret_value()
        return StaticCredentials({"X-Shopify-Access-Token": token})
    url = f"{config.base_url.rstrip('/')}/admin/oauth/access_token"
    http = token_http(url, allow_private_network=config.allow_private_network)
    return api.ShopifyCredentials(
        ClientCredentials(http, url, config.client_id, config.client_secret, token_auth="post")  # noqa: S106 - a manner, no secret
    )


def _position(since: str | None) -> tuple[str | None, str | None]:
    """Read a cursor: when its read began, and in a read under way where it stands.

    Raises:
        SourceError: it is none of ours.
    """
    if since is None:
        return None, None
    begun, _, after = since.partition(" ")
    try:
        return utc_text(datetime.fromisoformat(begun)), after or None
    except ValueError:
        raise SourceError(
            ErrorKind.BAD_DATA, "the place to go on from is not known: read everything again"
        ) from None


def _scopes(data: Record) -> list[Record]:
    found = at(data, "currentAppInstallation", "accessScopes")
    return [scope for scope in found if isinstance(scope, dict)] if isinstance(found, list) else []
