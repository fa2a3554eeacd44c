"""A large installation: many customers, users, sources and all that the console lists of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import Table, delete, insert, select

from app.core.golden import Link, golden
from app.core.latency import Minute, size_class
from app.core.pace import PARTS, PhoneMinute
from app.core.spans import DAY
from app.runtime import Runtime
from app.store.engine import Database
from app.store.models import Base, ConnectorRow, PhoneSystemRow
from app.store.phone_health import write_phone_minutes
from app.store.source_health import write_minutes
from app.store.source_models import ConnectorSpan, PhoneSpan
from app.store.words import INDEXED_UNTIL

USERS, CONNECTORS, PHONE_SYSTEMS, MOST_PROPOSALS = 5_000, 200, 4, 10_000
_FIRST = ("Ann", "Ben", "Cyd", "Dora", "Emil", "Femi", "Gita", "Hugo", "Ines", "Jun")
_LAST = ("Bell", "Kestrel", "Marlowe", "Okafor", "Quist", "Rashid", "Silva", "Tanaka", "Wren")
_KINDS = ("number_unusable", "no_number", "country_missing", "stale")

LISTS = (
    "/api/v1/customers",
    "/api/v1/customers?q=kestrel",
    "/api/v1/customers?q=ann+bell",
    "/api/v1/customers?q=%2B44700001",
    "/api/v1/customers?q=p1234",
    "/api/v1/customers/duplicates?limit=20",
    "/api/v1/customers/duplicates?limit=20&q=ann+bell",
    "/api/v1/customers/duplicates/decided",
    "/api/v1/customers/quality?kind=number_unusable",
    "/api/v1/customers/quality?kind=stale&connector=books",
    "/api/v1/customers/quality?kind=number_unusable&q=ann+bell",
    "/api/v1/users?limit=50",
    "/api/v1/users?limit=50&offset=4900",
    "/api/v1/users?limit=50&search=agent49",
    "/api/v1/connectors",
    "/api/v1/connectors/s3/health?hours=24",
    "/api/v1/connectors/s3/health?hours=336",
    "/api/v1/health/overview?hours=24",
    "/api/v1/health/overview?hours=336",
    "/api/v1/suggestions/fits",
    "/api/v1/suggestions/report",
)


def contacts(customers: int) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    for number in range(customers):
        name = f"{_FIRST[number % 10]} {_LAST[number % 9]} {number % 997}"
        phone = {"raw": f"+447{number:09}", "e164": f"+447{number:09}", "type": None}
        contact: Any = {
            "remote_id": str(number),
            "display_name": name,
            "phone_numbers": [{**phone, "is_primary": True}],
            "email_addresses": [f"p{number}@example.com"],
        }
        own_id = f"c-{number:08}"
        yield own_id, contact, golden(own_id, [Link("books", 0, contact)])


async def fill(db: Database, name: str, rows: Iterable[dict[str, Any]]) -> None:
    table = Base.metadata.tables[name]
    rest = iter(rows)
    while some := list(islice(rest, 10_000)):
        async with db.begin() as session:
            await session.execute(insert(table), some)


async def make_large(rt: Runtime, customers: int) -> None:
    """Fill the database as years of use do."""
    db, now, proposals = rt.db, rt.clock(), min(MOST_PROPOSALS, customers // 4)
    at = {"updated_at": now}
    # The server shall not index words while they are being written here.
    await fill(db, "meta", [{"key": INDEXED_UNTIL, "value": f"{now.isoformat()} c-~"}])
    await fill(
        db,
        "customers",
        (
            {"id": i, "display_name": c["display_name"], "doc": doc, **at}
            for i, c, doc in contacts(customers)
        ),
    )
    of = {"connector": "books"}
    link = {**of, "sync_id": "s"}
    await fill(
        db,
        "customer_links",
        (
            {**link, "remote_id": c["remote_id"], "customer_id": i, "data": c}
            for i, c, _ in contacts(customers)
        ),
    )
    await fill(
        db,
        "phone_index",
        (
            {
                **of,
                "key": c["phone_numbers"][0]["e164"],
                "remote_id": c["remote_id"],
                "customer_id": i,
                "raw": c["phone_numbers"][0]["raw"],
                "is_primary": True,
            }
            for i, c, _ in contacts(customers)
        ),
    )
    await fill(
        db,
        "customer_terms",
        (
            {"term": term, "customer_id": i}
            for i, c, _ in contacts(customers)
            for term in (*c["display_name"].casefold().split(), c["email_addresses"][0])
        ),
    )
    await fill(
        db,
        "duplicate_proposals",
        (
            {
                "left_id": f"c-{n:08}",
                "right_id": f"c-{n + proposals:08}",
                "score": 0.7 + n % 300 / 1000,
                "reasons": ["same name"],
                "found_at": now,
            }
            for n in range(proposals)
        ),
    )
    await fill(
        db,
        "quality_issues",
        (
            {
                **of,
                "kind": _KINDS[number % 4],
                "remote_id": str(number),
                "customer_id": f"c-{number:08}",
                "display_name": "Somebody",
                "text": "cannot be called: 12",
                "found_at": now,
            }
            for number in range(0, customers, 3)
        ),
    )
    await fill(
        db,
        "users",
        (
            {
                "id": f"{n:032x}",
                "email": f"agent{n}@example.com",
                "name": f"{_FIRST[n % 10]} {_LAST[n % 9]}",
                "role": "agent",
                "extensions": [str(10_000 + n)],
                "queues": ["sales"],
                "disabled": False,
                "created_at": now,
            }
            for n in range(USERS)
        ),
    )
    sealed = rt.secrets.seal({"base_url": "https://books.example"})
    fields = {"kind": "rest", "settings": sealed, "timeout_ms": 1500, "cache_s": {}}
    await fill(
        db,
        "connectors",
        (
            {"slug": f"s{n}", "position": n, "name": f"Source {n}", "priority": 0, **fields, **at}
            | {"enabled": True}
            for n in range(CONNECTORS)
        ),
    )
    fields = {"kind": "generic", "settings": rt.secrets.seal({"secret": f"whsec_{'s' * 43}="})}
    await fill(
        db,
        "phone_systems",
        ({"slug": f"p{n}", "position": n, **fields, **at} for n in range(PHONE_SYSTEMS)),
    )
    await _history(rt)


def _minutes(now: datetime) -> Iterator[tuple[datetime, int]]:
    """Yield the minutes of a day, and of each hour before one that stands for the whole."""
    last = now.replace(second=0, microsecond=0)
    yield from ((last - timedelta(minutes=ago), 1) for ago in range(1, 24 * 60))
    yield from ((last - timedelta(hours=ago), 60) for ago in range(24, 14 * 24))


async def _history(rt: Runtime) -> None:
    """Write down two weeks of all sources and phone systems, by the minute."""
    db, minutes = rt.db, list(_minutes(rt.clock()))
    answers = [
        Minute(
            "s0",
            "balance",
            at,
            30 * many,
            5 * many,
            Counter(timeout=many),
            Counter({size_class(ms): 3 * many for ms in range(20, 200, 20)}),
            at,
        )
        for at, many in minutes
    ]
    await write_minutes(db, "one", answers)
    calls = [
        PhoneMinute(
            "p0",
            at,
            30 * many,
            Counter({"202": 30 * many}),
            Counter(single=8 * many, none=2 * many),
            Counter(s3=8 * many),
            {part: Counter({size_class(ms): many for ms in range(4, 200, 20)}) for part in PARTS},
            at,
        )
        for at, many in minutes
    ]
    await write_phone_minutes(db, "one", calls)
    for model, of, owners in (
        (ConnectorSpan, "connector", ConnectorRow),
        (PhoneSpan, "phone_system", PhoneSystemRow),
    ):
        table = Base.metadata.tables[model.__tablename__]
        # What stood for the hours of the days before.
        stood = (table.c.minutes < 60) & (table.c.at < rt.clock() - DAY)
        async with db.begin() as session:
            await session.execute(delete(table).where(stood))
        await _repeat(db, table, of, owners)


async def _repeat(db: Database, table: Table, of: str, owners: type[Any]) -> None:
    """Give all the others what the first one has."""
    rest = [column for column in table.c if column.name != of]
    others = select(owners.slug, *rest).join(table, table.c[of] != owners.slug)
    async with db.begin() as session:
        await session.execute(insert(table).from_select([of, *(c.name for c in rest)], others))
