"""A webhook handed to our own `/hooks` application without leaving the process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from app.api.hooks import Hooks
from app.telephony.base import SignedRequest

_LONGEST_ANSWER = 2_000


@dataclass(frozen=True, slots=True)
class Inward:
    """Sends to the same application as the network does: verified, kept and answered alike."""

    hooks: Hooks

    async def post_hook(self, slug: str, request: SignedRequest) -> tuple[int, str]:
        """Post a signed request; returns the status and the beginning of the answer."""
        parts = urlsplit(request.url)
        headers = {name.lower(): value for name, value in request.headers.items()}
        headers = {"host": parts.netloc, "content-length": str(len(request.body)), **headers}
        scope = {
            "type": "http",
            "method": "POST",
            "scheme": parts.scheme,
            "path": f"/hooks/{slug}",
            "raw_path": parts.path.encode(),
            "query_string": parts.query.encode(),
            "headers": [(k.encode("latin-1"), v.encode("latin-1")) for k, v in headers.items()],
        }
        answered: dict[str, Any] = {"status": 500, "body": b""}

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": request.body, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                answered["status"] = message["status"]
            else:
                answered["body"] += message.get("body", b"")

        await self.hooks(scope, receive, send)
        return answered["status"], answered["body"][:_LONGEST_ANSWER].decode("utf-8", "replace")
