"""Salesforce's REST API as its documentation describes it: tokens, SOQL, SOSL, error codes.

Expectations worked out by hand are beside the data. Today is 2026-11-22.
"""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any

from tests.connectors.fakes.vendor import FakeVendor
from tests.connectors.web import Request, reply

CLIENT, SECRET = "3MVG9.client", "consumer-s3cret"
ORGANISATION = "00D5g000004ABCDEAA"
ACME, OWL = "001000000000001AAA", "001000000000002AAA"
ADA, ABE, GONE = "003000000000001AAA", "003000000000002AAA", "003000000000009AAA"
LEO, LOST = "00Q000000000001AAA", "00Q000000000002AAA"
_OWNER = {"attributes": {"type": "User"}, "Name": "Olga Owner", "Email": "olga@us.example"}


def _made(id_: str, name: str, phone: str | None, at: str, **more: Any) -> dict[str, Any]:
    return {"Id": id_, "Name": name, "Phone": phone, "Owner": _OWNER, "SystemModstamp": at,
            "IsDeleted": False, **more}  # fmt: skip


def _lines(*lines: tuple[str, str, int, float]) -> dict[str, Any]:
    rows = [
        {"Product2Id": f"01t00000000000{n}AAA", "Product2": {"Name": name, "ProductCode": code},
         "Quantity": quantity, "UnitPrice": price, "TotalPrice": price * quantity}
        for n, (name, code, quantity, price) in enumerate(lines, 1)
    ]  # fmt: skip
    return {"totalSize": len(rows), "done": True, "records": rows}


_CONTACT: dict[str, Any] = {"MobilePhone": None, "HomePhone": None, "OtherPhone": None,
                            "Email": None, "IsPersonAccount": False}  # fmt: skip
# Ada and Abe have the same national digits in two countries.
WORLD: dict[str, list[dict[str, Any]]] = {
    "Account": [
        _made(ACME, "Acme Ltd", "+44 20 7946 0100", "2026-11-20T08:00:00.000+0000",
              Type="Customer", Number__c="C-100", Balance__c=786.1, Overdue__c=456.0,
              Limit__c=2000, Terms__c="30 days", Hold__c=False, CurrencyIsoCode="GBP"),
        _made(OWL, "Owl SARL", None, "2026-11-01T08:00:00.000+0000", Type=None, Number__c=None,
              Balance__c=None, Overdue__c=None, Limit__c=None, Terms__c=None, Hold__c=True,
              CurrencyIsoCode="EUR"),
    ],
    "Contact": [
        _made(ADA, "Ada Kestrel", "(020) 7946 0958", "2026-11-10T08:00:00.000+0000",
              AccountId=ACME, Account={"Name": "Acme Ltd"},
              **{**_CONTACT, "MobilePhone": "07700 900123", "Email": "ada@acme.example"}),
        _made(ABE, "Abe Maine", "+1 (207) 946-0958", "2026-11-11T08:00:00.000+0000",
              AccountId=OWL, Account={"Name": "Owl SARL"}, **_CONTACT),
        {**_made(GONE, "Gone", "1", "2026-11-21T08:00:00.000+0000", AccountId=None,
                 Account=None, **_CONTACT), "IsDeleted": True},
    ],
    "Lead": [
        _made(LEO, "Leo Lead", "020 7946 0777", "2026-11-12T08:00:00.000+0000", Company="Leo & Co",
              MobilePhone=None, Email=None, IsConverted=False),
        _made(LOST, "Was Lead", "020 7946 0778", "2026-11-13T08:00:00.000+0000", Company="Now Acme",
              MobilePhone=None, Email=None, IsConverted=True),
    ],
    "Case": [
        {"Id": "500000000000001AAA", "CaseNumber": "00001001", "Subject": "Late delivery",
         "Status": "New", "Priority": "High", "LastModifiedDate": "2026-11-20T08:00:00.000+0000",
         "AccountId": ACME, "ContactId": ADA},
        {"Id": "500000000000002AAA", "CaseNumber": "00001002", "Subject": None,
         "Status": "Closed", "Priority": None, "LastModifiedDate": "2026-11-21T08:00:00.000+0000",
         "AccountId": ACME, "ContactId": ADA},
    ],
    # Sold in GBP: 120.50 + 30.00 = 150.50; the draft is not.
    "Order": [
        {"Id": f"80100000000000{n}AAA", "OrderNumber": f"0000010{n}", "AccountId": ACME,
         "EffectiveDate": day, "Status": status, "TotalAmount": total, "IsDeleted": deleted,
         "CurrencyIsoCode": "GBP", "OrderItems": lines, "SystemModstamp": at}
        for n, day, status, total, deleted, lines, at in [
            (1, "2026-03-05", "Activated", 120.5, False,
             _lines(("Spade", "SPADE", 2, 30.25), ("Fork", "FORK", 1, 60.0)),
             "2026-03-05T10:00:00.000+0000"),
            (2, "2026-05-05", "Activated", 30.0, False, None, "2026-05-05T10:00:00.000+0000"),
            (3, "2026-06-05", "Draft", 999.0, False, None, "2026-06-05T10:00:00.000+0000"),
            (4, "2026-06-06", "Activated", 10.0, True, None, "2026-11-21T10:00:00.000+0000"),
        ]
    ],
    "Opportunity": [
        {"Id": "006000000000001AAA", "AccountId": ACME, "CloseDate": "2026-04-01",
         "StageName": "Closed Won", "Amount": 77.7, "IsDeleted": False, "IsWon": True,
         "CurrencyIsoCode": "GBP", "OpportunityLineItems": None,
         "SystemModstamp": "2026-04-01T10:00:00.000+0000"},
    ],
    "Product2": [
        {"Id": "01t000000000001AAA", "Name": "Spade", "ProductCode": "SPADE", "Family": "Tools",
         "IsActive": True, "IsDeleted": False,
         "PricebookEntries": {"done": True, "records": [
             {"UnitPrice": 30.25, "CurrencyIsoCode": "GBP"}]}},
        {"Id": "01t000000000002AAA", "Name": "Fork", "ProductCode": None, "Family": None,
         "IsActive": False, "IsDeleted": False, "PricebookEntries": None},
    ],
    "Organization": [{"Id": ORGANISATION}],
}  # fmt: skip


