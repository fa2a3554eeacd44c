"""Who is asking: sessions, tokens, and where a request may come from."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Literal
from urllib.parse import urlsplit

from app.core.routing import Agent
from app.errors import AppError
from app.runtime import Runtime
from app.store import logins
from app.store.accounts import agent_of

COOKIE = "screenpop_session"
HOST_COOKIE = f"__Host-{COOKIE}"
SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))
_LONGEST_TOKEN = 200
_SLICE = 500


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking, and by what right. `login` is the hash of the session or token."""

    user: Agent
    via: Literal["session", "token"]
    login: str


async def authenticate(headers: Mapping[str, str], runtime: Runtime) -> Principal | None:
    """Say who sent these headers (names in lower case), or None.

    A bearer token is looked at alone: a cookie beside it does not count.
    """
    authorization = headers.get("authorization")
    if authorization is not None:
        return await _by_token(authorization, runtime)
    cookie = session_cookie(headers, runtime.settings.public_url)
    return await _by_session(cookie, runtime) if cookie else None


async def still_valid(hashes: Collection[str], runtime: Runtime) -> dict[str, str]:
    """Return those log-ins that still hold, each with the role its user has now.

    For sockets, which outlive the request that opened them; a slice at a time, so that
    thousands of agents do not hold up the event loop.
    """
    found: dict[str, str] = {}
    ordered = list(hashes)
    async with runtime.db.read() as session:
        for start in range(0, len(ordered), _SLICE):
            part = ordered[start : start + _SLICE]
            found |= await logins.live_logins(session, part, runtime.clock())
    return found


def session_cookie(headers: Mapping[str, str], public_url: str | None) -> str | None:
    """Return the session token in the cookies.

    Where the public address is https only the `__Host-` cookie counts: a sibling host or a
    plain connection can set the other one.
    """
    try:
        cookies = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return None
    secure_only = public_url is not None and public_url.startswith("https:")
    for name in (HOST_COOKIE,) if secure_only else (HOST_COOKIE, COOKIE):
        if name in cookies and 0 < len(cookies[name].value) <= _LONGEST_TOKEN:
            return cookies[name].value
    return None


def allowed_origin(origin: str | None, host: str | None, public_url: str | None) -> bool:
    """Whether a page of this origin may use a browser's session here.

    It must be of the public address; where none is configured, of the host that was asked.
    """
    if not origin:
        return False
    try:
        page = urlsplit(origin)
        if page.scheme not in ("http", "https") or origin != f"{page.scheme}://{page.netloc}":
            return False
        if page.username is not None:
            return False
        if public_url is not None:
            return _place(origin) == _place(public_url)
        return host is not None and _place(origin) == _place(f"{page.scheme}://{host}")
    except ValueError:
        return False


def refuse_cross_site(
    method: str, headers: Mapping[str, str], public_url: str | None, *, needed: bool
) -> None:
    """Refuse a request that another site made a browser send (CSRF).

    `needed`: the request must prove that it is ours, as it is believed for its cookie. Without
    it, one that says nothing passes, as programs that are not browsers do.

    Raises:
        AppError: 403, it comes from elsewhere; 415, its body is not JSON.
    """
    if method in SAFE_METHODS:
        return
    refuse_other_than_json(headers)
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is None and origin is None and not needed:
        return
    if site == "same-origin" or allowed_origin(origin, headers.get("host"), public_url):
        return
    place = f"; open screenpop at {public_url}" if public_url else ""
    raise AppError(403, "cross_site", f"the request comes from another site{place}")


def refuse_other_than_json(headers: Mapping[str, str]) -> None:
    """Refuse a body in a format that a form of any site could send; files come as they are.

    Raises:
        AppError: 415.
    """
    if headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers:
        return
    kind = headers.get("content-type", "").split(";")[0].strip().lower()
    if kind not in ("application/json", "application/octet-stream"):
        raise AppError(415, "not_json", "send the body as application/json")


def cookie_header(token: str, *, secure: bool, max_age_s: int) -> str:
    """Return the Set-Cookie value that gives a browser its session, or takes it (age 0)."""
    name = HOST_COOKIE if secure else COOKIE
    flags = "; Secure" if secure else ""
    return f"{name}={token}; Max-Age={max_age_s}; Path=/; HttpOnly; SameSite=Lax{flags}"


def _place(url: str) -> tuple[str, str | None, int]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)


async def _by_token(authorization: str, runtime: Runtime) -> Principal | None:
    scheme, _, token = authorization.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not 0 < len(token) <= _LONGEST_TOKEN:
        return None
    hashed = logins.token_hash(token)
    async with runtime.db.read() as session:
        user = await logins.token_user(session, hashed, runtime.clock())
    return None if user is None else Principal(agent_of(user), "token", hashed)


async def _by_session(cookie: str, runtime: Runtime) -> Principal | None:
    hashed, now = logins.token_hash(cookie), runtime.clock()
    async with runtime.db.read() as session:
        found = await logins.session_user(session, hashed, now)
    if found is None:
        return None
    user, note_use = found
    if note_use:
        async with runtime.db.begin() as session:
            await logins.mark_seen(session, hashed, now)
    return Principal(agent_of(user), "session", hashed)
