"""QuickBooks Online: customers with their jobs, open invoices, sales, terms and items.

Field names: Intuit's reference of the Accounting API v3, minor version 75.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar
from urllib.parse import quote

from pydantic import Field, SecretStr

from connectors.sdk import facts, vendor
from connectors.sdk.answers import Answer
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
from connectors.sdk.contacts import contact, customer_link
from connectors.sdk.grants import OAuthKind
from connectors.sdk.history import item, purchase
from connectors.sdk.ledger import ledger_balance
from connectors.sdk.sections import Origin, Reading, answer
from connectors.sdk.service import Document, Service
from connectors.sdk.settings import Currency, CustomerUrl
from connectors.sdk.types import (
    CheckResult,
    CustomerRef,
    Empty,
    ErrorKind,
    Found,
    SectionName,
    SourceError,
    Tombstone,
)
from connectors.sdk.values import Row, numbered

_THROTTLED_S = 60.0  # what Intuit asks to wait after 429
_CDC_REACHES_BACK = timedelta(days=29)
_DEEPEST = 5
_SALES = ("Invoice", "SalesReceipt")
_RETURNS = ("CreditMemo", "RefundReceipt")
_READ = ("CompanyInfo", "Customer", *_SALES, *_RETURNS, "Payment", "Term", "Item")
_ANY = "Active in (true, false)"  # without it a query leaves out what was made inactive
_CUSTOMER = vendor.columns(
    "remote_id=Id company_name=CompanyName phone=PrimaryPhone.FreeFormNumber"
    " phone_alternate=AlternatePhone.FreeFormNumber mobile=Mobile.FreeFormNumber"
    " email=PrimaryEmailAddr.Address"
)
_INVOICE = vendor.columns(
    "number=DocNumber issue_date=TxnDate due_date=DueDate total_amount=TotalAmt"
    " amount_due=Balance currency=CurrencyRef.value"
)
_PAYMENT = vendor.columns(
    "transaction_date=TxnDate total_amount=TotalAmt payment_method=PaymentMethodRef.name"
    " currency=CurrencyRef.value"
)
_SALE = vendor.columns(
    "remote_id=CustomerRef.value order_number=DocNumber order_date=TxnDate order_total=TotalAmt"
    " currency=CurrencyRef.value"
)
_LINE = vendor.columns(
    "item_id=SalesItemLineDetail.ItemRef.value name=SalesItemLineDetail.ItemRef.name"
    " quantity=SalesItemLineDetail.Qty unit_price=SalesItemLineDetail.UnitPrice"
    " total_amount=Amount"
)
_TERM = vendor.columns("payment_terms=Name days_until_due=DueDays")
_ITEM = vendor.columns(
    "item_id=Id sku=Sku name=Name category=ParentRef.name unit_price=UnitPrice is_active=Active"
)
_PLAN = "the user who connected, or the company's plan, may not read this"
_COMPANY = "this connection may not read the company: connect again as an admin of the company"
_DENIALS = {
    "120": _PLAN,
    "3100": _COMPANY,
    "5020": _PLAN,
    "6190": "the company's subscription has ended or is unpaid",
}


class QuickBooksConfig(vendor.VendorConfig):
    """Settings of a QuickBooks Online company."""

    client_id: str = Field(title="Client ID", description="Of your app at developer.intuit.com.")
    client_secret: SecretStr = Field(title="Client secret", description="Of the same app.")
    currency: Currency = ""
    customer_url: CustomerUrl = "https://app.qbo.intuit.com/app/customerdetail?nameId={remote_id}"
    requests_per_minute: vendor.RequestsPerMinute = 400
    page_size: vendor.PageSize = 1_000
    base_url: vendor.BaseUrl = "https://quickbooks.api.intuit.com"
    token_url: vendor.TokenUrl = "https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer"  # noqa: S105


class QuickBooksConnector(Connector[QuickBooksConfig]):
    """A QuickBooks Online company, as an admin of it has connected it."""

    kind: ClassVar[str] = "quickbooks"
    title: ClassVar[str] = "QuickBooks Online"
    summary: ClassVar[str] = "Customers, open invoices, sales, terms and items of QuickBooks."
    Config: ClassVar[type[Any]] = QuickBooksConfig
    brings: ClassVar[frozenset[Capability]] = ALL - {"find", "tickets"}

    def __init__(self, config: QuickBooksConfig, context: Context) -> None:
        super().__init__(config, context)
        self._credentials = vendor.code_credentials(self.oauth_kind(config), config, context)
        budget = self.budget = Budget(config.requests_per_minute, config.max_concurrency)
        self._service = Service(
            vendor.vendor_http(config), self._credentials, budget, refused=_refused
        )

    @classmethod
    def oauth_kind(cls, config: QuickBooksConfig) -> OAuthKind:
        """Return where an admin of the company is asked; Intuit adds the company as realmId."""
        return OAuthKind(
            "https://appcenter.intuit.com/connect/oauth2",
            config.token_url,
            ("com.intuit.quickbooks.accounting",),
            pkce=False,
            uses_callback=("realmId",),
        )

    @property
    def provides(self) -> frozenset[Capability]:
        """No search by number: QuickBooks cannot filter by phone. No tickets."""
        return frozenset(
            ["contacts", "balance", "purchases", "credit_terms", "history", "catalogue"]
        )

    async def contacts(self, since: str | None) -> AsyncIterator[ContactItem]:
        """Read customers and jobs; one made inactive, which is how they are deleted, is gone."""
        next_time = vendor.checkpoint(self.context.now())
        pages = self._pages("Customer", _changed(since, _ANY) or "Active = true")
        async with aclosing(vendor.made("customer", pages, self._contact)) as found:
            async for got in found:
                yield got
        yield next_time

    async def purchases(self, since: str | None) -> AsyncIterator[PurchaseItem]:
        """Read sales and returns; deleted ones are known for the last 30 days."""
        now = self.context.now()
        if since and now - datetime.fromisoformat(since) < _CDC_REACHES_BACK:
            for gone in await self._deleted(since):
                yield Tombstone(gone)
        for entity in _SALES + _RETURNS:
            pages = self._pages(entity, _changed(since))
            async with aclosing(
                vendor.made(entity, pages, partial(self._purchase, entity))
            ) as found:
                async for got in found:
                    yield got
        yield vendor.checkpoint(now)

    async def catalogue(self, since: str | None) -> AsyncIterator[CatalogueItem]:
        """Read products and services; one made inactive stays, as no longer sold."""
        next_time = vendor.checkpoint(self.context.now())
        pages = self._pages("Item", _changed(since, _ANY) or _ANY)
        async with aclosing(vendor.made("item", pages, self._item)) as found:
            async for got in found:
                yield got
        yield next_time

    def _contact(self, record: vendor.Record, number: int) -> Any:
        # PrimaryTaxIdentifier comes masked (XXXXXX56789): no tax number.
        named = record.get("FullyQualifiedName" if record.get("Job") is True else "DisplayName")
        deleted = record.get("Active") is False
        values = {**vendor.mapped(record, _CUSTOMER), "display_name": named, "deleted": deleted}
        return contact([Row(values, number, "customer")], self.config.customer_url)

    def _purchase(self, entity: str, record: vendor.Record, number: int) -> Any:
        # A DocNumber may be changed or used twice, and a deletion names the id only.
        values = {**_sale(entity, record), "order_number": _key(entity, record)}
        lines = _lines(record)
        if entity in _RETURNS:
            values = vendor.negated(values, "order_total")
            lines = [vendor.negated(line, "quantity", "total_amount") for line in lines]
        row = Row(values, number, entity)
        return purchase([row], self.config.currency or None, numbered(lines, "line"))

    def _item(self, record: vendor.Record, number: int) -> Any:
        stock = record.get("QtyOnHand") if record.get("TrackQtyOnHand") is True else None
        values = {**vendor.mapped(record, _ITEM), "inventory_quantity": stock}
        # A category groups items, and is none.
        category = record.get("Type") == "Category"
        return None if category else item(Row(values, number, "item"), self.config.currency or None)

    async def _deleted(self, since: str) -> list[str]:
        """Return the keys of sales deleted since then (change data capture)."""
        params = {"entities": ",".join(_SALES + _RETURNS), "changedSince": since}
        document = await self._get("cdc", params)
        return [
            _key(entity, record)
            for answered in vendor.records(document.data, "CDCResponse")
            for part in vendor.records(answered, "QueryResponse")
            for entity in _SALES + _RETURNS
            for record in (vendor.records(part, entity) if entity in part else ())
            if record.get("status") == "Deleted"
        ]

    async def fetch(self, section: SectionName, ref: CustomerRef) -> Found | Empty:
        """Read a section of a customer, or of the parent that it is billed with."""
        now = self.context.now()
        billed, notes = await self._billed(ref.remote_id)
        if billed is None:
            return Empty(now)
        ids = await self._ids(billed, all_jobs=section == "purchases")
        link = customer_link(self.config.customer_url, CustomerRef(ids[0]))
        currency = vendor.at(billed, "CurrencyRef", "value") or self.config.currency
        origin = Origin(
            self.context.slug, vendor.today_in(self.config.time_zone, now), now, currency, link
        )
        if section == "balance":
            return await self._balance(billed, ids, origin, notes)
        read = self._sales(ids) if section == "purchases" else self._terms(billed)
        return answer(section, await read, origin, notes=notes)

    async def _billed(self, remote_id: str) -> tuple[vendor.Record | None, list[str]]:
        """Return the customer, or the parent that it is billed with, and a note on it."""
        customer = billed = await self._customer(remote_id)
        for _ in range(_DEEPEST):
            if billed is None or billed.get("BillWithParent") is not True:
                break
            billed = await self._customer(vendor.at(billed, "ParentRef", "value")) or billed
        if billed is None or billed is customer:
            return billed, []
        name = Row(billed, what="customer").text("DisplayName")
        return billed, [f"billed with {name}: this is its account"]

    async def _ids(self, billed: vendor.Record, *, all_jobs: bool) -> list[str]:
        """Return the ids of a customer and its jobs, at any depth, if they owe anything."""
        row = Row(billed, what="customer")
        own = row.needed_text("Id")
        if not all_jobs and row.amount("Balance") == row.needed_amount("BalanceWithJobs"):
            return [own]
        name = row.needed_text("FullyQualifiedName")
        escaped = name.replace("\\", "\\\\").replace("'", "\\'")
        where = f"FullyQualifiedName like '{escaped}:%' and {_ANY}"
        below = (await self._some("Customer", where, self.config.row_limit)).rows
        # A wildcard within the name would match more than the name.
        named = [r for r in below if (r.text("FullyQualifiedName") or "").startswith(f"{name}:")]
        return [own, *(r.needed_text("Id") for r in named)]

    async def _customer(self, remote_id: Any) -> vendor.Record | None:
        # An id is digits; anything else never came from here and must not get into a query.
        if not _is_id(remote_id):
            return None
        found = await self._some("Customer", f"Id = '{remote_id}' and {_ANY}", 1)
        return found.rows[0].values if found.rows else None

    async def _balance(
        self, billed: vendor.Record, ids: list[str], origin: Origin, notes: list[str]
    ) -> Found:
        of, limit = _of(ids), self.config.row_limit
        invoices, payments = await vendor.together(
            self._some("Invoice", f"{of} and Balance > '0'", limit, "DueDate", _INVOICE),
            self._some("Payment", of, facts.LISTED_PAYMENTS, "TxnDate desc", _PAYMENT),
        )
        customer = Row({**billed, "currency": origin.currency}, what="customer")
        # It holds `Balance`, the customer's own, and those of its jobs.
        total = customer.needed_amount("BalanceWithJobs")
        currency = customer.currency(None)
        owed, missing = ledger_balance(total, None, currency, invoices, origin, payments.rows)
        said = "; ".join((*notes, *missing)) or None
        return Found(owed, origin.as_of, origin.remote_url, said)

    async def _sales(self, ids: list[str]) -> Reading:
        of, limit = _of(ids), self.config.row_limit
        read = await vendor.together(*(self._some(e, of, limit, "TxnDate desc") for e in _SALES))
        sales = [
            (e, row.values) for e, found in zip(_SALES, read, strict=True) for row in found.rows
        ]
        rows = numbered((_sale(entity, record) for entity, record in sales), "sale")
        lines = [numbered(_lines(record), "line") for _, record in sales]
        return Reading(rows, any(found.more for found in read), lines)

    async def _terms(self, billed: vendor.Record) -> Reading:
        """Read the payment terms; QuickBooks has no credit limit."""
        term = vendor.at(billed, "SalesTermRef", "value")
        if not _is_id(term):
            return Reading(())
        return await self._some("Term", f"Id = '{term}'", 1, names=_TERM)

    async def _some(
        self,
        entity: str,
        where: str,
        most: int,
        order: str = "Id",
        names: Mapping[str, str] | None = None,
    ) -> Reading:
        pages = self._pages(entity, where, order, most + 1)
        return await vendor.first(entity, pages, most, names)

    async def _pages(
        self, entity: str, where: str, order: str = "Id", most: int = 0
    ) -> AsyncGenerator[list[vendor.Record]]:
        """Yield the vendor.records of each page, and the server's own time."""
        size = min(self.config.page_size, most or self.config.page_size)
        rest = f"{f'where {where} ' if where else ''}orderby {order}"
        start = 1
        while True:
            # Only our own words, digits and escaped names get into it.
            query = f"select * from {entity} {rest} startposition {start} maxresults {size}"  # noqa: S608
            document = await self._get("query", {"query": query})
            answered = vendor.part(document.data, "QueryResponse")
            found = vendor.records(answered, entity) if entity in answered else []
            yield found
            if len(found) < size:
                return
            start += size

    async def _get(self, what: str, params: Mapping[str, str]) -> Document:
        realm = (await self._credentials.grant()).extra.get("realmId")
        if not realm:
            raise SourceError(
                ErrorKind.AUTH_EXPIRED,
                f"Intuit has not said which company was chosen: connect {self.context.slug} again",
            )
        path = f"v3/company/{quote(realm, safe='')}/{what}"
        return await self._service.get(path, {**params, "minorversion": "75"})

    async def check(self) -> CheckResult:
        """Read one record of each kind that is needed."""
        return await vendor.check_each({e: partial(self._prove, e) for e in _READ})

    async def _prove(self, entity: str) -> str:
        rows = (await self._some(entity, "", 1)).rows
        name = rows[0].text("CompanyName") if rows and entity == "CompanyInfo" else None
        return name or ("can be read" if rows else "none there yet")

    async def aclose(self) -> None:
        """Close the pooled connections."""
        await self._service.aclose()


