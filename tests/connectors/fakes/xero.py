"""Xero's Accounting API as its documentation describes it: tenants, pages, filters, limits.

Sources: Xero's OpenAPI (package xero-python 15.2.0), "OAuth 2.0 API limits", "Response codes".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.connectors.fakes.quickbooks import exact
from tests.connectors.fakes.tokens import TokenServer
from tests.connectors.web import Request, WebServer, reply

TENANT = "45e4708e-d862-4111-ab3a-dd8cd03913e1"
OTHER_TENANT = "b3d3d8b0-5a0c-4d0c-9a40-0a9a1a1f5a11"
SERVER_TIME = datetime(2026, 11, 22, 8, 59, 30, tzinfo=UTC)
OLD = "2026-01-01T00:00:00"
Record = dict[str, Any]


def guid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def ms(day: str, offset: str = "+0000") -> str:
    """Write a date or time (UTC) as Xero does."""
    instant = datetime.fromisoformat(day).replace(tzinfo=UTC)
    return f"/Date({int(instant.timestamp() * 1000)}{offset})/"


def contact(number: int, name: str, updated: str = OLD, **fields: Any) -> Record:
    return {
        "ContactID": guid(number),
        "ContactStatus": "ACTIVE",
        "Name": name,
        "EmailAddress": "",
        "Addresses": [],
        "Phones": [phone(kind) for kind in ("DDI", "DEFAULT", "FAX", "MOBILE")],
        "UpdatedDateUTC": ms(updated),
        "IsSupplier": False,
        "IsCustomer": True,
        "HasValidationErrors": False,
        **fields,
    }


def phone(kind: str, number: str = "", area: str = "", country: str = "") -> Record:
    return {
        "PhoneType": kind,
        "PhoneNumber": number,
        "PhoneAreaCode": area,
        "PhoneCountryCode": country,
    }


def invoice(
    number: str, of: int, day: str, due: str, total: Any, open_: Any, **fields: Any
) -> Record:
    return {
        "Type": "ACCREC",
        "InvoiceID": guid(1000 + int(re.sub(r"\D", "", number))),
        "InvoiceNumber": number,
        "Contact": {"ContactID": guid(of), "Name": "…"},
        "DateString": f"{day}T00:00:00",
        "Date": ms(day),
        "DueDate": ms(due),
        "Status": "AUTHORISED",
        "LineAmountTypes": "Exclusive",
        "LineItems": [],
        "Total": total,
        "AmountDue": open_,
        "AmountPaid": 0,
        "CurrencyCode": "GBP",
        "UpdatedDateUTC": ms(OLD),
        **fields,
    }


def line(code: str, text: str, quantity: Any, price: Any, amount: Any) -> Record:
    return {
        "ItemCode": code,
        "Description": text,
        "UnitAmount": price,
        "LineAmount": amount,
        "Quantity": quantity,
        "Item": {"ItemID": guid(70), "Name": text, "Code": code},
        "LineItemID": guid(90),
    }


def credit(name: str, kind: str, number: int, of: int, left: Any, **fields: Any) -> Record:
    return {
        f"{name}ID": guid(number),
        "Type": kind,
        "Status": "AUTHORISED",
        "Contact": {"ContactID": guid(of)},
        "Date": ms("2026-10-01"),
        "Total": left,
        "RemainingCredit": left,
        "CurrencyCode": "GBP",
        "LineItems": [],
        "UpdatedDateUTC": ms(OLD),
        **fields,
    }


@dataclass(slots=True)
class Xero:
    """Two organisations may be connected; `fault` answers the next calls of the Accounting API."""

    web: WebServer
    tokens: TokenServer = field(default_factory=TokenServer)
    tables: dict[str, list[Record]] = field(default_factory=dict)
    tenants: list[str] = field(default_factory=lambda: ["Meadow Ltd"])
    fault: bytes | None = None
    denied: str = ""

    def __post_init__(self) -> None:
        answers: dict[str, Any] = {
            "/connect/token": self.tokens.answer,
            "/connections": self._connections,
        }
        names = (
            "Organisation", "Contacts", "Invoices", "CreditNotes", "Overpayments", "Prepayments",
            "Payments", "Items",
        )  # fmt: skip
        for name in names:
            answers[f"/api.xro/2.0/{name}"] = self._list
        for number in range(1, 10):
            answers[f"/api.xro/2.0/Contacts/{guid(number)}"] = self._one
        self.web.answers = answers

    def _connections(self, request: Request) -> bytes:
        if not self.tokens.knows(request):
            return problem(401, "TokenExpired: token expired at 11/22/2026 08:00:00")
        ids = (TENANT, OTHER_TENANT)
        rows = [
            {"id": guid(500 + n), "tenantId": ids[n], "tenantType": "ORGANISATION",
             "tenantName": name, "createdDateUtc": "2026-01-01T00:00:00.0000000"}
            for n, name in enumerate(self.tenants)
        ]  # fmt: skip
        practice = {"id": guid(509), "tenantId": guid(508), "tenantType": "PRACTICE"}
        return reply([*rows, practice])

    def _refused(self, request: Request, name: str) -> bytes | None:
        if not self.tokens.knows(request):
            return problem(401, "TokenExpired: token expired at 11/22/2026 08:00:00")
        if request.headers.get("xero-tenant-id") != TENANT:
            return problem(403, "AuthenticationUnsuccessful")
        if name == self.denied:
            return problem(401, "AuthorizationUnsuccessful")
        return self.fault

    def _one(self, request: Request) -> bytes:
        if (refused := self._refused(request, "Contacts")) is not None:
            return refused
        wanted = request.path.rsplit("/", 1)[1]
        rows = [r for r in self.tables.get("Contacts", []) if r["ContactID"] == wanted]
        return self._answer("Contacts", rows) if rows else reply(b"not found", 404, "text/html")

    def _list(self, request: Request) -> bytes:
        name = request.path.rsplit("/", 1)[1]
        if (refused := self._refused(request, name)) is not None:
            return refused
        query = request.query
        plural = "Organisations" if name == "Organisation" else name
        rows = [r for r in self.tables.get(plural, []) if _matches(r, query)]
        if since := request.headers.get("if-modified-since"):
            rows = [r for r in rows if _instant(r["UpdatedDateUTC"]) >= _plain(since)]
        if name == "Contacts" and query.get("includeArchived") != "true":
            rows = [r for r in rows if r["ContactStatus"] != "ARCHIVED"]
        if query.get("order") == "Date DESC":
            rows.sort(key=lambda r: _instant(r["Date"]), reverse=True)
        if name in {"Organisation", "Items"}:
            return self._answer(plural, rows)
        size = int(query["pageSize"])
        assert 1 <= size <= 1000
        start = (int(query["page"]) - 1) * size
        pages = {"page": int(query["page"]), "pageSize": size, "pageCount": -(-len(rows) // size),
                 "itemCount": len(rows)}  # fmt: skip
        return self._answer(name, rows[start : start + size], pagination=pages)

    def _answer(self, name: str, rows: list[Record], **more: Any) -> bytes:
        document = {
            "Id": guid(1),
            "Status": "OK",
            "ProviderName": "screenpop",
            "DateTimeUTC": f"/Date({int(SERVER_TIME.timestamp() * 1000)})/",
            **more,
            name: rows,
        }
        return reply(exact(document), X_MinLimit_Remaining="59", X_DayLimit_Remaining="4999")


def problem(status: int, detail: str) -> bytes:
    words: Record = {"Type": None, "Title": "Refused", "Status": status, "Detail": detail,
             "Instance": guid(7), "Extensions": {}}  # fmt: skip
    return reply(words, status)


def throttled(problem_: str, wait: str) -> bytes:
    return reply(b"", 429, X_Rate_Limit_Problem=problem_, Retry_After=wait)


def _matches(record: Record, query: dict[str, str]) -> bool:
    if "ContactIDs" in query and record["Contact"]["ContactID"] != query["ContactIDs"]:
        return False
    if "Statuses" in query and record["Status"] not in query["Statuses"].split(","):
        return False
    conditions = query["where"].split(" AND ") if "where" in query else []
    return all(_holds(record, condition) for condition in conditions)


def _holds(record: Record, condition: str) -> bool:
    found = re.fullmatch(r'([\w.]+)==(?:guid\()?"([^"]*)"\)?', condition)
    assert found is not None, f"Xero cannot read {condition}"
    value: Any = record
    for name in found[1].split("."):
        value = value[name]
    return bool(value == found[2])


def _instant(value: str) -> datetime:
    found = re.match(r"/Date\((-?\d+)", value)
    assert found is not None
    return datetime.fromtimestamp(int(found[1]) / 1000, UTC)


def _plain(value: str) -> datetime:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", value)
    return datetime.fromisoformat(value).replace(tzinfo=UTC)
