"""Recorded webhooks: a file with one JSON object a line, and the order to send them in again."""

from __future__ import annotations

import base64
import random
import re
from collections.abc import Iterable, Sequence
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from app.entries import Slug
from app.errors import UserError
from connectors.sdk.faults import plain_detail

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", re.ASCII)
_VALUE = re.compile(r"[\t\x20-\x7e\xa0-\xff]*")
# Of the connection that it was recorded from, or written anew for the body.
_LEFT_OUT = {"host", "content-length", "connection", "transfer-encoding", "expect"}


def _headers(headers: dict[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise ValueError(f"{name[:60]!r} is not a header that can be sent")
    small = {name.lower(): value for name, value in headers.items()}
    return {name: value for name, value in small.items() if name not in _LEFT_OUT}


def _decoded(text: object) -> object:
    return base64.b64decode(text, validate=True) if isinstance(text, str) else text


class Recorded(BaseModel):
    """A webhook as it was received. `after_ms` is how long after the one before it."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    phone_system: Slug
    method: Literal["GET", "POST"] = "POST"
    query: Annotated[str, Field(pattern=r"^[!-~]*$")] = ""
    headers: Annotated[dict[str, str], AfterValidator(_headers)] = {}
    body: str | None = None
    body_base64: Annotated[bytes, BeforeValidator(_decoded)] | None = None
    after_ms: Annotated[float, Field(ge=0, le=86_400_000)] = 0

    @model_validator(mode="after")
    def _has_one_body(self) -> Self:
        if self.body is not None and self.body_base64 is not None:
            raise ValueError("has both body and body_base64; one of them is enough")
        return self

    @property
    def content(self) -> bytes:
        """The body's bytes."""
        return self.body_base64 or (self.body or "").encode()


def read_recording(lines: Iterable[bytes], name: str) -> list[Recorded]:
    """Read every line before anything is sent; blank ones are left out.

    Raises:
        UserError: a line is wrong; says which, what, and where in it.
    """
    found = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found.append(Recorded.model_validate_json(line))
        except ValidationError as error:
            fault = error.errors(include_input=False, include_url=False)[0]
            where = "".join(f"{part}: " for part in fault["loc"])
            raise UserError(f"{name}:{number}: {where}{plain_detail(fault)}") from None
    if not found:
        raise UserError(f"{name}: holds no recorded webhook")
    return found


def in_order(recorded: Sequence[Recorded], *, duplicates: bool, seed: int | None) -> list[Recorded]:
    """Return what to send: each twice for `duplicates`, shuffled by `seed` if there is one."""
    times = 2 if duplicates else 1
    order = [each for each in recorded for _ in range(times)]
    if seed is not None:
        random.Random(seed).shuffle(order)  # noqa: S311 - a test order, to be had again
    return order
