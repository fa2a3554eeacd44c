"""Column types that behave the same on SQLite and PostgreSQL."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime
from typing import Any

import orjson
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import DateTime, LargeBinary, Text, TypeDecorator
from sqlalchemy.engine import Dialect


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime; SQLite keeps it as text that sorts."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: D102
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone was given to the database")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002, D102
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Json(TypeDecorator[Any]):
    """JSON as text, written by orjson (the hot path reads the same columns without SQLAlchemy)."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002, D102
        return None if value is None else orjson.dumps(value).decode()

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002, D102
        return None if value is None else orjson.loads(value)


class SecretBox:
    """Encrypts settings at rest: the first key encrypts, all decrypt."""

    def __init__(self, keys: list[str]) -> None:
        """Take Fernet keys (44 characters of URL-safe base64).

        Raises:
            ValueError: a key is not a Fernet key, or there is none.
        """
        if not keys:
            raise ValueError("no secret key")
        self._fernet = MultiFernet([Fernet(key) for key in keys])
        self._first = keys[0].encode()

    def derived(self, purpose: str) -> bytes:
        """Return 32 bytes for a purpose that only who has the first key can compute."""
        return hmac.digest(self._first, purpose.encode(), "sha256")

    def seal(self, value: Any) -> bytes:
        """Encrypt a JSON value."""
        return self._fernet.encrypt(orjson.dumps(value))

    def open(self, sealed: bytes) -> Any:
        """Decrypt what `seal` made.

        Raises:
            ValueError: none of the keys fits.
        """
        try:
            return orjson.loads(self._fernet.decrypt(sealed))
        except InvalidToken:
            raise ValueError(
                "a stored secret cannot be decrypted: add the key it was encrypted with to "
                "SCREENPOP_SECRET_KEYS"
            ) from None


Sealed = LargeBinary
