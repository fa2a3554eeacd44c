from __future__ import annotations

from datetime import UTC, datetime, time

from app.demo.calls import FIRST_CALLER
from app.demo.history import history
from app.demo.people import PEOPLE
from app.demo.records import Business


def test_earlier_calls_are_over_and_their_callers_are_known_to_the_shop(
    business: Business,
) -> None:
    calls = history(business)
    today = datetime.combine(business.today, time(), UTC)
    assert len({c.call_id for c in calls}) == len(calls)
    for call in calls:
        assert call.started_at < call.answered_at < call.ended_at < today
        assert call.customer.shop_id is not None
        assert call.ani in [p.e164 for p in call.customer.phones]
        assert call.agent in PEOPLE
        if call.follow_up is not None and not call.follow_up.done:
            assert call.follow_up.due_on > call.started_at.date()


def test_the_first_caller_complained_last_time_and_is_due_a_call_back(business: Business) -> None:
    calls = [c for c in history(business) if c.customer.name == FIRST_CALLER]
    last = max(calls, key=lambda c: c.started_at)
    assert last.disposition == "complaint"
    assert last.follow_up is not None
    assert last.follow_up.due_on <= business.today
    assert not last.follow_up.done
