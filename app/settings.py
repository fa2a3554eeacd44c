"""Every SCREENPOP_* variable. Only `main`, `runtime` and `cli` read this module."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from app.entries import known_region
from app.errors import UserError
from connectors.sdk.faults import plain_detail

DATABASE_SCHEMES = ("sqlite", "postgresql")
BUS_SCHEMES = ("redis", "rediss", "valkey")


class Settings(BaseSettings):
    """The process's settings (contract section 2), read from the environment."""

    model_config = SettingsConfigDict(env_prefix="SCREENPOP_", frozen=True)

    data_dir: Path = Path("screenpop-data")
    database_url: str | None = None
    bus_url: str | None = None
    secret_keys: str | None = None
    public_url: str | None = None
    default_region: str | None = None
    log_format: Literal["console", "json"] | None = None
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("default_region")
    @classmethod
    def _region(cls, value: str | None) -> str | None:
        return known_region(value) if value else None

    @field_validator("public_url")
    @classmethod
    def _public_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
            raise ValueError("use the address people open, such as https://pop.example.com")
        return value.rstrip("/")

    @field_validator("database_url")
    @classmethod
    def _database_url(cls, value: str | None) -> str | None:
        if value is not None:
            _known_scheme(value, DATABASE_SCHEMES)
            try:
                make_url(value)
            except ArgumentError:
                raise ValueError(
                    "this is not a database URL; write postgresql://user:password@host/name"
                ) from None
        return value

    @field_validator("bus_url")
    @classmethod
    def _bus_url(cls, value: str | None) -> str | None:
        if value is not None:
            _known_scheme(value, BUS_SCHEMES)
        return value

    @property
    def embedded(self) -> bool:
        """The database is an SQLite file."""
        return self.database_url is None or self.database_url.startswith("sqlite")

    @property
    def database(self) -> str:
        """The database URL, with the default filled in."""
        return self.database_url or f"sqlite:///{(self.data_dir / 'screenpop.db').absolute()}"


def _known_scheme(url: str, known: tuple[str, ...]) -> None:
    scheme = url.split(":", 1)[0].split("+", 1)[0].lower()
    if scheme not in known:
        near = difflib.get_close_matches(scheme, known, 1, 0.5) or [known[0]]
        raise ValueError(f"unknown scheme {scheme!r}; did you mean {near[0]}://…?")


def load_settings() -> Settings:
    """Read the environment.

    Raises:
        UserError: a variable is unknown or has a value that cannot be used; says the cure.
    """
    known = [f"SCREENPOP_{name.upper()}" for name in Settings.model_fields]
    for name in os.environ:
        if name.startswith("SCREENPOP_") and name not in known and "_TEST_" not in name:
            near = difflib.get_close_matches(name, known, 1, 0.3) or known[:1]
            raise UserError(f"{name} is not a setting; did you mean {near[0]}?")
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = f"SCREENPOP_{str(first['loc'][0]).upper()}"
        raise UserError(f"{name}: {plain_detail(first)}") from None
