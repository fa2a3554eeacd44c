"""Finds customers by name, number, e-mail address or id, a page at a time, through indexes alone.

Words of names and e-mail addresses have an index of their own (`store.words`), which follows a
minute later; numbers and ids are found at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Select, and_, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from app.core.identity import account_keys, plain_words
from app.core.match import phone_keys
from app.core.phone import normalise
from app.errors import UserError
from app.store.homes import MERGES
from app.store.models import Base
from app.store.records import CUSTOMERS, INDEX, KEYS, LINKS
from app.store.words import LONGEST_WORD, TERMS

_CONNECTORS = Base.metadata.tables["connectors"]
_LAST = "\U0010ffff"
# To tell which of several words is the rarest it is enough to count so many of each.
_ENOUGH = 1_000
_MOST_EXACT = 100
_MOST_WORDS = 6
_SHOWN = (
    "customer_id",
    "display_name",
    "company_name",
    "tier",
    "phone_numbers",
    "email_addresses",
    "links",
)


class BadCursor(UserError):
    """`after` is not what a page before gave as `next`."""


@dataclass(frozen=True, slots=True)
class Page:
    """Customers as lists show them, and where the next page begins (None = the last one)."""

    customers: list[dict[str, Any]]
    next: str | None


async def search(
    session: AsyncSession, asked: str, after: str | None, limit: int, region: str | None
) -> Page:
    """Return a page of the customers that fit what was typed; all of them when nothing was.

    Raises:
        BadCursor: `after` is not a page's `next`.
    """
    cursor = _read_cursor(after)
    conn = await session.connection()
    asked = " ".join(asked.split())
    if not asked:
        found, more = await _by_name(conn, cursor, limit)
        return Page(await _shown(conn, found), more)
    first = [] if cursor else await _exactly(conn, asked, region)
    number = _digits(asked)
    if number is not None:
        column, query = INDEX.c.key, _numbers_from(number, asked, region)
    else:
        column, query = TERMS.c.term, await _words(conn, asked)
    found, more = await _following(conn, query, column, cursor, limit)
    ids = list(dict.fromkeys([*first, *found]))
    return Page(await _shown(conn, ids), more)


async def _by_name(
    conn: AsyncConnection, cursor: list[str] | None, limit: int
) -> tuple[list[str], str | None]:
    name, own_id = CUSTOMERS.c.display_name, CUSTOMERS.c.id
    query = select(name, own_id).order_by(name, own_id).limit(limit + 1)
    if cursor:
        query = query.where(tuple_(name, own_id) > tuple(cursor))
    rows = [(row[0], row[1]) for row in await conn.execute(query)]
    return [row[1] for row in rows[:limit]], _next(rows, limit)


async def _exactly(conn: AsyncConnection, asked: str, region: str | None) -> list[str]:
    """Return whose id, account number, record's id or whole phone number this is."""
    gone = select(MERGES.c.survivor_id).where(
        MERGES.c.gone_id == asked, MERGES.c.undone_at.is_(None)
    )
    slugs = select(_CONNECTORS.c.slug)
    queries: list[Select[Any]] = [
        # Two questions: joined by an `or`, PostgreSQL would read all customers.
        select(CUSTOMERS.c.id).where(CUSTOMERS.c.id == asked),
        select(CUSTOMERS.c.id).where(CUSTOMERS.c.id.in_(gone)),
        select(LINKS.c.customer_id).where(LINKS.c.connector.in_(slugs), LINKS.c.remote_id == asked),
        select(LINKS.c.customer_id)
        .join_from(
            KEYS,
            LINKS,
            and_(LINKS.c.connector == KEYS.c.connector, LINKS.c.remote_id == KEYS.c.remote_id),
        )
        .where(KEYS.c.key.in_(account_keys([asked]))),
    ]
    if _digits(asked) is not None:
        keys = phone_keys(normalise(asked, region))
        queries.append(select(INDEX.c.customer_id).where(INDEX.c.key.in_(keys)))
    found: dict[str, None] = {}
    for query in queries:
        found.update(dict.fromkeys(await conn.scalars(query.limit(_MOST_EXACT))))
    return list(found)


def _digits(asked: str) -> str | None:
    """Return the digits when what was typed looks like a number, else None."""
    digits = "".join(c for c in asked if c.isdecimal() and c.isascii())
    plain = all(c in "+0123456789 ()-./" for c in asked)
    return digits if plain and len(digits) >= 3 else None


def _numbers_from(digits: str, asked: str, region: str | None) -> Select[Any]:
    """Numbers that begin with what was typed; a national one is tried with its region's code."""
    begins = f"+{digits}" if asked.startswith("+") else None
    if begins is None and digits.startswith("00"):
        begins = f"+{digits[2:]}"
    if begins is None:
        whole = normalise(asked, region).e164
        begins = whole or f"~{digits}"
    key = INDEX.c.key
    return select(key, INDEX.c.customer_id).where(key >= begins, key < begins + _LAST)


async def _words(conn: AsyncConnection, asked: str) -> Select[Any]:
    """Customers with words that begin with all those typed."""
    words = [asked.casefold()] if "@" in asked else plain_words(asked)[:_MOST_WORDS]
    words = [word[:LONGEST_WORD] for word in words]
    if not words:
        return select(TERMS.c.term, TERMS.c.customer_id).where(TERMS.c.term == "")
    rarest = min([(await _how_many(conn, word), -len(word), word) for word in words])[2]
    query = select(TERMS.c.term, TERMS.c.customer_id).where(_begins(TERMS.c.term, rarest))
    for word in {*words} - {rarest}:
        other = TERMS.alias()
        has = select(other.c.term).where(
            other.c.customer_id == TERMS.c.customer_id, _begins(other.c.term, word)
        )
        query = query.where(has.exists())
    return query


def _begins(column: Any, word: str) -> Any:
    return and_(column >= word, column < word + _LAST)


async def _how_many(conn: AsyncConnection, word: str) -> int:
    some = select(TERMS.c.term).where(_begins(TERMS.c.term, word)).limit(_ENOUGH).subquery()
    return await conn.scalar(select(func.count()).select_from(some)) or 0


async def _following(
    conn: AsyncConnection, query: Select[Any], column: Any, cursor: list[str] | None, limit: int
) -> tuple[list[str], str | None]:
    customer = query.selected_columns[1]
    if cursor:
        query = query.where(tuple_(column, customer) > tuple(cursor))
    query = query.order_by(column, customer).limit(limit + 1)
    rows = [(row[0], row[1]) for row in await conn.execute(query)]
    return [row[1] for row in rows[:limit]], _next(rows, limit)


def _next(rows: Sequence[tuple[str, str]], limit: int) -> str | None:
    return orjson.dumps(rows[limit - 1]).decode() if len(rows) > limit else None


def _read_cursor(after: str | None) -> list[str] | None:
    if after is None:
        return None
    try:
        cursor = orjson.loads(after)
    except orjson.JSONDecodeError:
        cursor = None
    if not (
        isinstance(cursor, list) and len(cursor) == 2 and all(isinstance(c, str) for c in cursor)
    ):
        raise BadCursor("`after` must be the `next` of the page before")
    return cursor


async def _shown(conn: AsyncConnection, ids: Iterable[str]) -> list[dict[str, Any]]:
    wanted = list(ids)
    query = select(CUSTOMERS.c.id, CUSTOMERS.c.doc).where(CUSTOMERS.c.id.in_(wanted))
    documents = {row[0]: row[1] for row in await conn.execute(query)}
    return [{name: documents[i][name] for name in _SHOWN} for i in wanted if i in documents]
