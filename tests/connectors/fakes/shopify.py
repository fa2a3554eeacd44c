"""Shopify's GraphQL Admin API: the part of its schema that is asked for, with a small shop.

Queries are parsed, checked and run by graphql-core. Expectations worked out by hand are beside the
data. Today is 2026-11-22.
"""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any

from graphql import build_schema, graphql_sync

from tests.connectors.fakes.vendor import FakeVendor
from tests.connectors.web import Request, reply

TOKEN = "shpat_s3cret"
CLIENT, SECRET = "client-1", "shpss_s3cret"

_CONNECTIONS = "".join(
    f"type {name}Connection {{ nodes: [{name}!]! pageInfo: PageInfo! }}\n"
    for name in ("Customer", "Order", "LineItem", "ProductVariant", "PaymentSchedule")
)
_SCHEMA = build_schema(
    _CONNECTIONS
    + """
scalar DateTime
scalar Decimal
scalar UnsignedInt64
enum OrderSortKeys { CREATED_AT UPDATED_AT }
type PageInfo { hasNextPage: Boolean! endCursor: String }
type MoneyV2 { amount: Decimal! currencyCode: String! }
type MoneyBag { shopMoney: MoneyV2! presentmentMoney: MoneyV2! }
type Shop { name: String! myshopifyDomain: String! currencyCode: String! ianaTimezone: String! }
type AccessScope { handle: String! }
type AppInstallation { accessScopes: [AccessScope!]! }
type CustomerEmailAddress { emailAddress: String! }
type CustomerPhoneNumber { phoneNumber: String! }
type MailingAddress { company: String phone: String countryCodeV2: String }
type Customer {
  id: ID! displayName: String! locale: String! tags: [String!]! updatedAt: DateTime!
  defaultEmailAddress: CustomerEmailAddress defaultPhoneNumber: CustomerPhoneNumber
  defaultAddress: MailingAddress addresses(first: Int): [MailingAddress!]!
  numberOfOrders: UnsignedInt64! amountSpent: MoneyV2!
  orders(first: Int, after: String, query: String, sortKey: OrderSortKeys, reverse: Boolean):
    OrderConnection!
}
type PaymentSchedule { dueAt: DateTime completedAt: DateTime }
type PaymentTerms { paymentSchedules(first: Int): PaymentScheduleConnection! }
type LineItem {
  sku: String title: String! currentQuantity: Int! variant: ProductVariant
  discountedUnitPriceSet: MoneyBag! discountedTotalSet: MoneyBag!
}
type Order {
  id: ID! name: String! test: Boolean! createdAt: DateTime! cancelledAt: DateTime
  displayFinancialStatus: String displayFulfillmentStatus: String! customer: Customer
  currentTotalPriceSet: MoneyBag! totalOutstandingSet: MoneyBag! paymentTerms: PaymentTerms
  lineItems(first: Int, after: String): LineItemConnection!
}
type InventoryItem { tracked: Boolean! }
type Product { id: ID! title: String! productType: String! status: String! }
type ProductVariant {
  id: ID! sku: String title: String! price: Decimal! inventoryQuantity: Int
  inventoryItem: InventoryItem! product: Product!
}
type Query {
  shop: Shop! currentAppInstallation: AppInstallation
  customers(first: Int, after: String, query: String): CustomerConnection!
  customer(id: ID!): Customer
  orders(first: Int, after: String, query: String, sortKey: OrderSortKeys): OrderConnection!
  order(id: ID!): Order
  productVariants(first: Int, after: String): ProductVariantConnection!
}
"""
)
SHOP = {"name": "Acme", "myshopifyDomain": "acme.myshopify.com", "currencyCode": "GBP",
        "ianaTimezone": "Europe/London"}  # fmt: skip
SCOPES = ["read_customers", "read_orders", "read_products", "read_payment_terms"]


def money(amount: str, currency: str = "GBP") -> dict[str, Any]:
    """What the customer paid in is another currency, and must not be shown."""
    shown = {"amount": amount, "currencyCode": currency}
    return {"shopMoney": shown, "presentmentMoney": {"amount": "1.0", "currencyCode": "EUR"}}


def customer(n: int, name: str, phone: str | None, **more: Any) -> dict[str, Any]:
    return {
        "id": f"gid://shopify/Customer/{n}", "displayName": name, "locale": "en", "tags": [],
        "updatedAt": "2026-11-01T08:00:00Z", "defaultEmailAddress": None,
        "defaultPhoneNumber": {"phoneNumber": phone} if phone else None, "defaultAddress": None,
        "addresses": [], "numberOfOrders": "0", **more,
        "amountSpent": {"amount": more.get("spent", "0.0"), "currencyCode": "GBP"},
    }  # fmt: skip


