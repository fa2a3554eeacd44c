"""Microsoft Dynamics 365 Business Central: customers, ledger balances, invoices, orders, items.

Field names: Microsoft's reference of the API v2.0, and the source of its pages (APIV2*.Page.al).
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from datetime import date, datetime
from functools import partial
from typing import Any, ClassVar, NamedTuple
from urllib.parse import quote
from uuid import UUID

from pydantic import Field, SecretStr

from connectors._business_central_format import (
    CUSTOMER,
    INVOICE,
    SALES,
    item_of,
    lines_of,
    refused,
    sale_of,
    terms_of,
)
from connectors.sdk import facts, vendor
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
from connectors.sdk.contacts import contact
from connectors.sdk.history import purchase
from connectors.sdk.ledger import ledger_balance
from connectors.sdk.oauth import ClientCredentials, token_http
from connectors.sdk.sections import Origin, Reading, answer
from connectors.sdk.service import Service
from connectors.sdk.types import (
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
    number_parameters,
)
from connectors.sdk.values import Row, numbered

_SCOPE = "https://api.businesscentral.dynamics.com/.default"
_SOLD = "(status eq 'Open' or status eq 'Paid')"
_TYPED = re.compile(r"[0-9+() -]{4,40}")


class BusinessCentralConfig(vendor.VendorConfig):
    """Settings of a Business Central company."""

    tenant_id: str = Field(
        title="Tenant id",
        description="Directory (tenant) id of the app registration in Microsoft Entra.",
        pattern=r"^[A-Za-z0-9.-]{1,100}$",
    )
    client_id: str = Field(title="Client id", description="Application (client) id.")
    client_secret: SecretStr = Field(title="Client secret", description="The secret's value.")
    environment: str = Field(
        "Production",
        title="Environment",
        description="Its name in the admin center.",
        pattern=r"^[A-Za-z0-9_-]{1,100}$",
    )
    company: str = Field(
        "", title="Company", description="Its name or id, needed if there are several."
    )
    requests_per_minute: vendor.RequestsPerMinute = 1_000
    page_size: vendor.PageSize = 1_000
    base_url: vendor.BaseUrl = "https://api.businesscentral.dynamics.com"
    login_url: str = Field(
        "https://login.microsoftonline.com",
        title="Login URL",
        description="Where Microsoft Entra gives tokens; rarely elsewhere.",
    )
    client_url: str = Field(
        "https://businesscentral.dynamics.com",
        title="Web client",
        description="Where agents open Business Central.",
    )


class _Company(NamedTuple):
    """`currency` is the local one, in which the ledger and limits are (LCY)."""

    path: str
    name: str
    currency: str


class BusinessCentralConnector(Connector[BusinessCentralConfig]):
    """A Business Central company, asked by an application of its tenant."""

    kind: ClassVar[str] = "business_central"
    title: ClassVar[str] = "Business Central"
    summary: ClassVar[str] = "Customers, balances, limits, invoices and items of Dynamics 365."
    Config: ClassVar[type[Any]] = BusinessCentralConfig
    brings: ClassVar[frozenset[Capability]] = ALL - {"tickets"}

    def __init__(self, config: BusinessCentralConfig, context: Context) -> None:
        super().__init__(config, context)
        token_url = f"{config.login_url}/{config.tenant_id}/oauth2/v2.0/token"
        credentials = ClientCredentials(
            token_http(token_url, allow_private_network=config.allow_private_network),
            token_url,
            config.client_id,
            config.client_secret,
            _SCOPE,
            token_auth="post",  # noqa: S106 - a manner, no secret
            now=context.now,
        )
        self.budget = Budget(config.requests_per_minute, config.max_concurrency)
        self._service = Service(
            vendor.vendor_http(config),
            credentials,
            self.budget,
            {"Prefer": f"odata.maxpagesize={config.page_size}", "Accept-Language": "en-US"},
            refused,
        )
        self._root = f"v2.0/{config.tenant_id}/{config.environment}/api/v2.0"
        self._company: _Company | None = None

    @property
    def provides(self) -> frozenset[Capability]:
        """No tickets."""
        streams: tuple[Capability, ...] = ("contacts", "history", "catalogue")
        return frozenset((*streams, "find", "balance", "purchases", "credit_terms"))

    async def contacts(self, since: str | None) -> AsyncIterator[ContactItem]:
        """Read customers; which were deleted is not known, so only a full read ends them."""
        next_time = vendor.checkpoint(self.context.now())
        make = partial(self._contact, await self._chosen())
        async with aclosing(
            vendor.made("customer", self._changed("customers", since), make)
        ) as found:
            async for got in found:
                yield got
        yield next_time

    def _contact(self, company: _Company, record: vendor.Record, number: int) -> Any:
        link = self._page(company, record.get("number"))
        values = {**vendor.mapped(record, CUSTOMER), "remote_url": link}
        return contact([Row(values, number, "customer")])

    async def find(self, number: Number) -> list[ContactRow]:
        """Search for a number as it may have been typed."""
        company = await self._chosen()
        typed = {*number_parameters(number).values(), number.national, number.international}
        # Digits, spaces and marks only, so that nothing gets out of the quotes.
        forms = sorted(text for text in typed if text and _TYPED.fullmatch(text))
        condition = " or ".join(f"phoneNumber eq '{form}'" for form in forms)
        found = await self._some("customers", {"$filter": condition}, 20)
        made = [self._contact(company, row.values, row.number) for row in found.rows]
        return [row for row in made if isinstance(row, ContactRow)]

    async def purchases(self, since: str | None) -> AsyncIterator[PurchaseItem]:
        """Read posted invoices and credit memos; those cancelled or correcting others are gone."""
        next_time = vendor.checkpoint(self.context.now())
        for path in ("salesInvoices", "salesCreditMemos"):
            pages = self._changed(path, since, "status ne 'Draft'", SALES[path][0])
            async with aclosing(vendor.made(path, pages, partial(self._purchase, path))) as found:
                async for got in found:
                    yield got
        yield next_time

    def _purchase(self, path: str, record: vendor.Record, number: int) -> Any:
        status = record.get("status")
        key = Row(record, number, path).needed_text("id")
        if status in {"Canceled", "Corrective"}:
            return Tombstone(key)
        if status not in {"Open", "Paid"}:
            return None
        values, lines = {**sale_of(path, record), "order_number": key}, lines_of(path, record)
        if path == "salesCreditMemos":
            values = vendor.negated(values, "order_total")
            lines = [vendor.negated(line, "quantity", "total_amount") for line in lines]
        return purchase([Row(values, number, path)], None, numbered(lines, "line"))

    async def catalogue(self, since: str | None) -> AsyncIterator[CatalogueItem]:
        """Read items; blocked ones stay, as no longer sold."""
        next_time = vendor.checkpoint(self.context.now())
        make = partial(item_of, (await self._chosen()).currency)
        async with aclosing(vendor.made("item", self._changed("items", since), make)) as found:
            async for got in found:
                yield got
        yield next_time

    def _changed(
        self, path: str, since: str | None, condition: str = "", expand: str = ""
    ) -> AsyncGenerator[list[vendor.Record]]:
        """Return the pages of everything, or of what changed."""
        moment = vendor.utc_text(datetime.fromisoformat(since)) if since else ""
        both = [condition, f"lastModifiedDateTime ge {moment}" if since else ""]
        query = {"$filter": " and ".join(filter(None, both)), "$expand": expand}
        return self._pages(path, {name: text for name, text in query.items() if text})

    async def fetch(self, section: SectionName, ref: CustomerRef) -> Found | Empty:
        """Read a section of one customer."""
        now = self.context.now()
        try:
            customer_id = str(UUID(ref.remote_id))
        except ValueError:
            return Empty(now)
        company = await self._chosen()
        expand = {"$expand": "customerFinancialDetail,paymentTerm"}
        try:
            got = await self._service.get(f"{company.path}/customers({customer_id})", expand)
        except SourceError as error:
            if error.kind is ErrorKind.NOT_FOUND:
                return Empty(now)
            raise
        customer = vendor.one(got.data)
        today = vendor.today_in(self.config.time_zone, now)
        link = self._page(company, customer.get("number"))
        origin = Origin(self.context.slug, today, now, company.currency, link)
        if section == "credit_terms":
            return answer(section, Reading([terms_of(customer)]), origin)
        if section == "purchases":
            return await self._bought(customer_id, origin)
        return await self._balance(customer_id, customer, origin)

    async def _balance(
        self, customer_id: str, customer: vendor.Record, origin: Origin
    ) -> Found | Empty:
        """Explain the ledger's balance, which is in the local currency, by open invoices."""
        # Who is billed owes, wherever the goods went.
        condition = f"billToCustomerId eq {customer_id} and status eq 'Open'"
        params = {"$filter": condition, "$orderby": "dueDate"}
        invoices = await self._some("salesInvoices", params, self.config.row_limit, INVOICE)
        ledger = Row(vendor.part(customer, "customerFinancialDetail"), what="financial detail")
        owed, notes = ledger_balance(
            ledger.needed_amount("balance"),
            ledger.amount("overdueAmount"),
            Row({"currency": origin.currency}, what="company").currency(None),
            invoices,
            origin,
        )
        return Found(owed, origin.as_of, origin.remote_url, "; ".join(notes) or None)

    async def _bought(self, customer_id: str, origin: Origin) -> Found | Empty:
        """List posted invoices and open orders; the totals are of invoices, to count once."""
        of, limit = f"customerId eq {customer_id}", self.config.row_limit
        invoices, orders = await vendor.together(
            self._sold("salesInvoices", f"{of} and {_SOLD}", limit),
            self._sold("salesOrders", of, facts.LISTED_ORDERS),
        )
        bought, ordered = (
            facts.purchases(
                list(zip(found.rows, found.lines or (), strict=True)), all_read=not found.more
            )
            for found in (invoices, orders)
        )
        known = bought or ordered
        if known is None:
            return Empty(origin.as_of)
        both = [*(ordered.orders if ordered else ()), *(bought.orders if bought else ())]
        newest = sorted(both, key=lambda order: order.order_date or date.min, reverse=True)
        listed = {"orders": tuple(newest[: facts.LISTED_ORDERS])}
        # Orders alone say nothing on what was bought over the years.
        unknown = {} if bought else dict.fromkeys(facts.TOTALS[:-1])
        note = f"only the newest {limit} invoices were read (row_limit)" if invoices.more else None
        full = known.model_copy(update={**listed, **unknown})
        return Found(full, origin.as_of, origin.remote_url, note)

    async def _sold(self, path: str, condition: str, most: int) -> Reading:
        expand, date = SALES[path]
        params = {"$filter": condition, "$expand": expand, "$orderby": f"{date} desc"}
        found = await self._some(path, params, most)
        lines = [numbered(lines_of(path, row.values), "line") for row in found.rows]
        rows = numbered((sale_of(path, row.values) for row in found.rows), path)
        return Reading(rows, found.more, lines)

    async def _some(
        self,
        path: str,
        params: Mapping[str, str],
        most: int,
        names: Mapping[str, str] | None = None,
    ) -> Reading:
        pages = self._pages(path, {**params, "$top": str(most + 1)})
        return await vendor.first(path, pages, most, names)

    async def _pages(
        self, path: str, params: Mapping[str, str]
    ) -> AsyncGenerator[list[vendor.Record]]:
        document = await self._service.get(f"{(await self._chosen()).path}/{path}", params)
        while True:
            yield vendor.records(document.data, "value")
            following = document.data.get("@odata.nextLink")
            if not isinstance(following, str):
                return
            document = await self._service.follow(document, following)

    async def _chosen(self) -> _Company:
        """Return the company that is named, or the only one."""
        if self._company is None:
            document = await self._service.get(f"{self._root}/companies")
            wanted = self.config.company.casefold()
            fit = [
                c
                for c in vendor.records(document.data, "value")
                if wanted in {"", str(c.get("name")).casefold(), str(c.get("id")).casefold()}
            ]
            if len(fit) != 1:
                many = f"{len(fit) or 'none'} of the companies fit: give its name in `company`"
                raise SourceError(ErrorKind.BAD_CONFIG, many)
            row = Row(fit[0], what="company")
            path = f"{self._root}/companies({quote(row.needed_text('id'), safe='')})"
            got = await self._service.get(f"{path}/companyInformation")
            info = vendor.records(got.data, "value")
            own = Row({"currency": info[0].get("currencyCode") if info else None}, what="company")
            self._company = _Company(path, row.needed_text("name"), own.currency(None))
        return self._company

    def _page(self, company: _Company, number: Any) -> str | None:
        """Return the address of the customer card (page 21) in the web client."""
        if not isinstance(number, str) or "'" in number:
            return None
        config = self.config
        card = quote(f"'No.' IS '{number}'", safe="")
        name = quote(company.name, safe="")
        root = f"{config.client_url}/{config.tenant_id}/{config.environment}"
        return f"{root}/?company={name}&page=21&filter={card}"

    async def check(self) -> CheckResult:
        """Find the company, and read one record of each kind that is needed."""
        paths = ("customers", *SALES, "items", "paymentTerms")
        parts = {path: partial(self._prove, path) for path in paths}
        return await vendor.check_each({"company": self._named, **parts})

    async def _named(self) -> str:
        company = await self._chosen()
        return f"{company.name}, {company.currency}"

    async def _prove(self, path: str) -> str:
        return "can be read" if (await self._some(path, {}, 1)).rows else "none there yet"

    async def aclose(self) -> None:
        """Close the pooled connections."""
        await self._service.aclose()
