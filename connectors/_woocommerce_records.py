"""From WooCommerce's objects to rows with our columns, and its errors in our words. Pure.

Who ordered without an account is a guest: known by e-mail address only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from connectors.sdk.answers import Answer
from connectors.sdk.contacts import contact
from connectors.sdk.facts import EXACT
from connectors.sdk.history import purchase
from connectors.sdk.service import Document
from connectors.sdk.types import (
    ContactRow,
    ErrorKind,
    Purchase,
    RejectedRow,
    SourceError,
    Tombstone,
)
from connectors.sdk.values import Row
from connectors.sdk.vendor import Record, at, records, utc_text

ORDER = (
    "id,number,status,currency,date_created,date_paid,total,customer_id,billing,shipping,"
    "line_items,refunds"
)
CUSTOMER = "id,email,first_name,last_name,username,billing,shipping,date_created_gmt"
PRODUCT = "id,name,sku,price,type,status,manage_stock,stock_quantity,categories"
VARIATION = "id,sku,price,status,manage_stock,stock_quantity,attributes"

_UNKNOWN_KEY = (
    "WooCommerce does not accept consumer key and secret: check both, that base_url begins with"
    " https:, and that the web server passes on the header Authorization"
)
_NO_RIGHT = (
    "the key may not read this: make one with the permission Read for a shop manager or an admin"
)
_FIREWALL = "a firewall of the site refuses this server: let its address pass"
_NO_SHOP = (
    "there is no WooCommerce at this address: check base_url, and that the site's permalinks are"
    " not Plain"
)
_TOO_OLD = (
    "WooCommerce does not know what was asked for: check the statuses in the settings, and that it"
    " is 5.8 or later"
)


def refused(answer: Answer, data: Any) -> SourceError | None:
    """Say what an error of WordPress means: `{code, message, data: {status}}`, or a web page."""
    code = str(data.get("code")) if isinstance(data, Mapping) and "code" in data else None
    if answer.status == 401:
        no_right = code == "woocommerce_rest_authentication_error" and "read permission" in str(
            data.get("message")
        )
        return (
            SourceError(ErrorKind.AUTH_DENIED, _NO_RIGHT)
            if no_right
            else SourceError(ErrorKind.AUTH_EXPIRED, _UNKNOWN_KEY)
        )
    if answer.status == 403:
        return SourceError(ErrorKind.AUTH_DENIED, _NO_RIGHT if code else _FIREWALL)
    if answer.status == 404 and code in (None, "rest_no_route"):
        return SourceError(ErrorKind.BAD_CONFIG, _NO_SHOP)
    if answer.status == 400:
        return SourceError(ErrorKind.BAD_CONFIG, _TOO_OLD)
    return None


def customer_row(customer: Record, base_url: str, number: int) -> Row:
    """Read somebody with an account."""
    own_id = customer.get("id")
    names = (customer.get("first_name"), customer.get("last_name"))
    values = {
        **_person(customer, customer.get("email")),
        "remote_id": f"customer/{own_id}",
        "remote_url": f"{base_url.rstrip('/')}/wp-admin/user-edit.php?user_id={own_id}",
    }
    own_name = " ".join(str(name) for name in names if name)
    values["display_name"] = own_name or values["display_name"] or customer.get("username")
    return Row(values, number, "customer")


def buyer_row(order: Record, base_url: str, number: int) -> Row:
    """Read who an order is of, as the order says."""
    remote_id = buyer_of(order)
    values = {
        **_person(order, at(order, "billing", "email")),
        "remote_id": remote_id,
        "remote_url": page_of(base_url, remote_id),
    }
    values["display_name"] = values["display_name"] or values["company_name"] or values["email"]
    return Row(values, number, "order")


def _person(record: Record, email: Any) -> dict[str, Any]:
    names = (at(record, "billing", "first_name"), at(record, "billing", "last_name"))
    place = [at(record, "billing", name) for name in ("address_1", "address_2", "postcode", "city")]
    phones = [at(record, part, "phone") for part in ("billing", "shipping")]
    return {
        "display_name": " ".join(str(name) for name in names if name),
        "company_name": at(record, "billing", "company"),
        "email": email,
        "phone": [phone for phone in phones if phone],
        "region": at(record, "billing", "country"),
        "postal_address": ", ".join(str(part) for part in place if part),
    }


def buyer_of(order: Record) -> str:
    """Return whose order it is: of an account, of an e-mail address, or of nobody known."""
    account = order.get("customer_id")
    if not isinstance(account, int) or isinstance(account, bool):
        raise SourceError(ErrorKind.BAD_DATA, "field `customer_id` of an order is no number")
    email = str(at(order, "billing", "email") or "").strip().lower()
    if account:
        return f"customer/{account}"
    return f"guest/{email}" if "@" in email else f"order/{order.get('id')}"


def page_of(base_url: str, remote_id: str) -> str:
    """Return the page in the site's admin: of an account, or of the orders of a guest."""
    kind, _, own = remote_id.partition("/")
    admin = f"{base_url.rstrip('/')}/wp-admin"
    if kind == "customer":
        return f"{admin}/user-edit.php?user_id={quote(own, safe='')}"
    if kind == "order":
        return f"{admin}/admin.php?page=wc-orders&action=edit&id={quote(own, safe='')}"
    return f"{admin}/admin.php?page=wc-orders&s={quote(own, safe='')}"


