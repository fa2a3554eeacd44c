"""From Odoo's records to rows with our columns. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from connectors._odoo_api import id_of
from connectors.sdk.settings import zone_of
from connectors.sdk.types import ErrorKind, SourceError
from connectors.sdk.values import Row, TextFormat
from connectors.sdk.vendor import Record

PARTNER = (
    "name", "active", "is_company", "parent_id", "commercial_partner_id", "phone", "email", "vat",
    "ref", "lang", "country_code", "user_id", "category_id", "contact_address", "write_date",
)  # fmt: skip
# `mobile` is gone since Odoo 19.
PARTNER_IF_THERE = ("mobile",)
OPEN_LINE = (
    "move_id", "move_name", "move_type", "date", "date_maturity", "amount_currency",
    "amount_residual", "amount_residual_currency", "currency_id",
)  # fmt: skip
PAYMENT = ("date", "amount", "currency_id", "payment_method_line_id", "journal_id")
TERMS = ("credit", "credit_limit", "property_payment_term_id")
TERMS_IF_THERE = ("credit_to_invoice", "trust", "sale_warn", "sale_warn_msg")
ORDER = ("name", "date_order", "state", "amount_total", "currency_id", "partner_id")
ORDER_IF_THERE = ("delivery_status", "invoice_status")
LINE = ("order_id", "product_id", "name", "product_uom_qty", "price_unit", "price_subtotal")
PRODUCT = ("display_name", "default_code", "categ_id", "lst_price", "currency_id", "active", "type")
PRODUCT_IF_THERE = ("qty_available", "is_storable")
TICKET = ("name", "stage_id", "priority", "write_date")
TICKET_IF_THERE = ("ticket_ref",)

SOLD = ("sale", "done")
_PRIORITY = {"0": "low", "1": "medium", "2": "high", "3": "urgent"}
_NAMED = re.compile(r"\[([^\]]{1,100})\]\s*(.+)", re.DOTALL)


def page_of(base_url: str, model: str, record_id: int) -> str:
    """Return the page of a record, in the form that Odoo 17 to 19 all open."""
    return f"{base_url.rstrip('/')}/web#id={record_id}&model={model}&view_type=form"


def text_of(record: Record, name: str) -> Any:
    """Return a field's value; Odoo writes `false` for an empty one."""
    found = record.get(name)
    return None if found is False else found


def linked(record: Record, name: str) -> tuple[int, str] | None:
    """Return id and name of what a field links to, None when it is empty.

    Raises:
        SourceError: BAD_DATA, it is neither.
    """
    found = text_of(record, name)
    if found is None:
        return None
    if isinstance(found, list) and len(found) == 2 and isinstance(found[0], int):
        return found[0], str(found[1] or "")
    raise SourceError(ErrorKind.BAD_DATA, f"field `{name}` is no link of Odoo")


def name_of(record: Record, name: str) -> str | None:
    """Return the name of what a field links to."""
    found = linked(record, name)
    return found[1] or None if found else None


def money_of(record: Record, name: str) -> Any:
    """Return an amount: Odoo sums in floats, whose noise is beyond any currency's digits.

    Raises:
        SourceError: BAD_DATA, the field is missing.
    """
    found = record.get(name)
    if found is None:
        raise SourceError(ErrorKind.BAD_DATA, f"Odoo's answer has no field `{name}`")
    return round(found, 6) if isinstance(found, Decimal) else found


def customer_of(record: Record, tags: Mapping[int, str], base_url: str, number: int) -> Row:
    """Read a partner. What names a company (tax number) is on its commercial partner only."""
    commercial = linked(record, "commercial_partner_id")
    own = commercial is None or commercial[0] == id_of(record)
    given = text_of(record, "category_id")
    address = text_of(record, "contact_address")
    values = {
        "remote_id": id_of(record),
        # A delivery or invoice address often has no name of its own.
        "display_name": text_of(record, "name") or (commercial[1] if commercial else None),
        "company_name": text_of(record, "name")
        if own and record.get("is_company") is True
        else (commercial[1] if commercial and not own else None),
        "external_id": text_of(record, "ref"),
        "tax_number": text_of(record, "vat") if own else None,
        "phone": text_of(record, "phone"),
        "mobile": text_of(record, "mobile"),
        "email": text_of(record, "email"),
        "language": str(text_of(record, "lang") or "").partition("_")[0],
        "region": text_of(record, "country_code"),
        "owner_name": name_of(record, "user_id"),
        "tags": [tags[i] for i in given if i in tags] if isinstance(given, list) else None,
        "postal_address": _one_line(address) if isinstance(address, str) else None,
        "updated_at": text_of(record, "write_date"),
        "remote_url": page_of(base_url, "res.partner", id_of(record)),
        "deleted": record.get("active") is False,
    }
    return Row(values, number, "contact")


def _one_line(address: str) -> str:
    return ", ".join(" ".join(part.split()) for part in address.splitlines() if part.strip())


