"""A vendor whose user says yes on a page of its own before a program may read (RFC 6749, 7636)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html import escape
from urllib.parse import urlencode

from tests.connectors.web import Request, WebServer, reply, web_server

CLIENT, SECRET = "screenpop-app", "canary-client-secret-1618033"
_PEOPLE = [{"id": "7", "name": "Kestrel Garden Supplies Ltd", "phone": "020 7946 0958"}]
_PAGE = """<!doctype html><html lang="en"><title>Vendor</title>
<h1>May screenpop read your data?</h1>
<p><a href="{yes}">Allow</a> <a href="{no}">Refuse</a></p></html>"""


@dataclass
class Vendor:
    """Its page is on another host than screenpop's, so that the browser crosses sites."""

    web: WebServer
    challenge: str = ""
    grants: int = 0
    withdrawn: bool = False

    @property
    def page(self) -> str:
        """Where the person is asked."""
        return f"http://localhost:{self.web.port}/authorize"

    def answer(self, request: Request) -> bytes:
        """Answer the person's browser, and the program."""
        match request.path:
            case "/authorize":
                return self._ask(request)
            case "/token":
                return self._grant(request)
            case "/customers":
                good = request.headers.get("authorization") == f"Bearer access-{self.grants}"
                allowed = good and not self.withdrawn
                return reply({"customers": _PEOPLE}) if allowed else reply({}, 401)
            case _:
                return reply({}, 404)

    def _ask(self, request: Request) -> bytes:
        asked = request.query
        assert (asked["client_id"], asked["response_type"]) == (CLIENT, "code")
        self.challenge = asked["code_challenge"]

        def back(**said: str) -> str:
            return escape(f"{asked['redirect_uri']}?{urlencode({**said, 'state': asked['state']})}")

        page = _PAGE.format(yes=back(code="good"), no=back(error="access_denied"))
        return reply(page.encode(), content_type="text/html")

    def _grant(self, request: Request) -> bytes:
        form = request.form
        pair = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        proved = base64.urlsafe_b64encode(verifier).decode().rstrip("=") == self.challenge
        is_new = form["grant_type"] == "authorization_code" and form["code"] == "good" and proved
        if request.headers.get("authorization") != f"Basic {pair}" or not is_new:
            return reply({"error": "invalid_grant"}, 400)
        self.grants, self.withdrawn = self.grants + 1, False
        tokens = {
            "access_token": f"access-{self.grants}",
            "refresh_token": f"refresh-{self.grants}",
            "token_type": "Bearer",
            "expires_in": 3600,
        }
        return reply(tokens)


@asynccontextmanager
async def open_vendor() -> AsyncIterator[Vendor]:
    """Serve until the end of the block."""
    async with web_server() as web:
        vendor = Vendor(web)
        web.answers["*"] = vendor.answer
        yield vendor
