"""Stripe's API as its documentation describes it, version 2024-06-20: lists, search, events.

Sources: Stripe's API reference (customers, invoices, charges, products, events, errors,
pagination, search) and the package stripe 16.1.0.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.connectors.web import Request, WebServer, reply

KEY = "rk_test_51Nabcdefghij"
Record = dict[str, Any]


def at(day: str) -> int:
    """Return an instant (UTC) as Stripe writes it: seconds since 1970."""
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())


def customer(record_id: str, name: str | None, **fields: Any) -> Record:
    return {
        "id": record_id,
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": at("2026-01-01"),
        "currency": "eur",
        "delinquent": False,
        "description": None,
        "email": None,
        "livemode": False,
        "metadata": {},
        "name": name,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        **fields,
    }


def line(text: str, quantity: int, unit: int, amount: int, currency: str = "eur") -> Record:
    return {
        "id": "il_1",
        "object": "line_item",
        "amount": amount,
        "currency": currency,
        "description": text,
        "quantity": quantity,
        "price": {
            "id": "price_1",
            "object": "price",
            "currency": currency,
            "product": "prod_1",
            "unit_amount": unit,
        },
    }


def invoice(
    record_id: str, of: str, created: str, due: str | None, total: int, left: int, **fields: Any
) -> Record:
    lines = fields.pop("lines", [])
    return {
        "id": record_id,
        "object": "invoice",
        "amount_due": total,
        "amount_paid": total - left,
        "amount_remaining": left,
        "created": at(created),
        "currency": "eur",
        "customer": of,
        "due_date": at(due) if due else None,
        "livemode": False,
        "number": record_id.removeprefix("in_").upper(),
        "pre_payment_credit_notes_amount": 0,
        "post_payment_credit_notes_amount": 0,
        "status": "open",
        "total": total,
        "lines": {"object": "list", "data": lines, "has_more": False, "url": "/v1/…"},
        **fields,
    }


def charge(record_id: str, of: str | None, created: str, amount: int, **fields: Any) -> Record:
    return {
        "id": record_id,
        "object": "charge",
        "amount": amount,
        "amount_refunded": 0,
        "captured": True,
        "created": at(created),
        "currency": "eur",
        "customer": of,
        "description": None,
        "invoice": None,
        "livemode": False,
        "paid": True,
        "payment_method_details": {"type": "card"},
        "receipt_number": None,
        "refunded": False,
        "status": "succeeded",
        **fields,
    }


def event(kind: str, created: str, record: Record) -> Record:
    return {
        "id": f"evt_{kind}_{record['id']}_{created}",
        "object": "event",
        "created": at(created),
        "type": kind,
        "data": {"object": record},
    }


@dataclass(slots=True)
class Stripe:
    """One account; `fault` answers the next calls, `denied` names a list the key may not read."""

    web: WebServer
    tables: dict[str, list[Record]] = field(default_factory=dict)
    fault: bytes | None = None
    denied: str = ""
    searches: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        answers: dict[str, Any] = {"/v1/customers/search": self._search}
        for name in ("customers", "invoices", "charges", "products", "events"):
            answers[f"/v1/{name}"] = self._list
        for name in ("cus_1", "cus_2", "cus_3", "cus_9"):
            answers[f"/v1/customers/{name}"] = self._one
        self.web.answers = answers

    def _refused(self, request: Request, name: str) -> bytes | None:
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return error(401, "invalid_request_error", None)
        assert request.headers["stripe-version"] == "2024-06-20"
        if name == self.denied:
            return error(403, "invalid_request_error", None)
        return self.fault

    def _one(self, request: Request) -> bytes:
        if (refused := self._refused(request, "customers")) is not None:
            return refused
        wanted = request.path.rsplit("/", 1)[1]
        for record in self.tables["customers"]:
            if record["id"] == wanted:
                return reply(record)
        if wanted == "cus_9":
            return reply({"id": "cus_9", "object": "customer", "deleted": True})
        return error(404, "invalid_request_error", "resource_missing")

    def _list(self, request: Request) -> bytes:
        name = request.path.rsplit("/", 1)[1]
        if (refused := self._refused(request, name)) is not None:
            return refused
        query = request.query
        known = {r["id"] for r in self.tables["customers"]} | {"cus_9"}
        if "customer" in query and query["customer"] not in known:
            return error(400, "invalid_request_error", "resource_missing")
        types = {value for key, value in query.items() if key.startswith("types[")}
        rows = [
            r
            for r in self.tables.get(name, [])
            if ("customer" not in query or r["customer"] == query["customer"])
            and ("status" not in query or r["status"] == query["status"])
            and r.get("created", 0) >= int(query.get("created[gte]", 0))
            and (not types or r["type"] in types)
        ]
        rows.sort(key=lambda r: r.get("created", 0), reverse=True)
        if name == "products" and query.get("expand[]") != "data.default_price":
            rows = [{**r, "default_price": "price_1"} for r in rows]
        if after := query.get("starting_after"):
            rows = rows[[r["id"] for r in rows].index(after) + 1 :]
        size = int(query.get("limit", 10))
        assert 1 <= size <= 100
        return reply({"object": "list", "data": rows[:size], "has_more": len(rows) > size,
                      "url": request.path})  # fmt: skip

    def _search(self, request: Request) -> bytes:
        if (refused := self._refused(request, "customers")) is not None:
            return refused
        query = request.query["query"]
        self.searches.append(query)
        parts = query.split(" OR ")
        wanted = [found[1] for p in parts if (found := re.fullmatch(r"phone:'([+\d]+)'", p))]
        assert len(wanted) == len(parts), f"Stripe cannot read {query}"
        rows = [r for r in self.tables["customers"] if r["phone"] in wanted]
        return reply({"object": "search_result", "data": rows, "has_more": False,
                      "next_page": None, "url": request.path})  # fmt: skip


def error(status: int, kind: str, code: str | None) -> bytes:
    body = {"type": kind, "message": "raw words: rk_test_51N****", "doc_url": "https://stripe.com"}
    return reply({"error": {**body, **({"code": code} if code else {})}}, status)
