"""What a browser may say on the websocket, and the frames it gets. Sans-I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from app.core.pop import dumps

SUBPROTOCOL = "screenpop.v1"
LARGEST_FRAME = 4096
LARGEST_ID = 512

NOT_LOGGED_IN = 4401
ACCOUNT_CHANGED = 4403
SILENT = 4408
TOO_SLOW = 4429


@dataclass(frozen=True, slots=True)
class Painted:
    """The browser has drawn a version of a pop, so long after it had received it."""

    call_id: str
    version: int
    since_received_ms: float


@dataclass(frozen=True, slots=True)
class Get:
    """The browser missed a version: send the pop whole."""

    call_id: str


@dataclass(frozen=True, slots=True)
class Choose:
    """The agent says which candidate is calling."""

    call_id: str
    customer_id: str


@dataclass(frozen=True, slots=True)
class Dismiss:
    """The agent put the pop away."""

    call_id: str


@dataclass(frozen=True, slots=True)
class Ping:
    """The browser is alive."""


ClientMessage = Painted | Get | Choose | Dismiss | Ping


class BadMessage(Exception):
    """A frame that is not of the protocol; answered with an `error` frame."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def read(text: str | bytes) -> ClientMessage:
    """Read one frame.

    Raises:
        BadMessage: the frame is too large, not JSON, of an unknown type or lacks a field.
    """
    if len(text) > LARGEST_FRAME:
        raise BadMessage("too_large", f"a frame may have {LARGEST_FRAME} bytes")
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise BadMessage("bad_json", "the frame is not JSON") from None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise BadMessage("bad_message", "a frame is an object with a type")
    match message["type"]:
        case "ping":
            return Ping()
        case "get":
            return Get(_text(message, "call_id"))
        case "dismiss":
            return Dismiss(_text(message, "call_id"))
        case "choose":
            return Choose(_text(message, "call_id"), _text(message, "customer_id"))
        case "painted":
            return Painted(
                _text(message, "call_id"),
                int(_number(message, "version")),
                float(_number(message, "since_received_ms")),
            )
    raise BadMessage("unknown_type", "known types: painted, get, choose, dismiss, ping")


def _text(message: Mapping[str, Any], name: str) -> str:
    value = message.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= LARGEST_ID:
        raise BadMessage("bad_message", f"{name} must be a text of 1 to {LARGEST_ID} characters")
    return value


def _number(message: Mapping[str, Any], name: str) -> float:
    value = message.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e12:
        raise BadMessage("bad_message", f"{name} must be a number, not negative")
    return value


def frame(kind: str, **content: Any) -> str:
    """Write a frame for the browser."""
    return dumps({"type": kind, **content}).decode()


PONG = frame("pong")
