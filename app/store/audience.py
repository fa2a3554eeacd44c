"""Which customers a campaign is for, by what their sources say of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.store.engine import Database
from app.store.records import CUSTOMERS, LINKS

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom to choose; nothing given = everybody. Words are compared without regard to case.

    One of `tiers`, all of `with_tags`, none of `without_tags`; `consenting`: at least one source
    says that the customer agreed to marketing, and none that it refused.
    """

    tiers: frozenset[str] = frozenset()
    with_tags: frozenset[str] = frozenset()
    without_tags: frozenset[str] = frozenset()
    consenting: bool = False

    def has(self, customer: Mapping[str, Any]) -> bool:
        """Say whether a customer's document fits; consent is not in it."""
        tags = {tag.casefold() for tag in customer["tags"]}
        tier = (customer["tier"] or "").casefold()
        return (
            (not self.tiers or tier in _plain(self.tiers))
            and _plain(self.with_tags) <= tags
            and not _plain(self.without_tags) & tags
        )


def _plain(words: Collection[str]) -> set[str]:
    return {word.casefold() for word in words}


async def count_customers(db: Database) -> int:
    """Return how many customers there are."""
    async with db.read() as session:
        return await session.scalar(select(func.count()).select_from(CUSTOMERS)) or 0


async def choose(db: Database, wanted: Audience) -> AsyncIterator[tuple[int, list[dict[str, Any]]]]:
    """Return the customers' documents a page at a time, and how many were looked at."""
    after = ""
    while True:
        async with db.read() as session:
            conn = await session.connection()
            page = (
                select(CUSTOMERS.c.id, CUSTOMERS.c.doc)
                .where(CUSTOMERS.c.id > after)
                .order_by(CUSTOMERS.c.id)
                .limit(_PAGE)
            )
            rows = (await conn.execute(page)).all()
            if not rows:
                return
            found = [row.doc for row in rows if wanted.has(row.doc)]
            if wanted.consenting:
                agreed = await _agreed(conn, [each["customer_id"] for each in found])
                found = [each for each in found if each["customer_id"] in agreed]
        yield len(rows), found
        after = rows[-1].id


async def _agreed(conn: AsyncConnection, customers: Collection[str]) -> set[str]:
    """Return who agreed to marketing in one source or more, and refused it in none."""
    said: dict[str, set[bool]] = {}
    links = select(LINKS.c.customer_id, LINKS.c.data).where(LINKS.c.customer_id.in_(customers))
    for customer_id, contact in await conn.execute(links):
        if (consent := contact.get("marketing_consent")) is not None:
            said.setdefault(customer_id, set()).add(consent)
    return {customer_id for customer_id, words in said.items() if words == {True}}
