"""`screenpop user …` and `screenpop token …`."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import Annotated

import typer
from pydantic import ValidationError
from sqlalchemy import or_, select

from app.commands.common import NoMigrate, errors, fail, opened, prepare, run
from app.entries import Role, UserFields
from app.errors import UserError
from app.passwords import hash_password, password_fault
from app.settings import Settings
from app.store import accounts, logins
from app.store.models import ApiToken, User
from connectors.sdk.faults import plain_detail

users = typer.Typer(no_args_is_help=True, help="People.")
tokens = typer.Typer(no_args_is_help=True, help="API tokens; a token may do what its user may.")
Email = Annotated[str, typer.Argument(help="E-mail address.")]


@users.command("add")
def add(
    email: Email,
    name: Annotated[str | None, typer.Option(help="Name that others see.")] = None,
    role: Annotated[Role, typer.Option(help="What the person may do.")] = "agent",
    extension: Annotated[list[str] | None, typer.Option(help="Extension; may be repeated.")] = None,
    queue: Annotated[list[str] | None, typer.Option(help="Queue; may be repeated.")] = None,
    no_migrate: NoMigrate = False,
) -> None:
    """Add a person; the password is asked for, or read from standard input."""
    settings = prepare()
    password = _password()
    run(_add(settings, email, name, role, extension or [], queue or [], password, no_migrate))
    errors.print(f"{email} was added.")


async def _add(
    settings: Settings,
    email: str,
    name: str | None,
    role: Role,
    extensions: list[str],
    queues: list[str],
    password: str,
    no_migrate: bool,
) -> None:
    hashed = await _hashed(password, email)
    async with opened(settings, no_migrate=no_migrate) as rt, rt.db.begin() as session:
        fields = {
            "email": email,
            "name": name or email.split("@")[0],
            "role": role,
            "extensions": extensions,
            "queues": queues,
        }
        try:
            checked = UserFields.model_validate(fields).model_dump()
        except ValidationError as error:
            first = error.errors()[0]
            raise UserError(f"{first['loc'][0]}: {plain_detail(first)}") from None
        await accounts.create_user(session, checked, rt.clock(), hashed)


@users.command("passwd")
def passwd(email: Email, no_migrate: NoMigrate = False) -> None:
    """Set a person's password; it is asked for, or read from standard input."""
    settings = prepare()
    run(_passwd(settings, email, _password(), no_migrate))
    errors.print(f"The password of {email} was set; open sessions have ended.")


async def _passwd(settings: Settings, email: str, password: str, no_migrate: bool) -> None:
    hashed = await _hashed(password, email)
    async with opened(settings, no_migrate=no_migrate) as rt, rt.db.begin() as session:
        user = await accounts.user_by_email(session, email)
        await accounts.set_password(session, _known(user, email), hashed)


async def _hashed(password: str, email: str) -> str:
    fault = password_fault(password, email)
    if fault is not None:
        raise UserError(f"the password will not do: {fault}")
    return await hash_password(password)


def _known(user: User | None, email: str) -> User:
    if user is None:
        raise UserError(f"there is no user {email}; add one with: screenpop user add {email}")
    return user


def _password() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    line = sys.stdin.readline().rstrip("\r\n")
    if not line:
        fail(UserError("no password: type it when asked, or give it on standard input"))
    return line


@tokens.command("create")
def create(
    user: Annotated[str, typer.Option(help="E-mail address of whose token it is.")],
    name: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    expires: Annotated[int | None, typer.Option(help="Days until it ends.", min=1)] = None,
    no_migrate: NoMigrate = False,
) -> None:
    """Print a new token, once."""
    settings = prepare()
    typer.echo(run(_create(settings, user, name, expires, no_migrate)))


async def _create(
    settings: Settings, email: str, name: str | None, days: int | None, no_migrate: bool
) -> str:
    async with opened(settings, no_migrate=no_migrate) as rt, rt.db.begin() as session:
        user = _known(await accounts.user_by_email(session, email), email)
        expires_at = rt.clock() + timedelta(days=days) if days else None
        _row, token = await logins.create_token(session, user.id, name, expires_at, rt.clock())
        return token


@tokens.command("revoke")
def revoke(
    token: Annotated[str, typer.Argument(help="The token, or its id.")],
    no_migrate: NoMigrate = False,
) -> None:
    """End a token."""
    settings = prepare()
    run(_revoke(settings, token, no_migrate))
    errors.print("The token was revoked.")


async def _revoke(settings: Settings, token: str, no_migrate: bool) -> None:
    async with opened(settings, no_migrate=no_migrate) as rt, rt.db.begin() as session:
        row = await session.scalar(
            select(ApiToken).where(
                or_(ApiToken.id == token, ApiToken.token_hash == logins.token_hash(token))
            )
        )
        if row is None:
            raise UserError("there is no such token; give the token itself or its id")
        await logins.revoke_token(session, row.id, rt.clock())
