"""Stripe: customers, open invoices, purchases and products of one account.

Field names: Stripe's API reference, version 2024-06-20, which is asked for with each request.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar

from pydantic import Field, SecretStr

from connectors._stripe_format import amount_of, day_of, money, refused
from connectors.sdk import facts, vendor
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
from connectors.sdk.contacts import contact, customer_link
from connectors.sdk.history import item, purchase
from connectors.sdk.sections import Origin, Reading, answer
from connectors.sdk.service import Service
from connectors.sdk.settings import CustomerUrl
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
    money_text,
    number_parameters,
)
from connectors.sdk.values import Row, numbered

_VERSION = "2024-06-20"  # in it a charge names its invoice, and a line its price
_EVENTS_REACH_BACK = timedelta(days=29)
_ID = re.compile(r"[A-Za-z0-9_]{1,255}")
_FINAL = ("open", "paid", "uncollectible")
_PRODUCT = vendor.columns("item_id=id name=name is_active=active")
_CONTACT = vendor.columns("remote_id=id phone=phone phone_shipping=shipping.phone email=email")


class StripeConfig(vendor.VendorConfig):
    """Settings of a Stripe account."""

    api_key: SecretStr = Field(
        title="API key",
        description="A restricted key that may read customers, invoices, charges, products and"
        " events.",
    )
    customer_url: CustomerUrl = "https://dashboard.stripe.com/customers/{remote_id}"
    requests_per_minute: vendor.RequestsPerMinute = 1_000
    page_size: int = Field(
        100, ge=1, le=100, title="Page size", description="Records asked for at once."
    )
    base_url: vendor.BaseUrl = "https://api.stripe.com"


class StripeConnector(Connector[StripeConfig]):
    """A Stripe account, asked with a key of it."""

    kind: ClassVar[str] = "stripe"
    title: ClassVar[str] = "Stripe"
    summary: ClassVar[str] = "Customers, open invoices, purchases and products of Stripe."
    Config: ClassVar[type[Any]] = StripeConfig
    brings: ClassVar[frozenset[Capability]] = ALL - {"credit_terms", "tickets"}

    def __init__(self, config: StripeConfig, context: Context) -> None:
        super().__init__(config, context)
        key = config.api_key.get_secret_value()
        self.budget = Budget(config.requests_per_minute, config.max_concurrency)
        self._service = Service(
            vendor.vendor_http(config),
            StaticCredentials({"Authorization": f"Bearer {key}"}),
            self.budget,
            {"Stripe-Version": _VERSION},
            refused,
        )

    @property
    def provides(self) -> frozenset[Capability]:
        """No credit terms and no tickets: Stripe has none."""
        return frozenset(["contacts", "find", "balance", "purchases", "history", "catalogue"])

    async def contacts(self, since: str | None) -> AsyncIterator[ContactItem]:
        """Read all customers, or from the events of the last 30 days those changed or deleted."""
        began = self.context.now()
        changed = since and began - datetime.fromisoformat(since) < _EVENTS_REACH_BACK
        pages = self._changed(str(since)) if changed else self._pages("customers", {})
        async with aclosing(vendor.made("customer", pages, self._contact)) as found:
            async for got in found:
                yield got
        yield vendor.checkpoint(began)

    async def _changed(self, since: str) -> AsyncGenerator[list[vendor.Record]]:
        """Yield the last state of each customer that an event tells of; the newest come first."""
        params = {"created[gte]": str(int(datetime.fromisoformat(since).timestamp()))}
        for number, what in enumerate(("created", "updated", "deleted")):
            params[f"types[{number}]"] = f"customer.{what}"
        seen: set[Any] = set()
        async with aclosing(self._pages("events", params)) as pages:
            async for page in pages:
                for event in page:
                    record = vendor.part(event.get("data"), "object")
                    if record.get("id") not in seen:
                        seen.add(record.get("id"))
                        yield [{**record, "deleted": event.get("type") == "customer.deleted"}]

    def _contact(self, record: vendor.Record, number: int) -> Any:
        names = [record.get("name"), record.get("description"), record.get("email")]
        locales = record.get("preferred_locales")
        values = {
            **vendor.mapped(record, _CONTACT),
            # Stripe asks for no name; the id is what its own page shows then.
            "display_name": next(filter(None, [*names, record.get("id")]), None),
            "language": locales[0] if isinstance(locales, list) and locales else None,
            "region": vendor.at(record, "address", "country"),
            "deleted": record.get("deleted") is True,
        }
        return contact([Row(values, number, "customer")], self.config.customer_url)

    async def find(self, number: Number) -> list[ContactRow]:
        """Search for a number as it may have been typed; new customers are found after a minute."""
        given = number_parameters(number).values()
        # Digits and + only, so that nothing gets out of the quotes.
        forms = dict.fromkeys(text for text in given if re.fullmatch(r"\+?\d+", text))
        query = " OR ".join(f"phone:'{form}'" for form in forms)
        document = await self._service.get("v1/customers/search", {"query": query, "limit": "20"})
        found = vendor.records(document.data, "data")
        made = [self._contact(record, number) for number, record in enumerate(found, 1)]
        return [row for row in made if isinstance(row, ContactRow)]

    async def purchases(self, since: str | None) -> AsyncIterator[PurchaseItem]:
        """Read invoices and charges without one; voided invoices are gone.

        Stripe does not say which invoices changed, so those made in the 30 days before are read
        again.
        """
        began = self.context.now()
        params = {}
        if since:
            start = datetime.fromisoformat(since) - timedelta(days=30)
            params = {"created[gte]": str(int(start.timestamp()))}
        for path, make in (("invoices", _invoice_purchase), ("charges", _charge_purchase)):
            async with aclosing(vendor.made(path, self._pages(path, params), make)) as found:
                async for got in found:
                    yield got
        yield vendor.checkpoint(began)

    async def catalogue(self, since: str | None) -> AsyncIterator[CatalogueItem]:  # noqa: ARG002
        """Read all products each time; those archived stay, as no longer sold."""
        pages = self._pages("products", {"expand[]": "data.default_price"})
        async with aclosing(vendor.made("product", pages, _item)) as found:
            async for got in found:
                yield got
        yield Checkpoint(None)

    async def fetch(self, section: SectionName, ref: CustomerRef) -> Found | Empty:
        """Read a section of one customer."""
        now = self.context.now()
        if not _ID.fullmatch(ref.remote_id):
            return Empty(now)
        link = customer_link(self.config.customer_url, ref)
        today = vendor.today_in(self.config.time_zone, now)
        origin = Origin(self.context.slug, today, now, None, link)
        read = self._balance if section == "balance" else self._bought
        try:
            return await read(ref.remote_id, origin)
        except SourceError as error:
            if error.kind is ErrorKind.NOT_FOUND:
                return Empty(now)
            raise

    async def _balance(self, customer_id: str, origin: Origin) -> Found | Empty:
        """Sum the open invoices; the customer's own `balance` is no receivable, and is told."""
        of = {"customer": customer_id}
        found, invoices, charges = await vendor.together(
            self._customer(customer_id),
            self._some("invoices", {**of, "status": "open"}, self.config.row_limit),
            self._some("charges", of, 3 * facts.LISTED_PAYMENTS),
        )
        customer = found.rows[0]
        if customer.flag("deleted"):
            return Empty(origin.as_of)
        zone = self.config.time_zone
        rows = numbered((_open_item(row.values, zone) for row in invoices.rows), "invoice")
        if not rows and customer.text("currency"):
            rows = [Row({"balance": 0, "overdue_amount": 0, "currency": customer.text("currency")})]
        paid = (row.values for row in charges.rows if _is_paid(row.values))
        payments = numbered((_payment(record, zone) for record in paid), "charge")
        notes = []
        waiting = customer.whole("balance") or 0
        if waiting and (code := customer.currency(None)):
            kind = "credit" if waiting < 0 else "charge"
            amount = money_text(money(abs(waiting), code), code)
            notes.append(f"a {kind} of {code} {amount} waits for the next invoice and is not in it")
        return answer("balance", Reading(rows, invoices.more), origin, Reading(payments), notes)

    async def _customer(self, customer_id: str) -> Reading:
        document = await self._service.get(f"v1/customers/{customer_id}")
        return Reading([Row(vendor.one(document.data), what="customer")])

    async def _bought(self, customer_id: str, origin: Origin) -> Found | Empty:
        of, limit = {"customer": customer_id}, self.config.row_limit
        invoices, charges = await vendor.together(
            self._some("invoices", of, limit), self._some("charges", of, limit)
        )
        final = [row.values for row in invoices.rows if row.values.get("status") in _FINAL]
        single = [row.values for row in charges.rows if _is_single(row.values)]
        orders = [*map(_invoice_values, final), *map(_charge_values, single)]
        lines = [numbered(_lines(r), "line") for r in final] + [
            numbered([_charge_line(r)], "line") for r in single
        ]
        more = invoices.more or charges.more
        return answer("purchases", Reading(numbered(orders, "order"), more, lines), origin)

    async def _some(self, path: str, params: Mapping[str, str], most: int) -> Reading:
        return await vendor.first(path, self._pages(path, params), most)

    async def _pages(
        self, path: str, params: Mapping[str, str]
    ) -> AsyncGenerator[list[vendor.Record]]:
        """Yield the pages of a list, newest records first."""
        after: dict[str, str] = {}
        while True:
            query = {**params, "limit": str(self.config.page_size), **after}
            document = await self._service.get(f"v1/{path}", query)
            found = vendor.records(document.data, "data")
            yield found
            if document.data.get("has_more") is not True or not found:
                return
            after = {"starting_after": Row(found[-1], what="record").needed_text("id")}

    async def check(self) -> CheckResult:
        """Read one record of each kind that is needed."""
        paths = ("customers", "invoices", "charges", "products", "events")
        return await vendor.check_each({path: partial(self._prove, path) for path in paths})

    async def _prove(self, path: str) -> str:
        document = await self._service.get(f"v1/{path}", {"limit": "1"})
        rows = vendor.records(document.data, "data")
        mode = "" if not rows or rows[0].get("livemode") is not False else " (test mode)"
        return f"can be read{mode}" if rows else "none there yet"

    async def aclose(self) -> None:
        """Close the pooled connections."""
        await self._service.aclose()


