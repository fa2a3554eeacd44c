"""Odoo's JSON-2 and JSON-RPC as its source describes them, over a few tables.

Written from addons/rpc/controllers, odoo/http (Json2Dispatcher, JsonRPCDispatcher), addons account,
sale and phone_validation of Odoo 17 to 19. Expectations worked out by hand are beside the data.
Today is 2026-11-22.
"""

from __future__ import annotations

import re
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from connectors.odoo import OdooConfig, OdooConnector
from connectors.sdk.connector import Context
from tests.connectors.fakes.vendor import FakeVendor
from tests.connectors.web import Request, WebServer, reply

KEY, LOGIN, DATABASE = "0dd0-s3cret-key", "pop@meadow.example", "meadow"
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
LEGACY: dict[str, Any] = {"protocol": "jsonrpc", "database": DATABASE, "login": LOGIN}
Record = dict[str, Any]
EUR, GBP, USD = [1, "EUR"], [2, "GBP"], [3, "USD"]
_PHONE_MARKS = re.compile(r"[\s\\./\(\)\-]")
# Fields of res.partner that only groups of accounting see.
GUARDED = {"credit", "credit_limit", "use_partner_credit_limit", "credit_to_invoice"}


def connector(web: WebServer, now: datetime = NOW, **changes: Any) -> OdooConnector:
    given = {
        "base_url": web.url,
        "api_key": KEY,
        "helpdesk": True,
        "allow_private_network": True,
        **changes,
    }
    config = OdooConfig.model_validate(given)
    return OdooConnector(config, Context("erp", None, Path(), lambda: now))


def partner(n: int, name: str, payer: list[Any] | None = None, **more: Any) -> Record:
    """An empty field is `false`."""
    return {
        "id": n, "name": name, "active": True, "is_company": payer is None, "parent_id": False,
        "commercial_partner_id": payer or [n, name], "phone": False, "mobile": False,
        "email": False, "vat": False, "ref": False, "lang": "en_GB", "country_code": "GB",
        "user_id": False, "category_id": [], "contact_address": "", "tz": False,
        "write_date": "2026-11-01 08:00:00", "credit_limit": 0.0, "credit_to_invoice": 0.0,
        "property_payment_term_id": False, "trust": "normal", "sale_warn": "no-message",
        "sale_warn_msg": False, **more,
    }  # fmt: skip


KESTREL, ADA = [12, "Kestrel Garden"], [13, "Kestrel Garden, Ada Kestrel"]
# 12 has 9,000 in the field, and 500 of it may be lent further.
PARTNERS = [
    partner(12, "Kestrel Garden", phone="020 7946 0958", vat="GB123456789", ref="C-100",
            user_id=[7, "Olive Owner"], category_id=[3], credit_limit=9000.0,
            credit_to_invoice=120.5, property_payment_term_id=[4, "30 Days"],
            contact_address="Kestrel Garden\n1 High Street\n \nLondon SW1A 1AA\nUnited Kingdom",
            email="office@kestrel.example"),
    partner(13, "Ada Kestrel", KESTREL, mobile="+44 (0)7700 900123", vat="GB123456789",
            parent_id=KESTREL, write_date="2026-11-20 08:00:00"),
    partner(14, "Abe Maine", phone="(207) 946-0958", country_code="US"),
    partner(15, "Gone Ltd", active=False, write_date="2026-11-21 08:00:00"),
    partner(16, False, KESTREL, parent_id=KESTREL),  # type: ignore[arg-type]
]  # fmt: skip


def entry(n: int, name: str, kind: str, day: str, due: Any, total: float, left: float,
          **more: Any) -> Record:  # fmt: skip
    return {
        "id": n, "move_id": [n, name], "move_name": name, "move_type": kind, "date": day,
        "date_maturity": due, "amount_currency": total, "amount_residual": left,
        "amount_residual_currency": left, "currency_id": EUR, "account_type": "asset_receivable",
        "parent_state": "posted", "reconciled": left == 0, "partner_id": KESTREL, "company": 1,
        **more,
    }  # fmt: skip


