"""The queries of the SQL connector, as an admin gives them."""

from __future__ import annotations

import difflib
import re
from typing import Any

from pydantic import Field, field_validator, model_validator

from connectors.sdk.connector import ConnectorConfig
from connectors.sdk.sql import parameters

_BY_CUSTOMER = frozenset({"remote_id", "external_id"})
_SINCE = frozenset({"since"})
_ALLOWED = {
    "contacts": _SINCE,
    "find": frozenset({"e164", "national", "digits"}),
    "history": _SINCE,
    "catalogue": _SINCE,
}
# What is read as a whole, and may be read from a point in time.
STREAMS = tuple(name for name, allowed in _ALLOWED.items() if allowed is _SINCE)
_LEADING_COMMENTS = re.compile(r"(?:\s+|--[^\n]*\n|/\*.*?\*/)*", re.DOTALL)


def _query(title: str, description: str) -> Any:
    return Field("", title=title, description=description, json_schema_extra={"format": "sql"})


class Queries(ConnectorConfig):
    """One SELECT for each thing the database can bring; leave out what it has not."""

    contacts: str = _query(
        "Contacts",
        "All customers with their phone numbers, ORDER BY remote_id. Columns: remote_id,"
        " display_name, phone (and any phone…, mobile…, email…); repeat the row for each further"
        " number. Also: company_name, external_id, tax_number, tier, tags, language, region,"
        " owner_name, owner_email, remote_url, phone_type, is_primary, marketing_consent,"
        " deleted. To read only"
        " changes, use :since and return updated_at.",
    )
    find: str = _query(
        "Find by number",
        "Customers with a phone number, asked during a call when the number is not known yet."
        " Columns as in contacts. Parameters: :e164 (+442079460958), :national (02079460958),"
        " :digits (442079460958).",
    )
    balance: str = _query(
        "Balance",
        "Open items of a customer (:remote_id or :external_id). Columns: amount_due (negative for"
        " credit notes and unallocated payments), number, issue_date, due_date, total_amount,"
        " currency. Or one row with: balance, overdue_amount, unapplied_credit, oldest_due_date.",
    )
    payments: str = _query(
        "Payments",
        "Latest payments of a customer. Columns: transaction_date, total_amount, payment_method,"
        " currency. Needs the balance query too.",
    )
    purchases: str = _query(
        "Purchases",
        "Order lines of a customer, newest first. Columns: order_number, order_date, status,"
        " order_total, currency, item_id, sku, name, quantity, unit_price, total_amount (of the"
        " line).",
    )
    purchase_totals: str = _query(
        "Purchase totals",
        "One row over all orders of a customer (one for each currency), for customers with more"
        " orders than the row limit. Columns: order_count, lifetime_amount, first_order_date,"
        " currency. Needs the purchases query too.",
    )
    credit_terms: str = _query(
        "Credit terms",
        "One row for a customer. Columns: credit_limit (NULL = none set), credit_used,"
        " exposure_includes_orders, payment_terms, days_until_due, on_hold, hold_reason,"
        " risk_rating, currency.",
    )
    tickets: str = _query(
        "Tickets",
        "Support cases of a customer. Columns: number, subject, status, priority, updated_at, url.",
    )
    history: str = _query(
        "Purchase history",
        "Order lines of all customers, for suggestions, ORDER BY order_number. Columns as in"
        " purchases, with remote_id. To read only changed orders (all their lines), use :since and"
        " return updated_at; deleted says that an order is gone.",
    )
    catalogue: str = _query(
        "Catalogue",
        "All items that are sold. Columns: item_id, name, sku, category, unit_price, currency,"
        " inventory_quantity (NULL = not counted), is_active, remote_url. To read only changes,"
        " use :since and return updated_at; deleted says that an item is gone.",
    )

    @field_validator("*")
    @classmethod
    def _reads_with_known_parameters(cls, sql: str, info: Any) -> str:
        if not sql.strip():
            return ""
        start = _LEADING_COMMENTS.sub("", sql, count=1)[:7].lower()
        if not re.match(r"(select|with)\b|\(", start):
            raise ValueError("must be one SELECT (or WITH … SELECT)")
        allowed = _ALLOWED.get(info.field_name, _BY_CUSTOMER)
        used = parameters(sql)
        for name in sorted(used - allowed):
            near = difflib.get_close_matches(name, allowed, 1) or sorted(allowed)
            raise ValueError(f"there is no parameter :{name} here, did you mean :{near[0]}?")
        if allowed is not _SINCE and not used:
            names = " or ".join(f":{name}" for name in sorted(allowed))
            raise ValueError(f"must use {names}, else it returns every customer's data")
        return sql

    @model_validator(mode="after")
    def _what_goes_together(self) -> Queries:
        if self.payments and not self.balance:
            raise ValueError("payments are shown with the balance: give a balance query too")
        if self.purchase_totals and not self.purchases:
            raise ValueError("purchase_totals are shown with the purchases: give that query too")
        return self
