"""WooCommerce's REST API version 3 as its documentation and source describe it, with a small shop.

Read from includes/rest-api/Controllers (orders, customers, products) and
class-wc-rest-authentication.php. The shop is in New York, 5 hours behind UTC in winter and 4 in
summer. Expectations worked out by hand are beside the data. Today is 2026-11-22.
"""

from __future__ import annotations

import base64
from copy import deepcopy
from datetime import datetime
from math import ceil
from typing import Any
from zoneinfo import ZoneInfo

from tests.connectors.fakes.vendor import FakeVendor
from tests.connectors.web import Request, reply

KEY, SECRET = "ck_key", "cs_s3cret"
Record = dict[str, Any]
_SHOP = ZoneInfo("America/New_York")
STATUSES = {"pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed",
            "checkout-draft"}  # fmt: skip


def address(name: str, phone: str, **more: Any) -> Record:
    first, _, last = name.partition(" ")
    return {
        "first_name": first, "last_name": last, "company": "", "address_1": "1 High Street",
        "address_2": "", "city": "London", "state": "", "postcode": "SW1A 1AA", "country": "GB",
        "phone": phone, **more,
    }  # fmt: skip


def customer(n: int, name: str, phone: str, email: str, made: str, **more: Any) -> Record:
    first, _, last = name.partition(" ")
    return {
        "id": n, "date_created_gmt": made, "email": email, "first_name": first, "last_name": last,
        "username": email.partition("@")[0], "role": "customer", "is_paying_customer": True,
        "billing": {**address(name, phone, **more), "email": email},
        "shipping": address("", ""),
    }  # fmt: skip


CUSTOMERS = [
    customer(25, "Ada Kestrel", "020 7946 0958", "ada@kestrel.example", "2026-01-01T08:00:00",
             company="Kestrel Garden"),
    customer(26, "Abe Maine", "(207) 946-0958", "abe@maine.example", "2026-11-21T08:00:00",
             country="US"),
]  # fmt: skip


def line(product: int, name: str, quantity: int, total: str, variation: int = 0) -> Record:
    """`price` is a number without tax, `total` a text."""
    return {
        "id": product * 10, "name": name, "product_id": product, "variation_id": variation,
        "quantity": quantity, "subtotal": total, "total": total, "total_tax": "0.00",
        "sku": f"S{product}", "price": float(total) / quantity, "meta_data": [],
    }  # fmt: skip


def order(n: int, buyer: Record | int, at: str, status: str, total: str, **more: Any) -> Record:
    """`at` is UTC; the shop's own time is `date_created`."""
    guest = not isinstance(buyer, int)
    of = buyer if guest else next(c["billing"] for c in CUSTOMERS if c["id"] == buyer)
    local = datetime.fromisoformat(f"{at}+00:00").astimezone(_SHOP).replace(tzinfo=None)
    return {
        "id": n, "number": str(n), "status": status, "currency": "USD",
        "date_created": local.isoformat(), "date_created_gmt": at, "date_modified_gmt": at,
        "date_paid": local.isoformat(), "total": total, "customer_id": 0 if guest else buyer,
        "billing": of, "shipping": address("", ""), "line_items": [], "refunds": [], **more,
    }  # fmt: skip


def guest(name: str, phone: str, email: str) -> Record:
    return {**address(name, phone), "email": email}


ZOE = "zoe@z.example"
# Ada's that count: 120.50 + (500.10 - 20.10 refunded) + 75.00 = 675.50; 102 was bought at 03:30
# UTC, which was still 31 October in New York. Not paid of hers: 75.00.
ORDERS = [
    order(101, 25, "2026-06-30T20:00:00", "completed", "120.50",
          line_items=[line(31, "Spade", 2, "60.50"), line(33, "Hose - 10 m", 1, "60.00", 34)]),
    order(102, 25, "2026-11-01T03:30:00", "processing", "500.10",
          refunds=[{"id": 900, "reason": "", "total": "-20.10"}]),
    order(103, 25, "2026-11-02T10:00:00", "failed", "999.00", date_paid=None),
    order(104, guest("Zoe Adams", "+44 7700 900123", ZOE), "2026-11-03T10:00:00", "completed",
          "30.00"),
    order(105, 25, "2026-11-19T10:00:00", "on-hold", "75.00", date_paid=None),
    order(106, guest("Zoe Adams", "07700 900456", "Zoe@Z.example"), "2026-11-18T10:00:00",
          "completed", "40.00"),
    order(107, guest("Max Nomail", "020 7946 0007", ""), "2026-11-05T10:00:00", "completed",
          "5.00"),
    order(108, 25, "2026-11-06T10:00:00", "trash", "8.00", date_modified_gmt="2026-11-20T10:00:00"),
]  # fmt: skip
PRODUCTS: list[Record] = [
    {"id": 31, "name": "Spade", "sku": "S31", "price": "30.25", "type": "simple",
     "status": "publish", "manage_stock": True, "stock_quantity": 4,
     "categories": [{"id": 1, "name": "Tools"}]},
    {"id": 32, "name": "Digging", "sku": "", "price": "", "type": "simple", "status": "draft",
     "manage_stock": False, "stock_quantity": None, "categories": []},
    {"id": 33, "name": "Hose", "sku": "S33", "price": "60.00", "type": "variable",
     "status": "publish", "manage_stock": True, "stock_quantity": 9, "categories": []},
]  # fmt: skip
VARIATIONS: list[Record] = [
    {"id": 34, "sku": "S34", "price": "60.00", "status": "publish", "manage_stock": "parent",
     "stock_quantity": 9, "attributes": [{"id": 1, "name": "Length", "option": "10 m"}]},
    {"id": 35, "sku": "S35", "price": "90.00", "status": "publish", "manage_stock": False,
     "stock_quantity": None, "attributes": [{"id": 1, "name": "Length", "option": "20 m"}]},
]  # fmt: skip


