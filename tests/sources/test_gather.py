"""All sources asked at once, each outcome told when it is there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest_asyncio

from app.core.profile import SourceOutcome
from app.sources.cache import Cache
from app.sources.gather import Gatherer, Question
from app.sources.health import Health
from app.sources.instances import Instances, SourceConfig
from connectors.sdk.types import Balance, CustomerRef, SectionName
from tests.connectors.web import WebServer, reply, web_server
from tests.faults.world import Gate

REFS = {"books": CustomerRef("7", "C-100"), "shop": CustomerRef("8")}
OWED = reply({"balance": "786.00"})


@dataclass
class Setting:
    """A gatherer with two web services, `books` (first) and `shop`."""

    web: WebServer
    now: datetime = datetime(2026, 11, 22, 10, tzinfo=UTC)
    told: list[tuple[SectionName, SourceOutcome]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.instances = Instances(Path(), lambda: self.now)
        self.use()
        self.health = Health(lambda: self.now)
        self.gatherer = Gatherer(self.instances, Cache(), lambda: self.now, self.health)

    def use(self, **books: Any) -> None:
        configs = []
        for slug, priority in (("books", 10), ("shop", 0)):
            settings = {
                "base_url": self.web.url,
                "allow_private_network": True,
                "currency": "EUR",
                "balance": {"path": f"/{slug}/{{remote_id}}"},
            }
            more = books if slug == "books" else {}
            configs.append(
                SourceConfig(slug, "rest", slug.title(), settings, priority=priority, **more)
            )
        self.instances.replace(configs)

    def question(self, slug: str = "books") -> Question:
        (found,) = [q for q in self.gatherer.questions(REFS) if q.instance.slug == slug]
        return found

    async def ask(self, *questions: Question) -> list[SourceOutcome]:
        self.told.clear()
        await self.gatherer.ask(questions, lambda name, outcome: self.told.append((name, outcome)))
        return [outcome for _, outcome in self.told]


@pytest_asyncio.fixture
async def setting() -> AsyncIterator[Setting]:
    async with web_server() as web:
        web.answers |= {"/books/7": OWED, "/shop/8": reply({"balance": "90.50"})}
        setting = Setting(web)
        yield setting
        await setting.instances.close()


async def test_every_connector_is_asked_by_its_own_id_of_the_customer(setting: Setting) -> None:
    questions = setting.gatherer.questions(REFS)
    assert [(q.instance.slug, q.section, q.ref) for q in questions] == [
        ("books", "balance", REFS["books"]),
        ("shop", "balance", REFS["shop"]),
    ]
    found = {o.connector: o for o in await setting.ask(*questions)}
    assert isinstance(found["books"].facts, Balance)
    assert str(found["books"].facts.balance) == "786.00"
    for slug in ("books", "shop"):
        (minute,) = setting.health.minutes(slug)
        assert (minute.section, minute.answers, minute.errors) == ("balance", 1, {})


async def test_outcomes_are_told_as_they_come_not_in_order(setting: Setting) -> None:
    gate = Gate(OWED)
    setting.web.answers["/books/7"] = gate.handler()
    asking = asyncio.create_task(setting.ask(*setting.gatherer.questions(REFS)))
    await gate.asked.wait()
    while not setting.told:
        await asyncio.sleep(0.001)
    gate.opened.set()
    assert [o.connector for o in await asking] == ["shop", "books"]


async def test_a_customer_whom_a_source_does_not_have_is_not_asked_for(setting: Setting) -> None:
    (question,) = [q for q in setting.gatherer.questions({}) if q.instance.slug == "books"]
    assert setting.gatherer.first(question).status == "empty"
    assert setting.web.requests == []


async def test_nothing_known_yet_is_loading(setting: Setting) -> None:
    first = setting.gatherer.first(setting.question())
    assert (first.status, first.facts, first.name) == ("loading", None, "Books")


async def test_a_fresh_answer_needs_no_asking_and_an_older_one_is_shown_meanwhile(
    setting: Setting,
) -> None:
    setting.use(cache_s={"balance": 60})
    question = setting.question()
    (answer,) = await setting.ask(question)
    setting.now += timedelta(seconds=60)
    fresh = setting.gatherer.first(question)
    assert (fresh.status, fresh.facts, fresh.as_of) == ("ok", answer.facts, answer.as_of)
    setting.now += timedelta(seconds=1)
    older = setting.gatherer.first(question)
    assert (older.status, older.facts, older.as_of) == ("loading", answer.facts, answer.as_of)


async def test_when_a_source_fails_its_last_answer_is_told_as_old(setting: Setting) -> None:
    (answer,) = await setting.ask(setting.question())
    setting.web.answers["/books/7"] = reply({}, 500)
    setting.now += timedelta(hours=3)
    (old,) = await setting.ask(setting.question())
    assert (old.status, old.facts, old.as_of) == ("stale", answer.facts, answer.as_of)
    assert old.error_code == "unavailable"
    setting.now += timedelta(days=1)
    (gone,) = await setting.ask(setting.question())
    assert (gone.status, gone.facts) == ("failed", None)


async def test_that_nothing_was_on_record_is_not_what_a_source_that_fails_is_shown_with(
    setting: Setting,
) -> None:
    setting.web.answers["/books/7"] = reply({}, 404)
    assert [o.status for o in await setting.ask(setting.question())] == ["empty"]
    setting.web.answers["/books/7"] = reply({}, 500)
    (outcome,) = await setting.ask(setting.question())
    assert (outcome.status, outcome.error_code) == ("failed", "unavailable")


async def test_who_cannot_take_one_answer_still_gets_the_others(setting: Setting) -> None:
    heard: list[str] = []

    def hear(_section: SectionName, outcome: SourceOutcome) -> None:
        if outcome.connector == "books":
            raise RuntimeError("a section that cannot be merged")
        heard.append(outcome.connector)

    gate = Gate(reply({"balance": "90.50"}))
    setting.web.answers["/shop/8"] = gate.handler()
    asking = asyncio.create_task(setting.gatherer.ask(setting.gatherer.questions(REFS), hear))
    await gate.asked.wait()
    while not setting.health.minutes("books"):
        await asyncio.sleep(0.001)
    gate.opened.set()
    await asking
    assert heard == ["shop"]


async def test_what_is_asked_again_after_the_answer_is_a_question_of_its_own(
    setting: Setting,
) -> None:
    question = setting.question()
    await setting.ask(question)
    await setting.ask(question)
    assert len(setting.web.requests) == 2


async def test_a_failure_is_shared_by_all_who_asked_and_not_kept_for_the_next(
    setting: Setting,
) -> None:
    gate = Gate(reply({}, 500))
    setting.web.answers["/books/7"] = gate.handler()
    question = setting.question()
    heard: list[str] = []

    def hear(_section: SectionName, outcome: SourceOutcome) -> None:
        heard.append(outcome.status)

    both = [asyncio.create_task(setting.gatherer.ask([question], hear)) for _ in range(2)]
    await gate.asked.wait()
    gate.opened.set()
    await asyncio.gather(*both)
    assert heard == ["failed", "failed"]
    setting.web.answers["/books/7"] = OWED
    assert [o.status for o in await setting.ask(question)] == ["ok"]


async def test_an_answer_from_the_cache_is_counted_as_one(setting: Setting) -> None:
    setting.use(cache_s={"balance": 60})
    await setting.ask(setting.question())
    setting.gatherer.first(setting.question())
    (minute,) = setting.health.minutes("books")
    assert (minute.answers, minute.cache_hits) == (1, 1)


async def test_nothing_on_record_is_not_a_failure(setting: Setting) -> None:
    setting.web.answers["/books/7"] = reply({}, 404)
    (outcome,) = await setting.ask(setting.question())
    assert (outcome.status, outcome.error_code) == ("empty", None)


async def test_two_who_ask_the_same_share_one_question(setting: Setting) -> None:
    gate = Gate(OWED)
    setting.web.answers["/books/7"] = gate.handler()
    question = setting.question()
    heard: list[SourceOutcome] = []

    def hear(_section: SectionName, outcome: SourceOutcome) -> None:
        heard.append(outcome)

    one = asyncio.create_task(setting.gatherer.ask([question], hear))
    two = asyncio.create_task(setting.gatherer.ask([question], hear))
    await gate.asked.wait()
    one.cancel()  # Who gives up does not take the answer from the other.
    gate.opened.set()
    await two
    assert [o.status for o in heard] == ["ok"]
    assert len(setting.web.requests) == 1


async def test_settings_that_do_not_fit_are_told_without_asking(setting: Setting) -> None:
    setting.instances.replace([SourceConfig("books", "rest", "Books", {"base_url": 7})])
    (outcome,) = [
        setting.gatherer.first(q)
        for q in setting.gatherer.questions(REFS)
        if q.section == "balance"
    ]
    assert (outcome.status, outcome.error_code) == ("failed", "bad_config")
    assert "base_url" in (outcome.error_text or "")


async def test_what_was_said_with_other_settings_is_not_shown(setting: Setting) -> None:
    setting.use(cache_s={"balance": 900})
    question, gate = setting.question(), Gate(OWED)
    await setting.ask(question)
    setting.web.answers["/books/7"] = gate.handler()
    under_way = asyncio.create_task(setting.ask(question))
    await gate.asked.wait()
    setting.use(cache_s={"balance": 900}, region="FR")
    again = setting.question()
    assert setting.gatherer.first(again).status == "loading"
    gate.opened.set()
    await under_way
    assert setting.gatherer.first(again).status == "loading"
    setting.use(cache_s={"balance": 900}, region="FR")
    assert setting.question().instance is again.instance


async def test_a_link_that_is_not_of_the_web_is_dropped(setting: Setting) -> None:
    settings = {
        "base_url": setting.web.url,
        "allow_private_network": True,
        "currency": "EUR",
        "customer_url": "https://crm.example/{remote_id}",
        "balance": {"path": "/books/{remote_id}"},
    }
    setting.instances.replace([SourceConfig("books", "rest", "Books", settings)])
    (outcome,) = await setting.ask(setting.question())
    assert outcome.remote_url == "https://crm.example/7"
