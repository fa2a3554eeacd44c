"""Settings of phone systems that are secret or optional, and comparison in constant time."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from typing import Annotated

from pydantic import BeforeValidator, SecretStr


def _as_many(value: object) -> object:
    if value is None:
        return ()
    return (value,) if isinstance(value, str | SecretStr) else value


def _as_text(value: object) -> object:
    return "" if value is None else value


# Not given is "" here, so that a form can draw it as one text field.
OptionalText = Annotated[str, BeforeValidator(_as_text)]
OptionalSecret = Annotated[SecretStr, BeforeValidator(_as_text)]

# One secret or several: while a secret is being changed, the old and the new one are both good.
Secrets = Annotated[tuple[SecretStr, ...], BeforeValidator(_as_many)]


def is_one_of(given: str, expected: Iterable[str]) -> bool:
    """Compare without telling by the time taken how much of the secret was right."""
    candidate = given.encode("utf-8", "surrogateescape")
    found = False
    for secret in expected:
        found |= hmac.compare_digest(candidate, secret.encode("utf-8", "surrogateescape"))
    return found


def bearer_token(headers: Mapping[str, str]) -> str | None:
    """Return the token of `Authorization: Bearer …`, None without one (RFC 6750)."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None
