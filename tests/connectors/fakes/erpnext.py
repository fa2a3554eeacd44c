"""A Frappe site with ERPNext: `frappe.client.get_list`, roles, faults, and a small company.

Written from frappe/client.py, frappe/utils/response.py, erpnext/selling/doctype/customer and
erpnext/accounts/utils.py. The site is in Kolkata, 5:30 ahead of UTC. Expectations worked out by
hand are beside the data. Today is 2026-11-22.
"""

from __future__ import annotations

import re
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from connectors.erpnext import ErpNextConfig, ErpNextConnector
from connectors.sdk.connector import Context
from tests.connectors.fakes.vendor import FakeVendor
from tests.connectors.web import Request, WebServer, reply

KEY, SECRET = "erp-key", "erp-s3cret"
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
Record = dict[str, Any]
KESTREL, OWL = "Kestrel Garden", "CUST-0002"
MEADOW = "Meadow Ltd"


def connector(web: WebServer, now: datetime = NOW, **changes: Any) -> ErpNextConnector:
    given = {
        "base_url": web.url,
        "api_key": KEY,
        "api_secret": SECRET,
        "company": MEADOW,
        "allow_private_network": True,
        **changes,
    }
    config = ErpNextConfig.model_validate(given)
    return ErpNextConnector(config, Context("erp", "GB", Path(), lambda: now))


def row(name: str, **fields: Any) -> Record:
    return {"name": name, "modified": "2026-11-01 10:00:00.000000", **fields}


def customer(name: str, shown: str, **more: Any) -> Record:
    return row(
        name, customer_name=shown, tax_id=None, disabled=0, is_frozen=0, language="en",
        account_manager=None, customer_group="Commercial", payment_terms=None, **more,
    )  # fmt: skip


def contact(name: str, first: str, last: str | None, **more: Any) -> Record:
    return row(name, **{
        "first_name": first, "last_name": last, "company_name": None, "email_id": None, **more,
    })  # fmt: skip


def child(parenttype: str, parent: str, idx: int = 1, **fields: Any) -> Record:
    return row(f"{parent}-{idx}", parenttype=parenttype, parent=parent, idx=idx, **fields)


def phone(parent: str, number: str, idx: int = 1, *, mobile: int = 0) -> Record:
    return child("Contact", parent, idx, phone=number, is_primary_phone=0,
                 is_primary_mobile_no=mobile)  # fmt: skip


def link(parenttype: str, parent: str, name: str, kind: str = "Customer", idx: int = 1) -> Record:
    return child(parenttype, parent, idx, link_doctype=kind, link_name=name)


def invoice(name: str, day: str, due: str, total: float, left: float, **more: Any) -> Record:
    return row(name, **{
        "customer": KESTREL, "company": MEADOW, "docstatus": 1, "posting_date": day,
        "due_date": due, "grand_total": total, "outstanding_amount": left, "currency": "INR",
        "party_account_currency": "INR", "status": "Unpaid", **more,
    })  # fmt: skip


def order(name: str, of: str, day: str, total: float, **more: Any) -> Record:
    return row(name, **{
        "customer": of, "company": MEADOW, "docstatus": 1, "transaction_date": day,
        "status": "Completed", "grand_total": total, "base_grand_total": total, "currency": "INR",
        "per_billed": 100.0, **more,
    })  # fmt: skip


def line(of: str, idx: int, code: str, quantity: float, rate: float) -> Record:
    return child("Sales Order", of, idx, item_code=code, item_name=code.title(), qty=quantity,
                 rate=rate, amount=quantity * rate)  # fmt: skip


def payment(name: str, day: str, paid: float, left: float) -> Record:
    return row(
        name, company=MEADOW, docstatus=1, party_type="Customer", party=KESTREL,
        payment_type="Receive", posting_date=day, paid_amount=paid, unallocated_amount=left,
        mode_of_payment="Cheque", paid_from_account_currency="INR",
    )  # fmt: skip


