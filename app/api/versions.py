"""The history of a connector: draft, try, publish, roll back; two admins notice each other."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.checks import refuse_failing, source_config
from app.api.configured import (
    IfMatch,
    checked_settings,
    filled_settings,
    shown_settings,
    unchanged_since,
)
from app.api.connectors import SlugPath, config_of, not_found
from app.api.deps import Admin, RuntimeDep
from app.entries import ConnectorFields, Line
from app.errors import AppError, FieldError
from app.looking import look_at
from app.runtime import Runtime
from app.store import configuration, versions
from app.store.models import ConnectorRow, ConnectorVersion
from app.trial import Trial, try_settings
from connectors import registry
from connectors.sdk.look import Wanted

router = APIRouter(prefix="/api/v1/connectors/{slug}", tags=["connectors"])
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
SeenDraft = Annotated[
    str | None,
    Query(max_length=40, description="`created_at` of the draft that was looked at, or `none`."),
]
Anyway = Annotated[bool, Query(description="Although checks fail.")]


class VersionOut(BaseModel):
    """A version without its secrets. `changed` names what differs from the version before it."""

    number: int
    state: Literal["draft", "live", "past", "removed"]
    author: str
    note: str | None
    created_at: datetime
    published_at: datetime | None
    changed: list[str]
    fields: dict[str, Any]
    faults: list[FieldError]


class DraftIn(ConnectorFields):
    """A connector as it shall be, and in a line why."""

    note: Line | None = None


class TryIn(BaseModel):
    """Whom to try for: a number, or a customer's id in the source."""

    model_config = ConfigDict(extra="forbid")
    phone: Line | None = None
    remote_id: Line | None = None


class TraceOut(BaseModel):
    """What the source was asked and what it said, without secrets; `cut`: there was more."""

    asked: str
    said: str
    elapsed_ms: float
    values: dict[str, Any]
    content: Any
    cut: bool


class LookIn(BaseModel):
    """What to look at (`connectors.sdk.look`), with settings that need not be saved.

    `settings` default to the draft's, else to what is live; secrets that read `set` are kept.
    """

    model_config = ConfigDict(extra="forbid")
    kind: str | None = None
    settings: dict[str, Any] | None = None
    region: str | None = None
    name: Line | None = None
    table: Line | None = None
    values: dict[str, Line] = {}


class TrialOut(BaseModel):
    """What the settings brought; `sections` as the agent would see them."""

    fault: str | None
    contacts: list[dict[str, Any]]
    contacts_error: str | None
    contacts_ms: float | None
    remote_id: str | None
    sections: dict[str, Any]
    trace: list[TraceOut]

    @classmethod
    def of(cls, trial: Trial) -> TrialOut:
        """Show a trial."""
        return cls(
            fault=trial.fault,
            contacts=[each.model_dump(mode="json") for each in trial.contacts[:20]],
            contacts_error=trial.contacts_error,
            contacts_ms=trial.contacts_ms,
            remote_id=trial.asked.remote_id if trial.asked else None,
            sections=dict(trial.sections),
            trace=[TraceOut.model_validate(asdict(each)) for each in trial.trace],
        )


class TriedOut(BaseModel):
    """The draft beside what is live now; `live` is null when nothing is."""

    draft: TrialOut
    live: TrialOut | None


@router.get("/versions")
async def list_versions(
    slug: SlugPath, _admin: Admin, runtime: RuntimeDep
) -> dict[str, list[VersionOut]]:
    """List every version, newest first, by whom and when."""
    async with runtime.db.read() as session:
        rows = await versions.versions_of(session, slug)
    if not rows:
        raise not_found()
    opened = {row.number: versions.fields_of(row, runtime.secrets) for row in rows}
    before = {row.number: rows[place + 1].number for place, row in enumerate(rows[:-1])}
    return {
        "items": [
            _shown(
                row,
                opened[row.number],
                opened.get(before.get(row.number, 0), {}),
                _faults(opened[row.number]) if row.state == versions.DRAFT else None,
            )
            for row in rows
        ]
    }


