"""Which values in a kind's settings are secret, found by its JSON Schema. Pure.

A field is secret where its schema is `writeOnly`, as pydantic writes it for `SecretStr`. The
settings are looked at as they were given, before they are valid, so that what is not valid is
not shown either.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

# What is shown in the place of a secret, and sent back to keep it.
SET = "set"

Path = tuple[str | int, ...]
Schema = Mapping[str, Any]


class NothingKept(Exception):
    """`set` was sent for a secret that is not there to be kept."""

    def __init__(self, path: Path) -> None:
        super().__init__("nothing is kept here yet; give the secret itself")
        self.path = path


def secret_paths(schema: Schema, settings: Any) -> list[Path]:
    """Return where in these settings secrets stand, null ones left out."""
    return list(_walk([schema], settings, (), schema))


def masked(schema: Schema, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy that may be shown: `set` in the place of each secret."""
    shown = copy.deepcopy(dict(settings))
    for path in secret_paths(schema, settings):
        put(shown, path, SET)
    return shown


def with_kept(
    schema: Schema, settings: Mapping[str, Any], stored: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a copy in which each secret that is `set` is the stored one of the same place.

    Raises:
        NothingKept: there is none.
    """
    filled = copy.deepcopy(dict(settings))
    for path in secret_paths(schema, settings):
        if at(settings, path) == SET:
            kept = at(stored, path)
            if kept is None:
                raise NothingKept(path)
            put(filled, path, kept)
    return filled


def at(settings: Any, path: Path) -> Any:
    """Return the value at a path, None where there is nothing."""
    for part in path:
        if isinstance(settings, Mapping):
            settings = settings.get(part)
        elif isinstance(settings, list) and isinstance(part, int) and part < len(settings):
            settings = settings[part]
        else:
            return None
    return settings


def put(settings: Any, path: Path, value: Any) -> None:
    """Replace the value at a path that is there."""
    for part in path[:-1]:
        settings = settings[part]
    settings[path[-1]] = value


def is_reference(value: Any) -> bool:
    """Whether this is `{env: NAME}` or `{file: PATH}`."""
    return (
        isinstance(value, Mapping)
        and len(value) == 1
        and next(iter(value)) in ("env", "file")
        and isinstance(next(iter(value.values())), str)
    )


def known_keys(schema: Schema, settings: Any, path: Path) -> list[str]:
    """Return the keys that the schema knows for the mapping at a path."""
    schemas: list[Schema] = [schema]
    for part in path:
        branches = [b for s in schemas for b in _branches(s, settings, schema)]
        if isinstance(part, int):
            schemas = [b["items"] for b in branches if isinstance(b.get("items"), Mapping)]
        else:
            schemas = _members(branches, part)
        settings = at(settings, (part,))
    branches = [b for s in schemas for b in _branches(s, settings, schema)]
    return list(dict.fromkeys(key for b in branches for key in b.get("properties", ())))


def _walk(schemas: list[Schema], value: Any, path: Path, root: Schema) -> Iterator[Path]:
    if value is None:
        return
    branches = [b for s in schemas for b in _branches(s, value, root)]
    items = [b["items"] for b in branches if isinstance(b.get("items"), Mapping)]
    objects = [b for b in branches if "properties" in b or "additionalProperties" in b]
    secret = any(b.get("writeOnly") is True for b in branches)
    if isinstance(value, Mapping) and objects and not (secret and is_reference(value)):
        for key, inner in value.items():
            yield from _walk(_members(objects, key), inner, (*path, key), root)
    elif isinstance(value, list) and items:
        for index, inner in enumerate(value):
            yield from _walk(items, inner, (*path, index), root)
    elif secret or any(b.get("writeOnly") for s in items for b in _branches(s, value, root)):
        # One secret may stand where a list of them is meant.
        yield path


def _branches(schema: Schema, value: Any, root: Schema) -> Iterator[Schema]:
    reference = schema.get("$ref")
    if isinstance(reference, str):
        yield from _branches(root["$defs"][reference.rsplit("/", 1)[-1]], value, root)
    for word in ("anyOf", "oneOf", "allOf"):
        for option in schema.get(word, ()):
            if not _contradicts(option, value, root):
                yield from _branches(option, value, root)
    yield schema


def _contradicts(option: Schema, value: Any, root: Schema) -> bool:
    """Whether a constant in the option, such as its type, is another one in the value."""
    if "$ref" in option:
        option = root["$defs"][option["$ref"].rsplit("/", 1)[-1]]
    return isinstance(value, Mapping) and any(
        "const" in field and name in value and value[name] != field["const"]
        for name, field in option.get("properties", {}).items()
    )


def _members(objects: list[Schema], key: str) -> list[Schema]:
    found: list[Schema] = []
    for each in objects:
        member = each.get("properties", {}).get(key, each.get("additionalProperties"))
        if isinstance(member, Mapping):
            found.append(member)
    return found
