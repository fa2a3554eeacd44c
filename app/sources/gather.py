"""All sources asked at once, each under its own deadline; outcomes are told as they come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any

import structlog
from pydantic import BaseModel

from app.core.profile import SourceOutcome
from app.core.values import replace
from app.sources.cache import Cache, Kept, Key
from app.sources.health import Health
from app.sources.instances import Instance, Instances
from connectors.sdk.types import (
    SECTIONS,
    Balance,
    CreditTerms,
    CustomerRef,
    Empty,
    Found,
    Purchases,
    SectionName,
    SourceError,
    Tickets,
)

Heard = Callable[[SectionName, SourceOutcome], None]
_FACTS: Mapping[SectionName, type[BaseModel]] = {
    "balance": Balance,
    "purchases": Purchases,
    "credit_terms": CreditTerms,
    "tickets": Tickets,
}
log = structlog.get_logger("sources")


@dataclass(frozen=True, slots=True)
class Question:
    """One section asked of one connector about one customer."""

    instance: Instance
    section: SectionName
    ref: CustomerRef | None

    @property
    def key(self) -> Key:
        """What the answer is kept under: with other settings it is another question."""
        return (self.instance, self.section, self.ref.remote_id if self.ref else "")


class Gatherer:
    """Asks connectors, with a short cache; one question at a time per customer and section."""

    def __init__(
        self, instances: Instances, cache: Cache, now: Callable[[], datetime], health: Health
    ) -> None:
        self._instances = instances
        self._cache = cache
        self._now = now
        self._health = health
        self._asking: dict[Key, asyncio.Task[SourceOutcome]] = {}

    def questions(self, refs: Mapping[str, CustomerRef]) -> list[Question]:
        """Return what to ask about a customer known by these ids, by connector.

        A source that brings no contacts of its own is asked by the customer's account number.
        """
        account = next((ref.external_id for ref in refs.values() if ref.external_id), None)
        by_account = CustomerRef(account, account) if account else None
        return [
            Question(instance, section, refs.get(instance.slug, _fallback(instance, by_account)))
            for section in SECTIONS
            for instance in self._instances.providing(section)
        ]

    def first(self, question: Question) -> SourceOutcome:
        """Say what is known without asking: a fresh answer, an old one, or nothing yet."""
        blank = _blank(question.instance)
        if question.instance.fault is not None:
            return replace(
                blank,
                status="failed",
                error_code="bad_config",
                error_text=question.instance.fault,
                elapsed_ms=0.0,
            )
        if question.ref is None:
            return replace(blank, status="empty", elapsed_ms=0.0)
        kept = self._cache.get(question.key, self._now())
        if kept is None:
            return blank
        outcome = _told(blank, kept.answer, kept.fetched_at)
        fresh = timedelta(seconds=question.instance.fresh_s(question.section))
        if kept.age(self._now()) <= fresh:
            self._health.cached(question.instance.slug, question.section)
            return replace(outcome, elapsed_ms=0.0)
        return replace(outcome, status="loading")

    async def ask(self, questions: Iterable[Question], heard: Heard) -> None:
        """Ask all at once; `heard` gets each outcome when it is there.

        Giving up does not stop the questions: another call may be waiting for them too.
        """
        waiting = [(question.section, self._asked(question)) for question in questions]
        while waiting:
            await asyncio.wait([task for _, task in waiting], return_when=asyncio.FIRST_COMPLETED)
            for section, task in waiting:
                if task.done() and not task.cancelled():
                    _tell(heard, section, task.result())
            waiting = [(section, task) for section, task in waiting if not task.done()]

    def _asked(self, question: Question) -> asyncio.Task[SourceOutcome]:
        key = question.key
        asking = self._asking.get(key)
        if asking is None:
            asking = self._asking[key] = asyncio.create_task(self._ask(question))
            asking.add_done_callback(lambda _: self._asking.pop(key, None))
        return asking

    async def _ask(self, question: Question) -> SourceOutcome:
        instance, section = question.instance, question.section
        blank = _blank(instance)
        started = perf_counter()
        try:
            answer = await instance.guard.call(lambda: _fetch(question))
        except TimeoutError:
            outcome = replace(
                blank,
                status="timeout",
                error_code="timeout",
                error_text=f"no answer within {instance.config.timeout_ms} ms",
            )
        except SourceError as error:
            outcome = replace(
                blank, status="failed", error_code=error.kind.value, error_text=error.text
            )
        except Exception as error:
            log.exception("connector_fault", connector=instance.slug, section=section)
            outcome = replace(
                blank,
                status="failed",
                error_code="bad_data",
                error_text=f"it gave an answer that cannot be used ({type(error).__name__})",
            )
        else:
            now = self._now()
            self._cache.put(question.key, answer, now)
            outcome = _told(blank, answer, now)
        outcome = replace(outcome, elapsed_ms=round((perf_counter() - started) * 1000, 3))
        self._health.answered(section, outcome)
        if outcome.status in ("timeout", "failed"):
            kept = self._cache.get(question.key, self._now())
            # That nothing was on record is no fact to fall back on.
            if kept is not None and isinstance(kept.answer, Found):
                return _stale(outcome, kept)
        return outcome


def _tell(heard: Heard, section: SectionName, outcome: SourceOutcome) -> None:
    try:
        heard(section, outcome)
    except Exception:
        # What one section made of its answer must not keep the others from theirs.
        log.exception("outcome_not_taken", connector=outcome.connector, section=section)


def _fallback(instance: Instance, by_account: CustomerRef | None) -> CustomerRef | None:
    return None if instance.provides("contacts") else by_account


def _blank(instance: Instance) -> SourceOutcome:
    config = instance.config
    return SourceOutcome(instance.slug, name=config.name, priority=config.priority)


async def _fetch(question: Question) -> Found | Empty:
    connector, ref = question.instance.connector, question.ref
    if connector is None or ref is None:
        raise AssertionError("asked although it cannot be")
    answer = await connector.fetch(question.section, ref)
    if isinstance(answer, Found) and not isinstance(answer.facts, _FACTS[question.section]):
        raise TypeError(f"{question.section} answered with {type(answer.facts).__name__}")
    if answer.as_of is not None and answer.as_of.tzinfo is None:
        raise ValueError("as_of has no time zone")
    return answer


def _told(blank: SourceOutcome, answer: Found | Empty, fetched_at: datetime) -> SourceOutcome:
    if isinstance(answer, Empty):
        return replace(blank, status="empty", as_of=answer.as_of or fetched_at)
    return replace(
        blank,
        status="partial" if answer.incomplete else "ok",
        facts=answer.facts,
        as_of=answer.as_of or fetched_at,
        remote_url=_safe_url(answer.remote_url),
        error_code="incomplete" if answer.incomplete else None,
        error_text=answer.incomplete,
    )


def _stale(failed: SourceOutcome, kept: Kept) -> SourceOutcome:
    old = _told(failed, kept.answer, kept.fetched_at)
    return replace(
        old,
        status="stale",
        elapsed_ms=failed.elapsed_ms,
        error_code=failed.error_code,
        error_text=failed.error_text,
    )


def _safe_url(url: Any) -> str | None:
    return url if isinstance(url, str) and url.startswith(("https://", "http://")) else None
