"""A business whose facts lie in three systems: a ledger, a spreadsheet and a web shop.

What is known of Kestrel Garden Supplies, the caller, worked out by hand:

- Ledger (PostgreSQL): open are 330.00, not yet due, and 456.00, due since January 2020; a credit
  note of 86.50 is not matched. It owes 330.00 + 456.00 - 86.50 = 699.50, overdue are 456.00.
- Credit file (Excel): the limit is 2,000.00, 1,173.00 of it are used: 2,000.00 - 1,173.00 = 827.00
  are left. Terms: Net 30.
- Shop (web service): order SO-1042 is 3 × 129.00 = 387.00 and 2 × 4.50 = 9.00, together 396.00;
  SO-0977 is 57.50. In all 396.00 + 57.50 = 453.50. One case is open, T-31.

Everything of Marlowe & Sons, who do not call, would show in these figures if customers were mixed.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from openpyxl import Workbook

from tests.connectors.web import Request, WebServer, reply, web_server

NAME = "Kestrel Garden Supplies Ltd"
NUMBER = "+442079460958"
SHOP_KEY = "canary-shop-key-2718281828"
READER_PASSWORD = "canary-reader-password"
_TABLES = """
CREATE TABLE customers (cust_no TEXT PRIMARY KEY, name TEXT NOT NULL, phone TEXT);
CREATE TABLE open_items (
  invoice_no TEXT PRIMARY KEY, cust_no TEXT NOT NULL REFERENCES customers,
  open_amount NUMERIC(12, 2) NOT NULL, due_date DATE, currency TEXT NOT NULL);
INSERT INTO customers VALUES
  ('C-100', 'Kestrel Garden Supplies Ltd', '020 7946 0958'),
  ('C-200', 'Marlowe & Sons', '020 7946 0300');
INSERT INTO open_items VALUES
  ('I-1', 'C-100', 330.00, '2099-12-31', 'EUR'),
  ('I-2', 'C-100', 456.00, '2020-01-31', 'EUR'),
  ('CN-3', 'C-100', -86.50, NULL, 'EUR'),
  ('I-9', 'C-200', 10000.00, '2020-01-31', 'EUR');
"""
_HEADERS = ("Customer No", "Name", "Telephone", "Credit limit", "Credit used", "Payment terms")
_KESTREL = ("C-100", "Kestrel Garden Supplies", "020 7946 0958", 2000, 1173, "Net 30")
_MARLOWE = ("C-200", "Marlowe & Sons", "020 7946 0300", 50000, 1, "Net 60")
_SHOPPERS = [
    {"id": 7, "full_name": NAME, "tel": "+44 20 7946 0958", "account_no": "C-100"},
    {"id": 8, "full_name": "Marlowe & Sons", "tel": "+44 20 7946 0300", "account_no": "C-200"},
]
_ORDERS: dict[str, list[dict[str, Any]]] = {
    "7": [
        {
            "no": "SO-1042",
            "placed_on": "2026-11-12",
            "state": "processing",
            "total": "396.00",
            "lines": [
                {"sku": "HS-200", "title": "Pump HS-200", "qty": 3, "price": "129.00"},
                {"sku": "SK-2", "title": "Seal kit", "qty": 2, "price": "4.50"},
            ],
        },
        {
            "no": "SO-0977",
            "placed_on": "2026-08-03",
            "state": "delivered",
            "total": "57.50",
            "lines": [{"sku": "H-9", "title": "Hose H-9", "qty": 1, "price": "57.50"}],
        },
    ],
    "8": [],
}
_CASES = {
    "7": [
        {
            "number": "T-31",
            "subject": "Third pump of the batch leaks",
            "status": "open",
            "priority": "high",
            "updated_at": "2026-11-12T09:00:00Z",
        }
    ],
    "8": [],
}


@contextmanager
def open_ledger(url: str) -> Iterator[str]:
    """Fill an empty PostgreSQL database; yields its URL for an account that may only read."""
    reader = f"reader_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute(_TABLES)
        owner.execute(f"CREATE ROLE {reader} LOGIN PASSWORD '{READER_PASSWORD}'")
        owner.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {reader}")
        parts = urlsplit(url)
        place = f"{reader}:{READER_PASSWORD}@{parts.hostname}:{parts.port}"
        try:
            yield urlunsplit(parts._replace(netloc=place))
        finally:
            owner.execute(f"DROP OWNED BY {reader}")
            owner.execute(f"DROP ROLE {reader}")


def write_credit_file(path: Path, *, mended: bool) -> Path:
    """Write the spreadsheet of credit terms; unless it is `mended`, a row lacks the customer."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Terms"
    nobody = ("C-300" if mended else None, "Wren & Co", "020 7946 0777", 70, 0, "Prepaid")
    for row in (_HEADERS, _KESTREL, _MARLOWE, nobody):
        sheet.append(row)
    book.save(path)
    book.close()
    return path


@asynccontextmanager
async def open_shop() -> AsyncIterator[WebServer]:
    """Serve the web shop, which answers only to who has its key."""
    async with web_server() as web:
        web.answers["*"] = _shop
        yield web


def _shop(request: Request) -> bytes:
    if request.headers.get("x-api-key") != SHOP_KEY:
        return reply({"error": "no key"}, 401)
    match request.path.strip("/").split("/"):
        case ["api", "customers"]:
            return reply({"result": {"customers": _SHOPPERS}})
        case ["api", "customers", known, "orders"] if known in _ORDERS:
            return reply({"orders": _ORDERS[known]})
        case ["api", "tickets"] if request.query.get("customer") in _CASES:
            return reply(_CASES[request.query["customer"]])
        case _:
            return reply({"error": "nothing here"}, 404)
