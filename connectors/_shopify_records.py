"""From Shopify's objects to rows under our names. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from connectors._shopify_api import Record, nodes, number_of
from connectors.sdk.values import Row, TextFormat
from connectors.sdk.vendor import at


def customer_of(customer: Record, base_url: str, number: int) -> Row:
    """Return a customer, with the numbers of its addresses."""
    own_id = number_of(customer.get("id"))
    addresses = customer.get("addresses")
    phones = [at(customer, "defaultPhoneNumber", "phoneNumber")]
    phones += [at(each, "phone") for each in (addresses if isinstance(addresses, list) else ())]
    values = {
        "remote_id": own_id,
        "display_name": customer.get("displayName"),
        "company_name": at(customer, "defaultAddress", "company"),
        "phone": [phone for phone in phones if phone],
        "email": at(customer, "defaultEmailAddress", "emailAddress"),
        "tags": customer.get("tags"),
        "language": customer.get("locale"),
        "region": at(customer, "defaultAddress", "countryCodeV2"),
        "updated_at": customer.get("updatedAt"),
        "remote_url": page_of(base_url, "customers", own_id),
    }
    return Row(values, number, "customer")


def variant_of(variant: Record, base_url: str, number: int) -> Row:
    """Return a variant of a product. Stock that is not tracked is unknown."""
    own_id = number_of(variant.get("id"))
    product = number_of(at(variant, "product", "id"))
    title, name = variant.get("title"), at(variant, "product", "title")
    tracked = at(variant, "inventoryItem", "tracked") is True
    values = {
        "item_id": own_id,
        "sku": variant.get("sku"),
        "name": name if title in (None, "Default Title") else f"{name}, {title}",
        "category": at(variant, "product", "productType"),
        "unit_price": variant.get("price"),
        "inventory_quantity": variant.get("inventoryQuantity") if tracked else None,
        "is_active": at(variant, "product", "status") == "ACTIVE",
        "remote_url": page_of(base_url, "products", f"{product}/variants/{own_id}"),
    }
    return Row(values, number, "variant")


def page_of(base_url: str, kind: str, record: str) -> str:
    """Return the address of a record in the shop's admin."""
    return f"{base_url.rstrip('/')}/admin/{kind}/{record}"


def zone_of(shop: Record) -> str:
    """Return the shop's time zone, UTC if this machine does not know it."""
    name = str(at(shop, "ianaTimezone") or "UTC")
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return "UTC"
    return name


def counts(order: Record) -> bool:
    """Say whether it was bought: no test, and not cancelled."""
    return order.get("test") is not True and order.get("cancelledAt") is None


def order_of(order: Record, zone: str, number: int) -> Row:
    """Return an order; its day is that of the shop."""
    words = (order.get("displayFinancialStatus"), order.get("displayFulfillmentStatus"))
    status = ", ".join(str(word).lower().replace("_", " ") for word in words if word)
    customer = at(order, "customer", "id")
    values = {
        "remote_id": number_of(customer) if customer else None,
        "order_number": order.get("name"),
        "order_date": order.get("createdAt"),
        "status": status or None,
        "order_total": at(order, "currentTotalPriceSet", "shopMoney", "amount"),
        "currency": at(order, "currentTotalPriceSet", "shopMoney", "currencyCode"),
    }
    return Row(values, number, "order", TextFormat(zone=ZoneInfo(zone)))


def lines_of(found: Sequence[Record]) -> list[Row]:
    """Return the lines of an order, as they are after returns."""
    rows = []
    for number, line in enumerate(found, 1):
        variant = at(line, "variant", "id")
        values = {
            "item_id": number_of(variant) if variant else None,
            "sku": line.get("sku"),
            "name": line.get("title"),
            "quantity": line.get("currentQuantity"),
            "unit_price": at(line, "discountedUnitPriceSet", "shopMoney", "amount"),
            "total_amount": at(line, "discountedTotalSet", "shopMoney", "amount"),
        }
        rows.append(Row(values, number, "line item"))
    return rows


def unpaid_of(order: Record, zone: str, number: int) -> Row:
    """Return an order that is not paid, due when its next payment is."""
    terms = order.get("paymentTerms")
    schedules = nodes(terms, "paymentSchedules") if isinstance(terms, dict) else []
    due = [str(s["dueAt"]) for s in schedules if s.get("dueAt") and s.get("completedAt") is None]
    values = {
        "number": order.get("name"),
        "issue_date": order.get("createdAt"),
        "due_date": min(due, default=None),
        "total_amount": at(order, "currentTotalPriceSet", "shopMoney", "amount"),
        "amount_due": at(order, "totalOutstandingSet", "shopMoney", "amount"),
        "currency": at(order, "totalOutstandingSet", "shopMoney", "currencyCode"),
    }
    return Row(values, number, "order", TextFormat(zone=ZoneInfo(zone)))
