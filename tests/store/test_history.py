"""The purchase history: orders replace each other, follow their customer, and are forgotten."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select

from app.core.purchases import HISTORY_LINES, Ordered, item_key, parts_of_key
from app.core.sync import SyncRun
from app.store import hot
from app.store.catalogue import Catalogue
from app.store.contacts import Contacts, ContactWriter
from app.store.engine import Database
from app.store.history import RETENTION, History, day_number
from app.store.source_models import CatalogueItem, PurchaseLine, PurchaseOrder
from connectors.sdk.types import ContactRow, Item, LineItem, Order, Purchase

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
TODAY = NOW.date()


@pytest.fixture
async def db(migrated_url: str) -> AsyncIterator[Database]:
    database = Database(migrated_url)
    yield database
    await database.dispose()


def order(
    number: str, *items: str | LineItem, customer: str = "1", on: date | None = TODAY
) -> Purchase:
    lines = tuple(i if isinstance(i, LineItem) else LineItem(item_id=i, quantity=2) for i in items)
    facts = Order(order_number=number, order_date=on, currency="GBP", line_items=lines)
    return Purchase(customer, facts)


async def write(
    db: Database, *orders: Purchase, gone: Iterable[str] = (), connector: str = "shop"
) -> SyncRun:
    store = History(db)
    run = await store.start_sync(connector, full=True, at=NOW)
    changes: dict[str, Purchase | None] = {o.order.order_number: o for o in orders}
    changes.update(dict.fromkeys(gone))
    await store.write(run, changes, at=NOW)
    return run


async def contacts(db: Database, connector: str, *rows: ContactRow) -> None:
    writer = ContactWriter(db, None, 0)
    run = await writer.start_sync(connector, full=True, at=NOW)
    await writer.write(run, {r.remote_id: r for r in rows}, at=NOW)
    await writer.finish_sync(run, at=NOW, error=None)


def customer(remote_id: str, account: str) -> ContactRow:
    return ContactRow(remote_id=remote_id, display_name="Ann", external_id=account)


async def all_lines(db: Database) -> list[tuple[Any, ...]]:
    return [
        (line.customer_id, line.day, line.item, line.thousandths)
        async for chunk in History(db).lines()
        for line in chunk
    ]


async def test_an_order_replaces_the_one_with_its_number(db: Database) -> None:
    await write(db, order("o-1", "spade", "rake"), order("o-2", "hose"))
    await write(db, order("o-1", "spade"))
    today = day_number(TODAY)
    assert sorted(await all_lines(db)) == [
        (None, today, "hose", 2000),
        (None, today, "spade", 2000),
    ]


async def test_an_order_that_is_the_same_is_not_written_again(db: Database) -> None:
    await write(db, order("o-1", "spade"))
    async with db.read() as session:
        before = await session.scalar(select(PurchaseOrder.id))
    run = await write(db, order("o-1", "spade"))
    async with db.read() as session:
        assert await session.scalar(select(PurchaseOrder.id)) == before
    assert await History(db).remove_unseen(run, at=NOW) == 0


async def test_orders_that_are_gone_are_removed(db: Database) -> None:
    await write(db, order("o-1", "spade"), order("o-2", "hose"), order("o-3", "rake"))
    await write(db, gone=["o-1", "never-known"])
    run = await write(db, order("o-2", "hose"))
    assert await History(db).remove_unseen(run, at=NOW) == 1
    assert [line[2] for line in await all_lines(db)] == ["hose"]


async def test_a_line_is_kept_by_what_names_its_item_and_exactly(db: Database) -> None:
    lines = (
        LineItem(item_id="i-1", sku="S1", name="Spade", quantity=Decimal("-1.5")),
        LineItem(sku="S2", name="Rake"),
        LineItem(name="Hose", unit_price=Decimal("12.340")),
        LineItem(quantity=1, total_amount=Decimal("4.95")),
    )
    await write(db, order("o-1", *lines))
    async with db.read() as session:
        columns = PurchaseLine.item, PurchaseLine.thousandths, PurchaseLine.unit_price
        rows = await session.execute(select(*columns).order_by(PurchaseLine.position))
        assert [tuple(row) for row in rows] == [
            ("i-1", -1500, None), ("S2", None, None), ("Hose", None, "12.340"),
        ]  # fmt: skip


async def test_an_order_without_a_date_is_reported_and_an_old_one_left_out(db: Database) -> None:
    old = order("o-2", "spade", on=TODAY - RETENTION - timedelta(days=1))
    run = await write(db, order("o-1", "spade", on=None), old, order("o\x07", "spade"))
    assert [r.where for r in run.rejected] == ["order 'o-1'", "order 'o'"]
    assert "no date" in run.rejected[0].why
    assert await all_lines(db) == []


async def test_an_order_with_more_lines_than_can_be_kept_says_so(db: Database) -> None:
    run = await write(db, order("o-1", *(f"i-{n}" for n in range(10_003))))
    assert run.rejected[0].why == "3 lines after the first 10000 left out"
    assert len(await all_lines(db)) == 10_000


async def test_what_is_older_than_three_years_is_forgotten(db: Database) -> None:
    await write(db, order("o-1", "spade", on=TODAY - timedelta(days=1000)), order("o-2", "hose"))
    assert await History(db).forget_old(TODAY + timedelta(days=100)) == 1
    assert [line[2] for line in await all_lines(db)] == ["hose"]


async def test_the_lines_are_those_of_the_customer_of_today(db: Database) -> None:
    await contacts(db, "shop", customer("1", "C-1"))
    await write(db, order("o-1", "spade"))
    await contacts(db, "books", customer("b", "C-1"))
    await write(db, order("b-1", "hose", customer="b"), connector="books")
    owners = {line[0] for line in await all_lines(db)}
    assert len(owners) == 1
    assert None not in owners


async def test_a_customers_newest_lines_come_first_from_all_its_records(
    db: Database, migrated_url: str
) -> None:
    await contacts(db, "shop", customer("1", "C-1"))
    await contacts(db, "books", customer("b", "C-1"))
    some = [order(f"o-{n}", "spade", on=TODAY - timedelta(days=n)) for n in range(0, 40, 2)]
    await write(db, *some)
    others = [
        order(f"b-{n}", "hose", "rake", customer="b", on=TODAY - timedelta(days=n))
        for n in range(1, 40, 2)
    ]
    await write(db, *others, connector="books")
    (owner,) = {line[0] for line in await all_lines(db)}
    store = await hot.connect(migrated_url)
    lines = await store.bought(owner, day_number(TODAY) - 10, 7)
    assert [(day_number(TODAY) - day, parts_of_key(key)[1]) for day, key, _ in lines] == [
        (0, "spade"), (1, "hose"), (1, "rake"), (2, "spade"),
        (3, "hose"), (3, "rake"), (4, "spade"),
    ]  # fmt: skip
    assert len(await store.bought(owner, day_number(TODAY) - 4, 300)) == 7
    assert not await store.bought("nobody", 0, 300)
    await store.close()


async def test_a_large_order_is_read_up_to_the_limit_and_quantities_as_they_are(
    db: Database, migrated_url: str
) -> None:
    await contacts(db, "shop", customer("1", "C-1"))
    many = [f"i{n}" for n in range(HISTORY_LINES + 1)]
    odd = [
        LineItem(item_id="half", quantity=Decimal("0.5")),
        LineItem(item_id="returned", quantity=Decimal(-1)),
        LineItem(item_id="unknown"),
    ]
    await write(db, order("new", *odd), order("old", *many, on=TODAY - timedelta(days=1)))
    store = await hot.connect(migrated_url)
    ((owner, *_), *_) = await all_lines(db)
    assert owner is not None
    lines = await store.bought(owner, 0, HISTORY_LINES)
    await store.close()
    day = day_number(TODAY)
    said = [("half", 0.5), ("returned", -1.0), ("unknown", None)]
    assert list(lines[:3]) == [(day, item_key("shop", item), count) for item, count in said]
    assert [parts_of_key(key)[1] for _, key, _ in lines[3:]] == many[: HISTORY_LINES - 3]


async def test_an_item_is_called_what_the_newest_of_a_customers_orders_calls_it(
    db: Database, migrated_url: str
) -> None:
    await contacts(db, "shop", customer("1", "C-1"))
    old = LineItem(item_id="i-1", name="Spade", unit_price=Decimal("9.50"))
    new = LineItem(item_id="i-1", sku="S1", name="Garden spade", unit_price=Decimal("12.340"))
    await write(db, order("o-1", new, on=TODAY - timedelta(days=1)))
    await write(db, order("o-2", old, "rake", on=TODAY - timedelta(days=2)))
    (owner,) = {line[0] for line in await all_lines(db)}
    store = await hot.connect(migrated_url)
    since, spade = day_number(TODAY) - 10, item_key("shop", "i-1")
    asked = [spade, item_key("books", "i-1"), item_key("shop", "never bought")]
    assert await store.ordered(owner, since, 300, asked) == [
        Ordered(spade, "S1", "Garden spade", "12.340", "GBP")
    ]
    assert await store.ordered(owner, since + 10, 300, asked) == []
    await store.close()


async def test_a_connector_that_leaves_takes_its_history_and_catalogue_along(db: Database) -> None:
    await write(db, order("o-1", "spade"))
    await write(db, order("b-1", "spade"), connector="books")
    await stock(db, Item(item_id="i", name="Spade"))
    await Contacts(db).forget_connector("shop", at=NOW)
    async with db.read() as session:
        assert (await session.scalars(select(PurchaseOrder.connector))).all() == ["books"]
        assert await session.scalar(select(func.count()).select_from(CatalogueItem)) == 0


async def stock(db: Database, *items: Item, gone: Iterable[str] = ()) -> SyncRun:
    store = Catalogue(db)
    run = await store.start_sync("shop", full=True, at=NOW)
    changes: dict[str, Item | None] = {i.item_id: i for i in items}
    await store.write(run, {**changes, **dict.fromkeys(gone)}, at=NOW)
    return run


async def test_items_are_added_changed_and_removed(db: Database) -> None:
    await stock(
        db,
        Item(item_id="1", name="Spade", unit_price=Decimal("22.00"), inventory_quantity=0),
        Item(item_id="2", name="Rake"),
        Item(item_id="3", name="Hose"),
    )
    run = await stock(
        db, Item(item_id="1", name="Spade", unit_price=Decimal("23.5"), is_active=False), gone=["2"]
    )
    async with db.read() as session:
        columns = CatalogueItem.item_id, CatalogueItem.unit_price, CatalogueItem.is_active
        rows = await session.execute(select(*columns).order_by(CatalogueItem.item_id))
        assert [tuple(row) for row in rows] == [("1", "23.5", False), ("3", None, True)]
    assert await Catalogue(db).remove_unseen(run, at=NOW) == 1
    assert await Catalogue(db).kept("shop") == 1


async def test_an_item_whose_id_cannot_serve_is_reported(db: Database) -> None:
    run = await stock(db, Item(item_id="\x00", name="Spade"))
    assert (run.records, run.rejected_count) == (0, 1)
