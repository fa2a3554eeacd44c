"""Xero: contacts, open invoices and credits, sales, terms and items of one organisation.

Field names: Xero's OpenAPI of the Accounting API 2.0 (package xero-python 15.2).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from pydantic import Field, SecretStr

from connectors._xero_format import dated, phone_text, refused, terms_of
from connectors.sdk import facts, vendor
from connectors.sdk.budget import Budget, RateHeaders
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
from connectors.sdk.sections import Origin, Reading, answer
from connectors.sdk.service import Document, Service
from connectors.sdk.settings import CustomerUrl
from connectors.sdk.types import (
    Checkpoint,
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

_API = "api.xro/2.0"
# Apps made since March 2026 know only these narrow scopes; offline_access gives a refresh token.
_SCOPES = (
    "offline_access",
    "accounting.contacts.read",
    "accounting.invoices.read",
    "accounting.payments.read",
    "accounting.settings.read",
)
_RATES = (RateHeaders("x-minlimit-remaining"), RateHeaders("x-daylimit-remaining"))
_INVOICE = vendor.columns(
    "number=InvoiceNumber issue_date=Date due_date=DueDate total_amount=Total"
    " amount_due=AmountDue currency=CurrencyCode"
)
_CREDIT = vendor.columns("amount_due=RemainingCredit currency=CurrencyCode kind=Type")
_PAYMENT = vendor.columns(
    "transaction_date=Date total_amount=Amount currency=Invoice.CurrencyCode kind=PaymentType"
)
_SALE = vendor.columns("order_date=Date order_total=Total currency=CurrencyCode")
_LINE = vendor.columns(
    "item_id=Item.ItemID sku=ItemCode name=Description quantity=Quantity unit_price=UnitAmount"
    " total_amount=LineAmount"
)
_ITEM = vendor.columns("item_id=ItemID sku=Code unit_price=SalesDetails.UnitPrice is_active=IsSold")
_CONTACT = vendor.columns(
    "remote_id=ContactID display_name=Name tax_number=TaxNumber email=EmailAddress"
)
_PHONES = {"DEFAULT": "main", "DDI": "work", "MOBILE": "mobile"}
_SALES = {"Invoices": ("InvoiceID", "ACCREC"), "CreditNotes": ("CreditNoteID", "ACCRECCREDIT")}
_CREDITS = {
    "CreditNotes": "ACCRECCREDIT",
    "Overpayments": "RECEIVE-OVERPAYMENT",
    "Prepayments": "RECEIVE-PREPAYMENT",
}


class XeroConfig(vendor.VendorConfig):
    """Settings of a Xero organisation."""

    client_id: str = Field(title="Client id", description="Of your app at developer.xero.com.")
    client_secret: SecretStr = Field(title="Client secret", description="Of the same app.")
    organisation: str = Field(
        "",
        title="Organisation",
        description="Its name or tenant id, needed when several were connected.",
        max_length=200,
    )
    customer_url: CustomerUrl = "https://go.xero.com/Contacts/View/{remote_id}"
    requests_per_minute: vendor.RequestsPerMinute = 55
    page_size: vendor.PageSize = 1_000
    base_url: vendor.BaseUrl = "https://api.xero.com"
    token_url: vendor.TokenUrl = "https://identity.xero.com/connect/token"  # noqa: S105


class XeroConnector(Connector[XeroConfig]):
    """A Xero organisation, as one of its users has connected it."""

    kind: ClassVar[str] = "xero"
    title: ClassVar[str] = "Xero"
    summary: ClassVar[str] = "Contacts, open invoices, sales, terms and items of Xero."
    Config: ClassVar[type[Any]] = XeroConfig
    brings: ClassVar[frozenset[Capability]] = ALL - {"find", "tickets"}

    def __init__(self, config: XeroConfig, context: Context) -> None:
        super().__init__(config, context)
        credentials = vendor.code_credentials(self.oauth_kind(config), config, context)
        budget = self.budget = Budget(config.requests_per_minute, config.max_concurrency, _RATES)
        self._service = Service(vendor.vendor_http(config), credentials, budget, refused=refused)
        self._tenant: str | None = None

    @classmethod
    def oauth_kind(cls, config: XeroConfig) -> OAuthKind:
        """Return where a user of the organisation is asked."""
        url = "https://login.xero.com/identity/connect/authorize"
        return OAuthKind(url, config.token_url, _SCOPES)

    @property
    def provides(self) -> frozenset[Capability]:
        """No search by number: Xero's search does not look at phones. No tickets."""
        return frozenset(
            ["contacts", "balance", "purchases", "credit_terms", "history", "catalogue"]
        )

    async def contacts(self, since: str | None) -> AsyncIterator[ContactItem]:
        """Read customers and suppliers; archived and erased ones are gone."""
        next_time = vendor.checkpoint(self.context.now())
        pages = self._pages("Contacts", {"includeArchived": "true"} if since else {}, since)
        async with aclosing(vendor.made("contact", pages, self._contact)) as found:
            async for got in found:
                yield got
        yield next_time

    def _contact(self, record: vendor.Record, number: int) -> Any:
        values = {
            **vendor.mapped(record, _CONTACT),
            "external_id": record.get("ContactNumber") or record.get("AccountNumber"),
            "tags": [t for t in ("Customer", "Supplier") if record.get(f"Is{t}") is True],
            "deleted": record.get("ContactStatus", "ACTIVE") != "ACTIVE",
        }
        phones = [] if record.get("Phones") is None else vendor.records(record, "Phones")
        found = [
            {"phone": phone_text(phone), "phone_type": _PHONES[kind]}
            for phone in phones
            if (kind := str(phone.get("PhoneType"))) in _PHONES
        ]
        rows = [Row({**values, **phone}, number, "contact") for phone in found or [{}]]
        return contact(rows, self.config.customer_url)

    async def purchases(self, since: str | None) -> AsyncIterator[PurchaseItem]:
        """Read invoices and credit notes; voided and deleted ones are gone."""
        next_time = vendor.checkpoint(self.context.now())
        for path, (_, kind) in _SALES.items():
            pages = self._pages(path, _where(f'Type=="{kind}"'), since)
            async with aclosing(vendor.made(path, pages, partial(self._purchase, path))) as found:
                async for got in found:
                    yield got
        yield next_time

    def _purchase(self, path: str, record: vendor.Record, number: int) -> Any:
        key, _ = _SALES[path]
        # A number may be changed; the id stays.
        order_number = Row(record, number, path).needed_text(key)
        if record.get("Status") in {"VOIDED", "DELETED"}:
            return Tombstone(order_number)
        if record.get("Status") not in {"AUTHORISED", "PAID"}:
            return None
        remote_id = vendor.at(record, "Contact", "ContactID")
        values = {**_sale(record), "order_number": order_number, "remote_id": remote_id}
        lines = _lines(record)
        if path == "CreditNotes":
            values = vendor.negated(values, "order_total")
            lines = [vendor.negated(line, "quantity", "total_amount") for line in lines]
        return purchase([Row(values, number, path)], None, numbered(lines, "line"))

    async def catalogue(self, since: str | None) -> AsyncIterator[CatalogueItem]:  # noqa: ARG002
        """Read all items each time: Xero does not say which were deleted."""
        organisation = vendor.records((await self._get("Organisation")).data, "Organisations")
        currency = str(organisation[0].get("BaseCurrency") or "") if organisation else ""
        async with aclosing(
            vendor.made("item", self._all("Items"), partial(_item, currency))
        ) as found:
            async for got in found:
                yield got
        yield Checkpoint(None)

    async def fetch(self, section: SectionName, ref: CustomerRef) -> Found | Empty:
        """Read a section of one contact."""
        now = self.context.now()
        try:
            contact_id = str(UUID(ref.remote_id))
        except ValueError:
            return Empty(now)
        link = customer_link(self.config.customer_url, CustomerRef(contact_id))
        today = vendor.today_in(self.config.time_zone, now)
        origin = Origin(self.context.slug, today, now, None, link)
        if section == "balance":
            items, payments = await self._open_items(contact_id)
            return answer(section, items, origin, payments)
        read = self._bought(contact_id) if section == "purchases" else self._terms(contact_id)
        return answer(section, await read, origin)

    async def _open_items(self, contact_id: str) -> tuple[Reading, Reading]:
        """Read open invoices with the credits that are left, and the last payments."""
        limit = self.config.row_limit
        of = f'Contact.ContactID==guid("{contact_id}")'
        open_ = {"ContactIDs": contact_id, "Statuses": "AUTHORISED", **_where('Type=="ACCREC"')}
        paid = _where(f'Invoice.{of} AND Status=="AUTHORISED"', "Date DESC")
        # Where the organisation is, is asked once and not by each.
        await self._organisation()
        invoices, payments, *credits_left = await vendor.together(
            self._some("Invoices", open_, limit, _INVOICE),
            self._some("Payments", paid, facts.LISTED_PAYMENTS, _PAYMENT),
            *(
                self._some(path, _where(f'{of} AND Status=="AUTHORISED"'), limit, _CREDIT)
                for path in _CREDITS
            ),
        )
        items = [dated(row.values, "issue_date", "due_date") for row in invoices.rows]
        for kind, left in zip(_CREDITS.values(), credits_left, strict=True):
            own = (row.values for row in left.rows if row.values["kind"] == kind)
            items += [vendor.negated(values, "amount_due") for values in own]
        received = (r.values for r in payments.rows if r.values["kind"] == "ACCRECPAYMENT")
        rows = [dated(values, "transaction_date") for values in received]
        more = any(part.more for part in (invoices, *credits_left))
        return Reading(numbered(items, "open item"), more), Reading(numbered(rows, "payment"))

    async def _bought(self, contact_id: str) -> Reading:
        limit = self.config.row_limit
        where = _where('Type=="ACCREC"', "Date DESC")
        params = {"ContactIDs": contact_id, "Statuses": "AUTHORISED,PAID", **where}
        found = await self._some("Invoices", params, limit)
        rows = [
            {
                **_sale(row.values),
                "order_number": row.text("InvoiceNumber") or row.text("InvoiceID"),
                "status": str(row.text("Status")).lower(),
            }
            for row in found.rows
        ]
        lines = [numbered(_lines(row.values), "line") for row in found.rows]
        return Reading(numbered(rows, "invoice"), found.more, lines)

    async def _terms(self, contact_id: str) -> Reading:
        """Read the payment terms; Xero has no credit limit."""
        try:
            document = await self._get(f"Contacts/{contact_id}")
        except SourceError as error:
            if error.kind is ErrorKind.NOT_FOUND:
                return Reading(())
            raise
        found = vendor.records(document.data, "Contacts")
        terms = terms_of(vendor.at(found[0], "PaymentTerms", "Sales")) if found else None
        return Reading([Row(terms, what="payment terms")] if terms else ())

    async def _some(
        self,
        path: str,
        params: Mapping[str, str],
        most: int,
        names: Mapping[str, str] | None = None,
    ) -> Reading:
        return await vendor.first(path, self._pages(path, params, None, most + 1), most, names)

    async def _all(self, path: str) -> AsyncGenerator[list[vendor.Record]]:
        yield vendor.records((await self._get(path)).data, path)

    async def _pages(
        self, path: str, params: Mapping[str, str], since: str | None, most: int = 0
    ) -> AsyncGenerator[list[vendor.Record]]:
        size = min(self.config.page_size, most or self.config.page_size)
        number = 1
        while True:
            paging = {"page": str(number), "pageSize": str(size)}
            found = vendor.records((await self._get(path, {**params, **paging}, since)).data, path)
            yield found
            if len(found) < size:
                return
            number += 1

    async def _get(
        self, path: str, params: Mapping[str, str] | None = None, since: str | None = None
    ) -> Document:
        headers = {"Xero-tenant-id": await self._organisation()}
        if since:
            changed = datetime.fromisoformat(since).astimezone(UTC)
            headers["If-Modified-Since"] = changed.strftime("%Y-%m-%dT%H:%M:%S")
        try:
            return await self._service.get(f"{_API}/{path}", params, headers)
        except SourceError as error:
            if error.kind is ErrorKind.AUTH_DENIED:
                # Somebody may connect another organisation now.
                self._tenant = None
            raise

    async def _organisation(self) -> str:
        """Return the tenant id of the organisation that was connected."""
        if self._tenant is None:
            document = await self._service.get("connections")
            wanted = self.config.organisation.casefold()
            named = [
                c
                for c in vendor.records({"connections": document.data}, "connections")
                if c.get("tenantType") == "ORGANISATION"
                and wanted in {"", str(c.get("tenantName")).casefold(), str(c.get("tenantId"))}
            ]
            if len(named) != 1:
                found = "none" if not named else f"{len(named)}"
                raise SourceError(
                    ErrorKind.BAD_CONFIG,
                    f"{found} of the connected organisations fit: name one in `organisation`, or"
                    f" connect {self.context.slug} again and choose it",
                )
            self._tenant = Row(named[0], what="connection").needed_text("tenantId")
        return self._tenant

    async def check(self) -> CheckResult:
        """Read one record of each kind that is needed."""
        paths = ("Organisation", "Contacts", "Invoices", *_CREDITS, "Payments", "Items")
        return await vendor.check_each({path: partial(self._prove, path) for path in paths})

    async def _prove(self, path: str) -> str:
        document = await self._get(path, {"page": "1", "pageSize": "1"})
        rows = numbered(vendor.records(document.data, f"{path}s" if path[-1] == "n" else path))
        name = rows[0].text("Name") if rows and path == "Organisation" else None
        return name or ("can be read" if rows else "none there yet")

    async def aclose(self) -> None:
        """Close the pooled connections."""
        await self._service.aclose()


def _where(condition: str, order: str = "") -> dict[str, str]:
    return {"where": condition, **({"order": order} if order else {})}


def _sale(record: vendor.Record) -> dict[str, Any]:
    return dated(vendor.mapped(record, _SALE), "order_date")


def _lines(record: vendor.Record) -> list[dict[str, Any]]:
    found = [vendor.mapped(line, _LINE) for line in vendor.records(record, "LineItems")]
    # A line without a price is a text.
    return [line for line in found if line["total_amount"] is not None]


def _item(currency: str, record: vendor.Record, number: int) -> Any:
    counted = record.get("IsTrackedAsInventory") is True
    values = {
        **vendor.mapped(record, _ITEM),
        "name": record.get("Name") or record.get("Code"),
        "inventory_quantity": record.get("QuantityOnHand") if counted else None,
    }
    return item(Row(values, number, "item"), currency or None)
