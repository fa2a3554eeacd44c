"""The saved checks of a connector: on every change and every night, does it still say the truth?"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

import structlog

from app.core.expected import fits, found_at, shown
from app.core.redact import redacted
from app.runtime import Runtime
from app.sources.instances import Instance, SourceConfig
from app.store import checks as store
from app.store.leases import hold
from app.store.source_models import ConnectorCheck
from app.trial import Trial, ask, secrets_of, started

NIGHT_LOOK_S = 300.0
# When the night's run begins, UTC.
NIGHT = time(2)
_LEASE = timedelta(minutes=15)
_RUN_S = 120.0
log = structlog.get_logger("checks")


@dataclass(frozen=True, slots=True)
class CheckResult:
    """How one check came out; `found` is what stands there now, `why` what kept it from being."""

    position: int
    passed: bool
    found: str | None
    why: str | None


async def run_checks(
    rt: Runtime, config: SourceConfig, occasion: str, tried: str
) -> list[CheckResult]:
    """Run a connector's checks with these settings, and keep how they came out."""
    async with rt.db.read() as session:
        checks = await store.checks_of(session, config.slug)
    if not checks:
        return []
    results = await _results(rt, config, checks)
    async with rt.db.begin() as session:
        await store.record_run(
            session, config.slug, rt.clock(), occasion, tried, [asdict(each) for each in results]
        )
    return results


async def check_nightly(rt: Runtime) -> None:
    """Once a night run the checks of every live connector; of all processes, one does."""
    now = rt.clock()
    due = datetime.combine(now.date(), NIGHT, UTC)
    if now < due:
        return
    async with rt.db.read() as session:
        last = await store.last_runs(session, "night")
        slugs = await store.checked_connectors(session)
    wanted = [slug for slug in slugs if slug not in last or last[slug][0] < due]
    live = [instance for slug in wanted if (instance := rt.sources.get(slug)) is not None]
    if not live or not await hold(rt.db, "checks", rt.process_id, now, _LEASE):
        return
    for instance in live:
        results = await run_checks(rt, instance.config, "night", "live")
        failed = sum(not each.passed for each in results)
        if failed:
            log.warning("checks_failed", connector=instance.slug, failed=failed, of=len(results))


async def _results(
    rt: Runtime, config: SourceConfig, checks: Sequence[ConnectorCheck]
) -> list[CheckResult]:
    trials: dict[tuple[str | None, str | None], Trial] = {}
    async with started(rt, config) as instance:
        try:
            async with asyncio.timeout(_RUN_S):
                for each in checks:
                    whom = (each.phone, each.remote_id)
                    if whom not in trials:
                        trials[whom] = await ask(rt, instance, *whom)
        except TimeoutError:
            pass
        hidden = secrets_of(config.kind, config.settings)
        return [
            _result(each, instance, trials.get((each.phone, each.remote_id)), hidden)
            for each in checks
        ]


def _result(
    check: ConnectorCheck, instance: Instance, trial: Trial | None, hidden: list[str]
) -> CheckResult:
    if trial is None:
        why = f"not reached within {_RUN_S:.0f} s: have fewer checks"
        return CheckResult(check.position, False, None, why)
    data, fault = _data(check, instance, trial)
    found = found_at(check.field, data)
    passed = fault is None and fits(found, check.expected)
    return CheckResult(
        check.position,
        passed,
        redacted(shown(found), hidden),
        redacted(fault, hidden),
    )


def _data(check: ConnectorCheck, instance: Instance, trial: Trial) -> tuple[Any, str | None]:
    """Return the data that a check looks into, and why it cannot be told."""
    if trial.fault:
        return None, trial.fault
    if check.section == "contact":
        if trial.contacts:
            return trial.contacts[0].model_dump(mode="json"), None
        return trial.indexed, trial.contacts_error
    if trial.asked is None:
        return None, trial.contacts_error or "nobody has this number"
    section = trial.sections.get(check.section)
    if section is None:
        return None, f"{instance.config.name} brings no {check.section.replace('_', ' ')}"
    if section.status in ("failed", "timeout"):
        errors = [source["error"]["text"] for source in section.sources if source["error"]]
        return None, errors[0] if errors else section.status
    return section.data, None
