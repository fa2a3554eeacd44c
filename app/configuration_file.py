"""Reads a configuration file (contract section 6) and refuses it whole if anything is wrong."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from app.entries import (
    AlertFields,
    ConnectorFields,
    Currency,
    Dispositions,
    Layouts,
    PhoneSystemFields,
    PriorityFields,
    Region,
    Slug,
    SuggestionFields,
    UserFields,
)
from app.errors import UserError
from app.kinds import real_path, settings_faults, settings_schema
from app.passwords import password_fault
from app.secret_fields import at, is_reference, known_keys, put, secret_paths
from app.telephony import registry as phone_systems
from app.yaml_file import YamlFile
from connectors import registry as connectors
from connectors.presets import presets, with_preset
from connectors.sdk.faults import plain_detail

_HOW_TO_NAME = "is secret: write {env: NAME} or {file: PATH}"
_LONGEST_SECRET = 65_536
# What is one value and no list of entries, each replaced whole.
VALUES: Mapping[str, TypeAdapter[Any]] = {
    "default_currency": TypeAdapter(Currency | None),
    "alerts": TypeAdapter(AlertFields),
    "dispositions": TypeAdapter(Dispositions),
    "pop_layout": TypeAdapter(Layouts),
    "suggestions": TypeAdapter(SuggestionFields),
}
_KEYS = ("default_region", "users", "phone_systems", "connectors", "priorities", *VALUES)


class UserEntry(UserFields):
    """A user in the file, without the password."""


class PhoneSystemEntry(PhoneSystemFields):
    """A phone system in the file."""

    slug: Slug


class ConnectorEntry(ConnectorFields):
    """A connector in the file."""

    slug: Slug


class PriorityEntry(PriorityFields):
    """A priority rule in the file."""


@dataclass(frozen=True)
class Plan:
    """What a valid file asks for; None where it says nothing. Holds secrets in clear."""

    sets_default_region: bool
    default_region: str | None
    users: tuple[UserEntry, ...] | None
    passwords: Mapping[str, str] = field(repr=False)
    phone_systems: tuple[PhoneSystemEntry, ...] | None = field(repr=False)
    connectors: tuple[ConnectorEntry, ...] | None = field(repr=False)
    priorities: tuple[PriorityEntry, ...] | None
    values: Mapping[str, Any] = field(default_factory=dict)


def plan_file(path: Path, env: Mapping[str, str]) -> Plan:
    """Read and check a file, and the secrets that it names.

    Raises:
        UserError: it cannot be read, or is wrong; says where and what to do.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path}:{line}: is not UTF-8 text; save it as UTF-8") from None
    return plan_text(text, env, name=str(path), folder=path.parent)


def plan_text(text: str, env: Mapping[str, str], name: str, folder: Path) -> Plan:
    """Check the text of a file called `name`; its `{file: …}` are relative to `folder`.

    Raises:
        UserError: it is wrong; says where and what to do.
    """
    return _Reader(YamlFile.parse(text, name), env, folder).plan()


Entry = TypeVar("Entry", bound=BaseModel)
At = tuple[str | int, ...]


