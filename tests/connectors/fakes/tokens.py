"""An OAuth 2 token endpoint: one-use refresh tokens, access tokens that end, wrong clients."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from connectors.sdk.grants import Grant
from tests.connectors.web import Request, reply

CLIENT_ID = "client-1"
CLIENT_SECRET = "s3cret-of-the-app"
LATER = datetime(2099, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class TokenServer:
    """`valid` are the access tokens that the vendor takes, `refresh_token` the one that is good."""

    refresh_token: str | None = "refresh-0"
    valid: set[str] = field(default_factory=lambda: {"access-0"})
    given: int = 0
    expires_in: int = 1800

    def grant(self, **extra: str) -> Grant:
        """Return the grant that a person gave."""
        return Grant("access-0", "refresh-0", LATER, extra)

    def expire(self) -> None:
        """End every access token before its time."""
        self.valid.clear()

    def knows(self, request: Request) -> bool:
        """Say whether a request carries a valid access token."""
        return request.headers.get("authorization", "").removeprefix("Bearer ") in self.valid

    def answer(self, request: Request) -> bytes:
        """Answer a token request (RFC 6749 section 5)."""
        form = request.form
        pair = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        posted = (form.get("client_id"), form.get("client_secret")) == (CLIENT_ID, CLIENT_SECRET)
        if not posted and request.headers.get("authorization") != f"Basic {pair}":
            return reply({"error": "invalid_client"}, 401)
        if form["grant_type"] == "refresh_token":
            if form["refresh_token"] != self.refresh_token:
                return reply({"error": "invalid_grant"}, 400)
            self.refresh_token = f"refresh-{self.given + 1}"
        self.given += 1
        token = f"access-{self.given}"
        self.valid.add(token)
        given = {"access_token": token, "token_type": "bearer", "expires_in": self.expires_in}
        if form["grant_type"] == "refresh_token":
            given["refresh_token"] = self.refresh_token
        return reply(given)


def expired(now: datetime) -> Grant:
    """Return a grant whose access token has ended."""
    return Grant("access-0", "refresh-0", now - timedelta(minutes=1))