CUSTOMERS = [
    customer(51, "Ada Kestrel", "+442079460958", tags=["vip"], updatedAt="2026-11-20T08:00:00Z",
             defaultEmailAddress={"emailAddress": "ada@kestrel.example"}, numberOfOrders="3",
             defaultAddress={"company": "Kestrel Garden", "countryCodeV2": "GB"},
             addresses=[{"phone": "07700 900123"}, {"phone": None}], spent="550.60"),
    customer(52, "Abe Maine", "+12079460958"),
    customer(53, "zoe@z.example", None),
]  # fmt: skip


def line(n: int, sku: str, quantity: int, price: str, total: str) -> dict[str, Any]:
    return {
        "sku": sku, "title": sku.title(), "currentQuantity": quantity,
        "variant": {"id": f"gid://shopify/ProductVariant/{n}"},
        "discountedUnitPriceSet": money(price), "discountedTotalSet": money(total),
    }  # fmt: skip


def order(n: int, buyer: int | None, created: str, total: str, **more: Any) -> dict[str, Any]:
    return {
        "id": f"gid://shopify/Order/{n}", "name": f"#{n}", "test": False, "createdAt": created,
        "updatedAt": created, "cancelledAt": None, "displayFinancialStatus": "PAID",
        "displayFulfillmentStatus": "FULFILLED", "buyer": buyer,
        "currentTotalPriceSet": money(total), "totalOutstandingSet": money("0.0"),
        "paymentTerms": None, "lineItems": [], **more,
    }  # fmt: skip


def terms(*schedules: tuple[str, str | None]) -> dict[str, Any]:
    return {"paymentSchedules": {"nodes": [
        {"dueAt": due, "completedAt": paid} for due, paid in schedules
    ], "pageInfo": {"hasNextPage": False}}}  # fmt: skip


# Not paid of 51: 30.00 due since 12 October + 400.10 due in December = 430.10.
ORDERS = [
    order(1001, 51, "2026-06-30T23:30:00Z", "120.50",
          lineItems=[line(31, "SPADE", 2, "30.25", "60.50"),
                     line(32, "FORK", 1, "60.00", "60.00")]),
    order(1002, 51, "2026-09-12T10:00:00Z", "30.00", displayFinancialStatus="PENDING",
          totalOutstandingSet=money("30.00"), paymentTerms=terms(("2026-10-12T00:00:00Z", None))),
    order(1003, 51, "2026-10-01T10:00:00Z", "999.00", cancelledAt="2026-10-02T10:00:00Z",
          displayFinancialStatus="PENDING", totalOutstandingSet=money("999.00")),
    order(1004, 51, "2026-10-03T10:00:00Z", "5.00", test=True),
    order(1005, 51, "2026-11-01T10:00:00Z", "500.10", displayFinancialStatus="PARTIALLY_PAID",
          displayFulfillmentStatus="UNFULFILLED", totalOutstandingSet=money("400.10"),
          paymentTerms=terms(("2026-11-01T00:00:00Z", "2026-11-01T12:00:00Z"),
                             ("2026-12-01T00:00:00Z", None))),
    order(1006, None, "2026-11-02T10:00:00Z", "7.00"),
]  # fmt: skip


def variant(n: int, product: str, title: str, **more: Any) -> dict[str, Any]:
    return {
        "id": f"gid://shopify/ProductVariant/{n}", "sku": f"S{n}", "title": title, "price": "30.25",
        "inventoryQuantity": 4, "inventoryItem": {"tracked": True},
        "product": {"id": "gid://shopify/Product/9", "title": product, "productType": "Tools",
                    "status": "ACTIVE"}, **more,
    }  # fmt: skip


VARIANTS = [
    variant(31, "Spade", "Default Title"),
    variant(32, "Fork", "Long", inventoryItem={"tracked": False}, inventoryQuantity=0),
]


def refusal(code: str | None, message: str, **more: Any) -> bytes:
    """Errors come with HTTP 200."""
    extensions = {"code": code} if code else {}
    return reply({"errors": [{"message": message, "extensions": {**extensions, **more}}]})


DENIED = refusal(
    "ACCESS_DENIED",
    "Access denied for orders field. Required access: `read_orders` access scope.",
    requiredAccess="`read_orders` access scope.",
    documentation="https://shopify.dev/api/usage/access-scopes",
)


def throttled(left: float, asked: float = 100.0) -> bytes:
    status = {"maximumAvailable": 2000.0, "currentlyAvailable": left, "restoreRate": 100.0}
    cost = {"requestedQueryCost": asked, "actualQueryCost": None, "throttleStatus": status}
    error = {"message": "Throttled", "extensions": {"code": "THROTTLED"}}
    return reply({"errors": [error], "extensions": {"cost": cost}})


