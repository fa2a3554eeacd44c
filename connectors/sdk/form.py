"""What a form can draw of a connector's settings: a small part of JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]
_SCALARS = frozenset({"string", "integer", "number", "boolean"})


def form_problems(schema: Schema) -> list[str]:
    """Say what of a settings schema the form cannot draw, or leaves unexplained.

    A setting is: string (`format`: password with writeOnly, sql), integer, number, boolean, enum,
    list of strings, object of strings, a group (an object of settings, one level deep), or a
    union of groups told apart by a discriminator. Each has a title and a description.
    """
    return _group(schema, schema.get("$defs", {}), "", 0)


def _group(schema: Schema, defs: Schema, path: str, depth: int) -> list[str]:
    problems = []
    if schema.get("additionalProperties") is not False:
        problems.append(f"{path or '/'}: unknown keys are not refused")
    for name, given in schema.get("properties", {}).items():
        here = f"{path}/{name}"
        found = {**defs.get(given.get("$ref", "").removeprefix("#/$defs/"), {}), **given}
        if "const" in found:
            continue
        problems += [f"{here}: no {key}" for key in ("title", "description") if not found.get(key)]
        problems += _setting(found, defs, here, depth)
    return problems


def _setting(schema: Schema, defs: Schema, path: str, depth: int) -> list[str]:
    kind = schema.get("type")
    if schema.get("format") == "password" and schema.get("writeOnly") is not True:
        return [f"{path}: a password that is not writeOnly"]
    if kind in _SCALARS or (kind == "array" and schema.get("items", {}).get("type") == "string"):
        return []
    if kind == "object" and schema.get("additionalProperties") == {"type": "string"}:
        return []
    if kind == "object" and "properties" in schema and depth == 0:
        return _group(schema, defs, path, depth + 1)
    if "oneOf" in schema and "discriminator" in schema and depth == 0:
        members = [defs[m["$ref"].removeprefix("#/$defs/")] for m in schema["oneOf"]]
        return [p for member in members for p in _group(member, defs, path, depth + 1)]
    return [f"{path}: a shape that the form does not draw"]
