"""The demo's sales system: a small web shop's HTTP API, with its own names and its own delays."""

from __future__ import annotations

import asyncio
import contextlib
import html
import secrets
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, TypeVar

import uvicorn
from phonenumbers import NumberParseException, PhoneNumberFormat, format_number, parse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from app.demo.records import Business, Customer, Line, Order

Row = TypeVar("Row")
API_KEY_HEADER = "X-Api-Key"
_MOST_PER_PAGE = 100
# How long each answer takes (ms), as one sees with a shop behind a firewall: enough for a person
# to see the pop being built.
_STATUS_MS = 40
_LIST_MS = 60
_SEARCH_MS = 90
_ORDERS_MS = 120


class SalesApi:
    """Answers for the shop. `delays` False answers at once."""

    def __init__(self, business: Business, api_key: str, *, delays: bool = True) -> None:
        self._api_key = api_key
        self._delays = delays
        self._business = business
        self._customers = [c for c in business.customers if c.shop_id is not None]
        self._by_shop_id = {c.shop_id: c for c in self._customers}
        self._orders: dict[str, list[Order]] = {}
        for order in business.orders:
            self._orders.setdefault(order.customer_key, []).append(order)

    def app(self) -> Starlette:
        """Return the web application."""
        return Starlette(
            routes=[
                Route("/v1/status", self._guarded(_STATUS_MS, self._status)),
                Route("/v1/customers", self._guarded(_LIST_MS, self._list_customers)),
                Route("/v1/customers/search", self._guarded(_SEARCH_MS, self._search)),
                Route(
                    "/v1/customers/{shop_id:int}/orders", self._guarded(_ORDERS_MS, self._orders_of)
                ),
                Route("/customers/{shop_id:int}", self._customer_page),
                Route("/v1/orders", self._guarded(_LIST_MS, self._all_orders)),
                Route("/v1/products", self._guarded(_LIST_MS, self._products)),
                Route("/products/{item_id:int}", self._product_page),
            ]
        )

    def _guarded(
        self, delay_ms: int, answer: Callable[[Request], dict[str, Any] | None]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            key = request.headers.get(API_KEY_HEADER, "")
            if not secrets.compare_digest(key.encode(), self._api_key.encode()):
                return JSONResponse({"message": "API key missing or wrong"}, status_code=401)
            if self._delays:
                await asyncio.sleep(delay_ms / 1000)
            try:
                content = answer(request)
            except ValueError as error:
                return JSONResponse({"message": str(error)}, status_code=400)
            if content is None:
                return JSONResponse({"message": "no such customer"}, status_code=404)
            return JSONResponse(content)

        return endpoint

    def _status(self, _request: Request) -> dict[str, Any]:
        return {"shop": "Fernhill trade shop", "ready": True}

    def _list_customers(self, request: Request) -> dict[str, Any]:
        """List last night's copy: who registered today is only in the search."""
        listed = [c for c in self._customers if not c.new_today]
        return _page(request, listed, _customer)

    def _search(self, request: Request) -> dict[str, Any]:
        wanted = _e164(request.query_params.get("phone", ""))
        found = [c for c in self._customers if any(p.e164 == wanted for p in c.phones)]
        return {"data": [_customer(c) for c in found]}

    def _orders_of(self, request: Request) -> dict[str, Any] | None:
        customer = self._by_shop_id.get(request.path_params["shop_id"])
        if customer is None:
            return None
        orders = self._orders.get(customer.key, [])
        newest_first = sorted(orders, key=lambda o: (o.placed_on, o.number), reverse=True)
        kept = [o for o in orders if o.status != "cancelled" and o.currency == customer.currency]
        page = _page(request, newest_first, _order)
        first = min((o.placed_on for o in orders), default=None)
        page["summary"] = {
            "currency": customer.currency,
            "spent": float(sum(o.total for o in kept)),
            "first_order_on": first.isoformat() if first else None,
        }
        return page

    def _all_orders(self, request: Request) -> dict[str, Any]:
        """List every order but the cancelled ones, oldest first."""
        ids = {c.key: c.shop_id for c in self._customers}
        listed = [
            order
            for order in self._business.orders
            if order.status != "cancelled" and order.customer_key in ids
        ]
        return _page(request, listed, lambda o: {"customer_id": ids[o.customer_key], **_order(o)})

    async def _customer_page(self, request: Request) -> Response:
        """Show what an agent would open from the pop: the customer's page in the shop."""
        customer = self._by_shop_id.get(request.path_params["shop_id"])
        if customer is None:
            return HTMLResponse("<h1>No such customer</h1>", status_code=404)
        name, count = html.escape(customer.name), len(self._orders.get(customer.key, []))
        return HTMLResponse(f"<h1>{name}</h1><p>Fernhill trade shop: {count} orders</p>")

    async def _product_page(self, request: Request) -> Response:
        """Show what an agent would open from a suggestion."""
        wanted = request.path_params["item_id"]
        item = next((i for i in self._business.items if i.item_id == wanted), None)
        if item is None:
            return HTMLResponse("<h1>No such product</h1>", status_code=404)
        name, code = html.escape(item.name), html.escape(item.sku)
        return HTMLResponse(f"<h1>{name}</h1><p>Fernhill trade shop: {code}</p>")

    def _products(self, request: Request) -> dict[str, Any]:
        return _page(
            request,
            self._business.items,
            lambda item: {
                "id": item.item_id,
                "code": item.sku,
                "title": item.name,
                "department": item.category,
                "price_gbp": float(item.price_gbp),
                "price_currency": "GBP",
                "page": f"{request.base_url}products/{item.item_id}",
                "in_stock": item.stock,
            },
        )


def _page(
    request: Request, rows: Sequence[Row], shape: Callable[[Row], dict[str, Any]]
) -> dict[str, Any]:
    page = int(request.query_params.get("page", "1"))
    per_page = int(request.query_params.get("per_page", "50"))
    if page < 1 or not 1 <= per_page <= _MOST_PER_PAGE:
        raise ValueError(f"page from 1, per_page from 1 to {_MOST_PER_PAGE}")
    pages = max(1, -(-len(rows) // per_page))
    shown = [shape(row) for row in rows[(page - 1) * per_page : page * per_page]]
    return {"data": shown, "paging": {"page": page, "pages": pages, "total": len(rows)}}


def _e164(text: str) -> str | None:
    try:
        return format_number(parse(text, "GB"), PhoneNumberFormat.E164)
    except NumberParseException:
        return None


def _customer(customer: Customer) -> dict[str, Any]:
    return {
        "id": customer.shop_id,
        "account_ref": customer.account,
        "name": customer.name,
        "company": customer.company,
        "buyer": customer.contact,
        "email": customer.email,
        "phones": [{"label": p.kind, "number": p.in_shop} for p in customer.phones],
        "country": customer.region,
        "locale": customer.language,
        "registered_on": customer.since.isoformat(),
    }


def _order(order: Order) -> dict[str, Any]:
    return {
        "ref": order.number,
        "placed_on": order.placed_on.isoformat(),
        "state": order.status,
        "currency": order.currency,
        "goods_total": float(order.total),
        "lines": [_line(line) for line in order.lines],
    }


def _line(line: Line) -> dict[str, Any]:
    return {
        "product_id": line.item.item_id,
        "code": line.item.sku,
        "title": line.item.name,
        "qty": line.quantity,
        "price": float(line.unit_price),
        "total": float(line.total),
    }


class _QuietServer(uvicorn.Server):
    """Leaves the signals to the program it runs in."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class SalesServer:
    """The shop on a free port of this machine, while its context is open.

    `url` is its base address, `api_key` what the header `X-Api-Key` must carry. Without `delays`
    it answers at once.
    """

    def __init__(self, business: Business, *, delays: bool = True) -> None:
        self.api_key = secrets.token_urlsafe(24)
        # A port that listens from the start: no caller comes too early.
        self._listener = socket.create_server(("127.0.0.1", 0))
        # For each connection: asyncio does not set it on those of a socket that it is handed.
        self._listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._server = _QuietServer(
            uvicorn.Config(
                SalesApi(business, self.api_key, delays=delays).app(),
                log_config=None,
                access_log=False,
                lifespan="off",
                ws="none",
                timeout_graceful_shutdown=1,
            )
        )

    async def __aenter__(self) -> SalesServer:
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._listener]))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.should_exit = True
        await self._serving
        self._listener.close()
