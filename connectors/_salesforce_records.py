"""SOQL for what Salesforce holds, and its records as rows under our names. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from connectors._salesforce_api import Record
from connectors.sdk.contacts import contact
from connectors.sdk.types import ContactRow, ErrorKind, RejectedRow, SourceError, Tombstone
from connectors.sdk.values import Row
from connectors.sdk.vendor import at, records, utc_text

ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")
# What an id begins with says of which object it is.
OBJECTS = {"001": "Account", "003": "Contact", "00Q": "Lead"}
_COMMON = ("Id", "Name", "Phone", "Owner.Name", "Owner.Email", "SystemModstamp", "IsDeleted")
FIELDS = {
    "Account": (*_COMMON, "Type"),
    "Contact": (*_COMMON, "MobilePhone", "HomePhone", "OtherPhone", "Email", "Account.Name"),
    "Lead": (*_COMMON, "MobilePhone", "Email", "Company", "IsConverted"),
}
CASES = "SELECT Id, CaseNumber, Subject, Status, Priority, LastModifiedDate FROM Case"


@dataclass(frozen=True, slots=True)
class Sales:
    """Which object holds what was sold."""

    name: str
    number: str
    day: str
    status: str
    total: str
    lines: str
    sold: str
    # What a field holds in one that is not sold (any more).
    unsold: tuple[str, object]


SALES = {
    "orders": Sales("Order", "OrderNumber", "EffectiveDate", "Status", "TotalAmount",
                     "OrderItems", "Status != 'Draft'",
        ("Status", "Draft")),
    "opportunities": Sales("Opportunity", "Id", "CloseDate", "StageName", "Amount",
                            "OpportunityLineItems", "IsWon = true",
        ("IsWon", False)),
}  # fmt: skip
_LINE = "Product2Id, Product2.Name, Product2.ProductCode, Quantity, UnitPrice, TotalPrice"


def instant_of(text: str) -> str:
    """Return a cursor's time as a SOQL literal.

    Raises:
        SourceError: it is none.
    """
    try:
        return utc_text(datetime.fromisoformat(text))
    except ValueError:
        raise SourceError(
            ErrorKind.BAD_DATA, "the place to go on from is not known: read everything again"
        ) from None


def contact_fields(name: str, external_id_field: str, *, person_accounts: bool) -> list[str]:
    """Return what is read of an account, contact or lead."""
    fields = list(FIELDS[name])
    if name == "Account":
        fields += [external_id_field] if external_id_field else []
        if person_accounts:
            fields += ["IsPersonAccount", "PersonMobilePhone", "PersonHomePhone", "PersonEmail"]
    if name == "Contact" and person_accounts:
        fields.append("IsPersonAccount")
    return fields


def searchable(select: str) -> str:
    """Return those of the fields that a search returns: the record's own."""
    own = (field for field in select.split(", ") if "." not in field)
    return ", ".join(field for field in own if field not in ("SystemModstamp", "IsDeleted"))


def contact_of(
    name: str, record: Record, base_url: str, external_id_field: str, number: int
) -> ContactRow | Tombstone | RejectedRow:
    """Return an account, contact or lead as a customer.

    Raises:
        SourceError: BAD_DATA, it has no id.
    """
    # A person account's contact is the account itself; a converted lead has become another.
    twin = name == "Contact" and record.get("IsPersonAccount") is True
    if record.get("IsDeleted") is True or record.get("IsConverted") is True or twin:
        return Tombstone(record_id(record))
    company = {"Account": record.get("Name"), "Lead": record.get("Company")}
    values = {
        "remote_id": record_id(record),
        "display_name": record.get("Name"),
        "company_name": company.get(name) or at(record, "Account", "Name"),
        "external_id": record.get(external_id_field),
        "phone": record.get("Phone"),
        "phone_home": record.get("HomePhone") or record.get("PersonHomePhone"),
        "phone_other": record.get("OtherPhone"),
        "mobile": record.get("MobilePhone") or record.get("PersonMobilePhone"),
        "email": record.get("Email") or record.get("PersonEmail"),
        "tags": [record.get("Type")],
        "owner_name": at(record, "Owner", "Name"),
        "owner_email": at(record, "Owner", "Email"),
        "updated_at": record.get("SystemModstamp"),
        "remote_url": page_of(base_url, name, record_id(record)),
    }
    return contact([Row(values, number, name)])


