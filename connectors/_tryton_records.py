"""From Tryton's records to rows: open items, orders, terms, contacts, products. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from connectors.sdk.facts import EXACT
from connectors.sdk.types import ErrorKind, SourceError
from connectors.sdk.values import Row
from connectors.sdk.vendor import at

Record = Mapping[str, Any]
Rows = list[dict[str, Any]]

PARTY = (
    "rec_name",
    "code",
    "active",
    "lang.code",
    "tax_identifier.code",
    "categories.name",
    "addresses.full_address",
    "addresses.country.code",
    "contact_mechanisms.type",
    "contact_mechanisms.value",
    "contact_mechanisms.active",
    "write_date",
)
OPEN_LINE = (
    "debit",
    "credit",
    "amount_second_currency",
    "second_currency.code",
    "maturity_date",
    "date",
    "invoice_payment",
    "move.origin",
    "move.origin.rec_name",
)
INVOICE = ("number", "invoice_date", "total_amount")
PAYMENT = ("credit", "date", "amount_second_currency", "second_currency.code", "journal.name")
# What an invoice was paid with names the invoice too, but is booked as cash.
NO_CREDIT_NOTE = [
    "OR",
    ["journal.type", "=", "cash"],
    ["move.origin", "=", None],
    ["move.origin", "not like", "account.invoice,%"],
]
SALE = ("number", "sale_date", "state", "total_amount", "currency.code", "party")
SALE_LINE = (
    "lines.type",
    "lines.product",
    "lines.product.code",
    "lines.product.name",
    "lines.description",
    "lines.quantity",
    "lines.unit_price",
    "lines.amount",
)
TERM = (
    "customer_payment_term.name",
    *(
        f"customer_payment_term.lines.relativedeltas.{name}"
        for name in ("days", "weeks", "months", "day", "month", "weekday")
    ),
)
PRODUCT = (
    "code",
    "active",
    "list_price_used",
    "template.name",
    "template.type",
    "template.categories.name",
)
# What a sale is once the customer has ordered; before, it is an offer.
ORDERED = ("confirmed", "processing", "done")
_NUMBERS = {"phone": "phone", "mobile": "mobile"}
# Tryton with phonenumbers refuses what it cannot read as a phone number, so people keep it as
# `other`: with as many digits as this it is taken for one.
_DIGITS_OF_A_NUMBER = 7
_INVOICE = "account.invoice,"


def contact_rows(party: Record) -> Rows:
    """Make the rows of one party: its own columns, repeated for each number and address."""
    places = _many(party, "addresses.")
    own = {
        "remote_id": str(party["id"]),
        "display_name": party.get("rec_name"),
        "external_id": party.get("code"),
        "tax_number": at(party, "tax_identifier.", "code"),
        "language": at(party, "lang.", "code"),
        "tags": [category.get("name") for category in _many(party, "categories.")],
        "region": next((c for p in places if (c := at(p, "country.", "code"))), None),
        "postal_address": next((a for p in places if (a := _one_line(p))), None),
        "deleted": not party["active"],
        "updated_at": party.get("write_date"),
    }
    return [own, *(row for row in map(_mechanism, _many(party, "contact_mechanisms.")) if row)]


def _one_line(place: Record) -> str:
    lines = str(place.get("full_address") or "").splitlines()
    return ", ".join(line.strip() for line in lines if line.strip())


def _mechanism(record: Record) -> dict[str, Any]:
    kind, value = record.get("type"), record.get("value")
    if not record.get("active", True) or not isinstance(value, str):
        return {}
    if kind == "email":
        return {"email": value}
    if kind in _NUMBERS:
        return {_NUMBERS[kind]: value, "phone_type": kind}
    if kind == "other" and "@" not in value and "://" not in value:
        digits = sum(character.isdecimal() for character in value)
        return {"phone": value, "phone_type": kind} if digits >= _DIGITS_OF_A_NUMBER else {}
    return {}


def open_items(lines: Sequence[Record], invoices: Sequence[Record], currency: str) -> Rows:
    """Make open items of the unreconciled receivable lines of one customer.

    What was paid of an invoice is taken off its earliest instalments, as its due dates count;
    what is paid beyond, on account or by a credit note is negative. `currency` is the company's.

    Raises:
        SourceError: BAD_DATA, a value is not what Tryton's field holds.
    """
    known = {record["id"]: record for record in invoices}
    dues: dict[tuple[Any, str], Rows] = defaultdict(list)
    paid: dict[tuple[Any, str], Decimal] = defaultdict(Decimal)
    loose: Rows = []
    for number, line in enumerate(lines, 1):
        amount, code = _signed(Row(line, number, "account.move.line"), currency)
        invoice = line.get("invoice_payment")
        if invoice is not None and amount < 0:
            paid[invoice, code] = EXACT.subtract(paid[invoice, code], amount)
            continue
        invoice = _origin(line)
        item = _item(line, amount, code, known.get(invoice, {}))
        if invoice is None or amount < 0:
            loose.append(item)
        else:
            dues[invoice, code].append(item)
    for key, amount in paid.items():
        rest = _take_off(dues[key], amount)
        loose.append({"amount_due": -rest, "currency": key[1]})
    return [item for items in (*dues.values(), loose) for item in items if item["amount_due"]]


def _signed(row: Row, currency: str) -> tuple[Decimal, str]:
    """Return what a line adds to what is owed, in the currency it was agreed in."""
    code = at(row.values, "second_currency.", "code")
    if code is not None:
        return row.needed_amount("amount_second_currency"), str(code)
    return EXACT.subtract(row.needed_amount("debit"), row.needed_amount("credit")), currency


def _origin(line: Record) -> int | None:
    """Return the invoice that a line was posted for."""
    origin = at(line, "move.", "origin")
    if not isinstance(origin, str) or not origin.startswith(_INVOICE):
        return None
    number = origin.removeprefix(_INVOICE)
    return int(number) if number.isascii() and number.isdecimal() else None


def _item(line: Record, amount: Decimal, currency: str, invoice: Record) -> dict[str, Any]:
    return {
        "number": invoice.get("number") or at(line, "move.", "origin.", "rec_name"),
        "issue_date": invoice.get("invoice_date") or line.get("date"),
        "due_date": line.get("maturity_date"),
        "total_amount": invoice.get("total_amount"),
        "amount_due": amount,
        "currency": currency,
    }


def _take_off(items: Rows, amount: Decimal) -> Decimal:
    """Take an amount off open items, the earliest first; returns what is left of it."""
    for item in sorted(items, key=lambda item: item["due_date"] or date.max):
        part = min(amount, item["amount_due"])
        item["amount_due"] = EXACT.subtract(item["amount_due"], part)
        amount = EXACT.subtract(amount, part)
    return amount


def payment_rows(lines: Iterable[Record], currency: str) -> Rows:
    """Make the rows of payments.

    Raises:
        SourceError: BAD_DATA, as `open_items`.
    """
    rows = []
    for number, line in enumerate(lines, 1):
        second = at(line, "second_currency.", "code")
        row = Row(line, number, "account.move.line")
        foreign = row.amount("amount_second_currency") if second else None
        rows.append(
            {
                "transaction_date": line.get("date"),
                "total_amount": abs(foreign) if foreign is not None else row.amount("credit"),
                "payment_method": at(line, "journal.", "name"),
                "currency": second or currency,
            }
        )
    return rows


def order_row(sale: Record) -> dict[str, Any]:
    """Make the row of an order; its total is with tax, its lines' are without, as in Tryton."""
    return {
        "remote_id": sale.get("party"),
        "order_number": sale.get("number"),
        "order_date": sale.get("sale_date"),
        "status": sale.get("state"),
        "order_total": sale.get("total_amount"),
        "currency": at(sale, "currency.", "code"),
    }


