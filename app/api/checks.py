"""The saved checks of a connector: what it must say of which number."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, get_args

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from app.api.configured import IfMatch
from app.api.connectors import SlugPath, not_found
from app.api.deps import Admin, RuntimeDep
from app.api.versioned import refuse_changed, version_of
from app.checks import CheckResult, run_checks
from app.core.expected import field_fault
from app.entries import Line
from app.errors import AppError, FieldError
from app.runtime import Runtime
from app.sources.instances import SourceConfig
from app.store import checks as store
from app.store import versions
from connectors.sdk.types import SectionName

router = APIRouter(prefix="/api/v1/connectors/{slug}/checks", tags=["connectors"])
MOST_CHECKS = 200
SECTIONS = ("contact", *get_args(SectionName))


class CheckFields(BaseModel):
    """One check: what must stand at `field` of a section; `expected` null: nothing."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)
    phone: Line | None = None
    remote_id: Line | None = None
    section: Literal["contact", "balance", "purchases", "credit_terms", "tickets"]
    field: Line
    expected: Annotated[str, Field(max_length=500)] | None = None
    note: Line | None = None


class ChecksIn(BaseModel):
    """All checks of a connector."""

    model_config = ConfigDict(extra="forbid")
    checks: Annotated[list[CheckFields], Field(max_length=MOST_CHECKS)]


class RunIn(BaseModel):
    """What to run the checks with."""

    model_config = ConfigDict(extra="forbid")
    tried: Literal["draft", "live"] = "draft"


class ResultOut(BaseModel):
    """How the check at a position came out."""

    position: int
    passed: bool
    found: str | None
    why: str | None


class RunOut(BaseModel):
    """How all of them came out, when, and why they ran (`asked`, `publish`, `night`)."""

    at: datetime
    occasion: str
    tried: str
    passed: int
    total: int
    results: list[ResultOut]


class ChecksOut(BaseModel):
    """The checks, and how they came out of late, newest first."""

    checks: list[CheckFields]
    runs: list[RunOut]
    version: int


@router.get("")
async def get_checks(slug: SlugPath, _admin: Admin, runtime: RuntimeDep) -> ChecksOut:
    """Read the checks of a connector, live or draft."""
    return await _read(runtime, slug)


@router.put("")
async def put_checks(
    slug: SlugPath, body: ChecksIn, _admin: Admin, runtime: RuntimeDep, if_match: IfMatch = None
) -> ChecksOut:
    """Save the checks, in the place of those there were."""
    _refuse_faulty(body)
    before = await _read(runtime, slug)
    refuse_changed(before.version, if_match)
    async with runtime.db.begin() as session:
        await store.replace_checks(session, slug, [each.model_dump() for each in body.checks])
    return await _read(runtime, slug)


@router.post("/run")
async def run(slug: SlugPath, body: RunIn, _admin: Admin, runtime: RuntimeDep) -> RunOut:
    """Run the checks now, with the draft or with what is live."""
    config = await _config(runtime, slug, body.tried)
    at = runtime.clock()
    results = await run_checks(runtime, config, "asked", body.tried)
    return RunOut(
        at=at,
        occasion="asked",
        tried=body.tried,
        passed=sum(each.passed for each in results),
        total=len(results),
        results=[ResultOut.model_validate(each, from_attributes=True) for each in results],
    )


async def refuse_failing(runtime: Runtime, slug: str, fields: dict[str, Any]) -> None:
    """Run the checks before something goes live.

    Raises:
        AppError: 409, with what fails; the admin may publish all the same.
    """
    results = await run_checks(runtime, source_config(slug, fields), "publish", "draft")
    failed = [each for each in results if not each.passed]
    if failed:
        detail = f"{len(failed)} of {len(results)} checks fail with it"
        raise AppError(409, "checks_failed", detail, [_fault(each) for each in failed])


def source_config(slug: str, fields: dict[str, Any]) -> SourceConfig:
    """Return the configuration that the fields of a version are."""
    return SourceConfig(
        slug,
        fields["kind"],
        fields.get("name") or slug,
        fields["settings"],
        fields.get("region"),
        fields["timeout_ms"],
        fields["cache_s"],
        fields["priority"],
    )


def _fault(result: CheckResult) -> FieldError:
    found = "nothing was found" if result.found is None else f"{result.found} was found"
    return {"pointer": f"/checks/{result.position}", "detail": result.why or found}


def _refuse_faulty(body: ChecksIn) -> None:
    errors: list[FieldError] = []
    for place, check in enumerate(body.checks):
        if bool(check.phone) == bool(check.remote_id):
            detail = "give a phone number, or the customer's id in the source"
            errors.append({"pointer": f"/checks/{place}/phone", "detail": detail})
        fault = field_fault(check.field)
        if fault:
            errors.append({"pointer": f"/checks/{place}/field", "detail": fault})
    if errors:
        detail = "; ".join(f"{each['pointer']} {each['detail']}" for each in errors[:3])
        raise AppError(422, "invalid", detail, errors)


async def _read(runtime: Runtime, slug: str) -> ChecksOut:
    async with runtime.db.read() as session:
        if not await versions.versions_of(session, slug):
            raise not_found()
        checks = [CheckFields.model_validate(row) for row in await store.checks_of(session, slug)]
        runs = await store.runs_of(session, slug)
    shown = [RunOut.model_validate(each, from_attributes=True) for each in runs]
    version = version_of([each.model_dump() for each in checks])
    return ChecksOut(checks=checks, runs=shown, version=version)


async def _config(runtime: Runtime, slug: str, tried: str) -> SourceConfig:
    async with runtime.db.read() as session:
        row = await versions.draft_of(session, slug)
        number = await versions.live_number(session, slug)
        if row is None or tried == "live":
            row = await versions.version(session, slug, number) if number else None
    if row is None:
        raise AppError(404, f"no_{tried}", f"there is no {tried} of this connector to check")
    return source_config(slug, versions.fields_of(row, runtime.secrets))
