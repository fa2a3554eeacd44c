"""Answers are kept for a day at most, and no more than there is room for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from app.sources.cache import KEEP_FOR, Cache, Key
from connectors.sdk.types import Balance, Empty, Found

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
OWED = Found(Balance(currency="EUR", balance="786"))


def key(remote_id: str, connector: str = "books") -> Key:
    return (connector, "balance", remote_id)


def test_what_was_said_is_remembered_with_its_age() -> None:
    cache = Cache()
    cache.put(key("1"), OWED, NOW)
    kept = cache.get(key("1"), NOW + timedelta(minutes=5))
    assert kept is not None
    assert kept.answer is OWED
    assert kept.age(NOW + timedelta(minutes=5)) == timedelta(minutes=5)


def test_nothing_on_record_is_an_answer_too() -> None:
    cache = Cache()
    cache.put(key("1"), Empty(), NOW)
    kept = cache.get(key("1"), NOW)
    assert kept is not None
    assert kept.answer == Empty()


def test_a_customer_a_section_and_a_connector_are_apart() -> None:
    cache = Cache()
    cache.put(key("1"), OWED, NOW)
    assert cache.get(key("2"), NOW) is None
    assert cache.get(key("1", "shop"), NOW) is None
    assert cache.get(("books", "purchases", "1"), NOW) is None


def test_after_a_day_it_is_forgotten() -> None:
    cache = Cache()
    cache.put(key("1"), OWED, NOW)
    assert cache.get(key("1"), NOW + KEEP_FOR) is not None
    assert cache.get(key("1"), NOW + KEEP_FOR + timedelta(seconds=1)) is None
    assert cache.get(key("1"), NOW) is None


def test_the_least_used_makes_room() -> None:
    cache = Cache(largest=2)
    cache.put(key("1"), OWED, NOW)
    cache.put(key("2"), OWED, NOW)
    cache.get(key("1"), NOW)
    cache.put(key("3"), OWED, NOW)
    assert cache.get(key("2"), NOW) is None
    assert cache.get(key("1"), NOW) is not None
    assert cache.get(key("3"), NOW) is not None
