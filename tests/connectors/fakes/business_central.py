"""Business Central's API v2.0 as its documentation describes it: OData, next links, error codes.

Sources: Microsoft's API reference v2.0, the pages' own source (APIV2*.Page.al), "Troubleshooting
web service errors", "Operational limits".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from tests.connectors.fakes.quickbooks import exact
from tests.connectors.fakes.tokens import TokenServer
from tests.connectors.web import Request, WebServer, reply

TENANT = "5f0b6d0e-0d5c-4c55-9bde-4e1f1b0a7c11"
COMPANY = "aa000000-0000-4000-8000-000000000001"
ROOT = f"/v2.0/{TENANT}/Production/api/v2.0"
OLD = "2026-01-01T00:00:00Z"
CHANGED = "2026-11-21T12:00:00Z"
Record = dict[str, Any]


def guid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def customer(number: int, name: str, balance: Any, overdue: Any = 0, **fields: Any) -> Record:
    return {
        "@odata.etag": 'W/"1"',
        "id": guid(number),
        "number": f"C{number:05d}",
        "displayName": name,
        "type": "Company",
        "country": "GB",
        "phoneNumber": "",
        "email": "",
        "salespersonCode": "",
        "balanceDue": 0,
        "creditLimit": 0,
        "taxRegistrationNumber": "",
        "currencyCode": "GBP",
        "paymentTermsId": guid(50),
        "blocked": " ",
        "lastModifiedDateTime": OLD,
        "customerFinancialDetail": {
            "id": guid(number), "balance": balance, "overdueAmount": overdue,
            "totalSalesExcludingTax": 0,
        },
        "paymentTerm": None,
        **fields,
    }  # fmt: skip


def invoice(
    number: int, of: int, day: str, due: str, total: Any, open_: Any, **fields: Any
) -> Record:
    return {
        "id": guid(100 + number),
        "number": f"PS-INV{number}",
        "invoiceDate": day,
        "postingDate": day,
        "dueDate": due,
        "customerId": guid(of),
        "billToCustomerId": guid(of),
        "currencyCode": "GBP",
        "remainingAmount": open_,
        "totalAmountIncludingTax": total,
        "status": "Open" if open_ else "Paid",
        "lastModifiedDateTime": OLD,
        "salesInvoiceLines": [],
        **fields,
    }


def line(code: str, text: str, quantity: Any, price: Any, amount: Any) -> Record:
    return {
        "id": guid(90),
        "sequence": 10000,
        "itemId": guid(70),
        "lineType": "Item",
        "lineObjectNumber": code,
        "description": text,
        "unitPrice": price,
        "quantity": quantity,
        "netAmountIncludingTax": amount,
    }


COMMENT = {"id": guid(91), "lineType": "Comment", "description": "Thank you", "quantity": 0}


@dataclass(slots=True)
class BusinessCentral:
    """One environment; `fault` answers the next calls, `denied` names what may not be read."""

    web: WebServer
    tokens: TokenServer = field(default_factory=lambda: TokenServer(valid=set()))
    companies: list[Record] = field(
        default_factory=lambda: [{"id": COMPANY, "name": "Meadow Ltd", "displayName": "Meadow"}]
    )
    tables: dict[str, list[Record]] = field(default_factory=dict)
    fault: bytes | None = None
    denied: str = ""
    filters: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        answers: dict[str, Any] = {
            f"/{TENANT}/oauth2/v2.0/token": self._token,
            f"/v2.0/{TENANT}/Sandbox/api/v2.0/companies": lambda _: error(404, "NoEnvironment"),
            f"{ROOT}/companies": self._companies,
        }
        names = (
            "companyInformation", "customers", "salesInvoices", "salesCreditMemos", "salesOrders",
            "items", "paymentTerms",
        )  # fmt: skip
        for name in names:
            answers[f"{ROOT}/companies({COMPANY})/{name}"] = self._list
        for number in range(1, 10):
            answers[f"{ROOT}/companies({COMPANY})/customers({guid(number)})"] = self._one
        self.web.answers = answers

    def _token(self, request: Request) -> bytes:
        form = request.form
        assert form["grant_type"] == "client_credentials"
        assert form["scope"] == "https://api.businesscentral.dynamics.com/.default"
        return self.tokens.answer(request)

    def _refused(self, request: Request, name: str) -> bytes | None:
        if not self.tokens.knows(request):
            return error(401, "Authentication_InvalidCredentials")
        if name == self.denied:
            return error(403, "Authorization_RequestDenied")
        return self.fault

    def _companies(self, request: Request) -> bytes:
        return self._refused(request, "companies") or reply({"value": self.companies})

    def _one(self, request: Request) -> bytes:
        if (refused := self._refused(request, "customers")) is not None:
            return refused
        for record in self.tables["customers"]:
            if f"({record['id']})" in request.path:
                return reply(exact(_expanded(record, request.query)))
        return error(404, "BadRequest_ResourceNotFound")

    def _list(self, request: Request) -> bytes:
        name = request.path.rsplit("/", 1)[1]
        if (refused := self._refused(request, name)) is not None:
            return refused
        query = request.query
        rows = self.tables.get(name, [])
        if condition := query.get("$filter"):
            self.filters.append(condition)
            rows = [r for r in rows if _matches(r, condition)]
        if order := query.get("$orderby"):
            field_, _, direction = order.partition(" ")
            rows = sorted(rows, key=lambda r: str(r[field_]), reverse=direction == "desc")
        rows = rows[: int(query.get("$top", 20_000))]
        asked = re.search(r"odata\.maxpagesize=(\d+)", request.headers.get("prefer", ""))
        size = int(asked[1]) if asked else 20_000
        start = int(query.get("$skiptoken", 0))
        page = [_expanded(r, query) for r in rows[start : start + size]]
        document: Record = {"@odata.context": "…", "value": page}
        if start + size < len(rows):
            following = urlencode({**query, "$skiptoken": str(start + size)})
            document["@odata.nextLink"] = f"{self.web.url}{request.path}?{following}"
        return reply(exact(document))


def error(status: int, code: str) -> bytes:
    words = {"code": code, "message": "raw words  CorrelationId:  0b1c2d3e."}
    return reply({"error": words}, status)


def _expanded(record: Record, query: dict[str, str]) -> Record:
    """Leave out what is only given when it is expanded."""
    asked = query.get("$expand", "").split(",")
    parts = {"customerFinancialDetail", "paymentTerm", "salesInvoiceLines",
             "salesCreditMemoLines", "salesOrderLines"}  # fmt: skip
    return {k: v for k, v in record.items() if k not in parts or k in asked}


def _matches(record: Record, condition: str) -> bool:
    alternatives = re.sub(r"[()]", "", condition) if " and " in condition else condition
    return all(
        any(_holds(record, one) for one in part.split(" or "))
        for part in alternatives.split(" and ")
    )


def _holds(record: Record, condition: str) -> bool:
    found = re.fullmatch(r"(\w+) (eq|ne|ge) ('[^']*'|[0-9a-fA-FTZ:.-]+)", condition)
    assert found is not None, f"OData cannot read {condition}"
    value, wanted = record[found[1]], found[3].strip("'")
    if found[2] == "ge":
        return bool(value >= wanted)
    return bool((value == wanted) == (found[2] == "eq"))


def fill(central: BusinessCentral) -> None:
    central.tables = {
        "companyInformation": [{"id": guid(60), "displayName": "Meadow", "currencyCode": "GBP"}],
        "customers": [
            customer(1, "Kestrel Garden", "=546.10", "=346.10", phoneNumber="020 7946 0958",
                     email="a@kestrel.example", creditLimit=2000,
                     taxRegistrationNumber="GB123456789", salespersonCode="JO",
                     paymentTerm={"code": "30D", "displayName": "Net 30 days",
                                  "dueDateCalculation": "30D"}),
            customer(2, "Owl's Nest", 0, lastModifiedDateTime=CHANGED, blocked="Ship",
                     paymentTerm={"displayName": "Month end", "dueDateCalculation": "CM"}),
            customer(3, "Robin", 120, 20, blocked="_x0020_"),
        ],
        "salesInvoices": [
            invoice(1, 1, "2026-09-12", "2026-10-12", "=456.10", "=356.10", salesInvoiceLines=[
                line("SP-1", "Spade", 3, 100, "=300.00"), COMMENT,
                line("FK-1", "Fork", "=1.5", 104, "=156.10")]),
            # The goods went to Owl, Kestrel pays for them.
            invoice(2, 1, "2026-11-01", "2026-12-01", 200, 200, customerId=guid(2)),
            invoice(3, 1, "2026-11-07", "2026-11-21", 46, 46),
            invoice(4, 1, "2026-01-05", "2026-02-04", 80, 0, lastModifiedDateTime=CHANGED),
            invoice(5, 1, "2026-11-05", "2026-12-04", 999, 999, status="Draft"),
            invoice(6, 1, "2026-11-05", "2026-12-04", 77, 0, status="Canceled",
                    lastModifiedDateTime=CHANGED),
        ],
        "salesCreditMemos": [
            {"id": guid(201), "number": "PS-CR1", "creditMemoDate": "2026-10-01",
             "customerId": guid(1), "currencyCode": "GBP", "totalAmountIncludingTax": 56,
             "status": "Paid", "lastModifiedDateTime": "2026-10-01T00:00:00Z",
             "salesCreditMemoLines": [line("SP-1", "Spade", "=0.5", 112, 56)]},
            {"id": guid(202), "number": "PS-CR2", "creditMemoDate": "2026-11-05",
             "customerId": guid(1), "currencyCode": "GBP", "totalAmountIncludingTax": 77,
             "status": "Corrective", "lastModifiedDateTime": CHANGED, "salesCreditMemoLines": []},
        ],
        "salesOrders": [
            {"id": guid(301), "number": "SO-1", "orderDate": "2026-11-20", "customerId": guid(1),
             "currencyCode": "GBP", "totalAmountIncludingTax": 60, "status": "Open",
             "salesOrderLines": [line("SP-1", "Spade", 1, 60, 60)]},
        ],
        "items": [
            {"id": guid(70), "number": "SP-1", "displayName": "Spade", "type": "Inventory",
             "itemCategoryCode": "TOOLS", "blocked": False, "inventory": 4, "unitPrice": "=19.99",
             "lastModifiedDateTime": OLD},
            {"id": guid(71), "number": "DIG", "displayName": "Digging", "type": "Service",
             "itemCategoryCode": "", "blocked": True, "inventory": 0, "unitPrice": 40,
             "lastModifiedDateTime": OLD},
        ],
        "paymentTerms": [{"id": guid(50), "code": "30D"}],
    }  # fmt: skip