# In company 1: 356.10 due since 12 October + 200.00 due in December = 556.10 open; 56.00 paid on
# account leaves 500.10. The draft, the paid one and company 2's do not count.
ENTRIES = [
    entry(101, "INV/2026/0001", "out_invoice", "2026-09-12", "2026-10-12", 456.1, 356.1),
    entry(102, "INV/2026/0002", "out_invoice", "2026-11-01", "2026-12-01", 200.0, 200.0),
    entry(103, "PBNK1/2026/0007", "entry", "2026-11-10", False, -100.0, -56.0),
    entry(104, "INV/2026/0000", "out_invoice", "2026-01-05", "2026-02-04", 80.0, 0.0),
    entry(105, "/", "out_invoice", "2026-11-20", "2026-11-21", 5.0, 5.0, parent_state="draft"),
    entry(106, "BILL/1", "in_invoice", "2026-11-01", "2026-11-02", -70.0, -70.0,
          account_type="liability_payable"),
    entry(201, "INV/2026/0900", "out_invoice", "2026-11-01", "2026-11-15", 999.0, 999.0,
          company=2, currency_id=GBP),
]  # fmt: skip


def order(n: int, buyer: list[Any], at: str, state: str, total: float, **more: Any) -> Record:
    return {
        "id": n, "name": f"S{n:05}", "partner_id": buyer, "date_order": at, "state": state,
        "amount_total": total, "currency_id": EUR, "delivery_status": "full",
        "invoice_status": "invoiced", "write_date": at, "company": 1, **more,
    }  # fmt: skip


# S00001 was ordered at 23:30 UTC, which was 1 July in Berlin.
ORDERS = [
    order(1, KESTREL, "2026-06-30 23:30:00", "sale", 120.5),
    order(2, ADA, "2026-11-01 10:00:00", "sale", 500.1, delivery_status="pending",
          invoice_status="to invoice"),
    order(3, ADA, "2026-11-02 10:00:00", "draft", 7.0),
    order(4, KESTREL, "2026-11-03 10:00:00", "cancel", 999.0),
    order(9, [14, "Abe Maine"], "2026-05-05 10:00:00", "done", 30.0),
]  # fmt: skip


def line(n: int, of: int, product: list[Any], quantity: float, price: float) -> Record:
    return {
        "id": n, "order_id": [of, f"S{of:05}"], "product_id": product, "name": product[1],
        "product_uom_qty": quantity, "price_unit": price, "price_subtotal": quantity * price,
        "display_type": False,
    }  # fmt: skip


