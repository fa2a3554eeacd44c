"""People: who they are, and who takes calls."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Text, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.routing import Agent
from app.errors import AppError
from app.store.logins import end_sessions
from app.store.models import User
from app.store.version import bump_config_version

_AT_A_TIME = 500


def agent_of(user: User) -> Agent:
    """Return the user as routing sees them."""
    return Agent(
        user_id=user.id,
        name=user.name,
        email=user.email,
        role=user.role,
        extensions=tuple(user.extensions),
        queues=tuple(user.queues),
    )


async def agents(session: AsyncSession) -> list[Agent]:
    """Read everybody who may log in: tens of thousands a few at a time, as calls come first."""
    columns = (User.id, User.name, User.email, User.role, User.extensions, User.queues)
    some = select(*columns).where(~User.disabled).order_by(User.id).limit(_AT_A_TIME)
    found: list[Agent] = []
    rows = (await session.execute(some)).all()
    while rows:
        found += (
            Agent(user_id, name, email, role, tuple(extensions), tuple(queues))
            for user_id, name, email, role, extensions, queues in rows
        )
        rows = (await session.execute(some.where(User.id > rows[-1].id))).all()
    return found


async def user_by_email(session: AsyncSession, email: str) -> User | None:
    """Find a user, disabled or not."""
    found: User | None = await session.scalar(
        select(User).where(User.email == email.strip().lower())
    )
    return found


async def get_user(session: AsyncSession, user_id: str) -> User:
    """Read a user.

    Raises:
        AppError: 404, there is none.
    """
    user = await session.get(User, user_id)
    if user is None:
        raise AppError(404, "user_not_found", "there is no such user")
    return user


async def list_users(
    session: AsyncSession, search: str = "", limit: int = 50, offset: int = 0
) -> tuple[Sequence[User], int]:
    """Return one page of users whose name, e-mail or extension holds the text, and how many."""
    where: list[ColumnElement[bool]] = []
    if search:
        where.append(
            or_(
                User.name.icontains(search, autoescape=True),
                User.email.icontains(search, autoescape=True),
                User.extensions.cast(User.email.type).icontains(f'"{search}', autoescape=True),
            )
        )
    total = await session.scalar(select(func.count()).select_from(User).where(*where)) or 0
    page = select(User).where(*where).order_by(User.disabled, User.name, User.id)
    return (await session.scalars(page.limit(limit).offset(offset))).all(), total


async def create_user(
    session: AsyncSession,
    fields: Mapping[str, Any],
    now: datetime,
    password_hash: str | None = None,
) -> User:
    """Add a user with the fields of `UserFields`.

    Raises:
        AppError: 409, the e-mail address is taken.
    """
    await _refuse_taken(session, fields["email"])
    user = User(
        id=uuid.uuid4().hex, password_hash=password_hash, disabled=False, created_at=now, **fields
    )
    session.add(user)
    try:
        await session.flush()
    except IntegrityError:  # somebody added the same address since we looked
        raise _taken() from None
    await bump_config_version(session)
    return user


async def update_user(session: AsyncSession, user: User, changes: Mapping[str, Any]) -> None:
    """Change some of `UserFields`, or `disabled`; who is disabled is logged out.

    Raises:
        AppError: 409, the e-mail address is taken or nobody would be left to administer.
    """
    if changes.get("email", user.email) != user.email:
        await _refuse_taken(session, changes["email"])
    stays_admin = changes.get("role", user.role) == "admin" and not changes.get(
        "disabled", user.disabled
    )
    if user.role == "admin" and not user.disabled and not stays_admin:
        await _refuse_last_admin(session, user)
    for name, value in changes.items():
        setattr(user, name, value)
    if user.disabled:
        await end_sessions(session, user.id)
    await bump_config_version(session)


async def set_password(
    session: AsyncSession, user: User, password_hash: str, keep_session: str | None = None
) -> None:
    """Give a user a new password, and end every session but the one that asked for it."""
    user.password_hash = password_hash
    await end_sessions(session, user.id, but=keep_session)
    await bump_config_version(session)


async def _refuse_taken(session: AsyncSession, email: str) -> None:
    if await user_by_email(session, email) is not None:
        raise _taken()


def _taken() -> AppError:
    detail = "another user has this e-mail address"
    return AppError(409, "email_taken", detail, [{"pointer": "/email", "detail": detail}])


async def _refuse_last_admin(session: AsyncSession, user: User) -> None:
    others = select(User.id).where(User.role == "admin", ~User.disabled, User.id != user.id)
    if await session.scalar(others.limit(1)) is None:
        raise AppError(
            409, "last_admin", "this is the only administrator left; make another one first"
        )


async def is_empty(session: AsyncSession) -> bool:
    """Say whether there is nobody yet."""
    return await session.scalar(select(User.id).limit(1)) is None


async def count_takers(session: AsyncSession) -> int:
    """Count the people who take calls: those with an extension or a queue."""
    takers = or_(User.extensions.cast(Text) != "[]", User.queues.cast(Text) != "[]")
    found = select(func.count()).select_from(User).where(takers, ~User.disabled)
    return await session.scalar(found) or 0
