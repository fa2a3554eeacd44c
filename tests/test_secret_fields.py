"""Which values in settings are secret, by the kind's schema."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, SecretStr

from app.kinds import settings_faults, settings_schema
from app.secret_fields import NothingKept, known_keys, masked, secret_paths, with_kept


class Header(BaseModel):
    type: Literal["header"]
    value: SecretStr


class Plain(BaseModel):
    type: Literal["plain"]
    value: str


class Inner(BaseModel):
    key: SecretStr
    note: str = ""


class Config(BaseModel):
    url: SecretStr
    many: tuple[SecretStr, ...] = ()
    either: SecretStr | list[SecretStr] | None = None
    headers: dict[str, SecretStr] = {}
    auth: Annotated[Header | Plain, Field(discriminator="type")] | None = None
    inner: Inner | None = None
    list_of: list[Inner] = []
    name: str = ""
    extra: dict[str, str] = {}


SCHEMA = settings_schema(Config)
FULL: dict[str, Any] = {
    "url": "S",
    "many": ["S", "S"],
    "either": ["S"],
    "headers": {"X-Key": "S", "env": "S"},
    "auth": {"type": "header", "value": "S"},
    "inner": {"key": "S", "note": "n"},
    "list_of": [{"key": "S", "note": "n"}],
    "name": "n",
    "extra": {"env": "n"},
}


def leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for inner in value.values() for leaf in leaves(inner)]
    if isinstance(value, list):
        return [leaf for inner in value for leaf in leaves(inner)]
    return [value]


def test_every_secret_is_masked_and_nothing_else() -> None:
    assert "S" not in leaves(masked(SCHEMA, FULL))
    assert leaves(masked(SCHEMA, FULL)).count("set") == leaves(FULL).count("S")
    assert [leaf for leaf in leaves(masked(SCHEMA, FULL)) if leaf != "set"] == [
        leaf for leaf in leaves(FULL) if leaf != "S"
    ]


@pytest.mark.parametrize(
    ("settings", "places"),
    [
        ({"either": "S"}, [("either",)]),
        ({"many": "one where a list is meant"}, [("many",)]),
        ({"many": {"env": "A"}}, [("many",)]),
        ({"url": None, "either": None}, []),
        ({"auth": {"type": "plain", "value": "shown"}}, []),
        ({"auth": {"type": "header", "value": {"env": "A"}}}, [("auth", "value")]),
        ({"url": {"env": "A"}}, [("url",)]),
        ({"url": {"not": "meant"}}, [("url",)]),
        ({"headers": {"env": "S"}}, [("headers", "env")]),
        ({"nowhere": "x"}, []),
        ({"inner": "not an object"}, []),
    ],
)
def test_secrets_are_found_however_they_are_given(
    settings: dict[str, Any], places: list[tuple[str, ...]]
) -> None:
    assert secret_paths(SCHEMA, settings) == places


def test_what_is_masked_and_sent_back_is_what_was_stored() -> None:
    assert with_kept(SCHEMA, masked(SCHEMA, FULL), FULL) == FULL


def test_a_secret_is_kept_only_in_its_own_place() -> None:
    with pytest.raises(NothingKept) as caught:
        with_kept(SCHEMA, {"url": "new", "many": ["set", "set"]}, {"many": ["one"]})
    assert caught.value.path == ("many", 1)


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*Config.model_fields, "type", "value", "key"]), inner)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from([*Config.model_fields]), json))
def test_settings_that_are_not_valid_are_masked_all_the_same(settings: dict[str, Any]) -> None:
    shown = masked(SCHEMA, settings)
    assert shown.keys() == settings.keys()
    if not settings_faults(Config, settings):
        valid = Config.model_validate(settings)
        assert shown["url"] == "set"
        assert all(each == "set" for each in shown.get("headers", {}).values())
        assert valid.url is not None
    assert with_kept(SCHEMA, shown, settings) == settings


def test_a_fault_is_placed_without_the_branches_of_a_union() -> None:
    faults = settings_faults(
        Config,
        {"url": "S", "either": 5, "auth": {"type": "header"}, "list_of": [{"note": 3, "key": "S"}]},
    )
    places = {place for place, _, _ in faults}
    assert places == {("either",), ("auth", "value"), ("list_of", 0, "note")}


def test_the_known_keys_of_a_place_are_those_of_the_branch_that_is_meant() -> None:
    assert known_keys(SCHEMA, FULL, ()) == list(Config.model_fields)
    assert known_keys(SCHEMA, FULL, ("auth",)) == ["type", "value"]
    assert known_keys(SCHEMA, FULL, ("list_of", 0)) == ["key", "note"]