SPADE, FORK = [31, "[SP-1] Spade"], [32, "Fork"]
LINES = [
    line(51, 1, SPADE, 2.0, 30.25),
    line(52, 1, FORK, 1.0, 60.0),
    {**line(53, 1, FORK, 0.0, 0.0), "display_type": "line_section"},
    line(54, 2, SPADE, 1.5, 40.0),
]
PRODUCTS = [
    {"id": 31, "display_name": "[SP-1] Spade", "default_code": "SP-1", "categ_id": [2, "Tools"],
     "lst_price": 30.25, "currency_id": EUR, "active": True, "type": "consu", "sale_ok": True,
     "qty_available": 4.0, "is_storable": True},
    {"id": 32, "display_name": "Fork", "default_code": False, "categ_id": [2, "Tools"],
     "lst_price": 60.0, "currency_id": EUR, "active": True, "type": "consu", "sale_ok": True,
     "qty_available": 0.0, "is_storable": False},
]  # fmt: skip
TABLES: dict[str, list[Record]] = {
    "res.partner": PARTNERS,
    "res.partner.category": [{"id": 3, "name": "Gold"}],
    "res.company": [
        {"id": 1, "name": "Meadow Ltd", "currency_id": EUR, "account_use_credit_limit": True},
        {"id": 2, "name": "Meadow UK", "currency_id": GBP, "account_use_credit_limit": False},
    ],
    "res.users": [{"id": 7, "name": "Pop", "company_id": [1, "Meadow Ltd"]}],
    "account.move.line": ENTRIES,
    "account.payment": [
        {"id": 5, "partner_id": KESTREL, "partner_type": "customer", "payment_type": "inbound",
         "state": "paid", "date": "2026-11-10", "amount": 100.0, "currency_id": EUR,
         "payment_method_line_id": [1, "Manual Payment"], "journal_id": [9, "Bank"]},
        {"id": 6, "partner_id": KESTREL, "partner_type": "customer", "payment_type": "inbound",
         "state": "draft", "date": "2026-11-11", "amount": 3.0, "currency_id": EUR,
         "payment_method_line_id": False, "journal_id": [9, "Bank"]},
    ],
    "account.payment.term.line": [
        {"id": 1, "payment_id": [4, "30 Days"], "nb_days": 30, "delay_type": "days_after"}
    ],
    "sale.order": ORDERS,
    "sale.order.line": LINES,
    "product.product": PRODUCTS,
    "helpdesk.ticket": [
        {"id": 81, "ticket_ref": "00081", "name": "Late delivery", "stage_id": [2, "In progress"],
         "priority": "2", "partner_id": ADA, "write_date": "2026-11-20 08:00:00"}
    ],
}  # fmt: skip