def order_row(order: Record, number: int) -> Row:
    """Read an order. `date_created` is in the shop's time zone; refunds are taken off the total."""
    refunds = records(order, "refunds")
    row = Row({"total": order.get("total")}, number, "order")
    total = row.needed_amount("total")
    for refund in refunds:
        total = EXACT.add(total, Row(refund, number, "refund of order").needed_amount("total"))
    status = order.get("status")
    values = {
        "remote_id": buyer_of(order),
        "order_number": order.get("number"),
        "order_date": order.get("date_created"),
        "status": f"{status}, partly refunded" if refunds else status,
        "order_total": total,
        "currency": order.get("currency"),
    }
    return Row(values, number, "order")


def unpaid_row(order: Record, number: int) -> Row:
    """Read an order that is not paid as an open item."""
    row = order_row(order, number)
    values = {
        "number": row.values["order_number"],
        "issue_date": row.values["order_date"],
        "total_amount": row.values["order_total"],
        "amount_due": row.values["order_total"],
        "currency": row.values["currency"],
    }
    return Row(values, number, "order")


def line_rows(order: Record) -> list[Row]:
    """Read the lines of an order; their totals are without tax."""
    return [
        Row(
            {
                "item_id": line.get("variation_id") or line.get("product_id") or None,
                "sku": line.get("sku"),
                "name": line.get("name"),
                "quantity": line.get("quantity"),
                "unit_price": line.get("price"),
                "total_amount": line.get("total"),
            },
            number,
            "order line",
        )
        for number, line in enumerate(records(order, "line_items"), 1)
    ]


def product_row(product: Record, base_url: str, number: int, parent: Record | None = None) -> Row:
    """Read a product, or a variation of `parent`. Stock that is not managed is unknown."""
    own, managed = parent or product, product.get("manage_stock")
    options = records(product, "attributes") if parent else []
    name = ", ".join([str(own.get("name")), *(str(o.get("option")) for o in options)])
    # A variation may share the stock of its parent.
    kept = {True: product, "parent": own}.get(managed) if managed else None
    values = {
        "item_id": product.get("id"),
        "sku": product.get("sku"),
        "name": name if own.get("name") else None,
        "category": _first_name(records(own, "categories")),
        "unit_price": product.get("price"),
        "inventory_quantity": kept.get("stock_quantity") if kept else None,
        "is_active": product.get("status") == "publish",
        "remote_url": f"{base_url.rstrip('/')}/wp-admin/post.php?post={own.get('id')}&action=edit",
    }
    return Row(values, number, "product")


def _first_name(found: Sequence[Record]) -> Any:
    return found[0].get("name") if found else None


def purchase_of(order: Record, number: int) -> Purchase | Tombstone | RejectedRow:
    """Read an order for the purchase history."""
    try:
        return purchase([order_row(order, number)], None, line_rows(order))
    except SourceError as error:
        return RejectedRow(f"order {number}", error.text)


def buyer_contact(
    order: Record, base_url: str, number: int
) -> ContactRow | Tombstone | RejectedRow:
    """Read who an order is of, for the index of contacts."""
    try:
        return contact([buyer_row(order, base_url, number)])
    except SourceError as error:
        return RejectedRow(f"order {number}", error.text)


def account_contact(
    customer: Record, base_url: str, number: int
) -> ContactRow | Tombstone | RejectedRow:
    """Read somebody with an account, for the index of contacts."""
    try:
        return contact([customer_row(customer, base_url, number)])
    except SourceError as error:
        return RejectedRow(f"customer {number}", error.text)


def since(begun: datetime) -> dict[str, str]:
    """Ask for what changed since: without a zone, as WordPress would turn `Z` into its own."""
    return {"modified_after": utc_text(begun).removesuffix("Z"), "dates_are_gmt": "true"}


def registered(customer: Record) -> datetime:
    """Return when somebody made the account.

    Raises:
        SourceError: BAD_DATA, WooCommerce does not say.
    """
    found = Row(customer, 1, "customer").instant("date_created_gmt")
    if found is None:
        raise SourceError(ErrorKind.BAD_DATA, "a customer has no field `date_created_gmt`")
    return found


def counted(document: Document, header: str) -> int | None:
    """Read a header that counts; None where a proxy has taken it away."""
    text = document.headers.get(header, "")
    return int(text[:12]) if text.isascii() and text.isdecimal() else None


def position(since: str | None) -> tuple[datetime | None, str, int]:
    """Read a cursor: when its read began, and in a read under way the part and the page.

    Raises:
        SourceError: it is none of ours.
    """
    if since is None:
        return None, "", 1
    begun, part, page = (*since.split(" "), "", "")[:3]
    try:
        return datetime.fromisoformat(begun), part, int(page or 1)
    except ValueError:
        raise SourceError(
            ErrorKind.BAD_DATA, "the place to go on from is not known: read everything again"
        ) from None