def _open_item(record: vendor.Record, zone: str) -> dict[str, Any]:
    return {
        "number": record.get("number"),
        "issue_date": day_of(record, "created", zone),
        "due_date": day_of(record, "due_date", zone),
        "total_amount": amount_of(record, "total"),
        "amount_due": amount_of(record, "amount_remaining"),
        "currency": record.get("currency"),
    }


def _is_paid(charge: vendor.Record) -> bool:
    return charge.get("status") == "succeeded" and charge.get("captured") is not False


def _is_single(charge: vendor.Record) -> bool:
    return _is_paid(charge) and not charge.get("invoice")


def _payment(record: vendor.Record, zone: str) -> dict[str, Any]:
    return {
        "transaction_date": day_of(record, "created", zone),
        "total_amount": amount_of(record, "amount"),
        "payment_method": vendor.at(record, "payment_method_details", "type"),
        "currency": record.get("currency"),
    }


def _invoice_values(record: vendor.Record) -> dict[str, Any]:
    credited = [f"{when}_payment_credit_notes_amount" for when in ("pre", "post")]
    return {
        "order_number": record.get("number") or record.get("id"),
        "order_date": day_of(record, "created", ""),
        "status": record.get("status"),
        "order_total": amount_of(record, "total")
        - sum(amount_of(record, name) for name in credited),
        "currency": record.get("currency"),
    }