ADA = "Ada-Kestrel Garden"
# Kestrel: 356.10 due since 12 October + 200.00 due in December, less 56.00 paid on account =
# 500.10, as the ledger has it. The draft, the cancelled one and the other company's do not count.
# Ordered and not invoiced: 300.00 of which 40 % is billed = 180.00.
TABLES: dict[str, list[Record]] = {
    "Company": [
        row(MEADOW, default_currency="INR", credit_limit=0.0, payment_terms=None),
        row("Meadow UK", default_currency="GBP", credit_limit=700.0, payment_terms=None),
    ],
    "Customer": [
        customer(KESTREL, KESTREL) | {"tax_id": "GB123", "account_manager": "o@us.example"},
        customer(OWL, "Owl's Nest") | {"modified": "2026-11-21 10:00:00.000000", "disabled": 1},
        customer("CUST-0003", "Barn"),
    ],
    "Customer Group": [row("Commercial", payment_terms="Net 30")],
    "Contact": [
        contact(ADA, "Ada", "Kestrel", email_id="ada@kestrel.example"),
        contact("Abe", "Abe", None, modified="2026-11-20 10:00:00.000000"),
    ],
    "Contact Phone": [
        phone(ADA, "020 7946-0958 x12"),
        phone(ADA, "+44 7700 900123", 2, mobile=1),
        phone("Abe", "+1 (207) 946-0958"),
    ],
    "Dynamic Link": [
        link("Contact", ADA, KESTREL),
        link("Contact", "Abe", "Some Supplier", "Supplier"),
        link("Address", "Owl-Billing", OWL),
    ],
    "Address": [
        row("Owl-Billing", phone="01632 960001", country="United Kingdom", city="Ely",
            address_line1="2 Low Street", address_line2=None, pincode="CB6 1AA"),
    ],
    "Country": [row("United Kingdom", code="gb")],
    "Customer Credit Limit": [
        child("Customer", KESTREL, company=MEADOW, credit_limit=0.0, bypass_credit_limit_check=0),
        child("Customer Group", "Commercial", company=MEADOW, credit_limit=9000.0,
              bypass_credit_limit_check=0),
    ],
    "Payment Terms Template Detail": [
        child("Payment Terms Template", "Net 30", credit_days=30,
              due_date_based_on="Day(s) after invoice date"),
    ],
    "Sales Invoice": [
        invoice("SINV-1", "2026-09-12", "2026-10-12", 456.1, 356.1),
        invoice("SINV-2", "2026-11-01", "2026-12-01", 200.0, 200.0),
        invoice("SINV-3", "2026-11-01", "2026-11-02", 5.0, 5.0, docstatus=0),
        invoice("SINV-4", "2026-11-01", "2026-11-02", 6.0, 6.0, docstatus=2),
        invoice("SINV-5", "2026-11-01", "2026-11-02", 999.0, 999.0, company="Meadow UK",
                currency="GBP", party_account_currency="GBP"),
    ],
    "Sales Invoice Item": [],
    "Payment Entry": [payment("PE-1", "2026-11-10", 100.0, 56.0),
                      payment("PE-2", "2026-10-15", 100.0, 0.0)],
    "Sales Order": [
        order("SO-1", KESTREL, "2026-06-30", 120.5),
        order("SO-2", KESTREL, "2026-11-01", 300.0, per_billed=40.0, status="To Bill",
              modified="2026-11-20 10:00:00.000000"),
        order("SO-3", KESTREL, "2026-11-02", 7.0, docstatus=0),
        order("SO-4", KESTREL, "2026-11-03", 999.0, docstatus=2,
              modified="2026-11-21 10:00:00.000000"),
        order("SO-5", OWL, "2026-05-05", 30.0),
    ],
    "Sales Order Item": [line("SO-1", 1, "SPADE", 2, 30.25), line("SO-1", 2, "FORK", 1, 60.0),
                         line("SO-2", 1, "SPADE", 1.5, 200.0)],
    "Item": [
        row("SPADE", item_name="Spade", item_group="Tools", disabled=0, is_stock_item=1,
            is_sales_item=1),
        row("DIGGING", item_name="Digging", item_group="Services", disabled=1, is_stock_item=0,
            is_sales_item=1),
    ],
    "Item Price": [
        row("P1", item_code="SPADE", price_list="Standard Selling", selling=1, customer=None,
            price_list_rate=30.25, currency="INR", valid_from="2026-01-01", valid_upto=None),
        row("P2", item_code="SPADE", price_list="Standard Selling", selling=1, customer=None,
            price_list_rate=99.0, currency="INR", valid_from="2027-01-01", valid_upto=None),
        row("P3", item_code="SPADE", price_list="Standard Selling", selling=1, customer=KESTREL,
            price_list_rate=1.0, currency="INR", valid_from=None, valid_upto=None),
    ],
    "Bin": [row("B1", item_code="SPADE", actual_qty=4.0),
            row("B2", item_code="SPADE", actual_qty=3)],
    "Issue": [
        row("ISS-1", customer=KESTREL, subject="Late delivery", status="Open", priority="High",
            modified="2026-11-20 13:30:00.000000"),
    ],
    "Deleted Document": [
        row("D1", deleted_doctype="Contact", deleted_name="Zoe", restored=0,
            creation="2026-11-21 10:00:00"),
        row("D2", deleted_doctype="Sales Order", deleted_name="SO-9", restored=0,
            creation="2026-11-21 10:00:00"),
        row("D3", deleted_doctype="Contact", deleted_name=ADA, restored=1,
            creation="2026-11-21 10:00:00"),
    ],
}  # fmt: skip


