"""HubSpot's API as its documentation and official client describe it, with a few customers.

Expectations worked out by hand are beside the data. Today is 2026-11-22.
"""

from __future__ import annotations

from copy import deepcopy
from datetime import datetime
from typing import Any

from tests.connectors.fakes.vendor import FakeVendor
from tests.connectors.web import Request, reply

TOKEN = "pat-eu1-s3cret"
ACCOUNT = {
    "portalId": 146500,
    "timeZone": "Europe/London",
    "companyCurrency": "GBP",
    "uiDomain": "app-eu1.hubspot.com",
    "accountType": "STANDARD",
}
OWNERS = [{"id": "7", "email": "olga@us.example", "firstName": "Olga", "lastName": "Owner"}]
PIPELINES = [
    {"id": "0", "label": "Support", "stages": [{"id": "1", "label": "New"},
                                               {"id": "4", "label": "Closed"}]}
]  # fmt: skip


def record(id_: int, updated: str, **properties: str | None) -> dict[str, Any]:
    return {
        "id": str(id_),
        "properties": {"hs_object_id": str(id_), **properties},
        "createdAt": "2025-01-01T00:00:00.000Z",
        "updatedAt": updated,
        "archived": False,
    }


def gone(id_: int, when: str) -> dict[str, Any]:
    return {**record(id_, when), "archived": True, "archivedAt": when}


# 51 and 52 have the same digits in two countries; 53 has no name; 51 took in 40.
CONTACTS = [
    record(
        51, "2026-11-20T08:00:00.000Z", firstname="Ada", lastname="Kestrel",
        email="ada@kestrel.example", phone="020 7946 0958", mobilephone="+44 7700 900123",
        company="Kestrel Garden", hubspot_owner_id="7", lifecyclestage="customer",
        hs_merged_object_ids="40", hs_calculated_phone_number="+442079460958", account_no="C-100",
        hs_searchable_calculated_phone_number="2079460958",
        hs_searchable_calculated_mobile_number="7700900123",
    ),
    record(
        52, "2026-11-01T08:00:00.000Z", firstname="Abe", lastname="Maine", email=None,
        phone="+1 207-946-0958", hs_calculated_phone_number="+12079460958",
        hs_searchable_calculated_phone_number="2079460958",
    ),
    record(53, "2026-11-02T08:00:00.000Z", firstname=None, lastname=None, phone="1"),
]  # fmt: skip
COMPANIES = [record(7, "2026-11-03T08:00:00.000Z", name="Owl Ltd", phone="020 7946 0999")]
ARCHIVED = {
    "contacts": [gone(60, "2026-11-21T12:00:00.000Z"), gone(61, "2026-01-01T00:00:00.000Z")]
}

