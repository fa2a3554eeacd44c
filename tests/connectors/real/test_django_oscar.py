"""The django-oscar preset on a real shop; every figure is worked out by hand here."""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.presets import presets, with_preset
from connectors.rest import RestConfig, RestConnector
from connectors.sdk.connector import Context
from connectors.sdk.testing import ConnectorContract
from connectors.sdk.types import (
    CheckStatus,
    ContactRow,
    CustomerRef,
    Empty,
    Found,
    Item,
    Purchase,
    Purchases,
    SourceError,
)

ROOT = Path(__file__).parents[3]
SHOP = Path(__file__).parent / "oscar"
PYTHON = ROOT / ".venv-real" / "bin" / "python"
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
PASSWORD = "quay-side 7"
ADA = CustomerRef("ada@harbour.example")
GUEST = CustomerRef("guest@quay.example")


@contextmanager
def running_shop(folder: Path, *words: str) -> Iterator[str]:
    if not PYTHON.exists():
        reason = "no django-oscar to test with: `make .venv-real/.installed`"
        if os.environ.get("SCREENPOP_TEST_OSCAR") == "required":
            pytest.fail(reason)
        pytest.skip(reason)
    with subprocess.Popen(
        [PYTHON, "shop.py", folder, *words], cwd=SHOP, stdout=subprocess.PIPE, text=True
    ) as shop:
        try:
            assert shop.stdout is not None
            yield f"http://127.0.0.1:{int(shop.stdout.readline())}/api"
        finally:
            shop.kill()


@pytest.fixture(scope="module")
def shop_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_shop(tmp_path_factory.mktemp("shop")) as url:
        yield url


def connector(url: str, **settings: Any) -> RestConnector:
    own = {
        "base_url": url,
        "allow_private_network": True,
        "auth": {"username": "admin", "password": PASSWORD},
        **settings,
    }
    config = RestConfig.model_validate(with_preset(presets()["django-oscar"], own))
    return RestConnector(config, Context("shop", "GB", now=lambda: NOW))


@pytest.fixture
async def shop(shop_url: str) -> AsyncIterator[RestConnector]:
    source = connector(shop_url)
    yield source
    await source.aclose()


class TestContract(ConnectorContract):
    known = ADA
    unknown = CustomerRef("nobody@nowhere.example")
    secrets = (PASSWORD,)

    @pytest.fixture
    def working(self, shop_url: str) -> RestConnector:
        return connector(shop_url)

    @pytest.fixture
    def broken(self) -> RestConnector:
        return connector("http://127.0.0.1:1/api")


async def bought(source: RestConnector, who: CustomerRef) -> Purchases:
    found = await source.fetch("purchases", who)
    assert isinstance(found, Found)
    assert isinstance(found.facts, Purchases)
    return found.facts


async def test_a_customers_orders_have_their_lines(shop: RestConnector) -> None:
    facts = await bought(shop, ADA)
    # 2 spades at 25.00; then 1 spade and 3 twine at 6.67.
    assert [(o.order_number, o.total_amount) for o in facts.orders] == [
        ("10002", Decimal("45.01")),
        ("10001", Decimal("50.00")),
    ]
    assert (facts.currency, facts.lifetime_amount) == ("GBP", Decimal("95.01"))
    twine = facts.orders[0].line_items[1]
    assert (twine.name, twine.quantity, twine.total_amount) == (
        "Twine",
        Decimal(3),
        Decimal("20.01"),
    )


async def test_an_order_near_midnight_is_of_the_shops_day(shop_url: str) -> None:
    source = connector(shop_url, time_zone="Europe/London")
    facts = await bought(source, ADA)
    await source.aclose()
    # 23:30 UTC is the next day in a London summer, and the same day in winter.
    assert [o.order_date for o in facts.orders] == [date(2026, 7, 2), date(2026, 1, 5)]


async def test_a_guest_is_a_customer_too(shop: RestConnector) -> None:
    facts = await bought(shop, GUEST)
    assert [o.order_number for o in facts.orders] == ["10003"]


async def test_contacts_gather_the_numbers_of_all_orders(shop: RestConnector) -> None:
    items = [item async for item in shop.contacts(None)]
    rows = {i.remote_id: i for i in items if isinstance(i, ContactRow)}
    assert set(rows) == {ADA.remote_id, GUEST.remote_id}
    ada = rows[ADA.remote_id]
    assert ada.display_name == "Ada Harbour"
    assert [p.raw for p in ada.phone_numbers] == ["+447400123456", "+442079460958"]
    assert rows[GUEST.remote_id].phone_numbers == ()


async def test_the_history_and_the_catalogue_name_the_same_items(shop: RestConnector) -> None:
    orders = [i async for i in shop.purchases(None) if isinstance(i, Purchase)]
    items = {i.item_id: i async for i in shop.catalogue(None) if isinstance(i, Item)}
    assert {p.order.order_number for p in orders} == {"10001", "10002", "10003"}
    sold = {line.item_id for p in orders for line in p.order.line_items}
    assert sold == set(items)
    spade = next(i for i in items.values() if i.sku == "SPADE")
    assert (spade.unit_price, spade.currency, spade.inventory_quantity) == (
        Decimal(25),
        "GBP",
        Decimal(7),
    )


async def test_it_can_sign_in_by_session(shop_url: str) -> None:
    auth = {"kind": "session", "path": "/login/", "username": "admin", "password": PASSWORD}
    source = connector(shop_url, auth=auth)
    assert (await bought(source, ADA)).order_count == 2
    await source.aclose()


@pytest.mark.parametrize("auth", [{}, {"kind": "session", "path": "/login/"}])
async def test_a_wrong_password_is_told(shop_url: str, auth: dict[str, Any]) -> None:
    source = connector(shop_url, auth={**auth, "username": "admin", "password": "no"})
    result = await source.check()
    await source.aclose()
    assert result.status is CheckStatus.INVALID_AUTH
    assert "password" in result.text or "credentials" in result.text


async def test_a_user_without_the_right_is_told(shop_url: str) -> None:
    source = connector(shop_url, auth={"username": "clerk", "password": PASSWORD})
    result = await source.check()
    await source.aclose()
    assert result.status is CheckStatus.MISSING_PERMISSION
    assert "give the account the right" in result.text


async def test_a_shop_without_the_add_on_never_shows_another_customers_orders(
    tmp_path: Path,
) -> None:
    with running_shop(tmp_path, "alone") as url:
        every_order = {"records": "@", "lines": "", "line_fields": None}
        source = connector(url, purchases=every_order)
        with pytest.raises(SourceError, match="another customer's records"):
            await source.fetch("purchases", GUEST)
        await source.aclose()
        source = connector(url)
        result = await source.check()
        await source.aclose()
    assert result.status is CheckStatus.BAD_CONFIG
    assert "`results` (records) is not in the answer" in result.text


async def test_nobody_has_nothing(shop: RestConnector) -> None:
    assert isinstance(await shop.fetch("purchases", CustomerRef("x@y.example")), Empty)


def test_the_add_on_is_the_one_that_the_documentation_shows() -> None:
    text = (ROOT / "docs" / "data-sources" / "django-oscar.md").read_text(encoding="utf-8")
    for name in ("views", "serializers"):
        file = SHOP / "screenpop_api" / name / "admin" / "order.py"
        code = file.read_text(encoding="utf-8").removeprefix("# mypy: ignore-errors\n")
        assert code.strip() in text
