"""Why an item is suggested, in words with the numbers they were counted from. Pure."""

from __future__ import annotations

from app.suggest.scoring import Companion, Suggested
from app.suggest.tables import ItemCounts, Totals

# Fewer baskets with both are chance, whatever the ratio is.
_FEWEST = 5
# A great lift from few baskets is chance too.
_LARGEST_LIFT, _ENOUGH = 50.0, 10
# "Due" is said of a habit, when the usual gap is nearly over or has been for a while.
_HABIT = 3
_DUE_FROM, _DUE_TO = 0.8, 2.0


def why_next(each: Suggested, totals: Totals) -> str:
    """Say why an item is likely to be bought next."""
    habit, since = each.habit, each.days_since
    if habit is None or since is None:
        share = totals.popularity(each.counts) if each.counts else 0.0
        return f"popular: in {_percent(share)} of all orders"
    last = "today" if since == 0 else f"{since} {_days(since)} ago"
    if habit.times == 1:
        return f"bought once, {last}"
    gap = each.gap_days or 0.0
    every = f"every ~{gap:.0f} {_days(round(gap))}" if gap >= 1 else "day after day"
    text = f"bought {habit.times}×, {every}, last {last}"
    if habit.times >= _HABIT and gap >= 1 and _DUE_FROM <= since / gap <= _DUE_TO:
        text += ": due now"
    return text


def why_goes_with(each: Companion, name: str, own: ItemCounts | None, totals: Totals) -> str:
    """Say why an item goes with another called `name`, which has these counts."""
    if each.together < _FEWEST or own is None or each.counts is None:
        return f"sometimes bought together with {name}"
    share = each.together / own.baskets
    usual = totals.popularity(each.counts)
    lift = share / usual if usual else 0.0
    text = f"{_percent(share)} of orders with {name} have it too"
    if lift >= 1.1 and (lift <= _LARGEST_LIFT or each.together >= _ENOUGH):
        text += f", {lift:.1f}× usual"
    return f"{text}; {each.together} orders"


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %" if share >= 0.01 else f"{share * 100:.1f} %"


def _days(count: int) -> str:
    return "day" if count == 1 else "days"
