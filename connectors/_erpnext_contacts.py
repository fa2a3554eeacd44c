"""From ERPNext's customers and contacts to ours: numbers, addresses and links are apart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from connectors import _erpnext_records as erp
from connectors._erpnext_api import ErpNextApi, Filters, name_of
from connectors.sdk.connector import ContactItem
from connectors.sdk.contacts import contact
from connectors.sdk.types import ErrorKind, SourceError
from connectors.sdk.values import Row
from connectors.sdk.vendor import Record, or_rejected

_ADDRESSES = 500


@dataclass(frozen=True, slots=True)
class ErpNextContacts:
    """Reads what belongs to a page of records; countries are read once."""

    api: ErpNextApi
    base_url: str
    regions: dict[str, str] = field(default_factory=dict)

    async def made(
        self, kind: str, page: Sequence[Record], number: int, zone: str
    ) -> AsyncIterator[ContactItem]:
        """Make contacts of customers or of contacts, with their numbers and addresses."""
        names, origin = [name_of(record) for record in page], (self.base_url, zone)
        if not page:
            return
        if kind == "Customer":
            addresses, regions = await asyncio.gather(self._addresses(names), self._countries())
            for n, record in enumerate(page, number + 1):
                own = addresses.get(name_of(record), [])
                rows = partial(erp.customer_rows, record, own, regions, origin, n)
                yield _contact(f"customer {n}", rows)
            return
        phones, companies = await asyncio.gather(
            self.api.children("Contact", "Contact Phone", erp.PHONE, names),
            self._companies(names),
        )
        for n, record in enumerate(page, number + 1):
            name = name_of(record)
            rows = partial(
                erp.contact_rows, record, phones.get(name, []), companies.get(name), origin, n
            )
            yield _contact(f"contact {n}", rows)

    async def _companies(self, contacts: Sequence[str]) -> dict[str, str]:
        """Return the name of the customer that each contact belongs to."""
        links = await self.api.children(
            "Contact", "Dynamic Link", ["link_name"], contacts, ["link_doctype", "=", "Customer"]
        )
        first = {name: str(rows[0].get("link_name")) for name, rows in links.items()}
        known = await self.api.named("Customer", ["customer_name"], first.values())
        return {
            name: str(known[customer].get("customer_name") or customer)
            for name, customer in first.items()
            if customer in known
        }

    async def _addresses(self, customers: Sequence[str]) -> dict[str, list[Record]]:
        where: Filters = [
            ["parenttype", "=", "Address"],
            ["link_doctype", "=", "Customer"],
            ["link_name", "in", sorted(set(customers))],
        ]
        fields = ["parent", "link_name"]
        links = await self.api.rows("Dynamic Link", fields, where, 0, "parent asc", "Address")
        names = [str(link.get("parent")) for link in links]
        known = await self.api.named("Address", erp.ADDRESS, names)
        found: dict[str, list[Record]] = {}
        for link, name in zip(links, names, strict=True):
            if name in known:
                found.setdefault(str(link.get("link_name")), []).append(known[name])
        return found

    async def _countries(self) -> dict[str, str]:
        if not self.regions:
            rows = await self.api.rows("Country", ["name", "code"], [], 0)
            self.regions.update({name_of(r): str(r.get("code") or "").upper() for r in rows})
        return self.regions

    async def moved(self, filters: Filters, zone: str) -> AsyncIterator[ContactItem]:
        """Read the customers whose addresses changed: the customers themselves did not."""
        async for page in self.api.pages("Address", [], filters, _ADDRESSES):
            names = [name_of(address) for address in page]
            of = ["link_doctype", "=", "Customer"]
            links = await self.api.children("Address", "Dynamic Link", ["link_name"], names, of)
            wanted = [str(link.get("link_name")) for rows in links.values() for link in rows]
            found = await self.api.named("Customer", erp.CUSTOMER, wanted)
            async for made in self.made("Customer", list(found.values()), 0, zone):
                yield made

    async def deleted(self, kinds: Sequence[str], since: str) -> list[tuple[str, str]]:
        """Return kind and name of what was deleted; only a System Manager is told."""
        fields = ["deleted_doctype", "deleted_name"]
        where: Filters = [["deleted_doctype", "in", list(kinds)], ["creation", ">=", since],
                 ["restored", "=", 0]]  # fmt: skip
        if not await self.tells_deletions():
            return []
        rows = await self.api.rows("Deleted Document", fields, where, 0, "creation asc")
        return [(str(r.get("deleted_doctype")), str(r.get("deleted_name"))) for r in rows]

    async def tells_deletions(self) -> bool:
        """Say whether the key's user may see what was deleted."""
        try:
            await self.api.rows("Deleted Document", ["name"], [], 1)
        except SourceError as error:
            if error.kind is not ErrorKind.AUTH_DENIED:
                raise
            return False
        return True


def _contact(where: str, rows: Callable[[], list[Row]]) -> ContactItem:
    return or_rejected(where, lambda: contact(rows()))
