"""The page's reducer and `core.pop.apply` agree: both are tested on the same cases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.core.pop import apply

CASES = sorted((Path(__file__).parents[2] / "screenpop_ui/tests/cases").glob("*.json"))


def subset(expected: Any, actual: Any) -> bool:
    """Whether everything expected is in `actual`; lists are compared whole."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        return all(key in actual and subset(expected[key], actual[key]) for key in expected)
    return bool(expected == actual)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_server_applies_patches_as_the_page_does(path: Path) -> None:
    case = json.loads(path.read_text())
    pops: dict[str, dict[str, Any]] = {}
    asked: list[str] = []
    for message in case["messages"]:
        match message["type"]:
            case "hello":
                pops = {pop["call"]["call_id"]: pop for pop in message["pops"]}
            case "pop":
                pop = message["pop"]
                kept = pops.get(pop["call"]["call_id"])
                if kept is None or pop["version"] >= kept["version"]:
                    pops[pop["call"]["call_id"]] = pop
            case "patch" if message["call_id"] in pops:
                try:
                    pops[message["call_id"]] = apply(pops[message["call_id"]], message)
                except LookupError:
                    asked.append(message["call_id"])
            case "close":
                pops.pop(message["call_id"], None)
    assert pops.keys() == case["expect"]["pops"].keys()
    for call_id, expected in case["expect"]["pops"].items():
        assert subset(expected, pops[call_id])
    assert set(asked) <= set(case["expect"]["get"])


def test_there_are_cases() -> None:
    assert len(CASES) > 10
