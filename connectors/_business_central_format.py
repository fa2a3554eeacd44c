"""How Business Central writes customers, sales, terms and refusals. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from connectors.sdk import vendor
from connectors.sdk.answers import Answer
from connectors.sdk.history import item
from connectors.sdk.types import ErrorKind, SourceError
from connectors.sdk.values import Row

CUSTOMER = vendor.columns(
    "remote_id=id external_id=number display_name=displayName phone=phoneNumber email=email"
    " tax_number=taxRegistrationNumber region=country owner_name=salespersonCode"
)
INVOICE = vendor.columns(
    "number=number issue_date=invoiceDate due_date=dueDate total_amount=totalAmountIncludingTax"
    " amount_due=remainingAmount currency=currencyCode"
)
_SALE = vendor.columns(
    "remote_id=customerId order_number=number order_date=invoiceDate status=status"
    " order_total=totalAmountIncludingTax currency=currencyCode"
)
_LINE = vendor.columns(
    "item_id=itemId sku=lineObjectNumber name=description quantity=quantity unit_price=unitPrice"
    " total_amount=netAmountIncludingTax"
)
_ITEM = vendor.columns(
    "item_id=id sku=number name=displayName category=itemCategoryCode unit_price=unitPrice"
)
SALES = {
    "salesInvoices": ("salesInvoiceLines", "invoiceDate"),
    "salesCreditMemos": ("salesCreditMemoLines", "creditMemoDate"),
    "salesOrders": ("salesOrderLines", "orderDate"),
}
_DAYS = re.compile(r"(\d{1,4})D", re.IGNORECASE)
_REFUSALS = {
    "NoEnvironment": (
        ErrorKind.BAD_CONFIG,
        "the tenant has no environment of this name: check `environment`",
    ),
    "Internal_CompanyNotFound": (
        ErrorKind.BAD_CONFIG,
        "the environment has no such company: check `company`",
    ),
    "Authentication_InvalidCredentials": (
        ErrorKind.AUTH_EXPIRED,
        "Business Central does not know the application: add it to its Microsoft Entra"
        " Applications, with a permission set",
    ),
    "Authorization": (
        ErrorKind.AUTH_DENIED,
        "the application may not read this: give it a permission set in Business Central",
    ),
}


def refused(answer: Answer, data: Any) -> SourceError | None:
    """Read the error codes of OData (Microsoft: "Troubleshooting web service errors")."""
    error = data.get("error") if isinstance(data, Mapping) else None
    code = str(error.get("code")) if isinstance(error, Mapping) else ""
    if code.startswith("Authorization_") or answer.status == 403:
        code = "Authorization"
    return SourceError(*_REFUSALS[code]) if code in _REFUSALS else None


def sale_of(path: str, record: vendor.Record) -> dict[str, Any]:
    """Read the head of an invoice, a credit memo or an order."""
    date = record.get(SALES[path][1])
    status = str(record.get("status")).lower()
    told = f"order {status}" if path == "salesOrders" else status
    return {**vendor.mapped(record, _SALE), "order_date": date, "status": told}


def lines_of(path: str, record: vendor.Record) -> list[dict[str, Any]]:
    """Read its lines; comments are none."""
    lines = vendor.records(record, SALES[path][0])
    return [vendor.mapped(line, _LINE) for line in lines if line.get("lineType") != "Comment"]


def terms_of(customer: vendor.Record) -> Row:
    """Read limit and terms; the limit is 0 in Business Central where there is none."""
    row = Row(customer, what="customer")
    blocked = (row.text("blocked") or "").replace("_x0020_", "").strip()
    days = _DAYS.fullmatch(str(vendor.at(customer, "paymentTerm", "dueDateCalculation")))
    return Row({
        "credit_limit": row.amount("creditLimit") or None,
        "credit_used": vendor.at(customer, "customerFinancialDetail", "balance"),
        "exposure_includes_orders": False,
        "payment_terms": vendor.at(customer, "paymentTerm", "displayName"),
        "days_until_due": int(days[1]) if days else None,
        "on_hold": bool(blocked),
        "hold_reason": f"blocked: {blocked}" if blocked else None,
    }, what="customer")  # fmt: skip


def item_of(currency: str, record: vendor.Record, number: int) -> Any:
    """Read an item; stock is counted of those of type Inventory only."""
    counted = record.get("type") == "Inventory"
    values = {
        **vendor.mapped(record, _ITEM),
        "inventory_quantity": record.get("inventory") if counted else None,
        "is_active": record.get("blocked") is not True,
    }
    return item(Row(values, number, "item"), currency)