TICKETS = [
    record(901, "2026-11-20T08:00:00.000Z", subject="Late delivery", hs_pipeline_stage="1",
           hs_ticket_priority="HIGH", hs_lastmodifieddate="2026-11-20T08:00:00.000Z"),
    record(902, "2026-11-21T08:00:00.000Z", subject="Thanks", hs_pipeline_stage="4",
           hs_ticket_priority=None, hs_lastmodifieddate="2026-11-21T08:00:00.000Z"),
]  # fmt: skip
# Won in GBP: 120.50 + 30.00 = 150.50. 803 is lost, 804 in another currency.
DEALS = [
    record(801, "2026-03-05T10:00:00.000Z", dealname="Spring", amount="120.50",
           deal_currency_code="GBP", closedate="2026-06-30T23:30:00Z", hs_is_closed_won="true"),
    record(802, "2026-05-05T10:00:00.000Z", dealname="Summer", amount="30.00",
           deal_currency_code=None, closedate="2026-05-05T10:00:00Z", hs_is_closed_won="true"),
    record(803, "2026-05-06T10:00:00.000Z", dealname="Lost", amount="999.00",
           deal_currency_code="GBP", closedate="2026-05-06T10:00:00Z", hs_is_closed_won="false"),
    record(804, "2026-05-07T10:00:00.000Z", dealname="Paris", amount="99.00",
           deal_currency_code="EUR", closedate="2026-05-07T10:00:00Z", hs_is_closed_won="true"),
]  # fmt: skip
LINE_ITEMS = [
    record(1, "2026-03-05T10:00:00.000Z", name="Spade", hs_sku="SPADE", hs_product_id="31",
           quantity="2", price="30.25", amount="60.50"),
    record(2, "2026-03-05T10:00:00.000Z", name="Fork", hs_sku="FORK", hs_product_id="32",
           quantity="1", price="60.00", amount="60.00"),
]  # fmt: skip
# GBP: 456.00 overdue since 12 October + 400.10 due in December = 856.10; USD 50.00 apart.
INVOICES = [
    record(n, "2026-11-01T00:00:00.000Z", hs_number=f"INV-{n}", hs_invoice_date="2026-09-12",
           hs_due_date=due, hs_amount_billed=billed, hs_balance_due=balance, hs_currency=currency,
           hs_invoice_status=status)
    for n, due, billed, balance, currency, status in [
        (701, "2026-10-12", "500.00", "456.00", "GBP", "open"),
        (702, "2026-12-01", "400.10", "400.10", "GBP", "open"),
        (703, "2026-08-01", "80.00", "0", "GBP", "paid"),
        (704, "2026-08-01", "999.00", "999.00", "GBP", "draft"),
        (705, "2026-12-01", "50.00", "50.00", "USD", "open"),
    ]
]  # fmt: skip
PRODUCTS = [
    record(31, "2026-01-01T00:00:00.000Z", name="Spade", hs_sku="SPADE", price="30.25",
           hs_product_type="inventory"),
    record(32, "2026-01-01T00:00:00.000Z", name="Fork", hs_sku="FORK", price=None),
]  # fmt: skip
LINKS: dict[tuple[str, str, str], list[int]] = {
    ("contacts", "51", "tickets"): [901, 902],
    ("contacts", "51", "deals"): [801, 802, 803, 804],
    ("contacts", "51", "invoices"): [701, 702, 703, 704, 705],
    ("deals", "801", "contacts"): [51],
    ("deals", "802", "contacts"): [51],
    ("deals", "803", "contacts"): [51],
    ("deals", "804", "companies"): [7],
    ("deals", "801", "line_items"): [1, 2],
}


def error(status: int, category: str, message: str, **more: Any) -> bytes:
    """HubSpot's error shape."""
    body = {"status": "error", "message": message, "correlationId": "c-1", "category": category}
    return reply({**body, **more}, status)


MISSING_SCOPES = error(
    403,
    "MISSING_SCOPES",
    "This app hasn't been granted all required scopes to make this call.",
    errors=[
        {
            "message": "One or more of the following scopes are required.",
            "context": {"requiredGranularScopes": ["crm.objects.tickets.read", "<b>x</b>"]},
        }
    ],
)


def throttled(policy: str, **headers: str) -> bytes:
    body = {"status": "error", "message": "You have reached your limit.", "errorType": "RATE_LIMIT",
            "correlationId": "c-1", "policyName": policy, "requestId": "r-1"}  # fmt: skip
    return reply(body, 429, **headers)