def error(status: int, code: str, message: str) -> bytes:
    """Salesforce's error shape."""
    return reply([{"message": message, "errorCode": code}], status)


EXPIRED = error(401, "INVALID_SESSION_ID", "Session expired or invalid")
USED_UP = error(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
NO_ORDERS = error(
    400, "INVALID_TYPE", "FROM Order WHERE\n^\nERROR: sObject type 'Order' is not supported."
)

_SUBSELECT = re.compile(r"IN \(SELECT AccountId FROM Contact WHERE Id = '(\w+)'\)")
_SOQL = re.compile(
    r"SELECT (?P<fields>.+?) FROM (?P<name>\w+)(?: WHERE (?P<where>.+?))?"
    r"(?: ORDER BY (?P<order>\w+)(?P<desc> DESC)?)?(?: LIMIT (?P<limit>\d+))?$"
)
_CHILD = re.compile(r"\(SELECT (.+?) FROM (\w+)(?: WHERE [^)]+)?\)")


class FakeSalesforce(FakeVendor):
    """`page` is the most records on a page; each token is good until `expire` is called."""

    def __init__(self, page: int = 2) -> None:
        super().__init__()
        self.page = page
        self.tokens = 0
        self.valid: str | None = None
        self.world = deepcopy(WORLD)
        self.lists: dict[str, list[dict[str, Any]]] = {}
        self.url = ""
        self.instance_url: str | None = None

    def expire(self) -> None:
        self.valid = None

    def answer(self, request: Request) -> bytes:
        if request.path == "/services/oauth2/token":
            return self._token(request.form)
        if request.headers.get("authorization") != f"Bearer {self.valid}":
            return EXPIRED
        usage = "api-usage=18/15000"
        head, _, rest = request.path.removeprefix("/services/data/v62.0/").partition("/")
        if head == "search":
            return reply(
                {"searchRecords": self._search(request.query["q"])}, Sforce_Limit_Info=usage
            )
        if head in ("query", "queryAll"):
            try:
                found = self.lists.pop(rest) if rest else self._query(request.query["q"], head)
            except KeyError as unknown:
                return error(400, "INVALID_FIELD", f"\nERROR\nNo such column {unknown} on entity"
                             " 'Account'. If you are attempting to use a custom field")  # fmt: skip
            return reply(self._page(found), Sforce_Limit_Info=usage)
        return error(404, "NOT_FOUND", "The requested resource does not exist")

    def _token(self, form: dict[str, str]) -> bytes:
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT, SECRET):
            body = {"error": "invalid_client", "error_description": "invalid client credentials"}
            return reply(body, 400)
        self.tokens += 1
        self.valid = f"00D!token-{self.tokens}"
        return reply({
            "access_token": self.valid, "instance_url": self.instance_url or self.url,
            "id": "https://login.salesforce.com/id/x/y", "token_type": "Bearer",
            "issued_at": "1763800000000", "signature": "x",
        })  # fmt: skip

    def _page(self, found: list[dict[str, Any]]) -> dict[str, Any]:
        page, rest = found[: self.page], found[self.page :]
        body: dict[str, Any] = {"totalSize": len(found), "done": not rest, "records": page}
        if rest:
            locator = f"01g-{len(self.lists)}-{len(self.asked)}"
            self.lists[locator] = rest
            body["nextRecordsUrl"] = f"/services/data/v62.0/query/{locator}"
        return body

    def _query(self, soql: str, resource: str) -> list[dict[str, Any]]:
        of_contact = _SUBSELECT.search(soql)
        if of_contact:
            own = [c["AccountId"] for c in self.world["Contact"] if c["Id"] == of_contact[1]]
            soql = _SUBSELECT.sub(f"= '{own[0] if own else 'none'}'", soql)
        children = dict.fromkeys(match[2] for match in _CHILD.finditer(soql))
        plain = _CHILD.sub("", soql).replace(", ,", ",").replace(",  FROM", " FROM")
        asked = _SOQL.fullmatch(plain.strip())
        assert asked, soql
        found = self.world[asked["name"]]
        if resource == "query":
            found = [record for record in found if not record.get("IsDeleted")]
        for condition in filter(None, (asked["where"] or "").split(" AND ")):
            found = [record for record in found if _holds(record, condition)]
        if asked["order"]:
            found = sorted(found, key=lambda r: str(r[asked["order"]]), reverse=bool(asked["desc"]))
        names = [name.strip() for name in asked["fields"].split(",")] + list(children)
        for name in names:
            self.world[asked["name"]][0][name.partition(".")[0]]
        shown = [_shown(record, names, asked["name"]) for record in found]
        return shown[: int(asked["limit"] or 99)]

    def _search(self, sosl: str) -> list[dict[str, Any]]:
        asked = re.fullmatch(r"FIND \{(.+?)\} IN PHONE FIELDS RETURNING (.+) LIMIT (\d+)", sosl)
        assert asked, sosl
        assert re.fullmatch(r"[0-9 OR]+", asked[1])
        found = []
        for name, fields in re.findall(r"(\w+)\(([^)]+)\)", asked[2]):
            for record in self.world[name]:
                phones = (record.get(f) for f in ("Phone", "MobilePhone", "HomePhone"))
                digits = ["".join(c for c in p if c.isdigit()) for p in phones if p]
                hit = any(d.endswith(w.lstrip("0")) for d in digits for w in asked[1].split(" OR "))
                if hit and not record["IsDeleted"]:
                    found.append(_shown(record, [f.strip() for f in fields.split(",")], name))
        return found[: int(asked[3])]


def _holds(record: dict[str, Any], condition: str) -> bool:
    field, operator, value = condition.split(" ", 2)
    given = record[field]
    if operator == ">=":
        return str(given)[:19] >= value[:19]
    literal = {"true": True, "false": False, "null": None}.get(value, value.strip("'"))
    if operator == ">":
        return str(given) > str(literal)
    return bool((given == literal) == (operator == "="))


def _shown(record: dict[str, Any], names: list[str], kind: str) -> dict[str, Any]:
    shown: dict[str, Any] = {"attributes": {"type": kind, "url": "/services/data/v62.0/x"}}
    for name in names:
        head, _, child = name.partition(".")
        value = record[head]
        if child:
            shown.setdefault(head, None if value is None else {})
            if value is not None:
                shown[head][child] = value[child]
        else:
            shown[head] = value
    return shown
