"""HubSpot: contacts and companies, tickets, won deals, and invoices of HubSpot Commerce.

API version 3 (associations: 4), https://developers.hubspot.com/docs/api-reference. Records are
named `contact/51` and `company/7`, as both count from their own beginning.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

from pydantic import Field, SecretStr, model_validator

from connectors._hubspot_api import RATES, HubspotApi, Record, record_id, refused
from connectors._hubspot_records import (
    DEAL,
    INVOICE,
    LINE,
    OBJECTS,
    PRODUCT,
    TICKET,
    customer_of,
    deal_of,
    invoice_of,
    is_won,
    line_of,
    linked_of,
    page_of,
    product_of,
    ticket_of,
    zone_of,
)
from connectors.sdk.auth import StaticCredentials
from connectors.sdk.budget import Budget
from connectors.sdk.checks import failed_check
from connectors.sdk.connector import (
    ALL,
    Capability,
    CatalogueItem,
    Connector,
    ConnectorConfig,
    ContactItem,
    Context,
    PurchaseItem,
)
from connectors.sdk.contacts import contact
from connectors.sdk.history import item, purchase
from connectors.sdk.phones import has_number, national_digits
from connectors.sdk.sections import Origin, Reading, answer
from connectors.sdk.service import Service
from connectors.sdk.types import (
    Balance,
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
    at,
    check_url,
    records,
    today_in,
    vendor_http,
)

# Searches do not see what was written in the last minute or so.
_LAG = timedelta(minutes=5)
_MODIFIED = {"contact": "lastmodifieddate", "company": "hs_lastmodifieddate"}
_PERSON = (
    "firstname,lastname,email,hs_additional_emails,phone,mobilephone,company,hs_language,"
    "hs_calculated_phone_number,hs_calculated_mobile_number"
)
_SHARED = "hubspot_owner_id,lifecyclestage,hs_merged_object_ids"
_PROPERTIES = {"contact": f"{_PERSON},{_SHARED}", "company": f"name,phone,{_SHARED}"}


class HubspotConfig(ConnectorConfig):
    """Settings of a HubSpot account."""

    base_url: str = Field(
        "https://api.hubapi.com", title="Address", description="Of HubSpot's API."
    )
    access_token: SecretStr = Field(
        title="Access token", description="Of a private app: Settings > Integrations."
    )
    portal_id: str = Field(
        "",
        title="Account id",
        description="HubSpot's number for the account (Hub ID). If given, a token of another"
        " account is refused.",
        pattern=r"^\d{0,20}$",
    )
    companies: bool = Field(
        True, title="Companies", description="Read the numbers of companies too."
    )
    invoices: bool = Field(
        False,
        title="Invoices",
        description="Take balances from HubSpot Commerce: only if invoices are kept there.",
    )
    external_id_property: str = Field(
        "",
        title="Account number property",
        description="Internal name of the property with the customer's id in another system.",
        pattern=r"^[a-z0-9_]{0,100}$",
    )
    requests_per_minute: RequestsPerMinute = 550
    max_concurrency: MaxConcurrency = 8
    timeout_ms: TimeoutMs = 10_000
    allow_private_network: AllowPrivateNetwork = False

    @model_validator(mode="after")
    def _address_may_be_reached(self) -> HubspotConfig:
        check_url("base_url", self.base_url, allow_private=self.allow_private_network)
        return self


class HubspotConnector(Connector[HubspotConfig]):
    """A HubSpot account. It has no credit terms."""

    kind: ClassVar[str] = "hubspot"
    title: ClassVar[str] = "HubSpot"
    summary: ClassVar[str] = "Contacts, companies, tickets and won deals of HubSpot."
    Config: ClassVar[type[Any]] = HubspotConfig
    brings: ClassVar[frozenset[Capability]] = ALL - {"credit_terms"}

    def __init__(self, config: HubspotConfig, context: Context) -> None:
        super().__init__(config, context)
        token = config.access_token.get_secret_value()
        self.budget = Budget(config.requests_per_minute, config.max_concurrency, RATES)
        self._service = Service(
            vendor_http(config),
            StaticCredentials({"Authorization": f"Bearer {token}"}),
            self.budget,
            refused=refused,
        )
        self._api = HubspotApi(self._service, config.portal_id)

    @property
    def provides(self) -> frozenset[Capability]:
        """Everything but credit terms; balances only with invoices."""
        own: tuple[Capability, ...] = ("contacts", "find", "tickets", "purchases")
        streams: tuple[Capability, ...] = ("history", "catalogue")
        return frozenset((*own, *streams, *(("balance",) if self.config.invoices else ())))

    async def contacts(self, since: str | None) -> AsyncIterator[ContactItem]:
        """Read all records by id, or those changed since; the cursor holds where it stands.

        `2026-11-22T09:00:00+00:00` is a completed read, ` contact 51` behind it one under way.
        """
        begun, kind, after = _position(since)
        account, owners = await asyncio.gather(self._api.account(), self._api.owners())
        kinds = ["contact", "company"] if self.config.companies else ["contact"]
        started = (self.context.now() - _LAG).isoformat()
        if begun is not None and kind is None:
            for each in kinds:
                name, wanted = OBJECTS[each][0], self._properties(each)
                async for record in self._api.changed(name, _MODIFIED[each], begun, wanted):
                    for found in self._contact(each, record, account, owners):
                        yield found
                async for gone in self._archived(each, begun):
                    yield gone
            yield Checkpoint(started)
            return
        started = begun.isoformat() if begun is not None else started
        for each in kinds[kinds.index(kind) if kind in kinds else 0 :]:
            query = {"properties": self._properties(each)}
            async for page, following in self._api.pages(OBJECTS[each][0], query, after):
                for record in page:
                    for found in self._contact(each, record, account, owners):
                        yield found
                if following:
                    yield Checkpoint(f"{started} {each} {following}")
            after = None
        yield Checkpoint(started)

    def _contact(
        self, kind: str, record: Record, account: Record, owners: Mapping[str, Record]
    ) -> Iterable[Any]:
        values = self._values(kind, record, account, owners)
        yield contact([Row(values, 1, f"{kind} {values['remote_id']}")])
        for merged in str(at(record, "properties", "hs_merged_object_ids") or "").split(";"):
            if merged.strip():
                yield Tombstone(f"{kind}/{merged.strip()}")

    def _values(
        self, kind: str, record: Record, account: Record, owners: Mapping[str, Record]
    ) -> dict[str, Any]:
        own = at(record, "properties") or {}
        owner = owners.get(str(own.get("hubspot_owner_id")), {})
        person = [own.get("firstname"), own.get("lastname")]
        name = " ".join(str(part) for part in person if part) or own.get("email")
        return {
            "remote_id": f"{kind}/{record_id(record)}",
            "display_name": own.get("name") if kind == "company" else name,
            "company_name": own.get("name" if kind == "company" else "company"),
            "external_id": own.get(self.config.external_id_property),
            "phone": own.get("phone"),
            "mobile": own.get("mobilephone"),
            "email": own.get("email"),
            "emails": own.get("hs_additional_emails"),
            "language": own.get("hs_language"),
            "tags": own.get("lifecyclestage"),
            "owner_name": " ".join(filter(None, (owner.get("firstName"), owner.get("lastName")))),
            "owner_email": owner.get("email"),
            "updated_at": record.get("updatedAt"),
            "remote_url": page_of(account, OBJECTS[kind][1], record_id(record)),
        }

    async def find(self, number: Number) -> list[ContactRow]:
        """Search contacts by the digits without country code; keep those of this country."""
        digits = national_digits(number)
        if not digits:
            return []
        fields = ("hs_searchable_calculated_phone_number", "hs_searchable_calculated_mobile_number")
        groups = [
            {"filters": [{"propertyName": name, "operator": "EQ", "value": digits}]}
            for name in fields
        ]
        body = {
            "filterGroups": groups,
            "properties": self._properties("contact").split(","),
            "limit": 50,
        }
        account, document = await asyncio.gather(
            self._api.account(), self._service.post("/crm/v3/objects/contacts/search", json=body)
        )
        found = []
        for record in records(document.data, "results"):
            row = Row(self._values("contact", record, account, {}), 1, "contact")
            made = contact([row])
            own = at(record, "properties") or {}
            calculated = (own.get(f"hs_calculated_{n}_number") for n in ("phone", "mobile"))
            if isinstance(made, ContactRow) and (
                number.e164 in calculated
                or has_number((p.raw for p in made.phone_numbers), number, self.context.region)
            ):
                found.append(made)
        return found

    async def fetch(self, section: SectionName, ref: CustomerRef) -> Found | Empty:
        """Read the tickets, won deals or open invoices of a contact or company."""
        kind, _, own_id = ref.remote_id.partition("/")
        if kind not in OBJECTS or not own_id.isdecimal():
            return Empty(self.context.now())
        account = await self._api.account()
        origin = Origin(
            self.context.slug,
            today_in(zone_of(account), self.context.now()),
            self.context.now(),
            account.get("companyCurrency"),
            page_of(account, OBJECTS[kind][1], own_id),
        )
        where = f"{OBJECTS[kind][0]}/{own_id}"
        notes: list[str] = []
        if section == "tickets":
            stages = await self._api.ticket_stages()
            found = await self._api.associated(where, "tickets", TICKET, notes)
            rows = [ticket_of(r, stages, account, n) for n, r in enumerate(found, 1)]
            return answer(section, Reading(rows), origin, notes=notes)
        if section == "purchases":
            found = await self._api.associated(where, "deals", DEAL, notes)
            won = [deal for deal in found if is_won(deal)]
            ids = [record_id(deal) for deal in won]
            lines = await self._lines(await self._api.links("deals", "line_items", ids))
            rows = [deal_of(deal, account, n) for n, deal in enumerate(won, 1)]
            reading = Reading(rows, bool(notes), [lines.get(record_id(deal), []) for deal in won])
            return answer(section, reading, origin)
        found = await self._api.associated(where, "invoices", INVOICE, notes)
        # A paid one says that nothing is owed, where none at all would say nothing.
        sent = [r for r in found if at(r, "properties", "hs_invoice_status") in ("open", "paid")]
        rows = [invoice_of(record, n) for n, record in enumerate(sent, 1)]
        owed = answer(section, Reading(rows, bool(notes)), origin)
        if isinstance(owed, Found) and isinstance(owed.facts, Balance):
            # Invoices alone do not tell credits: what is not known is not 0.
            known = owed.facts.model_copy(update={"unapplied_credit": None})
            return Found(known, owed.as_of, owed.remote_url, owed.incomplete)
        return owed

    async def purchases(self, since: str | None) -> AsyncIterator[PurchaseItem]:  # noqa: ARG002
        """Read all won deals, each of its first contact, else of its first company."""
        query = {"properties": DEAL, "associations": "contacts,companies,line_items"}
        account = await self._api.account()
        number = 0
        async for page, _ in self._api.pages("deals", query, None):
            won = [deal for deal in page if is_won(deal) and customer_of(deal)]
            wanted = {record_id(deal): linked_of(deal, "line items") for deal in won}
            lines = await self._lines(wanted)
            for deal in won:
                number += 1
                row = deal_of(deal, account, number)
                own = lines.get(record_id(deal), [])
                yield purchase([row], account.get("companyCurrency"), own)
        yield Checkpoint(None)

    async def catalogue(self, since: str | None) -> AsyncIterator[CatalogueItem]:  # noqa: ARG002
        """Read all products; HubSpot counts no stock."""
        account = await self._api.account()
        number = 0
        async for page, _ in self._api.pages("products", {"properties": PRODUCT}, None):
            for record in page:
                number += 1
                yield item(product_of(record, account, number), account.get("companyCurrency"))
        yield Checkpoint(None)

    async def check(self) -> CheckResult:
        """Ask who we are, then read one record of each kind that is used."""
        proved: list[str] = []
        kinds = ["contacts", "tickets", "deals", "line_items", "products"]
        kinds += ["companies"] * self.config.companies + ["invoices"] * self.config.invoices
        what = "account"
        try:
            account = await self._api.account()
            proved.append(f"account {account.get('portalId')}")
            for what in kinds:
                document = await self._service.get(f"/crm/v3/objects/{what}", {"limit": "1"})
                proved.append(f"{what}: {len(records(document.data, 'results'))} read")
            what = "find"
            await self.find(Number("+12025550100", "+12025550100"))
            proved.append("find: the search answers")
        except SourceError as error:
            return failed_check(error, what, tuple(proved))
        return CheckResult(CheckStatus.OK, "", tuple(proved))

    async def aclose(self) -> None:
        """Close the pooled connections."""
        await self._service.aclose()

    def _properties(self, kind: str) -> str:
        own = self.config.external_id_property
        return _PROPERTIES[kind] + (f",{own}" if own else "")

    async def _archived(self, kind: str, begun: datetime) -> AsyncIterator[Tombstone]:
        async for page, _ in self._api.pages(OBJECTS[kind][0], {"archived": "true"}):
            for record in page:
                gone = Row(record, 1, kind).instant("archivedAt")
                if gone is None or gone >= begun:
                    yield Tombstone(f"{kind}/{record_id(record)}")

    async def _lines(self, of_deal: Mapping[str, list[str]]) -> dict[str, list[Row]]:
        wanted = [line for ids in of_deal.values() for line in ids]
        read = await self._api.read("line_items", LINE, wanted)
        by_id = {record_id(line): line for line in read}
        return {
            deal: [line_of(by_id[each], n) for n, each in enumerate(ids, 1) if each in by_id]
            for deal, ids in of_deal.items()
        }


def _position(since: str | None) -> tuple[datetime | None, str | None, str | None]:
    """Read a cursor: when its read began, and in a read under way the kind and where it stands.

    Raises:
        SourceError: it is none of ours.
    """
    if since is None:
        return None, None, None
    try:
        begun, kind, after = (*since.split(" "), None, None)[:3]
        return datetime.fromisoformat(begun or ""), kind, after
    except ValueError:
        raise SourceError(
            ErrorKind.BAD_DATA, "the place to go on from is not known: read all contacts again"
        ) from None