class FakeHubspot(FakeVendor):
    """`page` is the most records on a page, so that paging is met with few."""

    def __init__(self, page: int = 2) -> None:
        super().__init__()
        self.page = page
        self.token = TOKEN
        self.objects: dict[str, list[dict[str, Any]]] = {
            "contacts": deepcopy(CONTACTS),
            "companies": deepcopy(COMPANIES),
            "tickets": deepcopy(TICKETS),
            "deals": deepcopy(DEALS),
            "line_items": deepcopy(LINE_ITEMS),
            "invoices": deepcopy(INVOICES),
            "products": deepcopy(PRODUCTS),
        }

    def answer(self, request: Request) -> bytes:
        if request.headers.get("authorization") != f"Bearer {self.token}":
            text = "Authentication credentials not found."
            return error(401, "INVALID_AUTHENTICATION", text)
        parts = request.path.strip("/").split("/")
        match parts:
            case ["account-info", "v3", "details"]:
                return reply(ACCOUNT)
            case ["crm", "v3", "owners"]:
                return reply({"results": OWNERS})
            case ["crm", "v3", "pipelines", "tickets"]:
                return reply({"results": PIPELINES})
            case ["crm", "v3", "objects", kind, "search"]:
                return self._search(kind, request.json)
            case ["crm", "v3", "objects", kind, "batch", "read"]:
                wanted = {entry["id"] for entry in request.json["inputs"]}
                found = [r for r in self.objects[kind] if r["id"] in wanted]
                return reply({"status": "COMPLETE", "results": self._shown(found, request.json)})
            case ["crm", "v3", "objects", kind]:
                return self._list(kind, request.query)
            case ["crm", "v4", "objects", kind, id_, "associations", to]:
                if not any(r["id"] == id_ for r in self.objects[kind]):
                    return error(404, "OBJECT_NOT_FOUND", f"{kind} {id_} does not exist")
                return reply({"results": _targets(kind, id_, to)})
            case ["crm", "v4", "associations", kind, to, "batch", "read"]:
                results = [
                    {"from": {"id": e["id"]}, "to": _targets(kind, e["id"], to)}
                    for e in request.json["inputs"]
                    if _targets(kind, e["id"], to)
                ]
                return reply({"status": "COMPLETE", "results": results})
        return error(404, "OBJECT_NOT_FOUND", "no such page")

    def _list(self, kind: str, query: dict[str, str]) -> bytes:
        every = ARCHIVED.get(kind, []) if query.get("archived") == "true" else self.objects[kind]
        rest = [r for r in every if int(r["id"]) > int(query.get("after", "0"))]
        page = rest[: min(self.page, int(query["limit"]))]
        shown = self._shown(page, {"properties": query.get("properties", "").split(",")})
        for each in shown:
            links = {
                name.replace("_", " "): {"results": [{"id": str(i), "type": "x"} for i in ids]}
                for (source, id_, name), ids in LINKS.items()
                if source == kind and id_ == each["id"]
            }
            if "associations" in query and links:
                each["associations"] = links
        body: dict[str, Any] = {"results": shown}
        if len(rest) > len(page):
            body["paging"] = {"next": {"after": page[-1]["id"], "link": "https://x/?after=y"}}
        return reply(body)

    def _search(self, kind: str, asked: dict[str, Any]) -> bytes:
        def fits(one: dict[str, Any], wanted: dict[str, str]) -> bool:
            if wanted["operator"] == "EQ":
                return bool(one["properties"].get(wanted["propertyName"]) == wanted["value"])
            updated = datetime.fromisoformat(one["updatedAt"]).timestamp() * 1000
            return updated >= int(wanted["value"])

        groups = asked["filterGroups"]
        found = [
            r for r in self.objects[kind] if any(all(fits(r, f) for f in g["filters"])
                                                 for g in groups)
        ]  # fmt: skip
        found.sort(key=lambda r: r["updatedAt"])
        start = int(asked.get("after", 0))
        page = found[start : start + min(self.page, asked["limit"])]
        body: dict[str, Any] = {"total": len(found), "results": self._shown(page, asked)}
        if start + len(page) < len(found):
            body["paging"] = {"next": {"after": str(start + len(page))}}
        return reply(body)

    def _shown(self, found: list[dict[str, Any]], asked: dict[str, Any]) -> list[dict[str, Any]]:
        """Only the properties that were asked for are given."""
        names = {"hs_object_id", *asked.get("properties", [])}
        return [
            {**r, "properties": {k: v for k, v in r["properties"].items() if k in names}}
            for r in found
        ]


def _targets(kind: str, id_: str, to: str) -> list[dict[str, Any]]:
    ids = LINKS.get((kind, id_, to), [])
    return [{"toObjectId": i, "associationTypes": []} for i in ids]