def _refused(answer: Answer, data: Any) -> SourceError | None:
    """Read Intuit's `Fault`, which may come with HTTP 200."""
    fault = (data.get("Fault") or data.get("fault")) if isinstance(data, Mapping) else None
    errors = (fault.get("Error") or fault.get("error")) if isinstance(fault, Mapping) else None
    first = errors[0] if isinstance(errors, list) and errors else None
    code = str(first.get("code", "")).lstrip("0") if isinstance(first, Mapping) else ""
    if answer.status == 429 or code == "3001":
        text = "QuickBooks asks to be called less often: lower requests_per_minute"
        return SourceError(ErrorKind.RATE_LIMITED, text, retry_after_s=_THROTTLED_S)
    if fault is None or answer.status == 401 or answer.status >= 500:
        return None
    denied = _DENIALS.get("3100" if answer.status == 403 else code)
    shown = int(code) if code.isdecimal() else "?"
    return SourceError(
        ErrorKind.AUTH_DENIED if denied else ErrorKind.BAD_CONFIG,
        denied or f"QuickBooks does not take the query (error {shown})",
    )


def _changed(since: str | None, among: str = "") -> str:
    if since is None:
        return ""
    moment = vendor.utc_text(datetime.fromisoformat(since))
    return f"{among and f'{among} and '}MetaData.LastUpdatedTime >= '{moment}'"


