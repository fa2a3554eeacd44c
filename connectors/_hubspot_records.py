"""From HubSpot's records to rows under our names. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from zoneinfo import ZoneInfo

from connectors._hubspot_api import Record, record_id
from connectors.sdk.values import Row, TextFormat
from connectors.sdk.vendor import at, records

# Kinds of customers: their name in the API and in addresses of pages.
OBJECTS = {"contact": ("contacts", "0-1"), "company": ("companies", "0-2")}
TICKET = "subject,hs_pipeline_stage,hs_ticket_priority,hs_lastmodifieddate"
DEAL = "dealname,amount,deal_currency_code,closedate,hs_is_closed_won"
LINE = "name,hs_sku,hs_product_id,quantity,price,amount"
INVOICE = (
    "hs_number,hs_invoice_date,hs_due_date,hs_amount_billed,hs_balance_due,hs_currency,"
    "hs_invoice_status"
)
_PAGES = re.compile(r"app(-[a-z0-9]{1,8})?\.hubspot\.com")
PRODUCT = "name,hs_sku,price,hs_price_currency_code,hs_product_type"


def zone_of(account: Record) -> str:
    """Return the account's time zone, UTC if this machine does not know it."""
    name = str(account.get("timeZone") or "UTC")
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return "UTC"
    return name


def deal_of(deal: Record, account: Record, number: int) -> Row:
    """Return a won deal as an order."""
    own = at(deal, "properties") or {}
    values = {
        "remote_id": customer_of(deal),
        "order_number": record_id(deal),
        "order_date": own.get("closedate"),
        "status": "won",
        "order_total": own.get("amount"),
        "currency": own.get("deal_currency_code"),
    }
    zone = TextFormat(zone=ZoneInfo(zone_of(account)))
    return Row(values, number, "deal", zone)


def page_of(account: Record, type_id: str, record: str) -> str | None:
    """Return the address of a record's page, on the account's own host (EU accounts have one)."""
    host = str(account.get("uiDomain"))
    host = host if _PAGES.fullmatch(host) else "app.hubspot.com"
    return f"https://{host}/contacts/{account.get('portalId')}/record/{type_id}/{record}"


def is_won(deal: Record) -> bool:
    """Say whether a deal was won."""
    return at(deal, "properties", "hs_is_closed_won") in ("true", True)


def linked_of(deal: Record, name: str) -> list[str]:
    """Return the ids of what a listed deal is associated with."""
    found = at(deal, "associations", name)
    each = records(found, "results") if found is not None else []
    return list(dict.fromkeys(record_id(r) for r in each))


def customer_of(deal: Record) -> str | None:
    """Return whose a listed deal is: of its first contact, else its first company."""
    for kind, (name, _) in OBJECTS.items():
        for each in linked_of(deal, name):
            return f"{kind}/{each}"
    return None


def line_of(record: Record, number: int) -> Row:
    """Return a line item of a deal."""
    own = at(record, "properties") or {}
    values = {
        "item_id": own.get("hs_product_id"),
        "sku": own.get("hs_sku"),
        "name": own.get("name"),
        "quantity": own.get("quantity"),
        "unit_price": own.get("price"),
        "total_amount": own.get("amount"),
    }
    return Row(values, number, "line item")


def ticket_of(record: Record, stages: Mapping[str, str], account: Record, number: int) -> Row:
    """Return a ticket, its status as the label of its stage."""
    own = at(record, "properties") or {}
    values = {
        "number": record_id(record),
        "subject": own.get("subject"),
        "status": stages.get(str(own.get("hs_pipeline_stage"))),
        "priority": own.get("hs_ticket_priority"),
        "updated_at": own.get("hs_lastmodifieddate"),
        "url": page_of(account, "0-5", record_id(record)),
    }
    return Row(values, number, "ticket")


def invoice_of(record: Record, number: int) -> Row:
    """Return an invoice of HubSpot Commerce."""
    own = at(record, "properties") or {}
    values = {
        "number": own.get("hs_number"),
        "issue_date": own.get("hs_invoice_date"),
        "due_date": own.get("hs_due_date"),
        "total_amount": own.get("hs_amount_billed"),
        "amount_due": own.get("hs_balance_due"),
        "currency": own.get("hs_currency"),
    }
    return Row(values, number, "invoice")


def product_of(record: Record, account: Record, number: int) -> Row:
    """Return a product."""
    own = at(record, "properties") or {}
    values = {
        "item_id": record_id(record),
        "sku": own.get("hs_sku"),
        "name": own.get("name"),
        "category": own.get("hs_product_type"),
        "unit_price": own.get("price"),
        "currency": own.get("hs_price_currency_code"),
        "remote_url": page_of(account, "0-7", record_id(record)),
    }
    return Row(values, number, "product")
