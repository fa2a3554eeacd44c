"""Contacts, history and catalogue of a real Tryton 8: all of them, or what has changed."""

from __future__ import annotations

import asyncio

import pytest
import pytest_asyncio

from connectors.sdk.types import (
    Balance,
    Checkpoint,
    ContactRow,
    CustomerRef,
    Item,
    Number,
    Purchase,
    Tombstone,
)
from connectors.tryton import TrytonConnector
from tests.connectors.asking import ask, everything
from tests.connectors.real.tryton import (
    Connect,
    Tryton,
)

pytestmark = pytest.mark.timeout(300)  # the first test makes the databases

CAFE = CustomerRef("2")


@pytest_asyncio.fixture
async def erp(connect_tryton: Connect, tryton: Tryton) -> TrytonConnector:
    return connect_tryton(tryton.url)


async def test_contacts_bring_numbers_as_they_are_kept(erp: TrytonConnector) -> None:
    items = await everything(erp.contacts(None))
    known = {item.remote_id: item for item in items if isinstance(item, ContactRow)}
    cafe = known["2"]
    assert (cafe.display_name, cafe.external_id, cafe.region) == ("Harbour Café", "C-100", "GB")
    assert cafe.email_addresses == ("orders@harbour.example",)
    assert cafe.postal_address == "1 Quay Street, PORTSMOUTH, UNITED KINGDOM"
    assert [(n.raw, n.type) for n in cafe.phone_numbers] == [
        ("+44 20 7946 0958", "phone"),
        ("+44 7400 123456", "mobile"),
        ("Yard 0161 496 0000 x12", "other"),
    ]
    assert [n.raw for n in known["3"].phone_numbers] == ["+44 20 7946 0958"]
    assert [n.raw for n in known["4"].phone_numbers] == ["0044 113 496 0001"]
    assert [n.raw for n in known["6"].phone_numbers] == ["+1 212-555-0123"]
    assert isinstance(items[-1], Checkpoint)


async def test_deactivated_parties_are_not_read(erp: TrytonConnector) -> None:
    items = await everything(erp.contacts(None))
    names = [item.display_name for item in items if isinstance(item, ContactRow)]
    assert "Harbour Bar" in names
    assert "Gone Ltd" not in names


async def test_a_read_that_broke_off_goes_on_where_it_was(
    connect_tryton: Connect, tryton: Tryton
) -> None:
    erp = connect_tryton(tryton.url, page_size=2)
    whole = [i.remote_id for i in await everything(erp.contacts(None)) if isinstance(i, ContactRow)]
    first: list[str] = []
    cursor: str | None = None
    reading = erp.contacts(None)
    async for item in reading:
        if isinstance(item, ContactRow):
            first.append(item.remote_id)
        elif isinstance(item, Checkpoint):
            cursor = item.cursor
            break
    rest = [
        i.remote_id for i in await everything(erp.contacts(cursor)) if isinstance(i, ContactRow)
    ]
    assert len(first) == 2
    assert first + rest == whole


async def test_a_later_read_brings_what_has_changed(
    connect_tryton: Connect, tryton: Tryton
) -> None:
    """A new party, one whose number alone was changed, and one that is gone."""
    erp = connect_tryton(tryton.url)
    (gone,) = tryton.ask("party.party", "create", [{"name": "Short Lived", "code": "T-1"}])
    *_, last = await everything(erp.contacts(None))
    await asyncio.to_thread(
        tryton.execute,
        "UPDATE party_party SET create_date = '2026-01-02 03:04:05',"
        " write_date = '2026-01-02 03:04:05' WHERE id = ?",
        gone,
    )
    tryton.ask("party.party", "write", [gone], {"active": False})
    (new,) = tryton.ask("party.party", "create", [{"name": "New Customer", "code": "T-2"}])
    number = {"party": 4, "type": "mobile", "value": "07400 123457"}
    (added,) = tryton.ask("party.contact_mechanism", "create", [number])
    items = await everything(erp.contacts(last.cursor))
    rows = {item.remote_id: item for item in items if isinstance(item, ContactRow)}
    assert rows.keys() == {str(new), "4"}
    assert [n.raw for n in rows["4"].phone_numbers] == ["0044 113 496 0001", "+44 7400 123457"]
    assert [item for item in items if isinstance(item, Tombstone)] == [Tombstone(str(gone))]
    tryton.ask("party.contact_mechanism", "delete", [added])
    tryton.ask("party.party", "delete", [gone, new])


