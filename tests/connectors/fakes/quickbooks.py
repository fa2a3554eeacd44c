"""QuickBooks Online as its documentation describes it: queries, paging, faults, deletions.

Sources: Intuit's API reference (Customer, Invoice, Payment, Term, Item, change data capture),
"Data queries", "Error codes"; shapes compared with the package python-quickbooks 0.9.12.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.connectors.fakes.tokens import TokenServer
from tests.connectors.web import Request, WebServer, reply

REALM = "9130357992"
SERVER_TIME = "2026-11-22T01:00:00.000-08:00"
Record = dict[str, Any]


def ref(value: str, name: str = "") -> Record:
    return {"value": value, "name": name} if name else {"value": value}


def customer(record_id: str, name: str, **fields: Any) -> Record:
    own = fields.pop("Balance", 0)
    return {
        "Id": record_id,
        "SyncToken": "0",
        "domain": "QBO",
        "sparse": False,
        "DisplayName": name,
        "FullyQualifiedName": name,
        "Active": True,
        "Job": False,
        "BillWithParent": False,
        "Balance": own,
        "BalanceWithJobs": own,
        "CurrencyRef": ref("GBP", "British Pound Sterling"),
        "MetaData": meta("2026-01-01T00:00:00-08:00"),
        **fields,
    }


def meta(updated: str) -> Record:
    return {"CreateTime": "2026-01-01T00:00:00-08:00", "LastUpdatedTime": updated}


def sold(item_id: str, name: str, quantity: Any, price: Any, amount: Any) -> Record:
    return {
        "Id": "1",
        "LineNum": 1,
        "Description": f"{name}, as ordered",
        "Amount": amount,
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": {
            "ItemRef": ref(item_id, name),
            "UnitPrice": price,
            "Qty": quantity,
            "TaxCodeRef": ref("NON"),
        },
    }


SUBTOTAL = {"Amount": 0, "DetailType": "SubTotalLineDetail", "SubTotalLineDetail": {}}


def sale(
    record_id: str, number: str | None, of: str, day: str, total: Any, **fields: Any
) -> Record:
    return {
        "Id": record_id,
        "DocNumber": number,
        "TxnDate": day,
        "TotalAmt": total,
        "CustomerRef": ref(of),
        "CurrencyRef": ref("GBP"),
        "Line": [SUBTOTAL],
        "MetaData": meta("2026-01-01T00:00:00-08:00"),
        **fields,
    }


def invoice(
    record_id: str, number: str, of: str, day: str, due: str, total: Any, open_: Any, **more: Any
) -> Record:
    return sale(record_id, number, of, day, total, DueDate=due, Balance=open_, **more)


@dataclass(slots=True)
class QuickBooks:
    """One company; `fault` answers the next queries, `deleted` is what change data capture says."""

    web: WebServer
    tokens: TokenServer = field(default_factory=TokenServer)
    tables: dict[str, list[Record]] = field(default_factory=dict)
    deleted: dict[str, list[str]] = field(default_factory=dict)
    fault: bytes | None = None
    queries: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.web.answers = {
            "/oauth2/v1/tokens/bearer": self.tokens.answer,
            f"/v3/company/{REALM}/query": self._query,
            f"/v3/company/{REALM}/cdc": self._changes,
            "/v3/company/other/query": lambda _: _wrong_company(),
        }

    def _refused(self, request: Request) -> bytes | None:
        if not self.tokens.knows(request):
            return fault(401, "3200", "AUTHENTICATION", small=True)
        assert request.query["minorversion"] == "75"
        return self.fault

    def _query(self, request: Request) -> bytes:
        if (refused := self._refused(request)) is not None:
            return refused
        text = request.query["query"]
        self.queries.append(text)
        found = re.fullmatch(
            r"select \* from (\w+)(?: where (.*?))? orderby ([\w.]+)( desc)?"
            r" startposition (\d+) maxresults (\d+)",
            text,
        )
        if found is None:
            return fault(400, "4000", "ValidationFault")
        entity, where, order, desc, start, most = found.groups()
        assert 1 <= int(most) <= 1000
        rows = [r for r in self.tables.get(entity, []) if _matches(r, where or "", entity)]
        rows.sort(key=lambda r: str(r.get(order) or ""), reverse=bool(desc))
        page = rows[int(start) - 1 :][: int(most)]
        answer: Record = {"startPosition": int(start), "maxResults": len(page)}
        if page:
            answer[entity] = page
        return reply(exact({"QueryResponse": answer if page else {}, "time": SERVER_TIME}))

    def _changes(self, request: Request) -> bytes:
        if (refused := self._refused(request)) is not None:
            return refused
        asked = request.query["entities"].split(",")
        parts = [
            {name: [{"domain": "QBO", "status": "Deleted", "Id": i} for i in self.deleted[name]]}
            if name in self.deleted
            else {}
            for name in asked
        ]
        return reply({"CDCResponse": [{"QueryResponse": parts}], "time": SERVER_TIME})


def exact(document: Any) -> bytes:
    """Write JSON in which amounts given as text `=12.30` are numbers with these very digits."""
    return re.sub(r'"=(-?[\d.]+)"', r"\1", json.dumps(document)).encode()


def fault(status: int, code: str, kind: str, *, small: bool = False) -> bytes:
    if small:
        error = {"message": "message=Refused; errorCode=0", "detail": "raw words", "code": code}
        return reply({"fault": {"error": [error], "type": kind}, "requestId": None}, status)
    error = {"Message": "raw words of Intuit", "Detail": "details", "code": code, "element": ""}
    return reply({"Fault": {"Error": [error], "type": kind}, "time": SERVER_TIME}, status)


def _wrong_company() -> bytes:
    return fault(403, "3100", "AUTHORIZATION", small=True)


def _matches(record: Record, where: str, entity: str) -> bool:
    if entity in {"Customer", "Item"} and "Active" not in where and not record["Active"]:
        return False
    return all(_holds(record, part) for part in re.split(r" and (?=[A-Z])", where) if part)


def _holds(record: Record, condition: str) -> bool:
    if condition == "Active in (true, false)":
        return True
    if condition == "Active = true":
        return bool(record["Active"])
    if condition == "Balance > '0'":
        return float(str(record["Balance"]).lstrip("=")) > 0
    if found := re.fullmatch(r"Id = '(\d+)'", condition):
        return bool(record["Id"] == found[1])
    if found := re.fullmatch(r"CustomerRef in \((.*)\)", condition):
        return f"'{record['CustomerRef']['value']}'" in found[1].split(", ")
    if found := re.fullmatch(r"MetaData\.LastUpdatedTime >= '(.*)'", condition):
        return _instant(record["MetaData"]["LastUpdatedTime"]) >= _instant(found[1])
    if found := re.fullmatch(r"FullyQualifiedName like '(.*)%'", condition):
        start = found[1].replace("\\'", "'").replace("\\\\", "\\")
        return bool(record["FullyQualifiedName"].startswith(start))
    raise AssertionError(f"QuickBooks cannot filter by {condition}")


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def fill(books: QuickBooks) -> None:
    """Kestrel has two jobs; the kitchen is billed with it, the barn on its own."""
    books.tables = {
        "CompanyInfo": [{"Id": "1", "CompanyName": "Meadow Ltd", "Country": "GB"}],
        "Customer": [
            customer("12", "Kestrel Garden", Balance="=300.10", BalanceWithJobs="=546.10",
                     CompanyName="Kestrel Garden Ltd", SalesTermRef=ref("3"),
                     PrimaryPhone={"FreeFormNumber": "(020) 7946 0958 x12"},
                     AlternatePhone={"FreeFormNumber": "+44 1632 960001"},
                     Mobile={"FreeFormNumber": "07700 900123"},
                     Fax={"FreeFormNumber": "020 7946 0000"},
                     PrimaryTaxIdentifier="XXXXXX56789",
                     PrimaryEmailAddr={"Address": "a@kestrel.example, b@kestrel.example"}),
            customer("13", "Kitchen", Balance=200, Job=True, BillWithParent=True,
                     FullyQualifiedName="Kestrel Garden:Kitchen", ParentRef=ref("12")),
            customer("14", "Barn", Balance=46, Job=True,
                     FullyQualifiedName="Kestrel Garden:Barn", ParentRef=ref("12"),
                     MetaData=meta("2026-11-20T10:00:00-08:00")),
            customer("20", "Owl's Nest", Balance=0, PrimaryPhone={"FreeFormNumber": "1"}),
            customer("21", "Gone Ltd", Active=False, MetaData=meta("2026-11-21T10:00:00-08:00")),
        ],
        "Invoice": [
            invoice("100", "1001", "12", "2026-09-12", "2026-10-12", "=456.10", "=356.10",
                    Line=[sold("7", "Spade", 3, "=100.00", "=300.00"),
                          sold("8", "Fork", "=1.5", 104, "=156.10")]),
            invoice("101", "1002", "13", "2026-11-01", "2026-12-01", 200, 200),
            invoice("102", "1003", "14", "2026-10-22", "2026-11-21", 46, 46),
            invoice("103", "1000", "12", "2026-01-05", "2026-02-04", 80, 0,
                    MetaData=meta("2026-11-20T10:00:00-08:00")),
        ],
        "SalesReceipt": [
            sale("110", None, "12", "2026-03-01", "=19.90", Line=[
                {"DetailType": "GroupLineDetail", "GroupLineDetail": {
                    "GroupItemRef": ref("9", "Set"), "Line": [sold("7", "Spade", 1, 19, 19)]}}]),
        ],
        "CreditMemo": [sale("120", "CM-1", "12", "2026-10-01", "=56.00",
                            Line=[sold("7", "Spade", "=0.5", 112, 56)])],
        "Payment": [
            sale("130", None, "12", "2026-10-15", 100, PaymentMethodRef=ref("1", "Cheque")),
        ],
        "Term": [{"Id": "3", "Name": "Net 30", "Type": "STANDARD", "DueDays": 30, "Active": True}],
        "Item": [
            {"Id": "7", "Name": "Spade", "Sku": "SP-1", "Type": "Inventory", "UnitPrice": "=19.99",
             "TrackQtyOnHand": True, "QtyOnHand": 4, "Active": True,
             "ParentRef": ref("9", "Tools"), "MetaData": meta("2026-01-01T00:00:00-08:00")},
            {"Id": "8", "Name": "Digging", "Type": "Service", "UnitPrice": 40,
             "TrackQtyOnHand": False, "Active": False,
             "MetaData": meta("2026-01-01T00:00:00-08:00")},
            {"Id": "9", "Name": "Tools", "Type": "Category", "Active": True,
             "MetaData": meta("2026-01-01T00:00:00-08:00")},
        ],
    }  # fmt: skip