@router.put("/draft")
async def save_draft(
    slug: SlugPath,
    body: DraftIn,
    admin: Admin,
    runtime: RuntimeDep,
    if_match: IfMatch = None,
    seen: SeenDraft = None,
) -> VersionOut:
    """Save a draft, valid or not yet: `faults` says what is wrong. What is live stays."""
    config = config_of(body.kind)
    async with runtime.db.begin() as session:
        await unchanged_since(session, slug, if_match)
        await _same_draft(session, slug, seen)
        live = await _live(session, slug, runtime)
        kept = await versions.kept_settings(session, slug, body.kind, runtime.secrets)
        fields = body.model_dump(exclude={"note"})
        fields["settings"], faults = _checked(config, body.settings, kept)
        row = await versions.save_draft(
            session,
            slug,
            fields,
            runtime.secrets,
            admin.user.email,
            body.note,
            runtime.clock(),
        )
        return _shown(row, fields, live or {}, faults)


@router.delete("/draft", status_code=204)
async def drop_draft(slug: SlugPath, _admin: Admin, runtime: RuntimeDep) -> None:
    """Throw the draft away."""
    async with runtime.db.begin() as session:
        if not await versions.drop_draft(session, slug):
            raise _no_draft()


@router.post("/draft/look")
async def look(slug: SlugPath, body: LookIn, _admin: Admin, runtime: RuntimeDep) -> dict[str, Any]:
    """Look at the source to map it: its tables, an answer of it, a file. No secret is told."""
    async with runtime.db.read() as session:
        row = await versions.draft_of(session, slug)
        fields = versions.fields_of(row, runtime.secrets) if row else None
        fields = fields or await _live(session, slug, runtime)
    kind = body.kind or (fields or {}).get("kind")
    if kind is None:
        raise not_found()
    config = config_of(kind)
    kept = fields["settings"] if fields and fields["kind"] == kind else {}
    settings = kept if body.settings is None else filled_settings(config, body.settings, kept)
    region = body.region or (fields or {}).get("region")
    wanted = Wanted(body.name or "", body.table or "", body.values)
    return await look_at(runtime, slug, kind, settings, region, wanted)


@router.post("/draft/try")
async def try_draft(slug: SlugPath, body: TryIn, _admin: Admin, runtime: RuntimeDep) -> TriedOut:
    """Ask the source with the draft and with what is live: for one number, side by side.

    Where there is no draft, what is live stands in its place.
    """
    async with runtime.db.read() as session:
        row = await versions.draft_of(session, slug)
        live = await _live(session, slug, runtime)
    if row is None:
        if live is None:
            raise _no_draft()
        return TriedOut(draft=await _try(runtime, slug, live, body), live=None)
    fields = versions.fields_of(row, runtime.secrets)
    draft = await _try(runtime, slug, fields, body)
    return TriedOut(draft=draft, live=await _try(runtime, slug, live, body) if live else None)


@router.post("/draft/publish")
async def publish_draft(
    slug: SlugPath,
    admin: Admin,
    runtime: RuntimeDep,
    if_match: IfMatch = None,
    anyway: Anyway = False,
) -> VersionOut:
    """Make the draft live; calls that are going on keep their pops. Failing checks are told."""
    if not anyway:
        async with runtime.db.read() as session:
            await unchanged_since(session, slug, if_match)
            row = await versions.draft_of(session, slug)
        await _refuse_failing(runtime, row)
    async with runtime.db.begin() as session:
        row = await versions.draft_of(session, slug)
        if row is None:
            raise _no_draft()
        await _publish(session, row, admin.user.email, runtime, if_match)
        await versions.drop_draft(session, slug)
    return await _followed(runtime, slug)


@router.post("/versions/{number}/publish")
async def roll_back(
    slug: SlugPath,
    number: Number,
    admin: Admin,
    runtime: RuntimeDep,
    if_match: IfMatch = None,
    anyway: Anyway = False,
) -> VersionOut:
    """Make an earlier version live again, as a new version; also of a connector removed since."""
    if not anyway:
        async with runtime.db.read() as session:
            await unchanged_since(session, slug, if_match)
            row = await versions.version(session, slug, number)
        await _refuse_failing(runtime, row)
    async with runtime.db.begin() as session:
        row = await versions.version(session, slug, number)
        if row is None:
            raise AppError(404, "version_not_found", f"there is no version {number}")
        note = f"version {number} again"
        await _publish(session, row, admin.user.email, runtime, if_match, note)
    return await _followed(runtime, slug)


