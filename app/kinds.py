"""Checks settings against their kind, the same for the configuration file and over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, ValidationError

from app.secret_fields import at


def settings_schema(config: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON Schema of a kind's settings, which draws its form; not to be changed."""
    return _schema(config)


@lru_cache(maxsize=256)  # It takes tens of milliseconds to make.
def _schema(config: type[BaseModel]) -> dict[str, Any]:
    return config.model_json_schema()


def settings_faults(
    config: type[BaseModel], settings: Mapping[str, Any]
) -> list[tuple[tuple[str | int, ...], str, str]]:
    """Return what is wrong: place in the settings, pydantic's error type, its message."""
    try:
        config.model_validate(settings)
    except ValidationError as error:
        faults = error.errors(include_input=False, include_context=False, include_url=False)
        return [(real_path(e["loc"], settings), e["type"], e["msg"]) for e in faults]
    return []


def real_path(loc: tuple[str | int, ...], value: Any) -> tuple[str | int, ...]:
    """Return the place of an error without the branches of unions, which pydantic names too."""
    path: list[str | int] = []
    for index, part in enumerate(loc):
        inside = at(value, (part,))
        last_key = isinstance(value, Mapping) and index == len(loc) - 1
        if inside is not None or last_key:
            path.append(part)
            value = inside
    return tuple(path)