def open_item_of(line: Record, number: int) -> Row:
    """Read an entry on a receivable account that is not reconciled: an invoice, or a credit."""
    values = {
        "number": text_of(line, "move_name"),
        "issue_date": text_of(line, "date"),
        "due_date": text_of(line, "date_maturity"),
        "total_amount": money_of(line, "amount_currency"),
        "amount_due": money_of(line, "amount_residual_currency"),
        "currency": name_of(line, "currency_id"),
    }
    return Row(values, number, "open entry")


def payment_of(payment: Record, number: int) -> Row:
    """Read a payment."""
    values = {
        "transaction_date": text_of(payment, "date"),
        "total_amount": money_of(payment, "amount"),
        "currency": name_of(payment, "currency_id"),
        "payment_method": name_of(payment, "payment_method_line_id")
        or name_of(payment, "journal_id"),
    }
    return Row(values, number, "payment")


def terms_of(partner: Record, days: Sequence[Record], company: Record) -> Row:
    """Read the terms of a commercial partner.

    Odoo keeps a limit that it does not apply: it counts only where the company has switched
    limits on, and 0 is none.
    """
    row = Row({name: money_of(partner, name) for name in ("credit", "credit_limit")})
    applied = company.get("account_use_credit_limit") is True
    limit = row.needed_amount("credit_limit")
    used = row.needed_amount("credit")
    orders = None
    if partner.get("credit_to_invoice") is not None:
        orders = Row({"orders": money_of(partner, "credit_to_invoice") or 0}).amount("orders")
    due = [d for d in days if d.get("delay_type") == "days_after"]
    warn = text_of(partner, "sale_warn")
    values = {
        "credit_limit": limit if applied and limit > 0 else None,
        "credit_used": used + (orders or 0),
        "exposure_includes_orders": orders is not None,
        "currency": name_of(company, "currency_id"),
        "payment_terms": name_of(partner, "property_payment_term_id"),
        # Several parts, or the end of a month, are no number of days.
        "days_until_due": text_of(due[0], "nb_days") if len(days) == len(due) == 1 else None,
        "on_hold": warn == "block" if warn is not None else None,
        "hold_reason": text_of(partner, "sale_warn_msg") if warn == "block" else None,
        "risk_rating": text_of(partner, "trust"),
    }
    return Row(values, 1, "contact")


def order_of(order: Record, customer: int | None, zone: str, number: int) -> Row:
    """Read a sale order; its day is that of the company's time zone."""
    states = (text_of(order, "delivery_status"), text_of(order, "invoice_status"))
    said = [str(state) for state in states if state not in (None, "no")]
    values = {
        "remote_id": customer,
        "order_number": text_of(order, "name"),
        "order_date": _instant(text_of(order, "date_order")),
        "status": ", ".join(said) or text_of(order, "state"),
        "order_total": money_of(order, "amount_total"),
        "currency": name_of(order, "currency_id"),
    }
    return Row(values, number, "order", TextFormat(zone=zone_of(zone)))


def _instant(value: Any) -> Any:
    """Say that an instant is in UTC, as Odoo's all are."""
    return f"{value}+00:00" if isinstance(value, str) and len(value) == 19 else value


def utc(instant: datetime) -> str:
    """Write an instant as Odoo's domains take it."""
    return instant.strftime("%Y-%m-%d %H:%M:%S")


def line_of(line: Record, number: int) -> Row:
    """Read a line of an order; its product's name holds the code: `[SP-1] Spade`."""
    product = linked(line, "product_id")
    named = _NAMED.fullmatch(product[1]) if product else None
    values = {
        "item_id": product[0] if product else None,
        "sku": named[1] if named else None,
        "name": named[2] if named else (product[1] if product else text_of(line, "name")),
        "quantity": money_of(line, "product_uom_qty"),
        "unit_price": money_of(line, "price_unit"),
        "total_amount": money_of(line, "price_subtotal"),
    }
    return Row(values, number, "order line")


def product_of(product: Record, base_url: str, number: int) -> Row:
    """Read a product; `false` in `is_storable`, or a type other than product, has no stock."""
    shown = str(text_of(product, "display_name") or "")
    named = _NAMED.fullmatch(shown)
    counted = product.get("is_storable", product.get("type") == "product") is True
    values = {
        "item_id": id_of(product),
        "sku": text_of(product, "default_code"),
        "name": named[2] if named else shown,
        "category": name_of(product, "categ_id"),
        "unit_price": money_of(product, "lst_price"),
        "currency": name_of(product, "currency_id"),
        "inventory_quantity": product.get("qty_available") if counted else None,
        "is_active": product.get("active"),
        "remote_url": page_of(base_url, "product.product", id_of(product)),
    }
    return Row(values, number, "product")


def ticket_of(ticket: Record, base_url: str, number: int) -> Row:
    """Read a ticket of the Helpdesk app."""
    values = {
        "number": text_of(ticket, "ticket_ref") or id_of(ticket),
        "subject": text_of(ticket, "name"),
        "status": name_of(ticket, "stage_id"),
        "priority": _PRIORITY.get(str(text_of(ticket, "priority"))),
        "updated_at": text_of(ticket, "write_date"),
        "url": page_of(base_url, "helpdesk.ticket", id_of(ticket)),
    }
    return Row(values, number, "ticket")