def _of(ids: Sequence[str]) -> str:
    quoted = ", ".join(f"'{i}'" for i in ids if _is_id(i))
    return f"CustomerRef in ({quoted})"


def _key(entity: str, record: vendor.Record) -> str:
    return f"{entity}-{Row(record, what=entity).needed_text('Id')}"


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and value.isascii() and value.isdecimal()


def _sale(entity: str, record: vendor.Record) -> dict[str, Any]:
    unpaid = Row(record, what=entity).amount("Balance") if entity == "Invoice" else None
    values = vendor.mapped(record, _SALE)
    number = values["order_number"] or _key(entity, record)
    return {**values, "order_number": number, "status": "open" if unpaid else "paid"}


def _lines(record: vendor.Record) -> list[dict[str, Any]]:
    """Return what was sold; subtotals, discounts and texts are no items, a bundle holds some."""
    found: list[dict[str, Any]] = []
    for line in vendor.records(record, "Line") if "Line" in record else ():
        if line.get("DetailType") == "GroupLineDetail":
            found += _lines(vendor.at(line, "GroupLineDetail") or {})
        elif line.get("DetailType") == "SalesItemLineDetail":
            values = vendor.mapped(line, _LINE)
            found.append({**values, "name": values["name"] or line.get("Description")})
    return found
