"""Zendesk: the people who ask for help, and their tickets. It knows nothing of money or orders.

Support API version 2, https://developer.zendesk.com/api-reference/ticketing.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, ClassVar

from pydantic import Field, SecretStr, model_validator

from connectors.sdk.answers import Answer
from connectors.sdk.auth import StaticCredentials
from connectors.sdk.budget import Budget, RateHeaders
from connectors.sdk.checks import failed_check
from connectors.sdk.connector import Capability, Connector, ConnectorConfig, ContactItem, Context
from connectors.sdk.contacts import contact
from connectors.sdk.phones import has_number, national_digits
from connectors.sdk.sections import Origin, Reading, answer
from connectors.sdk.service import Service
from connectors.sdk.types import (
    Checkpoint,
    CheckResult,
    CheckStatus,
    ContactRow,
    CustomerRef,
    Empty,
    ErrorKind,
    Found,
    Number,
    SectionName,
    SourceError,
    Tombstone,
)
from connectors.sdk.values import Row
from connectors.sdk.vendor import (
    AllowPrivateNetwork,
    MaxConcurrency,
    RequestsPerMinute,
    TimeoutMs,
    check_url,
    records,
    vendor_http,
)

# Most users on a page of the export, most organisations read at once, tickets shown.
_USERS, _ORGANISATIONS, _TICKETS = 1000, 100, 20
_RATES = (
    RateHeaders("ratelimit-remaining", "ratelimit-limit", "ratelimit-reset"),
    RateHeaders("x-rate-limit-remaining", "x-rate-limit"),
)
Record = Mapping[str, Any]


class ZendeskConfig(ConnectorConfig):
    """Settings of a Zendesk account."""

    base_url: str = Field(
        title="Address", description="Of the account itself: https://acme.zendesk.com."
    )
    email: str = Field(
        title="E-mail", description="Of the admin whom the token acts for.", pattern=r"^[^\s:]+$"
    )
    api_token: SecretStr = Field(
        title="API token", description="Admin Center > Apps and integrations > APIs."
    )
    requests_per_minute: RequestsPerMinute = 200
    max_concurrency: MaxConcurrency = 8
    timeout_ms: TimeoutMs = 10_000
    allow_private_network: AllowPrivateNetwork = False

    @model_validator(mode="after")
    def _address_may_be_reached(self) -> ZendeskConfig:
        check_url("base_url", self.base_url, allow_private=self.allow_private_network)
        return self


class ZendeskConnector(Connector[ZendeskConfig]):
    """A Zendesk account: end users as contacts, and the tickets they asked for."""

    kind: ClassVar[str] = "zendesk"
    title: ClassVar[str] = "Zendesk"
    summary: ClassVar[str] = "People and tickets of Zendesk Support."
    Config: ClassVar[type[Any]] = ZendeskConfig
    brings: ClassVar[frozenset[Capability]] = frozenset({"contacts", "find", "tickets"})

    def __init__(self, config: ZendeskConfig, context: Context) -> None:
        super().__init__(config, context)
        pair = f"{config.email}/token:{config.api_token.get_secret_value()}".encode()
        self.budget = Budget(config.requests_per_minute, config.max_concurrency, _RATES)
        self._service = Service(
            vendor_http(config),
            StaticCredentials({"Authorization": "Basic " + base64.b64encode(pair).decode()}),
            self.budget,
            refused=refused,
        )

    @property
    def provides(self) -> frozenset[Capability]:
        """Contacts, a search by number, and tickets."""
        return frozenset({"contacts", "find", "tickets"})

    async def contacts(self, since: str | None) -> AsyncIterator[ContactItem]:
        """Read the export of users, all or from the cursor that Zendesk gave the last time.

        It hands out 10 pages a minute, and not what was changed in the last minute.
        """
        cursor = since
        names: dict[str, str] = {}
        number = 0
        while True:
            start = {"cursor": cursor} if cursor else {"start_time": "0"}
            document = await self._service.get(
                "/api/v2/incremental/users/cursor.json", {**start, "per_page": str(_USERS)}
            )
            page = records(document.data, "users")
            await self._learn_organisations(page, names)
            for user in page:
                number += 1
                yield self._contact(user, names, number)
            following = document.data.get("after_cursor")
            if following is not None and not isinstance(following, str):
                raise SourceError(ErrorKind.BAD_DATA, "Zendesk's `after_cursor` is no text")
            # A page that leads to itself is the last, whatever it says.
            end = document.data.get("end_of_stream") is not False or following in (None, cursor)
            cursor = following or cursor
            yield Checkpoint(cursor)
            if end:
                return

    async def _learn_organisations(self, users: Iterable[Record], names: dict[str, str]) -> None:
        """Read the names of the users' organisations that are not known yet."""
        given = dict.fromkeys(user.get("organization_id") for user in users)
        wanted = [str(each) for each in given if each is not None and str(each) not in names]
        for start in range(0, len(wanted), _ORGANISATIONS):
            ids = ",".join(wanted[start : start + _ORGANISATIONS])
            path = "/api/v2/organizations/show_many.json"
            document = await self._service.get(path, {"ids": ids})
            for found in records(document.data, "organizations"):
                names[str(found.get("id"))] = str(found.get("name") or "")

    def _contact(self, user: Record, names: Mapping[str, str], number: int) -> ContactItem:
        row = Row(
            {
                "remote_id": user.get("id"),
                "display_name": user.get("name"),
                "company_name": names.get(str(user.get("organization_id"))),
                "external_id": user.get("external_id"),
                "phone": user.get("phone"),
                "email": user.get("email"),
                "tags": user.get("tags"),
                "language": user.get("locale"),
                "updated_at": user.get("updated_at"),
                "remote_url": self._page("users", user.get("id")),
            },
            number,
            "user",
        )
        # Deleted ones stay in the export; agents are colleagues and no customers.
        if user.get("active") is False or user.get("role") != "end-user":
            return Tombstone(row.needed_text("remote_id"))
        return contact([row])

    async def find(self, number: Number) -> list[ContactRow]:
        """Search the ends of phone numbers, in any spelling; keep those that are this number."""
        digits = national_digits(number)
        if not digits:
            return []
        # Digits only: nothing of the caller's text gets into the query.
        query = f"type:user role:end-user phone:*{digits}"
        document = await self._service.get("/api/v2/search.json", {"query": query})
        users = records(document.data, "results")
        names: dict[str, str] = {}
        found = []
        for position, user in enumerate(users, 1):
            made = self._contact(user, names, position)
            if isinstance(made, ContactRow) and has_number(
                (p.raw for p in made.phone_numbers), number, self.context.region
            ):
                found.append((made, user))
        await self._learn_organisations([user for _, user in found], names)
        return [
            made.model_copy(
                update={"company_name": names.get(str(user.get("organization_id"))) or None}
            )
            for made, user in found
        ]

    async def fetch(self, section: SectionName, ref: CustomerRef) -> Found | Empty:
        """Read the tickets that a user asked for, those changed last."""
        now = self.context.now()
        if section != "tickets" or not ref.remote_id.isdecimal() or not ref.remote_id.isascii():
            return Empty(now)
        query = {"sort_by": "updated_at", "sort_order": "desc", "per_page": str(_TICKETS)}
        path = f"/api/v2/users/{ref.remote_id}/tickets/requested.json"
        try:
            document = await self._service.get(path, query)
        except SourceError as error:
            if error.kind is not ErrorKind.NOT_FOUND:
                raise
            return Empty(now)
        rows = [
            Row(
                {
                    "number": ticket.get("id"),
                    "subject": ticket.get("subject"),
                    "status": ticket.get("status"),
                    "priority": ticket.get("priority"),
                    "updated_at": ticket.get("updated_at"),
                    "url": self._page("tickets", ticket.get("id")),
                },
                number,
                "ticket",
            )
            for number, ticket in enumerate(records(document.data, "tickets"), 1)
        ]
        origin = Origin(
            self.context.slug,
            self.context.today(),
            now,
            remote_url=self._page("users", ref.remote_id),
        )
        return answer("tickets", Reading(rows), origin)

    async def check(self) -> CheckResult:
        """See who we are, then read a sample of users and search."""
        proved: list[str] = []
        what = "sign-in"
        try:
            me = (await self._service.get("/api/v2/users/me.json")).data
            user = me.get("user") if isinstance(me, Mapping) else None
            role = user.get("role") if isinstance(user, Mapping) else None
            # To somebody it does not know, Zendesk answers as to a visitor.
            if not isinstance(user, Mapping) or user.get("id") is None:
                return CheckResult(CheckStatus.INVALID_AUTH, _NOT_ACCEPTED)
            if role != "admin":
                return CheckResult(
                    CheckStatus.MISSING_PERMISSION,
                    "the e-mail is not of an admin: only admins may read all users",
                )
            proved.append("signed in as an admin")
            what = "contacts"
            path = "/api/v2/incremental/users/sample.json"
            sample = await self._service.get(path, {"start_time": "0"})
            proved.append(f"contacts: {len(records(sample.data, 'users'))} users in a sample")
            what = "find"
            await self.find(Number("+12025550100", "+12025550100"))
            proved.append("find: the search answers")
            what = "tickets"
            await self.fetch("tickets", CustomerRef(str(user["id"])))
            proved.append("tickets: can be read")
        except SourceError as error:
            return failed_check(error, what, tuple(proved))
        return CheckResult(CheckStatus.OK, "", tuple(proved))

    def _page(self, kind: str, record: object) -> str:
        return f"{self.config.base_url.rstrip('/')}/agent/{kind}/{record}"

    async def aclose(self) -> None:
        """Close the pooled connections."""
        await self._service.aclose()


_NOT_ACCEPTED = (
    "Zendesk does not accept e-mail and API token: check both, and that token access is switched on"
)


def refused(answer: Answer, data: Any) -> SourceError | None:
    """Say what an error of Zendesk means: `{error, description}`, or no JSON at all."""
    if answer.status == 401:
        return SourceError(ErrorKind.AUTH_EXPIRED, _NOT_ACCEPTED)
    if answer.status == 403:
        return SourceError(
            ErrorKind.AUTH_DENIED, "the account of this e-mail may not read this: use an admin's"
        )
    if answer.status == 404 and not isinstance(data, Mapping):
        return SourceError(
            ErrorKind.BAD_CONFIG, "there is no Zendesk account at this address: check base_url"
        )
    if answer.status == 422:
        return SourceError(
            ErrorKind.BAD_DATA, "the place to go on from is not known: read all contacts again"
        )
    return None
