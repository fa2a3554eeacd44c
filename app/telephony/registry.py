"""Which phone systems there are: every `PhoneSystem` in this folder. No list to edit."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from functools import cache
from typing import Any

import app.telephony
from app.telephony.base import PhoneSystem
from app.telephony.stream import StreamPhoneSystem


@cache
def kinds() -> dict[str, type[PhoneSystem[Any]]]:
    """Return every phone system by its `kind`, in alphabetical order.

    Raises:
        RuntimeError: two files claim the same kind.
    """
    found: dict[str, type[PhoneSystem[Any]]] = {}
    for module_info in pkgutil.iter_modules(app.telephony.__path__):
        module = importlib.import_module(f"{app.telephony.__name__}.{module_info.name}")
        for _, member in inspect.getmembers(module, inspect.isclass):
            if (
                not issubclass(member, PhoneSystem)
                or inspect.isabstract(member)
                or member.__module__ != module.__name__
            ):
                continue
            if member.kind in found:
                other = found[member.kind].__module__
                raise RuntimeError(
                    f"phone system kind {member.kind!r} is in both {other} and {module.__name__}"
                )
            found[member.kind] = member
    return dict(sorted(found.items()))


def webhook_kinds() -> dict[str, type[PhoneSystem[Any]]]:
    """Return the phone systems that send webhooks; to the others we connect."""
    return {k: system for k, system in kinds().items() if not issubclass(system, StreamPhoneSystem)}
