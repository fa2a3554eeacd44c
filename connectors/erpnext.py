"""ERPNext 14 and later: customers and contacts, receivables, credit limits, orders, items, issues.

Field names: ERPNext's and Frappe's source. Records are named `Customer/Kestrel Garden` and
`Contact/Ada-Kestrel Garden`; money and orders are the customer's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, ClassVar, Literal

from pydantic import Field, SecretStr

from connectors import _erpnext_records as erp
from connectors._erpnext_api import ErpNextApi, name_of, refused
from connectors._erpnext_contacts import ErpNextContacts
from connectors._erpnext_sections import ErpNextSections
from connectors.sdk import vendor
from connectors.sdk.auth import StaticCredentials
from connectors.sdk.budget import Budget
from connectors.sdk.connector import (
    ALL,
    Capability,
    CatalogueItem,
    Connector,
    ContactItem,
    Context,
    PurchaseItem,
)
from connectors.sdk.history import item, purchase
from connectors.sdk.phones import has_number, national_digits
from connectors.sdk.sections import Origin, Reading, answer
from connectors.sdk.service import Service
from connectors.sdk.settings import zone_of
from connectors.sdk.types import (
    Checkpoint,
    CheckResult,
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
from connectors.sdk.vendor import Record

_PAGE, _FOUND_AT_MOST = 500, 50
# Times are the site's local ones: the hour that its clock is put back comes twice.
_LAG = timedelta(minutes=65)


class ErpNextConfig(vendor.VendorConfig):
    """Settings of an ERPNext site."""

    base_url: str = Field(title="Address", description="Such as https://acme.frappe.cloud.")
    api_key: str = Field(title="API key", description="User > Settings > API Access.")
    api_secret: SecretStr = Field(title="API secret", description="Shown once with the key.")
    company: str = Field(
        "",
        title="Company",
        description="Whose money is read. May be empty where there is only one.",
        max_length=140,
    )
    purchases: Literal["orders", "invoices"] = Field(
        "orders", title="Purchases", description="What counts as one: sales orders, or invoices."
    )
    price_list: str = Field(
        "Standard Selling", title="Price list", description="Of the items' prices.", max_length=140
    )
    issues: bool = Field(True, title="Issues", description="Read support issues.")
    requests_per_minute: vendor.RequestsPerMinute = 600


class ErpNextConnector(Connector[ErpNextConfig]):
    """An ERPNext site, read in one company."""

    kind: ClassVar[str] = "erpnext"
    title: ClassVar[str] = "ERPNext"
    summary: ClassVar[str] = "Customers, receivables, credit limits, orders and items of ERPNext."
    Config: ClassVar[type[Any]] = ErpNextConfig
    brings: ClassVar[frozenset[Capability]] = ALL

    def __init__(self, config: ErpNextConfig, context: Context) -> None:
        super().__init__(config, context)
        key = f"token {config.api_key}:{config.api_secret.get_secret_value()}"
        self.budget = Budget(config.requests_per_minute, config.max_concurrency)
        self._api = ErpNextApi(
            Service(
                vendor.vendor_http(config),
                StaticCredentials({"Authorization": key}),
                self.budget,
                refused=refused,
            )
        )
        self._sales = erp.SALES[config.purchases]
        self._sections = ErpNextSections(self._api, config.base_url, config.row_limit, self._sales)
        self._contacts = ErpNextContacts(self._api, config.base_url)
        self._zone: str | None = config.time_zone or None
        self._company: Record | None = None

    @property
    def provides(self) -> frozenset[Capability]:
        """Everything; tickets only with issues."""
        own: tuple[Capability, ...] = ("contacts", "find", "balance", "credit_terms", "purchases")
        streams: tuple[Capability, ...] = ("history", "catalogue")
        return frozenset((*own, *streams, *(("tickets",) if self.config.issues else ())))

    async def _zone_name(self) -> str:
        """Return the site's time zone: all its times are local."""
        if self._zone is None:
            told = await self._api.method("frappe.client.get_time_zone")
            name = str(vendor.one(told).get("time_zone") or "")
            try:
                zone_of(name)
            except ValueError:
                raise SourceError(
                    ErrorKind.BAD_CONFIG,
                    "the site's time zone is not known here: give it in the setting `time_zone`",
                ) from None
            self._zone = name
        return self._zone

    async def _local(self, begun: str) -> str:
        """Write the time of a cursor as the site writes its own."""
        try:
            instant = datetime.fromisoformat(begun)
        except ValueError:
            raise erp.not_known() from None
        zone = zone_of(await self._zone_name())
        return f"{instant.astimezone(zone or UTC):%Y-%m-%d %H:%M:%S}"

    async def _own_company(self) -> Record:
        if self._company is None:
            name = self.config.company
            found = await self._api.rows(
                "Company",
                ["name", "default_currency", "credit_limit", "payment_terms"],
                [["name", "=", name]] if name else [],
                2,
            )
            if len(found) != 1:
                raise SourceError(
                    ErrorKind.BAD_CONFIG,
                    "there is no company of this name that the user may see: check `company`"
                    if name
                    else "there is not exactly one company: name yours in `company`",
                )
            self._company = found[0]
        return self._company

    async def contacts(self, since: str | None) -> AsyncIterator[ContactItem]:
        """Read all customers, then all contacts, or those changed and deleted since.

        A cursor `2026-11-22T07:55:00Z` is a completed read, ` Contact Ada` behind it one under
        way. Deletions are told to System Managers only.
        """
        begun, part, after = erp.position(since)
        started = begun if begun and part else vendor.utc_text(self.context.now() - _LAG)
        filters: list[list[Any]] = []
        if begun and not part:
            filters = [["modified", ">=", await self._local(begun)]]
        elif begun:
            await self._local(begun)
        zone = await self._zone_name()
        number = 0
        for kind in ("Customer", "Contact"):
            if part == "Contact" and kind == "Customer":
                continue
            fields = erp.CUSTOMER if kind == "Customer" else erp.CONTACT
            async for page in self._api.pages(kind, fields, filters, _PAGE, after):
                async for made in self._contacts.made(kind, page, number, zone):
                    yield made
                number += len(page)
                if not filters:
                    yield Checkpoint(f"{started} {kind} {name_of(page[-1])}")
            after = ""
        if filters:
            async for made in self._contacts.moved(filters, zone):
                yield made
            for kind, gone in await self._contacts.deleted(["Customer", "Contact"], filters[0][2]):
                yield Tombstone(f"{kind}/{gone}")
        yield Checkpoint(started)

    async def find(self, number: Number) -> list[ContactRow]:
        """Search the numbers of contacts, with any marks between the digits."""
        digits = national_digits(number)
        if len(digits) < 4:
            return []
        like = "%" + "%".join(digits) + "%"
        hits = await self._api.rows(
            "Contact Phone",
            ["parent", "phone"],
            [["parenttype", "=", "Contact"], ["phone", "like", like]],
            _FOUND_AT_MOST,
            "parent asc",
            "Contact",
        )
        region = self.context.region
        names = [
            str(hit.get("parent"))
            for hit in hits
            if has_number([str(hit.get("phone"))], number, region)
        ]
        known = await self._api.named("Contact", erp.CONTACT, names)
        zone = await self._zone_name()
        made = self._contacts.made("Contact", list(known.values()), 0, zone)
        return [row async for row in made if isinstance(row, ContactRow)]

    async def fetch(self, section: SectionName, ref: CustomerRef) -> Found | Empty:
        """Read a section of a customer, or of the customer that a contact belongs to."""
        now, notes = self.context.now(), list[str]()
        asked = erp.kind_and_name(ref.remote_id)
        if asked is None:
            return Empty(now)
        kind, name = asked
        if kind == "Contact":
            of = ["link_doctype", "=", "Customer"]
            fields = ["link_name"]
            links = await self._api.children("Contact", "Dynamic Link", fields, [name], of)
            names = [str(link.get("link_name")) for link in links.get(name, [])]
            if not names:
                return Empty(now)
            name = names[0]
            notes.append(f"the account of {name[:100]}, which this contact belongs to")
            if len(names) > 1:
                notes.append(f"the contact belongs to {len(names) - 1} more, whose are not shown")
        customers = await self._api.named("Customer", erp.TERMS, [name])
        if name not in customers:
            return Empty(now)
        company, zone = await asyncio.gather(self._own_company(), self._zone_name())
        currency = str(company.get("default_currency") or "") or None
        page = erp.page_of(self.config.base_url, "Customer", name)
        origin = Origin(self.context.slug, vendor.today_in(zone, now), now, currency, page)
        sections = self._sections
        match section:
            case "balance":
                return await sections.balance(name, company, origin, notes)
            case "purchases":
                return await sections.purchases(name, company, origin, notes)
            case "credit_terms":
                reading = Reading([await sections.terms(customers[name], company)])
            case _:
                reading = Reading(await sections.issues(name, zone))
        return answer(section, reading, origin, notes=notes)

    async def purchases(self, since: str | None) -> AsyncIterator[PurchaseItem]:
        """Read the orders of all customers, or those changed, cancelled and deleted since."""
        begun, part, after = erp.position(since)
        delta = begun is not None and not part
        company = await self._own_company()
        started = begun if begun and part else vendor.utc_text(self.context.now() - _LAG)
        changed = await self._local(begun) if begun else ""
        where: list[list[Any]] = [["company", "=", name_of(company)]]
        where += [["docstatus", "in", [1, 2]] if delta else ["docstatus", "=", 1]]
        where += [["modified", ">=", changed]] if delta else []
        currency = str(company.get("default_currency") or "") or None
        sales, number = self._sales, 0
        async for page in self._api.pages(sales.name, sales.fields[1:], where, _PAGE, after):
            names = [name_of(order) for order in page if order.get("docstatus") == 1]
            lines = await self._api.children(sales.name, sales.lines, erp.LINE, names)
            for order in page:
                number += 1
                if order.get("docstatus") != 1:
                    yield Tombstone(name_of(order))
                    continue
                own = erp.line_rows(lines.get(name_of(order), []))
                yield purchase([erp.order_row(order, sales, number)], currency, own)
            if not delta:
                yield Checkpoint(f"{started} {self.config.purchases} {name_of(page[-1])}")
        if delta:
            for _, gone in await self._contacts.deleted([sales.name], changed):
                yield Tombstone(gone)
        yield Checkpoint(started)

    async def catalogue(self, since: str | None) -> AsyncIterator[CatalogueItem]:  # noqa: ARG002
        """Read all items that are sold: price and stock change without any sign to go by."""
        number = 0
        async for page in self._api.pages("Item", erp.ITEM, [["is_sales_item", "=", 1]], _PAGE):
            names = [name_of(each) for each in page]
            prices, bins = await asyncio.gather(
                self._sections.prices(names, self.config.price_list, self.context.today()),
                self._sections.bins(names),
            )
            for each in page:
                number += 1
                name = name_of(each)
                make = partial(
                    erp.item_row,
                    each,
                    prices.get(name),
                    bins.get(name, []),
                    self.config.base_url,
                    number,
                )
                row = vendor.or_rejected(f"item {number}", make)
                yield item(row, None) if isinstance(row, Row) else row
        yield Checkpoint(None)

    async def check(self) -> CheckResult:
        """Sign in, see the company, and read a little of each document type used."""
        parts = {
            "sign-in": self._check_user,
            "company": self._check_company,
            "contacts": self._check_contacts,
            "find": self._check_find,
            "balance": self._check_balance,
            "purchases": self._check_purchases,
            "catalogue": self._check_catalogue,
            **({"issues": self._check_issues} if self.config.issues else {}),
        }
        return await vendor.check_each(parts)

    async def _check_user(self) -> str:
        await self._api.method("frappe.auth.get_logged_user")
        self._company = None
        return f"the key is accepted, days of {await self._zone_name()}"

    async def _check_company(self) -> str:
        company = await self._own_company()
        return f"{name_of(company)} ({company.get('default_currency')})"

    async def _check_contacts(self) -> str:
        read = []
        for kind, fields in (("Customer", erp.CUSTOMER), ("Contact", erp.CONTACT)):
            page = await self._api.rows(kind, ["name", *fields], [], 1)
            read.append(f"{len(page)} {kind.lower()} read")
            async for _ in self._contacts.made(kind, page, 0, await self._zone_name()):
                pass
        told = await self._contacts.tells_deletions()
        return ", ".join([*read, f"deletions are {'' if told else 'not '}told"])

    async def _check_find(self) -> str:
        await self.find(Number("+12025550100", "+12025550100"))
        return "the search of numbers answers"

    async def _check_balance(self) -> str:
        company, nobody = await self._own_company(), {"name": "no such customer"}
        currency = str(company.get("default_currency"))
        origin = Origin("", self.context.today(), self.context.now(), currency)
        await self._sections.balance(nobody["name"], company, origin, [])
        await self._sections.terms(nobody, company)
        return "invoices, payments and credit limits can be read"

    async def _check_purchases(self) -> str:
        company = await self._own_company()
        origin = Origin("", self.context.today(), self.context.now())
        await self._sections.purchases("no such customer", company, origin, [])
        return f"{self.config.purchases} can be read"

    async def _check_catalogue(self) -> str:
        found = await self._api.rows("Item", ["name", *erp.ITEM], [], 1)
        names = [name_of(each) for each in found]
        prices = await self._sections.prices(names, self.config.price_list, self.context.today())
        await self._sections.bins(names)
        return f"{len(found)} item read, {len(prices)} with a price"

    async def _check_issues(self) -> str:
        await self._sections.issues("no such customer", await self._zone_name())
        return "issues can be read"

    async def aclose(self) -> None:
        """Close the pooled connections."""
        await self._api.aclose()
