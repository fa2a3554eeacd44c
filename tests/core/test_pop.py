"""A screen that applies every patch shows what the server has, or knows that it missed one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.alerts import Alert
from app.core.call import Attestation, Call
from app.core.match import Candidate, Match
from app.core.pop import Pop, Timing, apply, changed, diff, dumps, pop_json
from app.core.profile import NOT_CONFIGURED, SECTION_NAMES, Section
from app.core.routing import Agent
from connectors.sdk.types import Number

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
ADA = Agent("u-ada", "Ada", "ada@example.com", "agent", ("101",))

calls = st.builds(
    Call,
    st.just("pbx:1"),
    st.just("pbx"),
    state=st.sampled_from(["ringing", "answered", "held", "ended"]),
    ani=st.sampled_from([None, Number("+442079460958", "+442079460958")]),
    cnam=st.none() | st.text(max_size=5),
    attestation=st.sampled_from([Attestation(), Attestation("A", "passed")]),
    answered_at=st.none() | st.just(NOW),
)
customers = st.sampled_from(
    [{"customer_id": "a", "display_name": "A"}, {"customer_id": "b", "display_name": "B"}]
)
candidates = st.builds(
    Candidate,
    st.sampled_from(["a", "b"]),
    st.just("A"),
    st.none(),
    st.none(),
    st.sampled_from(["known", "maybe"]),
    st.sampled_from([0.4, 0.9]),
    st.just(("exact number in Ledger",)),
)
matches = st.builds(
    Match,
    st.sampled_from(["none", "single", "multiple"]),
    st.booleans(),
    st.lists(candidates, max_size=2).map(tuple),
    st.none() | customers,
)
sections = st.builds(
    Section,
    st.sampled_from(["loading", "ok", "failed"]),
    st.none() | st.dictionaries(st.sampled_from(["balance", "currency"]), st.text(max_size=3)),
    st.none() | st.just(NOW),
)
alerts = st.lists(
    st.builds(Alert, st.just("info"), st.sampled_from(["vip", "overdue"]), st.just("x")), max_size=2
).map(tuple)
timings = st.builds(
    Timing,
    st.just(NOW),
    st.none() | st.just(0.5),
    st.none() | st.just(1.5),
    st.none() | st.just(9.5),
    st.dictionaries(st.sampled_from(SECTION_NAMES), st.just(2.5)),
)
pops = st.builds(
    Pop,
    calls,
    st.just(7),
    matches,
    st.fixed_dictionaries(dict.fromkeys(SECTION_NAMES, sections)),
    alerts,
    timings,
)


def shown(pop: Pop) -> Any:
    return orjson.loads(dumps(pop_json(pop, ADA, "101")))


def patch_of(old: Pop, new: Pop) -> Any:
    """Return the patch as the browser reads it."""
    return orjson.loads(dumps(diff(old, new, changed(old, new), ADA, "101")))


@given(pops, pops)
def test_a_patch_makes_the_old_screen_the_new_one(old: Pop, new: Pop) -> None:
    new = replace(new, version=old.version + 1)
    assert apply(shown(old), patch_of(old, new)) == shown(new)


@given(pops, pops)
def test_a_patch_holds_only_what_changed(old: Pop, new: Pop) -> None:
    patch, before = patch_of(old, replace(new, version=8)), shown(old)
    assert set(patch) - {"call_id", "version"} == changed(old, new)
    for key in ("call", "match", "customer", "alerts", "timing"):
        assert key not in patch or patch[key] != before[key]
    for name, section in patch.get("sections", {}).items():
        assert section != before["sections"][name]


@given(pops)
def test_nothing_changed_is_nothing_to_send(pop: Pop) -> None:
    assert changed(pop, replace(pop, version=8)) == set()


@given(pops, pops, st.integers(2, 100))
def test_a_gap_is_noticed_and_changes_nothing(old: Pop, new: Pop, step: int) -> None:
    before = shown(old)
    patch = patch_of(old, replace(new, version=old.version + step))
    with pytest.raises(LookupError, match="version 8 is missing"):
        apply(before, patch)
    assert before == shown(old)


@given(pops, pops, st.integers(0, 7))
def test_an_old_or_repeated_patch_changes_nothing(old: Pop, new: Pop, version: int) -> None:
    patch = patch_of(old, replace(new, version=version))
    assert apply(shown(old), patch) == shown(old)


def test_every_key_of_the_contract_is_there_when_nothing_is_known() -> None:
    nothing = dict.fromkeys(SECTION_NAMES, NOT_CONFIGURED)
    pop = shown(Pop(Call("pbx:1", "pbx"), 1, Match(), nothing, (), Timing(NOW)))
    assert set(pop) == {"call", "version", "match", "customer", "sections", "alerts", "timing"}
    assert set(pop["call"]) == {
        *("call_id", "phone_system", "direction", "state", "ani", "dnis", "cnam", "queue"),
        *("agent", "extension", "attestation", "collected", "attached_data", "started_at"),
        *("ringing_at", "answered_at", "ended_at", "ended_reason", "parent_call_id"),
    }
    assert set(pop["call"]["ani"]) == {
        *("raw", "e164", "national", "international", "region", "line_type", "withheld")
    }
    assert set(pop["match"]) == {"outcome", "shared_number", "candidates", "candidates_total"}
    assert set(pop["sections"]) == set(SECTION_NAMES)
    for section in pop["sections"].values():
        assert set(section) == {"status", "data", "as_of", "conflicts", "sources"}
    assert set(pop["timing"]) == {
        *("received_at", "identified_ms", "first_push_ms", "complete_ms", "sections")
    }


def test_times_are_written_in_utc_and_money_as_text() -> None:
    assert orjson.loads(dumps({"at": NOW, "amount": Decimal("786.00")})) == {
        "at": "2026-11-22T10:00:00Z",
        "amount": "786.00",
    }
    with pytest.raises(TypeError):
        dumps({"at": timedelta(seconds=1)})