async def _same_draft(session: AsyncSession, slug: str, seen: str | None) -> None:
    """Refuse to overwrite a draft that another admin has saved since."""
    if seen is None:
        return
    draft = await versions.draft_of(session, slug)
    now = draft.created_at if draft else None
    try:
        then = None if seen == "none" else datetime.fromisoformat(seen)
    except ValueError:
        then = None
    if now != then:
        who = f"{draft.author} saved a draft at {now:%H:%M}" if draft else "the draft is gone"
        detail = f"it was changed meanwhile: {who}; look at it and save again"
        raise AppError(409, "changed_meanwhile", detail)


async def _refuse_failing(runtime: Runtime, row: ConnectorVersion | None) -> None:
    """Refuse what fails its checks, once; what is not valid is told by publishing it."""
    if row is None:
        return
    fields = versions.fields_of(row, runtime.secrets)
    config = config_of(fields["kind"])
    checked_settings(config, fields["settings"], fields["settings"])
    await refuse_failing(runtime, row.slug, fields)


async def _publish(
    session: AsyncSession,
    row: ConnectorVersion,
    author: str,
    runtime: Runtime,
    if_match: str | None,
    note: str | None = None,
) -> None:
    await unchanged_since(session, row.slug, if_match)
    fields = versions.fields_of(row, runtime.secrets)
    config = config_of(fields["kind"])
    fields["settings"] = checked_settings(config, fields["settings"], fields["settings"])
    await configuration.put_row(
        session,
        ConnectorRow,
        row.slug,
        fields,
        runtime.secrets,
        runtime.clock(),
        author,
        note=note or row.note,
    )


async def _followed(runtime: Runtime, slug: str) -> VersionOut:
    await runtime.contacts.refresh_documents(at=runtime.clock())
    await runtime.reload()
    async with runtime.db.read() as session:
        rows = await versions.versions_of(session, slug)
    live = next(row for row in rows if row.state == versions.LIVE)
    earlier = next((row for row in rows if row.number < live.number), None)
    before = versions.fields_of(earlier, runtime.secrets) if earlier else {}
    return _shown(live, versions.fields_of(live, runtime.secrets), before)


async def _live(session: AsyncSession, slug: str, runtime: Runtime) -> dict[str, Any] | None:
    number = await versions.live_number(session, slug)
    row = await versions.version(session, slug, number) if number else None
    return versions.fields_of(row, runtime.secrets) if row else None


def _faults(fields: dict[str, Any]) -> list[FieldError]:
    """Say what is still wrong with a draft."""
    kind = registry.kinds().get(fields["kind"])
    if kind is None:
        return []
    return _checked(kind.Config, fields["settings"], fields["settings"])[1]


def _checked(
    config: type[BaseModel], settings: dict[str, Any], kept: dict[str, Any]
) -> tuple[dict[str, Any], list[FieldError]]:
    try:
        return checked_settings(config, settings, kept), []
    except AppError as error:
        # A draft may be half done, but no secret of it may be the word for one that is kept.
        if any("nothing is kept" in each["detail"] for each in error.errors):
            raise
        return settings, error.errors


async def _try(runtime: Runtime, slug: str, fields: dict[str, Any], body: TryIn) -> TrialOut:
    config = source_config(slug, fields)
    return TrialOut.of(await try_settings(runtime, config, body.phone, body.remote_id))


def _shown(
    row: ConnectorVersion,
    fields: dict[str, Any],
    before: dict[str, Any],
    faults: list[FieldError] | None = None,
) -> VersionOut:
    kind = registry.kinds().get(fields.get("kind", ""))
    shown = shown_settings(kind.Config if kind else None, fields["settings"])
    return VersionOut(
        number=row.number,
        state=row.state,
        author=row.author,
        note=row.note,
        created_at=row.created_at,
        published_at=row.published_at,
        changed=versions.changed_fields(before, fields),
        fields={**fields, "settings": shown},
        faults=faults or [],
    )


def _no_draft() -> AppError:
    return AppError(404, "no_draft", "there is no draft of this connector")
