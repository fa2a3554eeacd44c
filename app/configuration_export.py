"""Writes the configuration as a file that `apply` reads (contract section 6)."""

from __future__ import annotations

import re
from io import StringIO
from typing import Any

from pydantic import BaseModel
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.rules import DISPOSITIONS
from app.entries import ConnectorFields, PhoneSystemFields, UserFields
from app.errors import UserError
from app.kinds import settings_schema
from app.secret_fields import put, secret_paths
from app.store import configuration, rules
from app.store.engine import Database
from app.store.models import ConnectorRow, PhoneSystemRow, User
from app.store.suggestions import suggestion_rules
from app.store.types import SecretBox
from app.telephony import registry as phone_systems
from connectors import registry as connectors

_HEAD = """\
# The configuration of screenpop. Make another one equal to it with: screenpop apply FILE
# Secrets are read from the environment, under the names below. Passwords are not in here:
# users keep the ones they have.
"""
# Line breaks to YAML, which would read them back as spaces.
_OTHER_BREAKS = frozenset("\x85\u2028\u2029")


async def export(db: Database, secrets: SecretBox) -> str:
    """Write the configuration as a file, secrets as the names of environment variables.

    Raises:
        UserError: stored settings cannot be decrypted, or their kind is not installed.
    """
    names: set[str] = set()
    async with db.read() as session:
        region = await configuration.default_region(session)
        users = await session.scalars(select(User).where(~User.disabled).order_by(User.email))
        systems = await configuration.rows_of(session, PhoneSystemRow)
        sources = await configuration.rows_of(session, ConnectorRow)
        document: dict[str, Any] = {} if region is None else {"default_region": region}
        document["users"] = [_written(UserFields, user) for user in users]
        for key, rows in (("phone_systems", systems), ("connectors", sources)):
            document[key] = [_row_written(row, secrets, names) for row in rows]
        document["priorities"] = await rules.priorities(session)
        document |= await _values(session)
    out = StringIO()
    yaml = YAML(typ="rt", pure=True)
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.dump(document, out)
    return _HEAD + out.getvalue()


async def _values(session: AsyncSession) -> dict[str, Any]:
    """Return the single values, those that are as they come left out."""
    found = {
        "default_currency": await configuration.default_currency(session),
        "alerts": await rules.alert_rules(session),
        "dispositions": await rules.dispositions(session),
        "pop_layout": await rules.pop_layouts(session),
        "suggestions": await suggestion_rules(session),
    }
    usual = list(DISPOSITIONS)
    return {name: _nicely(v) for name, v in found.items() if v and v != usual}


def _written(model: type[BaseModel], row: Any) -> dict[str, Any]:
    """Write the fields of an entry, those with their default left out."""
    values = {name: getattr(row, name) for name in model.model_fields}
    defaults = {name: field.default for name, field in model.model_fields.items()}
    return {name: _nicely(v) for name, v in values.items() if v != defaults[name]}


def _row_written(
    row: PhoneSystemRow | ConnectorRow, secrets: SecretBox, names: set[str]
) -> dict[str, Any]:
    systems = isinstance(row, PhoneSystemRow)
    entry = {"slug": row.slug, **_written(PhoneSystemFields if systems else ConnectorFields, row)}
    settings = configuration.open_settings(row, secrets)
    kind: Any = (phone_systems if systems else connectors).kinds().get(row.kind)
    if kind is None:
        raise UserError(
            f"{row.__tablename__} {row.slug}: kind {row.kind} is not installed, so that its "
            "secrets cannot be told from the rest; install it, or remove the entry"
        )
    paths = secret_paths(settings_schema(kind.Config), settings)
    settings = _nicely(settings)
    for path in paths:
        reference = CommentedMap({"env": _variable(row.slug, path, names)})
        reference.fa.set_flow_style()
        put(settings, path, reference)
    entry["settings"] = settings
    return entry


def _variable(slug: str, path: tuple[str | int, ...], names: set[str]) -> str:
    """Return a name of an environment variable that is not yet in use, such as PBX_SECRET."""
    words = "_".join(str(part) for part in (slug, *path))
    name = re.sub(r"[^A-Z0-9]+", "_", words.upper()).strip("_")
    if name[0].isdigit() or name.startswith("SCREENPOP_"):
        name = f"THE_{name}"  # no variable starts with a digit, and SCREENPOP_* are settings
    free, count = name, 1
    while free in names:
        count += 1
        free = f"{name}_{count}"
    names.add(free)
    return free


def _nicely(value: Any) -> Any:
    """Write SQL and other long texts line by line, where that gives back the same text."""
    if isinstance(value, dict):
        return {key: _nicely(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_nicely(inner) for inner in value]
    if isinstance(value, str) and not _OTHER_BREAKS.isdisjoint(value):
        return DoubleQuotedScalarString(value)  # Only in these quotes are they escaped.
    if isinstance(value, str) and "\n" in value:
        lines = value.split("\n")
        plain = all(line == line.rstrip() and (line.isprintable() or not line) for line in lines)
        if plain and lines[0] == lines[0].lstrip() and lines[0]:
            return LiteralScalarString(value)
    return value