class FakeShopify(FakeVendor):
    """`page` is the most objects in a list, so that paging is met with few."""

    def __init__(self, page: int = 2) -> None:
        super().__init__()
        self.page = page
        self.tokens = 0
        self.valid = TOKEN
        self.shop: dict[str, Any] = dict(SHOP)
        self.customers = deepcopy(CUSTOMERS)
        self.orders = deepcopy(ORDERS)

    def answer(self, request: Request) -> bytes:
        if request.path == "/admin/oauth/access_token":
            return self._token(request.form)
        if request.path != "/admin/api/2026-10/graphql.json":
            return reply({"errors": "Not Found"}, 404)
        if request.headers.get("x-shopify-access-token") != self.valid:
            text = "[API] Invalid API key or access token (unrecognized login or wrong password)"
            return reply({"errors": text}, 401)
        asked = request.json
        result = graphql_sync(
            _SCHEMA, asked["query"], self, variable_values=asked.get("variables")
        ).formatted
        if "errors" in result:
            return reply(result)
        status = {"maximumAvailable": 2000.0, "currentlyAvailable": 1990.0, "restoreRate": 100.0}
        cost = {"requestedQueryCost": 52, "actualQueryCost": 10, "throttleStatus": status}
        return reply({**result, "extensions": {"cost": cost}})

    def _token(self, form: dict[str, str]) -> bytes:
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT, SECRET):
            return reply({"error": "invalid_client"}, 400)
        self.tokens += 1
        self.valid = f"shpat_{self.tokens}"
        return reply({"access_token": self.valid, "scope": "x", "expires_in": 86399})

    def currentAppInstallation(self, _: Any) -> dict[str, Any]:  # noqa: N802
        return {"accessScopes": [{"handle": scope} for scope in SCOPES]}

    def customer(self, _: Any, id: str) -> dict[str, Any] | None:  # noqa: A002
        found = next((c for c in self.customers if c["id"] == id), None)
        if found is None:
            return None
        own = [o for o in self.orders if str(o["buyer"]) == id.rpartition("/")[2]]

        def orders(_: Any, query: str | None = None, **asked: Any) -> dict[str, Any]:
            chosen = own
            if query:
                wanted = re.findall(r"financial_status:(\w+)", query)
                assert wanted, query
                chosen = [o for o in own if o["displayFinancialStatus"].lower() in wanted]
            chosen = sorted(chosen, key=lambda o: str(o["createdAt"]), reverse=True)
            return self._list([self._order(o) for o in chosen], asked["first"], None, cap=False)

        return {**found, "orders": orders}

    def order(self, _: Any, id: str) -> dict[str, Any] | None:  # noqa: A002
        return next((self._order(o) for o in self.orders if o["id"] == id), None)

    def orders_(self, query: str | None) -> list[dict[str, Any]]:
        return [self._order(o) for o in sorted(_since(self.orders, query), key=_updated)]

    def resolve_orders(self, query: str | None, first: int, after: str | None) -> dict[str, Any]:
        return self._list(self.orders_(query), first, after)

    def _order(self, one: dict[str, Any]) -> dict[str, Any]:
        def lines(_: Any, first: int, after: str | None = None) -> dict[str, Any]:
            return self._list(one["lineItems"], first, after)

        buyer = one["buyer"]
        return {
            **one,
            "customer": {"id": f"gid://shopify/Customer/{buyer}"} if buyer else None,
            "lineItems": lines,
        }

    def _list(
        self, found: list[dict[str, Any]], first: int, after: str | None, *, cap: bool = True
    ) -> dict[str, Any]:
        start = int(after.removeprefix("at-")) if after else 0
        end = start + (min(first, self.page) if cap else first)
        more = end < len(found)
        return {
            "nodes": found[start:end],
            "pageInfo": {"hasNextPage": more, "endCursor": f"at-{end}" if more else None},
        }


def _updated(one: dict[str, Any]) -> str:
    return str(one["updatedAt"])


def _since(found: list[dict[str, Any]], query: str | None) -> list[dict[str, Any]]:
    if not query:
        return found
    asked = re.fullmatch(r"updated_at:>='([0-9TZ:-]+)'", query)
    assert asked, query
    return [one for one in found if one["updatedAt"] >= asked[1]]


def _orders(fake: FakeShopify, _: Any, **asked: Any) -> dict[str, Any]:
    return fake.resolve_orders(asked.get("query"), asked["first"], asked.get("after"))


def _customers(fake: FakeShopify, _: Any, **asked: Any) -> dict[str, Any]:
    query = asked.get("query")
    phone = re.fullmatch(r"phone:(\+\d+)", query or "")
    if phone:
        found = [
            c
            for c in fake.customers
            if (c["defaultPhoneNumber"] or {}).get("phoneNumber") == phone[1]
        ]
    else:
        found = _since(fake.customers, query)
    return fake._list(found, asked["first"], asked.get("after"))


def _variants(fake: FakeShopify, _: Any, **asked: Any) -> dict[str, Any]:
    return fake._list(VARIANTS, asked["first"], asked.get("after"))


_QUERY = _SCHEMA.query_type
assert _QUERY is not None
_QUERY.fields["orders"].resolve = _orders
_QUERY.fields["customers"].resolve = _customers
_QUERY.fields["productVariants"].resolve = _variants
