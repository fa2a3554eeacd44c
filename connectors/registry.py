"""Which connectors there are: the modules of this folder, and installed plug-ins.

A connector that cannot be loaded is listed with the reason; it stops nothing else.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any

from pydantic import BaseModel

import connectors
from connectors.sdk.connector import Connector

GROUP = "screenpop.connectors"
AnyConnector = type[Connector[Any]]
_NOT_CONNECTORS = frozenset({"registry", "sdk", "presets"})


@dataclass(frozen=True, slots=True)
class Registry:
    """The connectors found, by kind, and those that cannot be loaded, with the reason."""

    kinds: dict[str, AnyConnector] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)


def scan(package: ModuleType, plug_ins: Iterable[EntryPoint]) -> Registry:
    """Load every connector of a package's folder, and of the entry points."""
    registry = Registry()
    for module in pkgutil.iter_modules(package.__path__):
        if module.name.startswith("_") or module.name in _NOT_CONNECTORS:
            continue
        _add(registry, module.name, f"{package.__name__}.{module.name}", None)
    for plug_in in plug_ins:
        _add(registry, plug_in.name, plug_in.module, plug_in.attr or None)
    return registry


def _add(registry: Registry, name: str, module_name: str, attribute: str | None) -> None:
    try:
        module = importlib.import_module(module_name)
        found = [getattr(module, attribute)] if attribute else list(_connectors_in(module))
        if not found:
            raise TypeError("it holds no connector")
        for connector in found:
            _check(connector)
            if connector.kind in registry.kinds:
                raise TypeError(f"the kind {connector.kind!r} is already there")
            registry.kinds[connector.kind] = connector
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a plug-in does on import
        words = " ".join(str(error).split())[:300]
        registry.broken[name] = f"{type(error).__name__}: {words}"


def _connectors_in(module: ModuleType) -> Iterator[Any]:
    for value in vars(module).values():
        own = isinstance(value, type) and value.__module__ == module.__name__
        if own and issubclass(value, Connector) and hasattr(value, "kind"):
            yield value


def _check(connector: Any) -> None:
    if not (isinstance(connector, type) and issubclass(connector, Connector)):
        raise TypeError("it is not a Connector")
    for name in ("kind", "title", "summary"):
        if not isinstance(getattr(connector, name, None), str):
            raise TypeError(f"{connector.__name__}.{name} is not set")
    config = getattr(connector, "Config", None)
    if not (isinstance(config, type) and issubclass(config, BaseModel)):
        raise TypeError(f"{connector.__name__}.Config is not a pydantic model")
    missing: frozenset[str] = getattr(connector, "__abstractmethods__", frozenset())
    if missing:
        raise TypeError(f"{connector.__name__} lacks {', '.join(sorted(missing))}")


@cache
def _registry() -> Registry:
    return scan(connectors, entry_points(group=GROUP))


def kinds() -> dict[str, AnyConnector]:
    """Return the connectors that can be used, by kind."""
    return dict(_registry().kinds)


def broken() -> dict[str, str]:
    """Return those that cannot be loaded, and why."""
    return dict(_registry().broken)
