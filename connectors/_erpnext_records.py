"""From ERPNext's documents to rows with our columns. Pure. Yes and no are 1 and 0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from connectors._erpnext_api import name_of
from connectors.sdk.facts import EXACT
from connectors.sdk.settings import zone_of
from connectors.sdk.types import ErrorKind, SourceError
from connectors.sdk.values import Row
from connectors.sdk.vendor import Record

CUSTOMER = ("customer_name", "tax_id", "disabled", "language", "account_manager", "modified")
CONTACT = ("first_name", "last_name", "company_name", "email_id", "modified")
PHONE = ("phone", "is_primary_phone", "is_primary_mobile_no")
ADDRESS = ("phone", "country", "address_line1", "address_line2", "city", "pincode", "modified")
INVOICE = (
    "name", "posting_date", "due_date", "grand_total", "outstanding_amount", "currency",
    "party_account_currency",
)  # fmt: skip
PAYMENT = (
    "name", "posting_date", "paid_amount", "unallocated_amount", "mode_of_payment",
    "paid_from_account_currency",
)  # fmt: skip
TERMS = ("customer_group", "payment_terms", "is_frozen", "disabled")
LINE = ("item_code", "item_name", "qty", "rate", "amount")
ISSUE = ("name", "subject", "status", "priority", "modified")
ITEM = ("item_name", "item_group", "disabled", "is_stock_item")


@dataclass(frozen=True, slots=True)
class Sales:
    """A document type that counts as a purchase."""

    name: str
    day: str

    @property
    def lines(self) -> str:
        """The child table with its lines."""
        return f"{self.name} Item"

    @property
    def fields(self) -> tuple[str, ...]:
        """What is asked for."""
        return ("name", "customer", self.day, "status", "grand_total", "currency", "docstatus")


SALES = {
    "orders": Sales("Sales Order", "transaction_date"),
    "invoices": Sales("Sales Invoice", "posting_date"),
}


def page_of(base_url: str, kind: str, name: str) -> str:
    """Return the page of a document."""
    return f"{base_url.rstrip('/')}/app/{kind.lower().replace(' ', '-')}/{quote(name, safe='')}"


def customer_rows(
    customer: Record,
    addresses: Sequence[Record],
    regions: Mapping[str, str],
    origin: tuple[str, str],
    number: int,
) -> list[Row]:
    """Read a customer, with the numbers of its addresses; those of people are on contacts.

    `origin` is the site's address and time zone.
    """
    base_url, zone = origin
    name, first = name_of(customer), addresses[0] if addresses else {}
    lines = [first.get(n) for n in ("address_line1", "address_line2", "pincode", "city")]
    own = {
        "remote_id": f"Customer/{name}",
        "display_name": customer.get("customer_name") or name,
        "company_name": customer.get("customer_name"),
        "external_id": name,
        "tax_number": customer.get("tax_id"),
        "language": customer.get("language"),
        "owner_email": customer.get("account_manager"),
        "region": regions.get(str(first.get("country"))),
        "postal_address": ", ".join(str(line) for line in lines if line),
        "tags": ["disabled"] if _yes(customer, "disabled") else None,
        "updated_at": in_utc(customer.get("modified"), zone),
        "remote_url": page_of(base_url, "Customer", name),
    }
    rows = [Row(own, number, "customer")]
    return rows + [Row({"phone": a.get("phone")}, number, "customer") for a in addresses]


def contact_rows(
    contact: Record,
    phones: Sequence[Record],
    company: str | None,
    origin: tuple[str, str],
    number: int,
) -> list[Row]:
    """Read a person, with all numbers; `company` is the customer that it belongs to."""
    base_url, zone = origin
    name = name_of(contact)
    names = (contact.get("first_name"), contact.get("last_name"))
    own = {
        "remote_id": f"Contact/{name}",
        "display_name": " ".join(str(part) for part in names if part) or name,
        "company_name": company or contact.get("company_name"),
        "email": contact.get("email_id"),
        "updated_at": in_utc(contact.get("modified"), zone),
        "remote_url": page_of(base_url, "Contact", name),
    }
    rows = [Row(own, number, "contact")]
    for phone in phones:
        mobile = _yes(phone, "is_primary_mobile_no")
        values = {
            "mobile" if mobile else "phone": phone.get("phone"),
            "is_primary": _yes(phone, "is_primary_phone") or mobile,
        }
        rows.append(Row(values, number, "contact"))
    return rows


def _yes(record: Record, name: str) -> bool:
    return Row(record, 1, "record").flag(name) is True


def open_invoice(invoice: Record, number: int) -> Row:
    """Read an invoice; what is open is in the currency of the customer's account."""
    account = invoice.get("party_account_currency") or invoice.get("currency")
    values = {
        "number": invoice.get("name"),
        "issue_date": invoice.get("posting_date"),
        "due_date": invoice.get("due_date"),
        "total_amount": invoice.get("grand_total") if account == invoice.get("currency") else None,
        "amount_due": invoice.get("outstanding_amount"),
        "currency": account,
    }
    return Row(values, number, "invoice")


def credit_of(payment: Record, number: int) -> Row:
    """Read what of a payment is on account, as the open item that it is."""
    left = Row(payment, number, "payment").needed_amount("unallocated_amount")
    values = {
        "number": payment.get("name"),
        "amount_due": -left,
        "currency": payment.get("paid_from_account_currency"),
    }
    return Row(values, number, "payment")


