"""Odoo 17 to 19: contacts, receivables, credit limits, sale orders, products, helpdesk tickets.

Field names: Odoo's source (addons account, sale, product, phone_validation). Money is of the
commercial partner, which is the company that a contact belongs to.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar

from pydantic import Field, SecretStr, model_validator

from connectors import _odoo_records as odoo
from connectors._odoo_api import OdooApi, Protocol, id_of, refused
from connectors._odoo_sections import OdooSections
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
from connectors.sdk.contacts import contact
from connectors.sdk.history import item, purchase
from connectors.sdk.phones import has_number, national_digits
from connectors.sdk.sections import Origin, Reading, answer
from connectors.sdk.service import Service
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

_FOUND_AT_MOST, _PAGE = 50, 500
# Clocks differ, and what is being written is seen only once it is committed.
_LAG = timedelta(minutes=5)


class OdooConfig(vendor.VendorConfig):
    """Settings of an Odoo database."""

    base_url: str = Field(title="Address", description="Such as https://acme.odoo.com.")
    protocol: Protocol = Field(
        "json2", title="Protocol", description="json2 from Odoo 19 on, jsonrpc before."
    )
    database: str = Field(
        "",
        title="Database",
        description="Needed for jsonrpc, and where a server has several databases.",
        pattern=r"^[A-Za-z0-9._-]{0,100}$",
    )
    login: str = Field("", title="Login", description="Of the key's user. Only for jsonrpc.")
    api_key: SecretStr = Field(
        title="API key", description="Of a user who may read: My Profile > Account Security."
    )
    company: str = Field(
        "",
        title="Company",
        description="Name of the company whose money is read. Empty: the user's own company.",
        max_length=200,
    )
    accounting: bool = Field(
        True, title="Accounting", description="Read balances and credit limits."
    )
    sales: bool = Field(True, title="Sales", description="Read sale orders.")
    helpdesk: bool = Field(
        False, title="Helpdesk", description="Read tickets: only with the Helpdesk app."
    )
    requests_per_minute: vendor.RequestsPerMinute = 600

    @model_validator(mode="after")
    def _settings_fit_together(self) -> OdooConfig:
        if self.protocol == "jsonrpc" and not (self.database and self.login):
            raise ValueError("protocol jsonrpc needs `database` and `login`")
        return self


class OdooConnector(Connector[OdooConfig]):
    """An Odoo database, read as one user in one company."""

    kind: ClassVar[str] = "odoo"
    title: ClassVar[str] = "Odoo"
    summary: ClassVar[str] = "Contacts, receivables, credit limits, orders and products of Odoo."
    Config: ClassVar[type[Any]] = OdooConfig
    brings: ClassVar[frozenset[Capability]] = ALL

    def __init__(self, config: OdooConfig, context: Context) -> None:
        super().__init__(config, context)
        key = config.api_key.get_secret_value()
        headers = {"X-Odoo-Database": config.database} if config.database else {}
        if config.protocol == "json2":
            headers["Authorization"] = f"bearer {key}"
        self.budget = Budget(config.requests_per_minute, config.max_concurrency)
        service = Service(
            vendor.vendor_http(config), StaticCredentials(headers), self.budget, refused=refused
        )
        self._api = OdooApi(service, config.protocol, config.database, config.login, config.api_key)
        self._sections = OdooSections(self._api, config.base_url, config.row_limit)
        self._known: tuple[Record, str] | None = None

    @property
    def provides(self) -> frozenset[Capability]:
        """What the apps switched on in the settings hold."""
        config = self.config
        names: list[Capability] = ["contacts", "find"]
        names += ["balance", "credit_terms"] if config.accounting else []
        names += ["purchases", "history", "catalogue"] if config.sales else []
        names += ["tickets"] if config.helpdesk else []
        return frozenset(names)

    async def _company(self) -> tuple[Record, str]:
        """Return the company whose money is read, and the time zone of its day."""
        if self._known is None:
            mine = await self._api.call("res.users", "context_get")
            user = vendor.one(mine)
            uid = user.get("uid")
            if not isinstance(uid, int):
                raise SourceError(ErrorKind.BAD_DATA, "Odoo does not say whose key this is")
            found = await self._api.search("res.users", [["id", "=", uid]], ["company_id"], 1)
            own = odoo.linked(found[0], "company_id") if found else None
            there = await self._api.fields("res.company")
            fields = ["name", "currency_id", "account_use_credit_limit"]
            wanted: list[Any] = ["id", "=", own[0] if own else 0]
            if self.config.company:
                wanted = ["name", "=", self.config.company]
            companies = await self._api.search(
                "res.company", [wanted], [name for name in fields if name in there], 2
            )
            if len(companies) != 1:
                raise SourceError(
                    ErrorKind.BAD_CONFIG,
                    "the key's user has no company of this name: check `company`, or give the"
                    " user access to it",
                )
            zone = self.config.time_zone or str(odoo.text_of(user, "tz") or "")
            self._known = companies[0], zone
            self._api.context = {"allowed_company_ids": [id_of(companies[0])]}
        return self._known

    async def contacts(self, since: str | None) -> AsyncIterator[ContactItem]:
        """Read all contacts, or those changed and archived since; deleted ones Odoo forgets.

        A cursor `2026-11-22T08:55:00Z` is a completed read, with an id behind it one under way.
        """
        begun, after = _position(since)
        delta = begun is not None and after is None
        await self._company()
        started = vendor.utc_text(begun if begun and not delta else self.context.now() - _LAG)
        fields = await self._api.there("res.partner", odoo.PARTNER, odoo.PARTNER_IF_THERE)
        tags = await self._tags()
        domain = [["write_date", ">=", odoo.utc(begun)]] if begun and delta else []
        total = None if delta else await self._api.count("res.partner", domain)
        shown = {"active_test": False} if delta else {}
        number = 0
        async for page in self._api.pages(
            "res.partner", domain, fields, _PAGE, after or 0, **shown
        ):
            for record in page:
                number += 1
                yield self._contact(record, tags, number)
            if not delta:
                yield Checkpoint(f"{started} {id_of(page[-1])}", total)
        yield Checkpoint(started, total)

    def _contact(self, record: Record, tags: dict[int, str], number: int) -> ContactItem:
        base = self.config.base_url
        return vendor.or_rejected(
            f"contact {number}", lambda: contact([odoo.customer_of(record, tags, base, number)])
        )

    async def _tags(self) -> dict[int, str]:
        found = await self._api.search("res.partner.category", [], ["name"], 2_000)
        return {id_of(tag): str(tag.get("name")) for tag in found}

    async def find(self, number: Number) -> list[ContactRow]:
        """Search by the digits without country code; keep the hits whose number is this one."""
        digits = national_digits(number)
        if len(digits) < 3:
            return []
        await self._company()
        there = await self._api.fields("res.partner")
        fields = await self._api.there("res.partner", odoo.PARTNER, odoo.PARTNER_IF_THERE)
        # Without the module phone_validation: any marks may stand between the digits.
        loose = "%" + "%".join(digits) + "%"
        columns = [name for name in ("phone", "mobile") if name in there]
        domain: list[Any] = ["|"] * (len(columns) - 1)
        domain += [[name, "=ilike", loose] for name in columns]
        if "phone_mobile_search" in there:
            domain = [["phone_mobile_search", "ilike", digits]]
        hits = await self._api.search("res.partner", domain, fields, _FOUND_AT_MOST)
        found = []
        for position, record in enumerate(hits, 1):
            made = self._contact(record, {}, position)
            if isinstance(made, ContactRow) and has_number(
                (p.raw for p in made.phone_numbers), number, made.region or self.context.region
            ):
                found.append(made)
        return found

    async def fetch(self, section: SectionName, ref: CustomerRef) -> Found | Empty:
        """Read a section of the company that a contact belongs to."""
        now = self.context.now()
        if not (ref.remote_id.isascii() and ref.remote_id.isdecimal() and len(ref.remote_id) < 10):
            return Empty(now)
        company, zone = await self._company()
        names = ["commercial_partner_id"]
        own = [["id", "=", int(ref.remote_id)]]
        found = await self._api.search("res.partner", own, names, 1, active_test=False)
        if not found:
            return Empty(now)
        payer = odoo.linked(found[0], "commercial_partner_id") or (int(ref.remote_id), "")
        hopped = payer[0] != int(ref.remote_id)
        notes = [f"the account of {payer[1][:100]}, which this contact belongs to"] * hopped
        origin = Origin(
            self.context.slug,
            vendor.today_in(zone, now),
            now,
            odoo.name_of(company, "currency_id"),
            odoo.page_of(self.config.base_url, "res.partner", payer[0]),
        )
        if section == "balance":
            return await self._sections.balance(payer[0], origin, notes)
        if section == "purchases":
            return await self._sections.orders(payer[0], origin, zone, notes)
        rows = await (
            self._sections.terms(payer[0], company)
            if section == "credit_terms"
            else self._sections.tickets(payer[0])
        )
        return answer(section, Reading(rows), origin, notes=notes)

    async def purchases(self, since: str | None) -> AsyncIterator[PurchaseItem]:
        """Read the orders of all customers, or those changed since; cancelled ones are gone."""
        begun, after = _position(since)
        delta = begun is not None and after is None
        await self._company()
        started = vendor.utc_text(begun if begun and not delta else self.context.now() - _LAG)
        domain: list[Any] = [["state", "in", [*odoo.SOLD, *(["cancel"] if delta else [])]]]
        domain += [["write_date", ">=", odoo.utc(begun)]] if begun and delta else []
        fields = await self._api.there("sale.order", odoo.ORDER, odoo.ORDER_IF_THERE)
        number = 0
        async for page in self._api.pages("sale.order", domain, fields, _PAGE, after or 0):
            lines, payers = await asyncio.gather(self._sections.lines(page), self._payers(page))
            for order in page:
                number += 1
                made = partial(self._purchase, order, payers, lines, number)
                yield vendor.or_rejected(f"order {number}", made)
            if not delta:
                yield Checkpoint(f"{started} {id_of(page[-1])}")
        yield Checkpoint(started)

    def _purchase(
        self,
        order: Record,
        payers: dict[int, int],
        lines: dict[int, list[Row]],
        number: int,
    ) -> PurchaseItem:
        company, zone = self._known or ({}, "")
        who = odoo.linked(order, "partner_id")
        row = odoo.order_of(order, payers.get(who[0]) if who else None, zone, number)
        if order.get("state") == "cancel":
            return Tombstone(row.needed_text("order_number"))
        return purchase([row], odoo.name_of(company, "currency_id"), lines.get(id_of(order), []))

    async def _payers(self, orders: Sequence[Record]) -> dict[int, int]:
        who = [odoo.linked(order, "partner_id") for order in orders]
        ids = list(dict.fromkeys(found[0] for found in who if found))
        names = ["commercial_partner_id"]
        partners = await self._api.search(
            "res.partner", [["id", "in", ids]], names, len(ids), active_test=False
        )
        payers = {id_of(p): odoo.linked(p, "commercial_partner_id") for p in partners}
        return {own: payer[0] if payer else own for own, payer in payers.items()}

    async def catalogue(self, since: str | None) -> AsyncIterator[CatalogueItem]:  # noqa: ARG002
        """Read all products that are sold: stock changes without any sign to go by."""
        currency = odoo.name_of((await self._company())[0], "currency_id")
        fields = await self._api.there("product.product", odoo.PRODUCT, odoo.PRODUCT_IF_THERE)
        number = 0
        async for page in self._api.pages(
            "product.product", [["sale_ok", "=", True]], fields, _PAGE
        ):
            for product in page:
                number += 1
                make = partial(odoo.product_of, product, self.config.base_url, number)
                row = vendor.or_rejected(f"product {number}", make)
                yield item(row, currency) if isinstance(row, Row) else row
        yield Checkpoint(None)

    async def check(self) -> CheckResult:
        """Sign in, see which company it is, and read a little of each part switched on."""
        return await vendor.check_each(
            {
                "sign-in": self._check_company,
                "contacts": self._check_contacts,
                "find": self._check_find,
                **({"accounting": self._check_accounting} if self.config.accounting else {}),
                **({"sales": self._check_sales} if self.config.sales else {}),
                **({"helpdesk": self._check_helpdesk} if self.config.helpdesk else {}),
            }
        )

    async def _check_company(self) -> str:
        self._known = None
        company, zone = await self._company()
        name, currency = company.get("name"), odoo.name_of(company, "currency_id")
        return f"company {name} ({currency}), days of {zone or 'UTC'}"

    async def _check_contacts(self) -> str:
        fields = await self._api.there("res.partner", odoo.PARTNER, odoo.PARTNER_IF_THERE)
        found = await self._api.search("res.partner", [], fields, 1)
        return f"{len(found)} read of {await self._api.count('res.partner', [])}"

    async def _check_find(self) -> str:
        await self.find(Number("+12025550100", "+12025550100"))
        quick = "phone_mobile_search" in await self._api.fields("res.partner")
        return "by Odoo's own search" if quick else "slowly, the module phone_validation is missing"

    async def _check_accounting(self) -> str:
        there = await self._api.fields("res.partner")
        if not {"credit", "credit_limit"} <= there:
            raise SourceError(
                ErrorKind.AUTH_DENIED,
                "the key's user does not see what customers owe: give it a role in Accounting, or"
                " switch off `accounting`",
            )
        company, _ = await self._company()
        await self._sections.balance(
            0, Origin("", self.context.today(), self.context.now(), "EUR"), []
        )
        applied = company.get("account_use_credit_limit") is True
        return f"open entries can be read, credit limits are {'on' if applied else 'off'} in Odoo"

    async def _check_sales(self) -> str:
        fields = await self._api.there("sale.order", odoo.ORDER, odoo.ORDER_IF_THERE)
        found = await self._api.search("sale.order", [], fields, 1)
        await self._sections.lines(found)
        await self._api.search("product.product", [], odoo.PRODUCT, 1)
        return f"orders: {len(found)} read, products can be read"

    async def _check_helpdesk(self) -> str:
        await self._sections.tickets(0)
        return "tickets can be read"

    async def aclose(self) -> None:
        """Close the pooled connections."""
        await self._api.aclose()


def _position(since: str | None) -> tuple[datetime | None, int | None]:
    """Read a cursor: when its read began, and in a read under way the last id.

    Raises:
        SourceError: it is none of ours.
    """
    if since is None:
        return None, None
    begun, _, after = since.partition(" ")
    try:
        return datetime.fromisoformat(begun), int(after) if after else None
    except ValueError:
        raise SourceError(
            ErrorKind.BAD_DATA, "the place to go on from is not known: read everything again"
        ) from None
