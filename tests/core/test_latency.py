"""Percentiles from counts that add up over processes and minutes."""

from __future__ import annotations

import math
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.latency import Minute, added, class_ms, percentile_ms, size_class

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
times = st.floats(0.2, 60_000)


@given(times)
def test_a_time_is_told_to_within_five_percent(ms: float) -> None:
    assert class_ms(size_class(ms)) == pytest.approx(ms, rel=0.05)


@given(st.lists(times, min_size=1), st.sampled_from([50, 95, 99]))
def test_a_percentile_is_that_of_the_times_themselves(ms: list[float], percent: int) -> None:
    exact = sorted(ms)[math.ceil(len(ms) * percent / 100) - 1]
    told = percentile_ms(Counter(size_class(each) for each in ms), percent)
    assert told == pytest.approx(exact, rel=0.06, abs=0.1)


@given(st.lists(times), st.lists(times))
def test_two_processes_add_up_to_one(one: list[float], other: list[float]) -> None:
    def minute(ms: list[float]) -> Minute:
        sizes = Counter(size_class(each) for each in ms)
        return Minute("books", "balance", NOON, len(ms), sizes=sizes)

    (total,) = added([minute(one), minute(other)])
    assert (total.answers, total.sizes) == (len(one) + len(other), minute(one + other).sizes)


def test_without_answers_there_is_no_percentile() -> None:
    assert percentile_ms({}, 50) is None


def test_what_takes_no_time_is_told_as_the_least() -> None:
    assert percentile_ms(Counter([size_class(0.0)]), 99) == 0.1


def test_minutes_are_put_together_by_section_and_span() -> None:
    spans = added(
        [
            Minute("books", "balance", NOON + timedelta(minutes=minute), 1)
            for minute in (0, 4, 5, 9, 61)
        ]
        + [Minute("books", "tickets", NOON, 7)],
        timedelta(minutes=5),
    )
    assert [(each.section, each.at - NOON, each.answers) for each in spans] == [
        ("balance", timedelta(), 2),
        ("balance", timedelta(minutes=5), 2),
        ("balance", timedelta(minutes=60), 1),
        ("tickets", timedelta(), 7),
    ]
