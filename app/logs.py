"""Structured logs. Numbers are masked and control characters escaped, whatever is logged."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_NUMBER = re.compile(r"(?<![\w-])\+?\d(?:[\s().-]?\d){6,}(?!\w)")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]")


def mask(text: str) -> str:
    """Hide all but the last three digits of what looks like a phone number."""
    return _NUMBER.sub(lambda m: "•••" + re.sub(r"\D", "", m[0])[-3:], text)


def _clean(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if isinstance(value, str) and key != "timestamp":
            shown = _CONTROL.sub(lambda m: f"\\x{ord(m[0]):02x}", mask(value))
            # A traceback has lines of its own; nothing else may begin one.
            event[key] = shown if key == "exception" else shown.replace("\n", "\\n")
    return event


def configure_logging(log_format: str | None, level: str) -> None:
    """Log to stderr: readable on a terminal, else JSON lines."""
    console = log_format == "console" or (log_format is None and sys.stderr.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if console
        else structlog.processors.JSONRenderer()
    )
    tail = [structlog.processors.format_exc_info, _clean, renderer]
    structlog.configure(
        processors=[*shared, *tail],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *tail],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(logging.getLevelName(level.upper()), logging.WARNING))