@pytest.mark.parametrize(
    ("e164", "national", "names"),
    [
        ("+442079460958", "020 7946 0958", ["Harbour Café", "Harbour Bar"]),
        ("+441134960001", "0113 496 0001", ["Quiet Customer"]),
        ("+12125550123", "(212) 555-0123", ["Ledger & Sons"]),
        ("+332079460958", "2 07 94 60 95 8", []),
        ("+442079460111", "020 7946 0111", []),
    ],
)
async def test_a_live_search_finds_whoever_has_the_number(
    erp: TrytonConnector, e164: str, national: str, names: list[str]
) -> None:
    """However it is written, in that country, and of active parties only."""
    found = await erp.find(Number(national, e164, national))
    assert [row.display_name for row in found] == names


async def test_the_history_holds_every_order_and_no_offer(erp: TrytonConnector) -> None:
    items = await everything(erp.purchases(None))
    orders = [item for item in items if isinstance(item, Purchase)]
    assert [item for item in items if not isinstance(item, Purchase | Checkpoint)] == []
    assert [(p.remote_id, p.order.order_number) for p in orders][:2] == [("2", "1"), ("2", "2")]
    assert len([p for p in orders if p.remote_id == "6"]) == 23
    assert all(p.order.line_items[0].item_id == "1" for p in orders)
    assert isinstance(items[-1], Checkpoint)


async def test_an_order_that_is_cancelled_leaves_the_history(
    connect_tryton: Connect, tryton: Tryton
) -> None:
    """Sale 3 is an offer with a number: cancelled, it is named so that nobody counts it."""
    erp = connect_tryton(tryton.url)
    (offer,) = tryton.ask("sale.sale", "search", [["number", "=", "3"]], 0, None, None)
    tryton.ask("sale.sale", "write", [offer], {"reference": "written to just before"})
    *_, last = await everything(erp.purchases(None))
    tryton.ask("sale.sale", "cancel", [offer])
    items = await everything(erp.purchases(last.cursor))
    assert [item for item in items if not isinstance(item, Checkpoint)] == [Tombstone("3")]


async def test_the_catalogue_counts_stock_of_goods_only(erp: TrytonConnector) -> None:
    items = {i.sku: i for i in await everything(erp.catalogue(None)) if isinstance(i, Item)}
    can, delivery, bucket = (items[sku].model_dump(mode="json") for sku in ("W-1", "D-1", "O-1"))
    assert can == {
        "item_id": "1",
        "sku": "W-1",
        "name": "Watering can",
        "category": "Garden",
        "unit_price": "25.00",
        "currency": "EUR",
        "inventory_quantity": "30",
        "is_active": True,
        "remote_url": None,
    }
    assert (delivery["unit_price"], delivery["inventory_quantity"]) == ("10.00", None)
    assert (bucket["inventory_quantity"], bucket["is_active"]) == ("0", False)


async def test_a_customers_page_is_in_the_web_client(erp: TrytonConnector, tryton: Tryton) -> None:
    page = f"{tryton.url}/#full/model/party.party/2"
    _, found = await ask(erp, Balance, CAFE)
    assert found.remote_url == page
    rows = [i for i in await everything(erp.contacts(None)) if isinstance(i, ContactRow)]
    assert [row.remote_url for row in rows if row.remote_id == "2"] == [page]


async def test_the_page_may_be_elsewhere(connect_tryton: Connect, tryton: Tryton) -> None:
    erp = connect_tryton(tryton.url, customer_url="https://desk.example/{remote_id}")
    _, found = await ask(erp, Balance, CAFE)
    assert found.remote_url == "https://desk.example/2"
