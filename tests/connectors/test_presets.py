"""Presets are settings that work as they are, but for what only the admin knows."""

from __future__ import annotations

from typing import Any

import pytest

from connectors import registry
from connectors.presets import Preset, presets, with_preset

# What an admin fills in, by the place that a preset names under `needs`.
ANSWERS = {
    "url": "sqlite:///books.db",
    "base_url": "https://shop.example.com/api",
    "auth.username": "screenpop",
    "auth.password": "secret",
    "auth.client_id": "1000.APP",
    "auth.client_secret": "secret",
    "query.organization_id": "10234695",
}


def answered(preset: Preset) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for place in preset.needs:
        *groups, name = place.split(".")
        inside = given
        for group in groups:
            inside = inside.setdefault(group, {})
        inside[name] = ANSWERS[place]
    return given


def test_there_are_presets_for_the_systems_that_are_promised() -> None:
    kinds = {name: preset.kind for name, preset in presets().items()}
    assert kinds == {
        "django-oscar": "rest",
        "gnucash": "sql",
        "ledgersmb": "sql",
        "zoho-books": "rest",
    }


@pytest.mark.parametrize("name", presets())
def test_with_what_it_needs_a_preset_is_a_whole_configuration(name: str) -> None:
    preset = presets()[name]
    assert all((preset.title, preset.summary, preset.needs))
    config = registry.kinds()[preset.kind].Config
    config.model_validate(with_preset(preset, answered(preset)))
    for place in preset.needs:
        less = answered(preset)
        *groups, last = place.split(".")
        inside = less
        for group in groups:
            inside = inside[group]
        del inside[last]
        if place.startswith("query."):
            continue  # a parameter of the service, which no schema knows
        with pytest.raises(ValueError, match=last):
            config.model_validate(with_preset(preset, less))


def test_settings_lie_over_those_of_the_preset_key_by_key() -> None:
    base = {"queries": {"balance": "a", "tickets": "b"}, "currency": "EUR", "tags": {"x": "1"}}
    preset = Preset("p", "sql", "P", "", {}, base)
    given = {"queries": {"balance": "c", "find": "d"}, "currency": "GBP", "tags": None, "url": "u"}
    assert with_preset(preset, given) == {
        "queries": {"balance": "c", "tickets": "b", "find": "d"},
        "currency": "GBP",
        "url": "u",
    }
    assert base["queries"] == {"balance": "a", "tickets": "b"}


def test_what_is_done_with_the_settings_leaves_the_preset_as_it_was() -> None:
    settings = with_preset(presets()["gnucash"], {})
    settings["queries"]["balance"] = "SELECT 1"
    assert with_preset(presets()["gnucash"], {})["queries"]["balance"] != "SELECT 1"