def line_rows(sale: Record) -> Rows:
    """Make the rows of an order's lines; titles and subtotals are none."""
    return [
        {
            "item_id": line.get("product"),
            "sku": at(line, "product.", "code"),
            "name": at(line, "product.", "name") or line.get("description"),
            "quantity": line.get("quantity"),
            "unit_price": line.get("unit_price"),
            "total_amount": line.get("amount"),
        }
        for line in _many(sale, "lines.")
        if line.get("type") == "line"
    ]


def terms_row(party: Record, *, with_orders: bool | None) -> dict[str, Any]:
    """Make the row of the terms of credit. Tryton's limit null is none, 0 is a limit of nothing."""
    return {
        "credit_limit": party.get("credit_limit_amount"),
        "credit_used": party.get("credit_amount"),
        "exposure_includes_orders": with_orders if "credit_amount" in party else None,
        "payment_terms": at(party, "customer_payment_term.", "name"),
        "days_until_due": _days(party),
    }


def _days(party: Record) -> int | None:
    """Return the days of a term that is one payment after so many days, None for any other."""
    term = party.get("customer_payment_term.")
    lines = _many(term, "lines.") if isinstance(term, Mapping) else []
    if len(lines) != 1:
        return None
    days = 0
    for delta in _many(lines[0], "relativedeltas."):
        if any(delta.get(name) for name in ("months", "day", "month", "weekday")):
            return None
        days += int(delta.get("days") or 0) + 7 * int(delta.get("weeks") or 0)
    return days


def item_row(product: Record) -> dict[str, Any]:
    """Make the row of a product; its quantity counts for goods only."""
    categories = _many(product["template."], "categories.")
    counted = at(product, "template.", "type") == "goods"
    return {
        "item_id": str(product["id"]),
        "sku": product.get("code"),
        "name": at(product, "template.", "name"),
        "category": next((c.get("name") for c in categories), None),
        "unit_price": product.get("list_price_used"),
        "inventory_quantity": product.get("quantity") if counted else None,
        "is_active": bool(product["active"]),
    }


def _many(record: Record, name: str) -> list[Record]:
    """Return the linked records of one.

    Raises:
        SourceError: BAD_DATA, they are not a list of objects.
    """
    found = record.get(name) or []
    if not isinstance(found, list) or not all(isinstance(each, Mapping) for each in found):
        raise SourceError(
            ErrorKind.BAD_DATA, f"Tryton's field `{name}` is no list of records: its format changed"
        )
    return found
