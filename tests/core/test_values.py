"""Values are replaced, never changed."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime

import pytest

from app.core.call import Attestation, Call, CallEvent, EventKind
from app.core.values import replace
from connectors.sdk.types import Number

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
RINGING = CallEvent(EventKind.RINGING, "pbx:1", "pbx", NOW, ani="+442079460018")


def test_replacing_a_field_leaves_the_others_and_the_old_value_as_they_were() -> None:
    number = Number("+442079460018", "+442079460018")
    with_number = replace(RINGING, number=number)
    assert RINGING.number is None
    assert with_number.number == number
    others = [f.name for f in fields(CallEvent) if f.name != "number"]
    assert [getattr(with_number, n) for n in others] == [getattr(RINGING, n) for n in others]


def test_a_value_has_no_other_fields() -> None:
    with pytest.raises(AttributeError, match="colour"):
        replace(RINGING, colour="red")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="colour"):
        Call("pbx:1", "pbx", colour="red")  # type: ignore[call-arg]


def test_values_that_say_the_same_are_equal() -> None:
    assert replace(RINGING, ani="x") == replace(RINGING, ani="x")
    assert replace(RINGING, ani="x") != RINGING
    assert {Attestation("A"), Attestation("A")} == {Attestation("A")}
