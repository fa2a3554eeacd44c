"""Zendesk's Support API as its documentation describes it, with a few people and tickets."""

from __future__ import annotations

import base64
import re
from typing import Any

from tests.connectors.fakes.vendor import FakeVendor
from tests.connectors.web import Request, reply

EMAIL, TOKEN = "ada@us.example", "zd-s3cret-token"


def user(id_: int, name: str, phone: str | None, **more: Any) -> dict[str, Any]:
    return {
        "id": id_, "name": name, "phone": phone, "email": None, "role": "end-user", "active": True,
        "organization_id": None, "external_id": None, "tags": [], "locale": "en-GB",
        "shared_phone_number": False, "updated_at": "2026-11-20T08:00:00Z",
        "url": f"https://acme.zendesk.com/api/v2/users/{id_}.json", **more,
    }  # fmt: skip


# 51 and 52 have the same national digits in two countries.
USERS = [
    user(51, "Ada Kestrel", "(020) 7946-0958", organization_id=9, external_id="C-100",
         email="ada@kestrel.example", tags=["vip"]),
    user(52, "Abe Maine", "+1 207 946 0958"),
    user(53, "Gone", "1", active=False),
    user(54, "Agent", "+44 20 7946 0001", role="agent"),
    user(55, "", "020 7946 0002"),
]  # fmt: skip
CHANGED = [user(52, "Abe M.", "+1 207 946 0958")]
ORGANISATIONS = [{"id": 9, "name": "Kestrel Garden"}]
TICKETS = [
    {"id": 902, "subject": "Thanks", "status": "solved", "priority": None,
     "updated_at": "2026-11-21T08:00:00Z", "url": "https://acme.zendesk.com/api/v2/x"},
    {"id": 901, "subject": "Late delivery", "status": "open", "priority": "high",
     "updated_at": "2026-11-20T08:00:00Z", "url": "javascript:alert(1)"},
]  # fmt: skip

FORBIDDEN = reply(
    {"error": {"title": "Forbidden", "message": "You do not have access to this page."}}, 403
)
THROTTLED = reply(b"Too Many Requests", 429, "text/plain", Retry_After="93")
NO_ACCOUNT = reply(b"<html>No help desk at this address</html>", 404, "text/html")


class FakeZendesk(FakeVendor):
    """`page` is the most users on a page of the export."""

    def __init__(self, page: int = 2) -> None:
        super().__init__()
        self.page = page
        self.role = "admin"

    def answer(self, request: Request) -> bytes:
        pair = base64.b64encode(f"{EMAIL}/token:{TOKEN}".encode()).decode()
        known = request.headers.get("authorization") == f"Basic {pair}"
        match request.path.removeprefix("/api/v2/").removesuffix(".json").split("/"):
            case ["users", "me"] if not known:
                return reply({"user": {"id": None, "name": "Anonymous user", "role": "end-user"}})
            case _ if not known:
                return reply({"error": "Couldn't authenticate you"}, 401)
            case ["users", "me"]:
                return reply({"user": user(1, "Admin", None, role=self.role)})
            case ["incremental", "users", "sample"]:
                return reply({"users": USERS[:2], "end_of_stream": False})
            case ["incremental", "users", "cursor"]:
                return self._export(request.query)
            case ["organizations", "show_many"]:
                ids = request.query["ids"].split(",")
                return reply({"organizations": [o for o in ORGANISATIONS if str(o["id"]) in ids]})
            case ["search"]:
                return self._search(request.query["query"])
            case ["users", "51", "tickets", "requested"]:
                return reply({"tickets": TICKETS, "next_page": None, "count": 2})
            case ["users", "1" | "52", "tickets", "requested"]:
                return reply({"tickets": [], "next_page": None, "count": 0})
        return reply({"error": "RecordNotFound", "description": "Not found"}, 404)

    def _export(self, query: dict[str, str]) -> bytes:
        if query.get("cursor", "0").startswith("end-"):
            return reply({"users": CHANGED, "after_cursor": "end-2", "end_of_stream": True})
        start = int(query.get("cursor", "0"))
        page = USERS[start : start + self.page]
        last = start + self.page >= len(USERS)
        cursor = "end-1" if last else str(start + self.page)
        body = {"users": page, "after_cursor": cursor, "before_cursor": None, "end_of_stream": last,
                "after_url": f"https://acme.zendesk.com/x?cursor={cursor}"}  # fmt: skip
        return reply(body, ratelimit_limit="200", ratelimit_remaining="199", ratelimit_reset="41")

    def _search(self, query: str) -> bytes:
        asked = re.fullmatch(r"type:user role:end-user phone:\*(\d+)", query)
        assert asked, query
        found = [
            {**each, "result_type": "user"}
            for each in USERS
            if each["phone"] and "".join(c for c in each["phone"] if c.isdigit()).endswith(asked[1])
        ]
        return reply({"results": found, "count": len(found), "next_page": None})
