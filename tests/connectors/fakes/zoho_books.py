"""A Zoho Books organisation, from the documentation of its API version 3 and of Zoho's OAuth.

Pages by `page`/`per_page` with `page_context.has_more_page`; errors as `{"code", "message"}`; the
token endpoint refuses with HTTP 200 and `{"error"}`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.connectors.web import Request, WebServer, reply

ORGANISATION = "10234695"
CUSTOMERS: list[dict[str, Any]] = [
    {
        "contact_id": "460000000026049",
        "contact_number": "C-100",
        "contact_name": "Harbour Chandlers",
        "company_name": "Harbour Chandlers Ltd",
        "contact_type": "customer",
        "status": "active",
        "email": "office@harbour.example",
        "phone": "020 7946 0958",
        "mobile": "+44 7700 900123",
        "language_code": "en",
        "currency_code": "GBP",
        "payment_terms": 30,
        "payment_terms_label": "Net 30",
        "outstanding_receivable_amount": 786.50,
        "unused_credits_receivable_amount": 86.25,
    },
    {
        "contact_id": "460000000026050",
        "contact_name": "Closed & Co",
        "contact_type": "customer",
        "status": "inactive",
        "phone": "020 7946 0300",
        "mobile": "",
    },
]
INVOICES = [
    {"invoice_number": "INV-1", "date": "2026-08-01", "due_date": "2026-08-31", "total": 1200.00,
     "balance": 500.00},
    {"invoice_number": "INV-2", "date": "2026-11-10", "due_date": "2026-12-10", "total": 286.50,
     "balance": 286.50},
]  # fmt: skip
PAYMENTS = [{"date": "2026-09-15", "amount": 700.00, "payment_mode": "Bank Transfer"}]
ORDERS = [{"salesorder_number": "SO-7", "date": "2026-11-05", "status": "open", "total": 135.00}]
ITEMS = [
    {"item_id": "1", "name": "Spade", "sku": "SPADE", "rate": 25.00, "status": "active",
     "stock_on_hand": 7},
    {"item_id": "2", "name": "Hour of help", "sku": "", "rate": 40.00, "status": "inactive"},
]  # fmt: skip


@dataclass(slots=True)
class ZohoBooks:
    """The organisation on a web server; a test changes what it wants answered differently."""

    web: WebServer
    token: str = "1000.first"
    tokens_given: int = 0
    page_size: int = 1
    refuse: dict[str, tuple[int, int]] = field(default_factory=dict)
    customers: list[dict[str, Any]] = field(default_factory=lambda: [dict(c) for c in CUSTOMERS])

    def __post_init__(self) -> None:
        own = self.customers[0]["contact_id"]
        named = {"customer_id": own, "currency_code": "GBP"}
        lists = {
            "contacts": self.customers,
            "invoices": [{**named, **each} for each in INVOICES],
            "customerpayments": [{**named, **each} for each in PAYMENTS],
            "salesorders": [{**named, **each} for each in ORDERS],
            "items": ITEMS,
        }
        for name, records in lists.items():
            self.web.answers[f"/books/v3/{name}"] = self._list(name, records)
        for customer in self.customers:
            path = f"/books/v3/contacts/{customer['contact_id']}"
            self.web.answers[path] = self._one(customer)
        self.web.answers["/oauth/v2/token"] = self._give_token

    def _refused(self, request: Request, name: str) -> bytes | None:
        if request.headers.get("authorization") != f"Zoho-oauthtoken {self.token}":
            return reply({"code": 14, "message": "Invalid value passed for authtoken."}, 401)
        if request.query.get("organization_id") != ORGANISATION:
            message = "This user is not associated with the CompanyID/CompanyName"
            return reply({"code": 6041, "message": message}, 401)
        if name in self.refuse:
            status, code = self.refuse[name]
            return reply({"code": code, "message": "<b>refused</b>"}, status)
        return None

    def _list(self, name: str, records: list[dict[str, Any]]) -> Any:
        def answer(request: Request) -> bytes:
            refused = self._refused(request, name)
            if refused:
                return refused
            query = request.query
            wanted = query.get("customer_id")
            found = [r for r in records if wanted is None or r.get("customer_id") == wanted]
            page, size = int(query["page"]), min(self.page_size, int(query["per_page"]))
            part = found[(page - 1) * size : page * size]
            context = {"page": page, "per_page": size, "has_more_page": page * size < len(found)}
            return reply({"code": 0, "message": "success", name: part, "page_context": context})

        return answer

    def _one(self, customer: dict[str, Any]) -> Any:
        def answer(request: Request) -> bytes:
            refused = self._refused(request, "contact")
            return refused or reply({"code": 0, "message": "success", "contact": customer})

        return answer

    def _give_token(self, request: Request) -> bytes:
        form = request.form
        if form.get("refresh_token") != "1000.refresh" or form.get("client_secret") != "s3cret":
            return reply({"error": "invalid_code"})
        self.tokens_given += 1
        self.token = f"1000.next{self.tokens_given}"
        body = {"access_token": self.token, "token_type": "Bearer", "expires_in": 3600}
        return reply({**body, "api_domain": "https://www.zohoapis.com"})