def sales_soql(sales: Sales, where: str, *, multi_currency: bool) -> str:
    """Return the query for what was sold, with its lines; `where` holds checked values only."""
    fields = ["Id", sales.number, "AccountId", sales.day, sales.status, sales.total, "IsDeleted"]
    fields.append(sales.unsold[0])
    fields += ["CurrencyIsoCode"] if multi_currency else []
    names = ", ".join(dict.fromkeys(fields))
    lines = f"(SELECT {_LINE} FROM {sales.lines})"  # noqa: S608 our names
    return f"SELECT {names}, {lines} FROM {sales.name} WHERE {where}"  # noqa: S608 our names


def order_of(sales: Sales, record: Record, number: int) -> tuple[Row, list[Row]]:
    """Return an order, or a won opportunity, and its lines.

    Raises:
        SourceError: BAD_DATA, its lines are no list.
    """
    values = {
        "remote_id": record.get("AccountId"),
        "order_number": record.get(sales.number),
        "order_date": record.get(sales.day),
        "status": record.get(sales.status),
        "order_total": record.get(sales.total),
        "currency": record.get("CurrencyIsoCode"),
        "deleted": record.get("IsDeleted") is True
        or record.get(sales.unsold[0]) == sales.unsold[1],
    }
    # Salesforce gives null for no lines.
    lines = record.get(sales.lines)
    if at(record, sales.lines, "done") is False:
        # Some of the lines would look like all of them.
        lines = None
    found = records(lines, "records") if lines is not None else []
    return Row(values, number, sales.name), [_line(line, n) for n, line in enumerate(found, 1)]


def case_of(case: Record, base_url: str, number: int) -> Row:
    """Return a support case."""
    values = {
        "number": case.get("CaseNumber"),
        "subject": case.get("Subject"),
        "status": case.get("Status"),
        "priority": case.get("Priority"),
        "updated_at": case.get("LastModifiedDate"),
        "url": page_of(base_url, "Case", record_id(case)),
    }
    return Row(values, number, "case")


def products_soql(*, multi_currency: bool) -> str:
    """Return the query for all products with their standard prices."""
    price = "UnitPrice" + (", CurrencyIsoCode" if multi_currency else "")
    prices = f"(SELECT {price} FROM PricebookEntries WHERE Pricebook2.IsStandard = true)"  # noqa: S608 our names
    return (
        f"SELECT Id, Name, ProductCode, Family, IsActive, {prices} FROM Product2"  # noqa: S608 our names
        " WHERE IsDeleted = false ORDER BY Id"
    )


def product_of(record: Record, base_url: str, number: int) -> Row:
    """Return a product. One with a price in each of several currencies has no one price.

    Raises:
        SourceError: BAD_DATA, its prices are no list.
    """
    prices = record.get("PricebookEntries")
    entries = records(prices, "records") if prices is not None else []
    price = entries[0] if len(entries) == 1 else {}
    values = {
        "item_id": record_id(record),
        "sku": record.get("ProductCode"),
        "name": record.get("Name"),
        "category": record.get("Family"),
        "unit_price": price.get("UnitPrice"),
        "currency": price.get("CurrencyIsoCode"),
        "is_active": record.get("IsActive"),
        "remote_url": page_of(base_url, "Product2", record_id(record)),
    }
    return Row(values, number, "product")


def page_of(base_url: str, name: str, record: str) -> str:
    """Return the address of a record's page."""
    return f"{base_url.rstrip('/')}/lightning/r/{name}/{record}/view"


def record_id(record: Record) -> str:
    """Return the id of a record.

    Raises:
        SourceError: BAD_DATA, there is none.
    """
    value = record.get("Id")
    if not isinstance(value, str) or not ID.fullmatch(value):
        raise SourceError(ErrorKind.BAD_DATA, "a record of Salesforce has no `Id`")
    return value


def _line(record: Record, number: int) -> Row:
    values = {
        "item_id": record.get("Product2Id"),
        "sku": at(record, "Product2", "ProductCode"),
        "name": at(record, "Product2", "Name"),
        "quantity": record.get("Quantity"),
        "unit_price": record.get("UnitPrice"),
        "total_amount": record.get("TotalPrice"),
    }
    return Row(values, number, "line item")
