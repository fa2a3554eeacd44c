"""A webhook encrypted whole, and opened again as the request that it was."""

from __future__ import annotations

import base64
from typing import Any

from app.store.models import HookBody
from app.store.types import SecretBox
from app.telephony.base import HookRequest


def sealed(request: HookRequest, secrets: SecretBox) -> bytes:
    """Encrypt a request with its headers and body."""
    return secrets.seal(
        {
            "method": request.method,
            "url": request.url,
            "query": request.query,
            "headers": dict(request.headers),
            "body": base64.b64encode(request.body).decode(),
        }
    )


def opened(row: HookBody, secrets: SecretBox) -> HookRequest:
    """Return a request as it came, at the time when it came.

    Raises:
        ValueError: none of the keys fits.
    """
    content: dict[str, Any] = secrets.open(row.request)
    body = base64.b64decode(content.pop("body"))
    return HookRequest(**content, body=body, received_at=row.received_at)
