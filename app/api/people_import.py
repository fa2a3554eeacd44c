"""People from a CSV file: a preview that changes nothing, then all of it or nothing."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.deps import Admin, RuntimeDep
from app.errors import AppError
from app.people_file import PeopleFile, PersonLine, read_people
from app.store import accounts
from app.store.models import User

router = APIRouter(prefix="/api/v1/users", tags=["users"])
_SHOWN = 500
Text = Annotated[str, Field(max_length=900_000)]


class ImportIn(BaseModel):
    """The text of the file."""

    model_config = ConfigDict(extra="forbid")
    text: Text


class LineOut(BaseModel):
    """What becomes of a line; `errors` name the column."""

    line: int
    email: str
    becomes: Literal["created", "changed", "unchanged", "wrong"]
    changes: list[str]
    fields: dict[str, Any] | None
    errors: list[dict[str, str]]


class ImportOut(BaseModel):
    """What the file would do, or has done. `lines` holds the first of those that matter."""

    fault: str | None
    columns: dict[str, str]
    ignored: list[str]
    created: int
    changed: int
    unchanged: int
    wrong: int
    lines: list[LineOut]


@router.post("/import/preview")
async def preview_import(body: ImportIn, _admin: Admin, runtime: RuntimeDep) -> ImportOut:
    """Say what importing the file would do."""
    file = read_people(body.text)
    async with runtime.db.read() as session:
        return _shown(file, await _compared(session, file))


@router.post("/import")
async def import_people(body: ImportIn, _admin: Admin, runtime: RuntimeDep) -> ImportOut:
    """Add and change the people of the file; those it does not name stay as they are."""
    file = read_people(body.text)
    if file.fault:
        raise _invalid(file.fault)
    async with runtime.db.begin() as session:
        compared = await _compared(session, file)
        outcome = _shown(file, compared)
        if outcome.wrong:
            first = next(line for line in outcome.lines if line.becomes == "wrong")
            raise _invalid(
                f"{outcome.wrong} lines are wrong, the first is line {first.line}: nothing is done"
            )
        now = runtime.clock()
        for line, user in compared:
            if line.fields is None:
                continue
            if user is None:
                fields = {"role": "agent", "extensions": [], "queues": [], **line.fields}
                await accounts.create_user(session, fields, now)
            elif _differ(user, line.fields):
                await accounts.update_user(session, user, dict(line.fields))
    await runtime.reload()
    return outcome


async def _compared(
    session: AsyncSession, file: PeopleFile
) -> list[tuple[PersonLine, User | None]]:
    users = {user.email: user for user in await session.scalars(select(User))}
    return [(line, users.get(line.email)) for line in file.lines]


def _differ(user: User, fields: Any) -> list[str]:
    return [name for name, value in fields.items() if getattr(user, name) != value]


def _shown(file: PeopleFile, compared: list[tuple[PersonLine, User | None]]) -> ImportOut:
    lines = [_line(line, user) for line, user in compared]
    counts = {
        verb: sum(line.becomes == verb for line in lines)
        for verb in ("created", "changed", "unchanged", "wrong")
    }
    order = {"wrong": 0, "changed": 1, "created": 2, "unchanged": 3}
    lines.sort(key=lambda line: (order[line.becomes], line.line))
    return ImportOut(
        fault=file.fault,
        columns=dict(file.columns),
        ignored=list(file.ignored),
        **counts,
        lines=lines[:_SHOWN],
    )


def _line(line: PersonLine, user: User | None) -> LineOut:
    changes = [] if line.fields is None or user is None else _differ(user, line.fields)
    becomes: Literal["created", "changed", "unchanged", "wrong"] = "wrong"
    if line.fields is not None:
        becomes = "created" if user is None else "changed" if changes else "unchanged"
    return LineOut(
        line=line.line,
        email=line.email,
        becomes=becomes,
        changes=changes,
        fields=dict(line.fields) if line.fields is not None else None,
        errors=[{"column": column, "detail": detail} for column, detail in line.errors],
    )


def _invalid(detail: str) -> AppError:
    return AppError(422, "invalid", detail, [{"pointer": "/text", "detail": detail}])
