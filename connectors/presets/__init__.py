"""Ready-made settings for known systems: a YAML file each, no code.

A file holds `kind` (the connector), `title`, `summary`, `needs` (what an admin still has to give,
with its explanation) and `settings`. What an admin gives is laid over it, key by key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from ruamel.yaml import YAML

_ENDING = ".yaml"


@dataclass(frozen=True, slots=True)
class Preset:
    """Settings for one system. `needs` maps the place of a setting (`a.b`) to what it is."""

    name: str
    kind: str
    title: str
    summary: str
    needs: Mapping[str, str]
    settings: Mapping[str, Any] = field(repr=False)


@cache
def _presets() -> dict[str, Preset]:
    found = {}
    for file in sorted(files(__name__).iterdir(), key=lambda f: f.name):
        if file.name.endswith(_ENDING):
            name = file.name.removesuffix(_ENDING)
            document = YAML(typ="safe").load(file.read_text(encoding="utf-8"))
            found[name] = Preset(name=name, **document)
    return found


def presets() -> dict[str, Preset]:
    """Return all presets by name."""
    return dict(_presets())


def with_preset(preset: Preset, given: Mapping[str, Any]) -> dict[str, Any]:
    """Lay what an admin gives over a preset's settings; null takes a setting of it away."""
    return _laid_over(preset.settings, given)


def _laid_over(base: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    merged = {key: _copy(value) for key, value in base.items()}
    for key, value in given.items():
        under = merged.get(key)
        if value is None and key in merged:
            del merged[key]
        elif isinstance(value, Mapping) and isinstance(under, Mapping):
            merged[key] = _laid_over(under, value)
        else:
            merged[key] = value
    return merged


def _copy(value: Any) -> Any:
    return _laid_over(value, {}) if isinstance(value, Mapping) else value