class _Reader:
    def __init__(self, file: YamlFile, env: Mapping[str, str], folder: Path) -> None:
        self._file = file
        self._env = env
        self._folder = folder
        self._passwords: dict[str, str] = {}

    def plan(self) -> Plan:
        values = self._file.values
        for key in values:
            if key not in _KEYS:
                self._file.wrong((key,), f"is not a key here{_nearest(key, _KEYS)}")
        region = self._default_region(values)
        users = self._entries("users", UserEntry, "email")
        systems = self._entries("phone_systems", PhoneSystemEntry, "slug")
        sources = self._entries("connectors", ConnectorEntry, "slug")
        rules = self._entries("priorities", PriorityEntry, "name")
        single = {key: self._value(key) for key in VALUES if key in values}
        self._file.refuse_if_wrong()
        return Plan(
            sets_default_region="default_region" in values,
            default_region=region,
            users=users,
            passwords=self._passwords,
            phone_systems=systems,
            connectors=sources,
            priorities=rules,
            values=single,
        )

    def _value(self, key: str) -> Any:
        """Check one value; what it becomes is as it is stored."""
        given = self._file.values[key]
        try:
            checked = VALUES[key].validate_python(given)
        except ValidationError as error:
            for fault in error.errors(include_url=False):
                loc = real_path(fault["loc"], given)
                self._fault((key,), loc, fault, ())
            return None
        return VALUES[key].dump_python(checked, mode="json", exclude_defaults=True)

    def _default_region(self, values: Mapping[str, Any]) -> str | None:
        try:
            return TypeAdapter(Region | None).validate_python(values.get("default_region"))
        except ValidationError as error:
            detail = plain_detail(error.errors(include_input=False)[0])
            self._file.wrong(("default_region",), detail)
            return None

    def _entries(self, name: str, model: type[Entry], key: str) -> tuple[Entry, ...] | None:
        if name not in self._file.values:
            return None
        given = self._file.values[name]
        if not isinstance(given, list):
            self._file.wrong((name,), "must be a list; write [] for none")
            return None
        found: list[Entry] = []
        first: dict[str, int] = {}
        for index, value in enumerate(given):
            place: At = (name, index)
            if not isinstance(value, dict):
                self._file.wrong(place, f"must be a mapping with {key} and more")
                continue
            password = value.pop("password", None) if model is UserEntry else None
            entry = self._entry(place, model, value)
            identity = getattr(entry, key, None) or str(value.get(key, "")).lower()
            if identity and first.setdefault(identity, index) != index:
                self._file.wrong(
                    (*place, key), f"{identity} is there already: {name}[{first[identity]}]"
                )
            if password is not None:
                self._password((*place, "password"), password, identity)
            if entry is not None:
                found.append(entry)
        return tuple(found)

    def _use_preset(self, place: At, value: dict[str, Any]) -> bool:
        """Lay the entry's own settings over those of its preset; False if that is wrong."""
        name = value.pop("preset", None)
        if name is None:
            return True
        preset = presets().get(name) if isinstance(name, str) else None
        if preset is None:
            self._file.wrong((*place, "preset"), f"is not a preset{_nearest(str(name), presets())}")
            return False
        if value.setdefault("kind", preset.kind) != preset.kind:
            why = f"must be {preset.kind} with the preset {name}, or be left out"
            self._file.wrong((*place, "kind"), why)
            return False
        given = value.get("settings", {})
        if isinstance(given, dict):
            value["settings"] = with_preset(preset, given)
        return True

    def _entry(self, place: At, model: type[Entry], value: dict[str, Any]) -> Entry | None:
        if model is ConnectorEntry and not self._use_preset(place, value):
            return None
        settings = value.get("settings", {})
        if "settings" in model.model_fields and isinstance(settings, dict):
            config = self._config((*place, "kind"), model, value.get("kind"))
            if config is not None:
                self._settings((*place, "settings"), config, settings)
        try:
            return model.model_validate(value)
        except ValidationError as error:
            for fault in error.errors(include_url=False):
                loc = real_path(fault["loc"], value)
                known = known_keys(model.model_json_schema(), value, loc[:-1])
                self._fault(place, loc, fault, known)
            return None

    def _config(self, place: At, model: type[BaseModel], kind: Any) -> type[BaseModel] | None:
        if not isinstance(kind, str):
            return None  # told of by the check of the entry
        kinds: Mapping[str, Any]
        broken: Mapping[str, str] = {}
        if model is PhoneSystemEntry:
            kinds = phone_systems.kinds()
        else:
            kinds, broken = connectors.kinds(), connectors.broken()
        if kind in broken:
            self._file.wrong(place, f"{kind} cannot be used: {broken[kind]}")
        elif kind not in kinds:
            self._file.wrong(place, f"{kind} is not a kind{_nearest(kind, kinds)}")
        config: type[BaseModel] | None = kinds[kind].Config if kind in kinds else None
        return config

    def _fault(self, place: At, loc: At, fault: Any, known: Iterable[str]) -> None:
        given = fault["input"]
        why = plain_detail(fault)
        if fault["type"] == "extra_forbidden":
            why = f"is not a key here{_nearest(str(loc[-1]), known)}"
        elif fault["type"] == "string_type" and isinstance(given, int | float):
            why = f'must be text; write it in quotes: "{given}"'
        self._file.wrong((*place, *loc), why)

    def _settings(self, place: At, config: type[BaseModel], settings: dict[str, Any]) -> None:
        """Read the secrets into the settings, then check these against their kind."""
        schema = settings_schema(config)
        before = self._file.problem_count
        for path in secret_paths(schema, settings):
            secret = self._secret((*place, *path), at(settings, path))
            if secret is not None:
                put(settings, path, secret)
        if self._file.problem_count > before:
            return
        for path, kind, message in settings_faults(config, settings):
            why = plain_detail({"type": kind, "msg": message})
            if kind == "extra_forbidden":
                known = known_keys(schema, settings, path[:-1])
                why = f"is not a key here{_nearest(str(path[-1]), known)}"
            elif is_reference(at(settings, path)):
                why = "is not a secret; write the value itself"
            self._file.wrong((*place, *path), why)

    def _password(self, place: At, reference: Any, email: str) -> None:
        password = self._secret(place, reference)
        if password is None:
            return
        fault = password_fault(password, email)
        if fault is not None:
            self._file.wrong(place, fault)
        self._passwords[email] = password

    def _secret(self, place: At, reference: Any) -> str | None:
        if not is_reference(reference):
            self._file.wrong(place, _HOW_TO_NAME)
            return None
        ((how, name),) = reference.items()
        secret = self._from_env(place, name) if how == "env" else self._from_file(place, name)
        if secret == "":
            self._file.wrong(place, f"{name} is empty")
            return None
        return secret

    def _from_env(self, place: At, name: str) -> str | None:
        secret = self._env.get(name)
        if secret is None:
            self._file.wrong(place, f"the environment variable {name} is not set")
        return secret

    def _from_file(self, place: At, name: str) -> str | None:
        try:
            with (self._folder / name).open(encoding="utf-8") as file:
                secret = file.read(_LONGEST_SECRET + 1)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "it is not UTF-8 text"
            self._file.wrong(place, f"{name} cannot be read: {why}")
            return None
        if len(secret) > _LONGEST_SECRET:
            self._file.wrong(place, f"{name} is too long for a secret")
            return None
        return secret.rstrip("\r\n")


def _nearest(word: str, known: Iterable[str]) -> str:
    known = sorted(known)
    near = difflib.get_close_matches(str(word), known, 1, 0.5)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; use one of {', '.join(known)}" if known else ""
