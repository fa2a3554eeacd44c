"""Which spans cover a window, and how counts add up."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.core.spans import (
    DAY,
    HOUR,
    LENGTHS,
    MINUTE,
    Stretch,
    covering,
    folded,
    length_in,
    span_of,
    step_of,
)

NOW = datetime(2026, 11, 22, 10, 7, tzinfo=UTC)
FORTNIGHT = 14 * 24 * 60


def spans(stretch: Stretch) -> list[datetime]:
    """Return the starts of a stretch's spans up to now."""
    until = min(stretch.until or NOW, NOW + MINUTE)
    starts = [span_of(stretch.since, stretch.length)]
    while starts[-1] + stretch.length < until:
        starts.append(starts[-1] + stretch.length)
    return starts if stretch.since < until else []


@given(st.integers(1, FORTNIGHT))
def test_every_minute_of_a_window_is_covered_once_by_a_few_spans(ago: int) -> None:
    since = NOW - ago * MINUTE
    covered: Counter[datetime] = Counter()
    count = 0
    for stretch in covering(since):
        assert stretch.since == span_of(stretch.since, stretch.length)
        for start in spans(stretch):
            count += 1
            covered.update(start + n * MINUTE for n in range(stretch.length // MINUTE))
    up_to_now = [at for at in covered if at < NOW]
    assert min(covered) == since
    assert (len(up_to_now), set(covered.values())) == (ago, {1})
    assert count <= 9 + 5 + 2 + 7 + 14


def test_a_window_from_midnight_is_days() -> None:
    midnight = span_of(NOW, DAY)
    assert covering(midnight) == [Stretch(DAY, midnight)]


@given(st.integers(1, 336), st.sampled_from([144, 360]))
def test_a_chart_has_few_points_that_kept_spans_add_up_to(hours: int, most: int) -> None:
    step = step_of(hours * HOUR, most)
    assert hours * HOUR / step <= most
    assert length_in(step) in LENGTHS
    assert step % length_in(step) == timedelta()


counts = st.dictionaries(st.sampled_from("abc"), st.integers(1, 9))


@given(st.lists(st.fixed_dictionaries({"painted": counts, "drawn": counts}), min_size=1))
def test_counts_add_up_however_deep_they_lie(all_counts: list[dict[str, dict[str, int]]]) -> None:
    expected = {
        part: sum((Counter(each[part]) for each in all_counts), Counter())
        for part in ("painted", "drawn")
    }
    assert folded(all_counts) == expected
