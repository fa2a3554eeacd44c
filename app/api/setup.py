"""The first run: who administers, what is set up already, and what is left."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import passwords
from app.api.configured import IfMatch
from app.api.deps import Admin, AnyUser, Public, RuntimeDep
from app.api.security import cookie_header, refuse_cross_site
from app.api.session import SessionOut, me
from app.api.versioned import refuse_changed, version_of
from app.entries import Currency, Email, Line, Region
from app.errors import AppError
from app.runtime import Runtime
from app.setup_code import setup_code
from app.store import accounts, configuration, logins
from app.store.models import CallEventRow, CallRow, ConnectorRow, Customer, PhoneSystemRow, User
from app.store.version import bump_config_version

router = APIRouter(prefix="/api/v1", tags=["set-up"])
Typed = Annotated[str, Field(min_length=1, max_length=1000)]


class FirstRun(BaseModel):
    """Whether there is nobody yet, and whether the set-up code must be given to change that."""

    needed: bool
    code_needed: bool


class FirstAdminIn(BaseModel):
    """The first administrator; `code` is the one in the server's log."""

    model_config = ConfigDict(extra="forbid")
    email: Email
    name: Line
    password: Typed
    code: Annotated[str, Field(max_length=100)] = ""


class DefaultsIn(BaseModel):
    """How numbers without a country code are read, and amounts without a currency."""

    model_config = ConfigDict(extra="forbid")
    default_region: Region | None
    default_currency: Currency | None


class DefaultsOut(DefaultsIn):
    """The defaults. `region_from_environment` holds where none is saved."""

    region_from_environment: str | None
    version: int


class SetupOut(BaseModel):
    """What is there, by which the console tells what is left to do."""

    defaults: DefaultsOut
    phone_systems: list[dict[str, Any]]
    connectors: int
    customers: int
    agents: int
    has_rung: bool


@router.get("/setup/first-admin", dependencies=[Depends(Public())])
async def first_run(request: Request, runtime: RuntimeDep) -> FirstRun:
    """Say whether the first administrator is still to be made."""
    async with runtime.db.read() as session:
        needed = await accounts.is_empty(session)
    return FirstRun(needed=needed, code_needed=needed and not _is_local(request))


@router.post("/setup/first-admin", status_code=201, dependencies=[Depends(Public())])
async def make_first_admin(
    body: FirstAdminIn, request: Request, response: Response, runtime: RuntimeDep
) -> SessionOut:
    """Make the first administrator and log them in; refused as soon as there is anybody."""
    public_url = runtime.settings.public_url
    refuse_cross_site(request.method, request.headers, public_url, needed=True)
    async with runtime.db.read() as session:
        if not await accounts.is_empty(session):
            raise _taken()
    if not _is_local(request) and not _is_code(runtime, body.code):
        raise _wrong("/code", "is not the set-up code; the server's log shows it when it starts")
    fault = passwords.password_fault(body.password, body.email)
    if fault is not None:
        raise _wrong("/password", fault)
    hashed = await passwords.hash_password(body.password)
    now = runtime.clock()
    fields = {"email": body.email, "name": body.name, "role": "admin"}
    async with runtime.db.begin() as session:
        await bump_config_version(session)  # of two that come at once, one waits here
        if not await accounts.is_empty(session):
            raise _taken()
        user = await accounts.create_user(
            session, {**fields, "extensions": [], "queues": []}, now, hashed
        )
        token = await logins.start_session(session, user.id, now)
    await runtime.reload()
    life = int(logins.LIFE.total_seconds())
    secure = (public_url or str(request.base_url)).startswith("https:")
    response.headers.append("set-cookie", cookie_header(token, secure=secure, max_age_s=life))
    return SessionOut(user=me(accounts.agent_of(user)))


@router.get("/administrators")
async def list_administrators(_user: AnyUser, runtime: RuntimeDep) -> dict[str, list[Any]]:
    """List who administers, for who needs them."""
    async with runtime.db.read() as session:
        rows = await session.scalars(
            select(User).where(User.role == "admin", ~User.disabled).order_by(User.name).limit(20)
        )
        return {"items": [{"name": row.name, "email": row.email} for row in rows]}


@router.get("/setup")
async def read_setup(_admin: Admin, runtime: RuntimeDep) -> SetupOut:
    """Say what is set up; nothing of it is kept in the browser."""
    async with runtime.db.read() as session:
        systems = await configuration.rows_of(session, PhoneSystemRow)
        return SetupOut(
            defaults=await _defaults(session, runtime),
            phone_systems=[
                {
                    "slug": row.slug,
                    "name": row.name,
                    "kind": row.kind,
                    "last_event_at": await _last_event(session, row.slug),
                }
                for row in systems
            ],
            connectors=await _count(session, ConnectorRow),
            customers=await _count(session, Customer),
            agents=await accounts.count_takers(session),
            has_rung=await session.scalar(select(CallRow.call_id).limit(1)) is not None,
        )


@router.put("/setup/defaults")
async def put_defaults(
    body: DefaultsIn, _admin: Admin, runtime: RuntimeDep, if_match: IfMatch = None
) -> DefaultsOut:
    """Set the default region and currency."""
    async with runtime.db.begin() as session:
        refuse_changed(version_of(await _saved(session)), if_match)
        await configuration.set_default_region(session, body.default_region)
        await configuration.set_default_currency(session, body.default_currency)
    await runtime.reload()
    async with runtime.db.read() as session:
        return await _defaults(session, runtime)


async def _defaults(session: AsyncSession, runtime: Runtime) -> DefaultsOut:
    saved = await _saved(session)
    return DefaultsOut(
        **saved,
        region_from_environment=runtime.settings.default_region,
        version=version_of(saved),
    )


async def _saved(session: AsyncSession) -> dict[str, str | None]:
    return {
        "default_region": await configuration.default_region(session),
        "default_currency": await configuration.default_currency(session),
    }


async def _count(session: AsyncSession, model: Any) -> int:
    return await session.scalar(select(func.count()).select_from(model)) or 0


async def _last_event(session: AsyncSession, slug: str) -> Any:
    newest = select(CallEventRow.received_at).where(CallEventRow.phone_system == slug)
    return await session.scalar(newest.order_by(CallEventRow.id.desc()).limit(1))


def _is_local(request: Request) -> bool:
    """Whether the request was made on this machine, and not by a proxy for somebody else.

    The name by which we were asked must be local too: a page of another site whose name was
    pointed at 127.0.0.1 is not somebody at this machine.
    """
    client = request.client.host if request.client else ""
    return (
        _is_loopback(client)
        and _is_loopback(request.url.hostname or "")
        and not _was_forwarded(request.headers)
    )


def _was_forwarded(headers: Mapping[str, str]) -> bool:
    return any(name in headers for name in ("forwarded", "x-forwarded-for", "via"))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _is_code(runtime: Runtime, given: str) -> bool:
    told = given.strip().upper().replace("-", "").replace(" ", "")
    expected = setup_code(runtime.secrets).replace("-", "")
    return hmac.compare_digest(told.encode(), expected.encode())


def _taken() -> AppError:
    return AppError(409, "already_set_up", "there is an administrator already; log in")


def _wrong(pointer: str, detail: str) -> AppError:
    return AppError(422, "invalid", detail, [{"pointer": pointer, "detail": detail}])
