"""Checks settings against their kind, the same for the configuration file and over HTTP."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, ValidationError

from app.secret_fields import at

# A validator of all settings can only name the field: "base_url: http is not encrypted…".
_OF_A_FIELD = re.compile(r"(Value error, )(\w+): ")


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
        return [_placed(config, real_path(e["loc"], settings), e["type"], e["msg"]) for e in faults]
    return []


def _placed(
    config: type[BaseModel], path: tuple[str | int, ...], kind: str, message: str
) -> tuple[tuple[str | int, ...], str, str]:
    """Move what is said of the settings as a whole to the field whose name it begins with."""
    found = None if path else _OF_A_FIELD.match(message)
    if found is None or found[2] not in config.model_fields:
        return path, kind, message
    return (found[2],), kind, found[1] + message[found.end() :]


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
