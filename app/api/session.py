"""Logging in and out with a browser, one's own sessions, one's own password."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app import passwords
from app.api.deps import AnyUser, Public, RuntimeDep
from app.api.security import COOKIE, HOST_COOKIE, cookie_header, session_cookie
from app.api.throttle import LoginThrottle
from app.core.routing import Agent
from app.errors import AppError
from app.runtime import Runtime
from app.store import accounts, logins

router = APIRouter(prefix="/api/v1", tags=["session"])

Typed = Annotated[str, Field(min_length=1, max_length=1000)]


class LoginIn(BaseModel):
    """What a person types to log in."""

    model_config = ConfigDict(extra="forbid")
    email: Annotated[str, Field(max_length=200)]
    password: Typed


class OwnPasswordIn(BaseModel):
    """A new password of one's own."""

    model_config = ConfigDict(extra="forbid")
    current_password: Typed
    new_password: Typed


class Me(BaseModel):
    """Who is logged in."""

    user_id: str
    email: str
    name: str
    role: str
    extensions: list[str]
    queues: list[str]


class SessionOut(BaseModel):
    """The answer to a log-in."""

    user: Me


@router.post("/session", dependencies=[Depends(Public())])
async def log_in(
    body: LoginIn, request: Request, response: Response, runtime: RuntimeDep
) -> SessionOut:
    """Log in; the session is in the cookie of the answer."""
    email = body.email.strip().lower()
    user_id = await _proved(runtime, request, email, body.password)
    now = runtime.clock()
    old = session_cookie(request.headers, runtime.settings.public_url)
    async with runtime.db.begin() as session:
        user = await accounts.get_user(session, user_id)
        if old:
            await logins.end_session(session, logins.token_hash(old))
        token = await logins.start_session(session, user.id, now)
    public_url = runtime.settings.public_url or str(request.base_url)
    life = int(logins.LIFE.total_seconds())
    secure = public_url.startswith("https:")
    response.headers.append("set-cookie", cookie_header(token, secure=secure, max_age_s=life))
    return SessionOut(user=me(accounts.agent_of(user)))


@router.get("/session")
async def who_am_i(principal: AnyUser) -> SessionOut:
    """Say who is logged in."""
    return SessionOut(user=me(principal.user))


@router.delete("/session", status_code=204)
async def log_out(principal: AnyUser, runtime: RuntimeDep) -> Response:
    """Log out; the session is over on the server too."""
    async with runtime.db.begin() as session:
        await logins.end_session(session, principal.login)
    response = Response(status_code=204, headers={"clear-site-data": '"cache", "storage"'})
    for name in (COOKIE, HOST_COOKIE):
        gone = cookie_header("", secure=name == HOST_COOKIE, max_age_s=0)
        response.headers.append("set-cookie", gone)
    return response


@router.put("/session/password", status_code=204)
async def change_own_password(
    body: OwnPasswordIn, request: Request, principal: AnyUser, runtime: RuntimeDep
) -> None:
    """Change one's own password; other browsers are logged out."""
    email = principal.user.email
    await _proved(runtime, request, email, body.current_password)
    fault = passwords.password_fault(body.new_password, email)
    if fault is not None:
        raise AppError(422, "invalid", fault, [{"pointer": "/new_password", "detail": fault}])
    hashed = await passwords.hash_password(body.new_password)
    async with runtime.db.begin() as session:
        user = await accounts.get_user(session, principal.user.user_id)
        await accounts.set_password(session, user, hashed, keep_session=principal.login)


@router.get("/sessions")
async def list_own_sessions(principal: AnyUser, runtime: RuntimeDep) -> dict[str, Any]:
    """List the browsers in which one is logged in."""
    async with runtime.db.read() as session:
        rows = await logins.list_sessions(session, principal.user.user_id, runtime.clock())
    return {
        "items": [
            {
                "session_id": row.token_hash[:32],
                "created_at": row.created_at,
                "last_seen_at": row.last_seen_at,
                "expires_at": row.expires_at,
                "current": row.token_hash == principal.login,
            }
            for row in rows
        ]
    }


@router.delete("/sessions", status_code=204)
async def end_other_sessions(principal: AnyUser, runtime: RuntimeDep) -> None:
    """Log out in every browser but this one."""
    async with runtime.db.begin() as session:
        await logins.end_sessions(session, principal.user.user_id, but=principal.login)


async def _proved(runtime: Runtime, request: Request, email: str, password: str) -> str:
    """Return the user's id if the password is right.

    Unknown, disabled and wrong take as long and are answered alike.
    """
    throttle = _throttle_of(request)
    address = request.client.host if request.client else ""
    seconds = runtime.clock().timestamp()
    wait = throttle.refused_for_s(email, address, seconds)
    if wait:
        raise AppError(
            429, "too_many_tries", f"too many wrong tries; wait {wait} s", retry_after_s=wait
        )
    slow = throttle.slowed_by_s(email, seconds)
    throttle.guess(email, address, seconds)
    if slow:
        await asyncio.sleep(slow)
    async with runtime.db.read() as session:
        user = await accounts.user_by_email(session, email)
    usable = user is not None and not user.disabled
    kept = user.password_hash if user is not None and usable else None
    if not await passwords.verify_password(kept, password) or user is None:
        raise AppError(401, "wrong_login", "the e-mail address or the password is wrong")
    throttle.succeeded(email, address)
    if kept is not None and passwords.is_outdated(kept):
        fresh = await passwords.hash_password(password)
        async with runtime.db.begin() as session:
            (await accounts.get_user(session, user.id)).password_hash = fresh
    return user.id


def _throttle_of(request: Request) -> LoginThrottle:
    # One for each app, made when first needed.
    state = request.app.state
    if not hasattr(state, "login_throttle"):
        state.login_throttle = LoginThrottle()
    throttle: LoginThrottle = state.login_throttle
    return throttle


def me(agent: Agent) -> Me:
    """Show a user to themselves."""
    return Me(
        user_id=agent.user_id,
        email=agent.email,
        name=agent.name,
        role=agent.role,
        extensions=list(agent.extensions),
        queues=list(agent.queues),
    )
