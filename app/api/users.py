"""People and their API tokens."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator

from app import passwords
from app.api.configured import IfMatch
from app.api.deps import Admin, AnyUser, Id, Limit, Offset, RuntimeDep
from app.api.security import Principal
from app.api.versioned import refuse_changed, version_of
from app.entries import Email, Line, Lines, Role, UserFields
from app.errors import AppError
from app.store import accounts, logins
from app.store.models import ApiToken, User

router = APIRouter(prefix="/api/v1/users", tags=["users"])

Typed = Annotated[str, Field(min_length=1, max_length=1000)]
# Enough for any life of a token, and far from the end of what a date can be.
_LONGEST_LIFE_DAYS = 3650


class UserOut(BaseModel):
    """A user as shown to an administrator."""

    user_id: str
    email: str
    name: str
    role: str
    extensions: list[str]
    queues: list[str]
    disabled: bool
    has_password: bool
    created_at: datetime
    version: int


class UserPage(BaseModel):
    """One page of users, and how many there are."""

    items: list[UserOut]
    total: int


class UserIn(UserFields):
    """A new user; without a password only tokens let them in."""

    password: Typed | None = None


class UserPatch(BaseModel):
    """What to change; what is left out stays."""

    model_config = ConfigDict(extra="forbid")
    email: Email | None = None
    name: Line | None = None
    role: Role | None = None
    extensions: Lines | None = None
    queues: Lines | None = None
    disabled: Annotated[bool, Field(strict=True)] | None = None

    @model_validator(mode="after")
    def _null_is_no_value(self) -> UserPatch:
        for name in self.model_fields_set:
            if getattr(self, name) is None:
                raise ValueError(f"{name} cannot be null; leave it out to keep it")
        return self


class PasswordIn(BaseModel):
    """A new password for somebody."""

    model_config = ConfigDict(extra="forbid")
    password: Typed


class TokenIn(BaseModel):
    """A new API token."""

    model_config = ConfigDict(extra="forbid")
    name: Line | None = None
    expires_at: datetime | None = None


class TokenOut(BaseModel):
    """An API token; `token` is there only in the answer to its making."""

    token_id: str
    name: str | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    token: str | None = None


@router.get("")
async def list_users(
    _admin: Admin,
    runtime: RuntimeDep,
    search: Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")] = "",
    limit: Limit = 50,
    offset: Offset = 0,
) -> UserPage:
    """List users, those whose name, e-mail or extension holds `search`."""
    async with runtime.db.read() as session:
        rows, total = await accounts.list_users(session, search.strip(), limit, offset)
    return UserPage(items=[_shown(row) for row in rows], total=total)


@router.post("", status_code=201)
async def create_user(body: UserIn, _admin: Admin, runtime: RuntimeDep) -> UserOut:
    """Add a user."""
    fields = body.model_dump(exclude={"password"})
    hashed = None
    if body.password is not None:
        hashed = await _hash(body.password, body.email)
    async with runtime.db.begin() as session:
        user = await accounts.create_user(session, fields, runtime.clock(), hashed)
    await runtime.reload()
    return _shown(user)


@router.get("/{user_id}")
async def get_user(user_id: Id, _admin: Admin, runtime: RuntimeDep) -> UserOut:
    """Read one user."""
    async with runtime.db.read() as session:
        return _shown(await accounts.get_user(session, user_id))


@router.patch("/{user_id}")
async def update_user(
    user_id: Id, body: UserPatch, _admin: Admin, runtime: RuntimeDep, if_match: IfMatch = None
) -> UserOut:
    """Change a user; who is disabled is logged out everywhere."""
    async with runtime.db.begin() as session:
        user = await accounts.get_user(session, user_id)
        refuse_changed(version_of(_fields(user)), if_match)
        await accounts.update_user(session, user, body.model_dump(exclude_unset=True))
    await runtime.reload()
    return _shown(user)


@router.put("/{user_id}/password", status_code=204)
async def set_password(user_id: Id, body: PasswordIn, _admin: Admin, runtime: RuntimeDep) -> None:
    """Give a user a new password; they are logged out everywhere."""
    async with runtime.db.read() as session:
        email = (await accounts.get_user(session, user_id)).email
    hashed = await _hash(body.password, email)
    async with runtime.db.begin() as session:
        user = await accounts.get_user(session, user_id)
        await accounts.set_password(session, user, hashed)
    await runtime.reload()


@router.delete("/{user_id}/sessions", status_code=204)
async def end_sessions(user_id: Id, _admin: Admin, runtime: RuntimeDep) -> None:
    """Log a user out everywhere."""
    async with runtime.db.begin() as session:
        await logins.end_sessions(session, user_id)


@router.get("/{user_id}/tokens")
async def list_tokens(user_id: Id, principal: AnyUser, runtime: RuntimeDep) -> dict[str, Any]:
    """List a user's API tokens; one's own, or anybody's for an administrator."""
    _own_or_admin(principal, user_id)
    async with runtime.db.read() as session:
        await accounts.get_user(session, user_id)
        return {"items": [_token(row) for row in await logins.list_tokens(session, user_id)]}


@router.post("/{user_id}/tokens", status_code=201)
async def create_token(
    user_id: Id, body: TokenIn, principal: AnyUser, runtime: RuntimeDep
) -> TokenOut:
    """Make an API token; its text is in this answer and never again."""
    _own_or_admin(principal, user_id)
    now = runtime.clock()
    expires = body.expires_at
    if expires is not None:
        if expires.tzinfo is None:
            raise _invalid("/expires_at", "give the zone, such as 2027-01-31T00:00:00Z")
        if not 0 < (expires - now).total_seconds() < _LONGEST_LIFE_DAYS * 86_400:
            raise _invalid("/expires_at", "must be in the future, and within ten years")
    async with runtime.db.begin() as session:
        await accounts.get_user(session, user_id)
        row, text = await logins.create_token(session, user_id, body.name, expires, now)
    return _token(row, text)


@router.delete("/{user_id}/tokens/{token_id}", status_code=204)
async def revoke_token(user_id: Id, token_id: Id, principal: AnyUser, runtime: RuntimeDep) -> None:
    """End a token at once."""
    _own_or_admin(principal, user_id)
    async with runtime.db.begin() as session:
        await logins.revoke_token(session, token_id, runtime.clock(), user_id)


def _own_or_admin(principal: Principal, user_id: str) -> None:
    if principal.user.user_id != user_id and principal.user.role != "admin":
        raise AppError(403, "not_allowed", "these are somebody else's; this needs the role admin")


async def _hash(password: str, email: str) -> str:
    fault = passwords.password_fault(password, email)
    if fault is not None:
        raise _invalid("/password", fault)
    return await passwords.hash_password(password)


def _invalid(pointer: str, detail: str) -> AppError:
    return AppError(422, "invalid", detail, [{"pointer": pointer, "detail": detail}])


def _fields(user: User) -> dict[str, Any]:
    return {
        "email": user.email,
        "name": user.name,
        "role": user.role,
        "extensions": user.extensions,
        "queues": user.queues,
        "disabled": user.disabled,
    }


def _shown(user: User) -> UserOut:
    fields = _fields(user)
    return UserOut(
        user_id=user.id,
        **fields,
        version=version_of(fields),
        has_password=user.password_hash is not None,
        created_at=user.created_at,
    )


def _token(row: ApiToken, text: str | None = None) -> TokenOut:
    return TokenOut(
        token_id=row.id,
        name=row.name,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        token=text,
    )