class OdooError(Exception):
    """An exception of Odoo: its name, the text, and the status that JSON-2 gives it."""

    def __init__(self, name: str, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status
        self.body = {
            "name": name, "message": message, "arguments": [message], "context": {},
            "debug": "Traceback (most recent call last): secret internals",
        }  # fmt: skip


ACCESS = OdooError("odoo.exceptions.AccessError", "You are not allowed to access", 403)


class FakeOdoo(FakeVendor):
    """`hidden` names fields that are not there or not shown; `gone` turns a protocol off."""

    def __init__(self) -> None:
        super().__init__()
        self.tables = deepcopy(TABLES)
        self.hidden: set[str] = set()
        self.gone = ""

    def answer(self, request: Request) -> bytes:
        if request.path == "/jsonrpc" and self.gone != "jsonrpc":
            return self._json_rpc(request.json["params"])
        found = re.fullmatch(r"/json/2/([\w.]+)/(\w+)", request.path)
        database = request.headers.get("x-odoo-database", DATABASE)
        if found is None or self.gone == "json2" or database != DATABASE:
            return reply(b"<!doctype html><title>404 Not Found</title>", 404, "text/html")
        if request.headers.get("authorization") != f"bearer {KEY}":
            return self._refuse(
                OdooError("werkzeug.exceptions.Unauthorized", "Invalid apikey", 401)
            )
        try:
            return reply(self.run(found[1], found[2], request.json))
        except OdooError as error:
            return self._refuse(error)

    @staticmethod
    def _refuse(error: OdooError) -> bytes:
        return reply(error.body, error.status)

    def _json_rpc(self, asked: Record) -> bytes:
        """Every answer has HTTP 200; a result of None is left out."""
        envelope: Record = {"jsonrpc": "2.0", "id": 1}
        try:
            database, *args = asked["args"]
            if database != DATABASE:
                said = f'connection to server failed: FATAL: database "{database}" does not exist'
                raise OdooError("psycopg2.OperationalError", said, 500)
            if asked["method"] == "authenticate":
                envelope["result"] = 7 if args[:2] == [LOGIN, KEY] else False
            elif args[:2] != [7, KEY]:
                raise OdooError("odoo.exceptions.AccessDenied", "Access Denied", 403)
            else:
                assert asked["method"] == "execute_kw"
                envelope["result"] = self.run(args[2], args[3], args[5])
        except OdooError as error:
            envelope["error"] = {"code": 200, "message": "Odoo Server Error", "data": error.body}
        return reply(envelope)

    def run(self, model: str, method: str, named: Record) -> Any:
        if model not in self.tables:
            raise OdooError(
                "werkzeug.exceptions.NotFound", f"the model '{model}' does not exist", 404
            )
        context = named.get("context", {})
        if (model, method) == ("res.users", "context_get"):
            return {"lang": "en_US", "tz": "Europe/Berlin", "uid": 7}
        if method == "fields_get":
            assert named["attributes"] == ["type"]
            shown = {*self.tables[model][0], *(GUARDED if model == "res.partner" else ())}
            shown |= {"phone_mobile_search"} if model == "res.partner" else set()
            return {name: {"type": "char"} for name in shown - self.hidden}
        found = [r for r in self.tables[model] if self._matches(r, named["domain"])]
        found = [r for r in found if self._in_company(r, context)]
        tested = context.get("active_test", True) and "active" not in str(named["domain"])
        found = [r for r in found if r.get("active", True) or not tested]
        if method == "search_count":
            return len(found)
        assert method == "search_read"
        return self._read(model, found, named, context)

    def _read(self, model: str, found: list[Record], named: Record, context: Record) -> Any:
        for spec in reversed(named["order"].split(", ")):
            name, _, way = spec.partition(" ")
            found.sort(key=lambda r: str(r[name]).rjust(20), reverse=way == "desc")
        return [
            {
                "id": r["id"],
                **{name: self._field(model, r, name, context) for name in named["fields"]},
            }
            for r in found[: named["limit"]]
        ]

    def _field(self, model: str, record: Record, name: str, context: Record) -> Any:
        if name in self.hidden:
            if name in GUARDED:
                raise ACCESS
            raise OdooError("builtins.ValueError", f"Invalid field {name!r} on {model!r}", 500)
        if (model, name) == ("res.partner", "credit"):
            own = [e for e in self.tables["account.move.line"]
                   if e["partner_id"][0] == record["id"] and not e["reconciled"]
                   and (e["account_type"], e["parent_state"]) == ("asset_receivable", "posted")
                   and self._in_company(e, context)]  # fmt: skip
            return sum(e["amount_residual"] for e in own)
        if name not in record:
            raise OdooError("builtins.ValueError", f"Invalid field {name!r} on {model!r}", 500)
        return record[name]

    def _in_company(self, record: Record, context: Record) -> bool:
        return record.get("company", 1) in context.get("allowed_company_ids", [1]) or (
            "company" not in record
        )

    def _matches(self, record: Record, domain: list[Any]) -> bool:
        """Terms are joined by `and`; `|` before two joins those by `or`."""
        if not domain:
            return True
        if domain[0] == "|":
            return (
                self._holds(record, *domain[1]) or self._holds(record, *domain[2])
            ) and self._matches(record, domain[3:])
        return self._holds(record, *domain[0]) and self._matches(record, domain[1:])

    def _holds(self, record: Record, path: str, operator: str, wanted: Any) -> bool:
        if path == "phone_mobile_search":
            assert operator == "ilike"
            assert len(wanted) >= 3
            numbers = (record["phone"] or "", record["mobile"] or "")
            return any(wanted in _PHONE_MARKS.sub("", number) for number in numbers)
        name, _, rest = path.partition(".")
        value = record[{"account_id": "account_type"}.get(name, name)]
        if rest == "commercial_partner_id":
            value = next(
                p["commercial_partner_id"]
                for p in self.tables["res.partner"]
                if p["id"] == value[0]
            )
        if isinstance(value, list) and value and name != "category_id":
            value = value[0]
        match operator:
            case "=":
                return bool(value == wanted)
            case "in":
                return value in wanted
            case ">":
                return bool(value > wanted)
            case ">=":
                return bool(value >= wanted)
            case "=ilike":
                pattern = ".*".join(re.escape(part) for part in wanted.split("%"))
                return re.fullmatch(pattern, value or "", re.IGNORECASE) is not None
        raise AssertionError(f"no such operator {operator}")
