"""Connectors are found in their folder and among plug-ins; a broken one is only itself broken."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType

import pytest

from connectors import registry
from connectors.sdk.form import form_problems

WORKING = """
from connectors.sdk.connector import Connector, ConnectorConfig
class Working(Connector[ConnectorConfig]):
    kind, title, summary, Config = "{kind}", "Working", "Works.", ConnectorConfig
    provides = frozenset()
    async def check(self): ...
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(tmp_path)
    package = tmp_path / "some_connectors"
    package.mkdir()
    (package / "__init__.py").write_text("")
    yield package
    for name in [name for name in sys.modules if name.startswith("some_connectors")]:
        del sys.modules[name]


def scan(*plug_ins: EntryPoint) -> registry.Registry:
    package: ModuleType = importlib.import_module("some_connectors")
    return registry.scan(package, plug_ins)


def test_the_built_in_connectors_are_all_there_and_can_be_drawn() -> None:
    kinds = registry.kinds()
    assert {"sql", "rest", "table"} <= kinds.keys()
    assert not set(registry.broken()) & {"sql", "rest", "table"}
    for connector in kinds.values():
        assert form_problems(connector.Config.model_json_schema()) == []


def test_a_new_file_in_the_folder_is_a_new_connector(folder: Path) -> None:
    (folder / "fresh.py").write_text(WORKING.format(kind="fresh"))
    assert set(scan().kinds) == {"fresh"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def broken(:", "SyntaxError"),
        ("import no_such_library", "no_such_library"),
        ("raise SystemExit(3)", "SystemExit"),
        ("x = 1", "holds no connector"),
        (WORKING.format(kind="b").replace("async def check(self): ...", ""), "lacks check"),
        (WORKING.format(kind="b").replace("ConnectorConfig\n    prov", "dict\n    prov"), "Config"),
        (WORKING.format(kind="fresh"), "already there"),
    ],
)
def test_a_broken_connector_is_named_and_stops_no_other(folder: Path, text: str, said: str) -> None:
    (folder / "a_fresh.py").write_text(WORKING.format(kind="fresh"))
    (folder / "b_broken.py").write_text(text)
    found = scan()
    assert set(found.kinds) == {"fresh"}
    assert said in found.broken["b_broken"]


def test_plug_ins_are_found_by_their_entry_point(folder: Path) -> None:
    (folder / "_plug.py").write_text(WORKING.format(kind="plugged"))
    found = scan(
        EntryPoint("plugged", "some_connectors._plug:Working", registry.GROUP),
        EntryPoint("absent", "some_connectors._plug:Absent", registry.GROUP),
        EntryPoint("thing", "json:dumps", registry.GROUP),
    )
    assert set(found.kinds) == {"plugged"}
    assert set(found.broken) == {"absent", "thing"}