def error(code: str, status: int, message: str = "raw words") -> bytes:
    return reply({"code": code, "message": message, "data": {"status": status}}, status)


CANNOT = "woocommerce_rest_cannot_view"


class FakeWooCommerce(FakeVendor):
    """`most` caps a page below 100; `counts` says whether the headers with totals arrive."""

    def __init__(self) -> None:
        super().__init__()
        self.customers = deepcopy(CUSTOMERS)
        self.orders = deepcopy(ORDERS)
        self.products = deepcopy(PRODUCTS)
        self.most = 100
        self.counts = True

    def answer(self, request: Request) -> bytes:
        if not request.path.startswith("/wp-json/wc/v3/"):
            return reply(b"<!doctype html>Page not found", 404, "text/html")
        pair = request.headers.get("authorization", "").removeprefix("Basic ")
        user, _, secret = base64.b64decode(pair).decode().partition(":")
        if user != KEY:
            # To a key that it does not know, WooCommerce answers as to a visitor.
            return error(CANNOT, 401, "Sorry, you cannot list resources.")
        if secret != SECRET:
            text = "Consumer secret is invalid."
            return error("woocommerce_rest_authentication_error", 401, text)
        match request.path.removeprefix("/wp-json/wc/v3/").split("/"):
            case ["orders"]:
                return self._orders(request.query)
            case ["customers"]:
                return self._customers(request.query)
            case ["products"]:
                return self._page(self.products, request.query)
            case ["products", "33", "variations"]:
                return self._page(VARIATIONS, request.query)
            case ["data", "currencies", "current"]:
                return reply({"code": "USD", "name": "United States (US) dollar", "symbol": "$"})
        return error("rest_no_route", 404, "No route was found matching the URL")

    def _customers(self, query: dict[str, str]) -> bytes:
        assert "modified_after" not in query
        found = self.customers
        if "include" in query:
            found = [c for c in found if str(c["id"]) in query["include"].split(",")]
        return self._page(found, query)

    def _orders(self, query: dict[str, str]) -> bytes:
        wanted = set(query.get("status", "any").split(","))
        if wanted - STATUSES - {"any", "trash"}:
            return error("rest_invalid_param", 400, "Invalid parameter(s): status")
        found = [o for o in self.orders if o["status"] in wanted]
        if "any" in wanted:
            found = [o for o in self.orders if o["status"] not in ("trash", "checkout-draft")]
        if "customer" in query:
            found = [o for o in found if str(o["customer_id"]) == query["customer"]]
        if "include" in query:
            found = [o for o in found if str(o["id"]) in query["include"].split(",")]
        if "search" in query:
            # A part of the address as it was typed: marks and spaces count.
            word = query["search"].lower()
            found = [o for o in found if word in " ".join(map(str, o["billing"].values())).lower()]
        if "modified_after" in query:
            # With a zone WordPress would turn it into the site's own time.
            assert query["dates_are_gmt"] == "true"
            assert len(query["modified_after"]) == 19
            found = [o for o in found if o["date_modified_gmt"] > query["modified_after"]]
        return self._page(found, query)

    def _page(self, found: list[Record], query: dict[str, str]) -> bytes:
        by = {"id": "id", "date": "date_created_gmt", "registered_date": "date_created_gmt"}
        key = by[query.get("orderby", "id" if "date_created_gmt" not in str(found[:1]) else "date")]
        found = sorted(found, key=lambda r: r[key], reverse=query.get("order", "desc") == "desc")
        size = min(int(query.get("per_page", "10")), self.most)
        assert int(query.get("per_page", "10")) <= 100
        start = (int(query.get("page", "1")) - 1) * size
        names = query["_fields"].split(",")
        page = [{n: r[n] for n in names if n in r} for r in found[start : start + size]]
        if not self.counts:
            return reply(page)
        pages = ceil(len(found) / size)
        return reply(page, x_wp_total=str(len(found)), x_wp_totalpages=str(pages))
