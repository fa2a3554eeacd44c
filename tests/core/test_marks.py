"""What is marked on the health page, and that each mark says what to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from app.core.marks import (
    ConnectorState,
    PhoneState,
    connector_marks,
    phone_marks,
    pop_marks,
)

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
WELL = ConnectorState(
    slug="books",
    name="Ledger",
    fault=None,
    breaker="closed",
    is_granted=True,
    answers=1000,
    errors={"timeout": 1, "not_found": 400},
    p95_ms=80.0,
    budget_left=None,
    sync_error=None,
    synced_at=NOW - timedelta(hours=3),
    has_contacts=True,
    matched=50,
    callers=100,
)
PHONE = PhoneState("pbx", "Desk", None, None, None, {"202": 900}, 40.0, True)


def test_what_goes_well_has_no_mark() -> None:
    assert list(connector_marks(WELL, NOW)) == []
    assert list(phone_marks(PHONE)) == []
    assert list(pop_marks({"painted": 300.0})) == list(pop_marks({})) == []


def test_each_trouble_of_a_connector_is_said_with_what_to_do() -> None:
    troubles = [
        (replace(WELL, fault="its settings are wrong"), "bad", "does not run"),
        (replace(WELL, is_granted=False), "bad", "no longer lets us in"),
        (replace(WELL, breaker="open"), "bad", "left alone"),
        (replace(WELL, answers=10, errors={"auth_denied": 90}), "bad", "90 of 100 times"),
        (replace(WELL, answers=950, errors={"timeout": 50}), "warn", "in time, 50 of 1,000"),
        (replace(WELL, p95_ms=2345.0), "warn", "more than 2.3 s"),
        (replace(WELL, budget_left=0), "warn", "no requests left"),
        (replace(WELL, sync_error="the file is gone"), "bad", "the file is gone"),
        (replace(WELL, synced_at=None), "warn", "never read"),
        (replace(WELL, synced_at=NOW - timedelta(days=4)), "warn", "4 days ago"),
        (replace(WELL, matched=1), "warn", "knew 1 of 100 callers"),
    ]
    for state, level, said in troubles:
        (mark,) = connector_marks(state, NOW)
        assert (mark.level, mark.about, mark.slug) == (level, "connector", "books")
        assert said in mark.text
        assert mark.text.startswith("Ledger ")
        assert mark.advice.endswith(".")


def test_each_trouble_of_a_phone_system_is_said_with_what_to_do() -> None:
    troubles = [
        (replace(PHONE, fault="no such kind"), "bad", "does not run"),
        (replace(PHONE, is_connected=False, stream_error="refused"), "bad", "refused"),
        (replace(PHONE, is_connected=True, stream_error="no queue"), "warn", "but: no queue"),
        (replace(PHONE, answers={"202": 9, "401": 3}), "bad", "3 webhooks that we refused"),
        (replace(PHONE, answers={"422": 2, "413": 1}), "warn", "3 webhooks that we did not under"),
        (replace(PHONE, answers={"503": 1}), "bad", "1 event that we could not write down"),
        (replace(PHONE, delay_p95_ms=4000.0), "warn", "4.0 s old"),
        (replace(PHONE, has_heard=False), "warn", "has sent nothing yet"),
    ]
    for state, level, said in troubles:
        (mark,) = phone_marks(state)
        assert (mark.level, mark.slug) == (level, "pbx")
        assert said in mark.text
        assert mark.advice.endswith(".")


def test_slow_pops_name_the_part_that_takes_longest() -> None:
    slow = {"identified": 5.0, "first_push": 1900.0, "painted": 2000.0}
    (mark,) = pop_marks(slow)
    assert "2.0 s" in mark.text
    assert "who the call is for" in mark.advice
    (mark,) = pop_marks({"identified": 5.0, "first_push": 9.0, "painted": 2000.0})
    assert "browser" in mark.advice