def _charge_values(record: vendor.Record) -> dict[str, Any]:
    return {
        "order_number": record.get("receipt_number") or record.get("id"),
        "order_date": day_of(record, "created", ""),
        "status": "refunded" if record.get("refunded") is True else "paid",
        "order_total": amount_of(record, "amount") - amount_of(record, "amount_refunded"),
        "currency": record.get("currency"),
    }


def _charge_line(record: vendor.Record) -> dict[str, Any]:
    total = amount_of(record, "amount") - amount_of(record, "amount_refunded")
    return {"name": record.get("description") or "Payment", "total_amount": total}


def _lines(record: vendor.Record) -> list[dict[str, Any]]:
    lines = vendor.records(vendor.part(record, "lines"), "data")
    found = []
    for line in lines:
        price = vendor.part(line, "price") if line.get("price") is not None else {}
        counted = price.get("unit_amount") is not None
        found.append({
            "item_id": price.get("product"),
            "name": line.get("description"),
            "quantity": line.get("quantity"),
            "unit_price": amount_of(price, "unit_amount") if counted else None,
            "total_amount": amount_of(line, "amount"),
        })  # fmt: skip
    return found


def _invoice_purchase(record: vendor.Record, number: int) -> Any:
    key = Row(record, number, "invoice").needed_text("id")
    if record.get("status") not in _FINAL:
        return Tombstone(key) if record.get("status") == "void" else None
    values = {**_invoice_values(record), "order_number": key, "remote_id": record.get("customer")}
    return purchase([Row(values, number, "invoice")], None, numbered(_lines(record), "line"))


def _charge_purchase(record: vendor.Record, number: int) -> Any:
    # A charge without a customer is of nobody that could call.
    if not _is_single(record) or not record.get("customer"):
        return None
    key, customer = Row(record, number, "charge").needed_text("id"), record.get("customer")
    values = {**_charge_values(record), "order_number": key, "remote_id": customer}
    return purchase([Row(values, number, "charge")], None, numbered([_charge_line(record)], "line"))


def _item(record: vendor.Record, number: int) -> Any:
    price = vendor.part(record, "default_price") if record.get("default_price") else {}
    counted = price.get("unit_amount") is not None
    values = {
        **vendor.mapped(record, _PRODUCT),
        "unit_price": amount_of(price, "unit_amount") if counted else None,
        "currency": price.get("currency"),
        "remote_url": f"https://dashboard.stripe.com/products/{record.get('id')}",
    }
    return item(Row(values, number, "product"), None)
