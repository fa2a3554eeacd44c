"""Webhook requests for the tests, as the web server would hand them over."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from app.telephony.base import HookRequest, SignedRequest

NOW = datetime(2026, 11, 22, 10, 0, 0, tzinfo=UTC)
URL = "https://pop.example.com/hooks/pbx"


def hook(
    body: bytes | dict[str, Any] | list[Any],
    headers: Mapping[str, str] | None = None,
    *,
    method: str = "POST",
    url: str = URL,
    received_at: datetime = NOW,
) -> HookRequest:
    """Make a request; a dict or list is sent as JSON."""
    is_json = not isinstance(body, bytes)
    sent = {"content-type": "application/json"} if is_json else {}
    sent |= {name.lower(): value for name, value in (headers or {}).items()}
    return HookRequest(
        method=method,
        url=url,
        query=url.partition("?")[2],
        headers=sent,
        body=body if isinstance(body, bytes) else orjson.dumps(body),
        received_at=received_at,
    )


def received(request: SignedRequest, received_at: datetime = NOW) -> HookRequest:
    """Turn what an adapter would send into what the server receives."""
    return hook(request.body, request.headers, url=request.url, received_at=received_at)
