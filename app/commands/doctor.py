"""`screenpop doctor`: what is not right, each with its cure."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

from sqlalchemy import text

from app.commands.common import console, fail, prepare, run
from app.errors import UserError
from app.runtime import Runtime, open_runtime
from app.settings import Settings
from app.store.stream_health import StreamHealth
from app.streams import stream_healths
from connectors.registry import broken
from connectors.sdk.types import CheckStatus

_LARGEST_DRIFT_S = 2.0
Finding = tuple[str, bool, str]


def doctor() -> None:
    """Check database, bus, secrets, connectors and clock; say the cure of each fault."""
    settings = prepare()
    healthy = run(_doctor(settings))
    if not healthy:
        fail(UserError("something is not right; the lines marked ✗ say what to do"))


async def _doctor(settings: Settings) -> bool:
    healthy = True
    try:
        runtime = await open_runtime(settings)
    except UserError as error:
        _tell(("set-up", False, str(error)))
        return False
    try:
        async for finding in _findings(runtime):
            _tell(finding)
            healthy = healthy and finding[1]
    finally:
        await runtime.close()
    return healthy


def _tell(finding: Finding) -> None:
    what, fit, said = finding
    console.print(f"{'✓' if fit else '✗'} {what}: {said}", markup=False, soft_wrap=True)


async def _findings(rt: Runtime) -> AsyncIterator[Finding]:
    yield "database", True, f"{rt.db.dialect} answers and its schema is current"
    yield await _clock(rt)
    bus = await rt.bus.healthy()
    yield "bus", bus, "answers" if bus else "does not answer; check SCREENPOP_BUS_URL"
    yield "secrets", True, "every stored secret can be decrypted"
    from app.main import ui_folder  # As in `serve`.

    pages = ui_folder() is not None
    yield "pages", pages, "built" if pages else "not built; run make in the checkout (Node 20+)"
    region = rt.default_region
    cure = "not set: numbers without a country code cannot be read; set default_region"
    yield "default region", region is not None, region or cure
    agents = [a for a in rt.directory.by_id.values() if a.extensions or a.queues]
    cure = "none has an extension or a queue, so no call can reach a screen; add them under users"
    yield "agents", bool(agents), f"{len(agents)} with an extension or queue" if agents else cure
    for slug, why in rt.faults.items():
        yield f"phone system {slug}", False, why
    if not rt.phone_systems:
        yield "phone systems", False, "none is configured; add one under phone_systems"
    async with rt.db.read() as session:
        streams = await stream_healths(session, rt)
    for slug, system in rt.phone_systems.items():
        stream = streams.get(slug)
        if stream is None:
            yield f"phone system {slug}", True, f"{system.kind}, listens at /hooks/{slug}"
        else:
            yield f"phone system {slug}", stream.connected, stream_text(system.kind, stream)
    for kind, why in broken().items():
        yield f"connector kind {kind}", False, why
    for instance in rt.sources:
        what = f"connector {instance.slug}"
        if instance.connector is None:
            yield what, False, instance.fault or "it cannot run"
            continue
        result = await instance.connector.check()
        yield what, result.status is CheckStatus.OK, result.text or ", ".join(result.proved)


def stream_text(kind: str, stream: StreamHealth) -> str:
    """Say how a connection to a phone system is."""
    since = f" since {stream.since:%Y-%m-%d %H:%M:%S}Z" if stream.since else ""
    state = "connected" if stream.connected else "not connected"
    return f"{kind}, {state}{since}" + (f": {stream.error}" if stream.error else "")


async def _clock(rt: Runtime) -> Finding:
    """Compare with the database's clock: signatures and lateness depend on it."""
    if rt.db.dialect == "sqlite":
        return "clock", True, f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}Z"
    async with rt.db.read() as session:
        theirs = await session.scalar(text("SELECT clock_timestamp()"))
    drift = abs((datetime.now(UTC) - theirs).total_seconds()) if theirs else 0.0
    cure = f"{drift:.1f} s apart from the database's; set both by NTP"
    return (
        "clock",
        drift <= _LARGEST_DRIFT_S,
        "agrees with the database's" if drift <= _LARGEST_DRIFT_S else cure,
    )