def fault(status: int, kind: str) -> bytes:
    """The traceback is there when the site is set so."""
    body = {"exc_type": kind, "exception": f"frappe.exceptions.{kind}: raw words",
            "exc": '["Traceback: raw words"]', "_server_messages": '["raw words"]'}  # fmt: skip
    return reply(body, status)


FORBIDDEN_PAGE = reply(b"<!doctype html><title>Not Permitted</title>raw words", 403, "text/html")


class FakeErpNext(FakeVendor):
    """`forbidden` names document types that the user may not read."""

    def __init__(self) -> None:
        super().__init__()
        self.tables = deepcopy(TABLES)
        self.forbidden: set[str] = set()
        self.zone = "Asia/Kolkata"
        self.ledger: dict[tuple[str, str], float] = {(KESTREL, MEADOW): 500.1}

    def answer(self, request: Request) -> bytes:
        if not request.path.startswith("/api/method/"):
            return reply(b"<!doctype html>Not Found", 404, "text/html")
        if request.headers.get("authorization") != f"token {KEY}:{SECRET}":
            return fault(401, "AuthenticationError")
        asked = request.json
        match request.path.removeprefix("/api/method/"):
            case "frappe.auth.get_logged_user":
                return reply({"message": "pop@meadow.example"})
            case "frappe.client.get_time_zone":
                return reply({"message": {"time_zone": self.zone}})
            case "erpnext.accounts.utils.get_balance_on":
                assert asked["party_type"] == "Customer"
                return reply({"message": self.ledger.get((asked["party"], asked["company"]), 0.0)})
            case "frappe.client.get_list":
                return self._list(asked)
        return fault(417, "ValidationError")

    def _list(self, asked: Record) -> bytes:
        kind = asked["doctype"]
        found = self.tables.get(kind)
        if found is None:
            return fault(404, "DoesNotExistError")
        if found and "parenttype" in found[0]:
            # A child table is as readable as its parent, which must be named.
            if asked.get("parent") not in {r["parenttype"] for r in found}:
                return fault(403, "PermissionError")
            kind = asked["parent"]
        if kind in self.forbidden:
            return FORBIDDEN_PAGE
        if found and not {*asked["fields"]} <= {*found[0]}:
            return fault(417, "DataError")
        found = [r for r in found if all(_holds(r, *each) for each in asked["filters"])]
        for spec in reversed(asked["order_by"].split(", ")):
            field, _, way = spec.partition(" ")
            found = sorted(found, key=lambda r: str(r[field] or ""), reverse=way == "desc")
        start, size = asked["limit_start"], asked["limit_page_length"]
        page = found[start : start + size] if size else found[start:]
        return reply({"message": [{name: r[name] for name in asked["fields"]} for r in page]})


def _holds(record: Record, field: str, operator: str, wanted: Any) -> bool:
    value = record[field]
    match operator:
        case "=":
            return bool(value == wanted)
        case "!=":
            return bool(value != wanted)
        case "in":
            return value in wanted
        case ">":
            return bool(value > wanted)
        case ">=":
            return bool(value >= wanted)
        case "<":
            return bool(value < wanted)
        case "is":
            assert wanted == "not set"
            return not value
        case "like":
            pattern = ".*".join(re.escape(part) for part in wanted.split("%"))
            return re.fullmatch(pattern, value or "") is not None
    raise AssertionError(f"no such operator {operator}")