def payment_of(payment: Record, number: int) -> Row:
    """Read a payment received."""
    values = {
        "transaction_date": payment.get("posting_date"),
        "total_amount": payment.get("paid_amount"),
        "currency": payment.get("paid_from_account_currency"),
        "payment_method": payment.get("mode_of_payment"),
    }
    return Row(values, number, "payment")


def limit_of(
    own: Sequence[Record], group: Sequence[Record], company: Record
) -> tuple[Decimal | None, bool]:
    """Return the credit limit, and whether open orders count towards it.

    As ERPNext's own `get_credit_limit`: the customer's, else its group's, else the company's;
    0 everywhere is no limit.
    """
    bypassed = any(_yes(row, "bypass_credit_limit_check") for row in own)
    from_group = [row for row in group if not _yes(row, "bypass_credit_limit_check")]
    for row in (*own, *from_group, company):
        limit = Row(row, 1, "credit limit").amount("credit_limit")
        if limit:
            return limit, not bypassed
    return None, not bypassed


def ordered(orders: Sequence[Record]) -> Decimal:
    """Return what of open orders is not invoiced yet, in the company's currency."""
    total = Decimal(0)
    for number, order in enumerate(orders, 1):
        row = Row(order, number, "sales order")
        left = 100 - (row.amount("per_billed") or 0)
        total = EXACT.add(total, row.needed_amount("base_grand_total") * left / 100)
    return round(total, 2)


def days_of(terms: Sequence[Record]) -> Any:
    """Return the days of payment terms, None when they are several or from a month's end."""
    if len(terms) != 1 or terms[0].get("due_date_based_on") != "Day(s) after invoice date":
        return None
    return terms[0].get("credit_days")


def hold_of(customer: Record) -> dict[str, Any]:
    """Say whether ERPNext lets nothing be sold to a customer, and why."""
    why = [word for name, word in _HOLDS.items() if _yes(customer, name)]
    return {"on_hold": bool(why), "hold_reason": ", ".join(why)}


_HOLDS = {"is_frozen": "frozen", "disabled": "disabled"}


def order_row(order: Record, sales: Sales, number: int) -> Row:
    """Read a sales order, or an invoice that counts as one."""
    values = {
        "remote_id": f"Customer/{order.get('customer')}" if order.get("customer") else None,
        "order_number": order.get("name"),
        "order_date": order.get(sales.day),
        "status": order.get("status"),
        "order_total": order.get("grand_total"),
        "currency": order.get("currency"),
    }
    return Row(values, number, "order")


def line_rows(lines: Sequence[Record]) -> list[Row]:
    """Read the lines of an order."""
    return [
        Row(
            {
                "item_id": line.get("item_code"),
                "sku": line.get("item_code"),
                "name": line.get("item_name"),
                "quantity": line.get("qty"),
                "unit_price": line.get("rate"),
                "total_amount": line.get("amount"),
            },
            number,
            "order line",
        )
        for number, line in enumerate(lines, 1)
    ]


def issue_row(issue: Record, base_url: str, at: Any, number: int) -> Row:
    """Read a support issue; `at` is when it last changed, in UTC."""
    values = {
        "number": issue.get("name"),
        "subject": issue.get("subject"),
        "status": issue.get("status"),
        "priority": issue.get("priority"),
        "updated_at": at,
        "url": page_of(base_url, "Issue", name_of(issue)),
    }
    return Row(values, number, "issue")


def item_row(
    item: Record, price: Record | None, bins: Sequence[Record], base_url: str, number: int
) -> Row:
    """Read an item, its price of one list, and its stock in all warehouses."""
    stock: Decimal | None = None
    if _yes(item, "is_stock_item"):
        amounts = [Row(b, 1, "bin").needed_amount("actual_qty") for b in bins]
        stock = sum(amounts, Decimal(0))
    name = name_of(item)
    values = {
        "item_id": name,
        "sku": name,
        "name": item.get("item_name") or name,
        "category": item.get("item_group"),
        "unit_price": price.get("price_list_rate") if price else None,
        "currency": price.get("currency") if price else None,
        "inventory_quantity": stock,
        "is_active": not _yes(item, "disabled"),
        "remote_url": page_of(base_url, "Item", name),
    }
    return Row(values, number, "item")


def kind_and_name(remote_id: str) -> tuple[str, str] | None:
    """Read an id of ours: `Customer/Kestrel Garden`, `Contact/Ada-Kestrel`."""
    kind, _, name = remote_id.partition("/")
    known = kind in ("Customer", "Contact") and 0 < len(name) <= 140
    return (kind, name) if known else None


def position(since: str | None) -> tuple[str | None, str, str]:
    """Split a cursor: when its read began, and in a read under way its part and last name."""
    begun, _, place = (since or "").partition(" ")
    part, _, after = place.partition(" ")
    return begun or None, part, after


def not_known() -> SourceError:
    """Say that a cursor is none of ours."""
    return SourceError(
        ErrorKind.BAD_DATA, "the place to go on from is not known: read everything again"
    )


def in_utc(local: Any, zone: str) -> datetime | None:
    """Read a time of the site, which is in its own time zone.

    Raises:
        SourceError: BAD_DATA, it is no time.
    """
    if not local:
        return None
    try:
        return datetime.fromisoformat(str(local)).replace(tzinfo=zone_of(zone) or UTC)
    except ValueError:
        raise SourceError(ErrorKind.BAD_DATA, "field `modified` is no time") from None
