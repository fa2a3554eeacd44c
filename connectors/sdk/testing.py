# ruff: noqa: S101 - these are tests, kept here for authors of connectors elsewhere
"""The contract of every connector as tests: inherit `ConnectorContract` and say how to make one.

class TestLedger(ConnectorContract):
known, unknown = CustomerRef("C-100"), CustomerRef("no-such")
@pytest.fixture
def working(self, ...): return LedgerConnector(config, context)
@pytest.fixture
def broken(self, ...): return LedgerConnector(config_of_a_dead_host, context)
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any, ClassVar

import pytest
import pytest_asyncio

from connectors.sdk.connector import Connector
from connectors.sdk.form import form_problems
from connectors.sdk.types import (
    SECTIONS,
    Checkpoint,
    CheckResult,
    CheckStatus,
    ContactRow,
    CustomerRef,
    Empty,
    Found,
    RejectedRow,
    SectionName,
    SourceError,
    Tombstone,
)

AnyConnector = Connector[Any]


class ConnectorContract:
    """Tests that every connector passes.

    `known` is a customer with data in each section that `working` provides, `unknown` one the
    source has never heard of, `secrets` every secret text in the settings of both connectors.
    """

    known: ClassVar[CustomerRef]
    unknown: ClassVar[CustomerRef]
    secrets: ClassVar[tuple[str, ...]] = ()

    @pytest.fixture
    def working(self) -> AnyConnector:
        """Return a connector whose source works."""
        raise NotImplementedError

    @pytest.fixture
    def broken(self) -> AnyConnector:
        """Return a connector whose source cannot be read."""
        raise NotImplementedError

    @pytest_asyncio.fixture
    async def source(self, working: AnyConnector) -> AsyncIterator[AnyConnector]:
        """Return the working connector, closed after the test."""
        yield working
        await working.aclose()

    @pytest_asyncio.fixture
    async def dead(self, broken: AnyConnector) -> AsyncIterator[AnyConnector]:
        """Return the broken connector, closed after the test."""
        yield broken
        await broken.aclose()

    def _sections(self, connector: AnyConnector) -> list[SectionName]:
        return [name for name in SECTIONS if name in connector.provides]

    async def test_its_settings_can_be_drawn_as_a_form(self, source: AnyConnector) -> None:
        """Title, description and a shape that the form knows."""
        assert form_problems(type(source).Config.model_json_schema()) == []
        assert all((source.kind, source.title, source.summary))

    async def test_the_connection_test_succeeds_and_says_what_it_proved(
        self, source: AnyConnector
    ) -> None:
        """An OK without proof is no test."""
        result = await source.check()
        assert result.status == CheckStatus.OK, result.text
        assert result.proved

    async def test_the_connection_test_of_a_broken_source_says_why(
        self, dead: AnyConnector
    ) -> None:
        """It returns, in words, without a secret."""
        result = await dead.check()
        assert isinstance(result, CheckResult)
        assert result.status != CheckStatus.OK
        assert result.text
        self._holds_no_secret(repr(result))

    async def test_it_provides_no_more_than_the_kind_says_it_brings(
        self, source: AnyConnector
    ) -> None:
        """A kind says what it brings before anything is set up."""
        assert source.brings is None or source.provides <= source.brings

    async def test_it_brings_every_section_it_provides(self, source: AnyConnector) -> None:
        """What is promised for a customer on record is found."""
        for section in self._sections(source):
            assert isinstance(await source.fetch(section, self.known), Found), section

    async def test_an_unknown_customer_is_empty_and_not_an_error(
        self, source: AnyConnector
    ) -> None:
        """Nobody on record must not look like a source that is down."""
        for section in self._sections(source):
            assert isinstance(await source.fetch(section, self.unknown), Empty), section

    async def test_a_broken_source_fails_with_a_source_error(self, dead: AnyConnector) -> None:
        """Never with an exception of its driver, never as if nothing were on record."""
        for section in self._sections(dead):
            with pytest.raises(SourceError) as caught:
                await dead.fetch(section, self.known)
            self._holds_no_secret(f"{caught.value!r} {caught.value.__cause__!r}")

    async def test_contacts_have_numbers_as_the_source_stores_them(
        self, source: AnyConnector
    ) -> None:
        """And end with a checkpoint."""
        if "contacts" not in source.provides:
            pytest.skip("brings no contacts")
        items = [item async for item in source.contacts(None)]
        assert all(isinstance(i, ContactRow | Tombstone | Checkpoint | RejectedRow) for i in items)
        assert any(isinstance(i, ContactRow) and i.phone_numbers for i in items)
        assert isinstance(items[-1], Checkpoint)

    async def test_reading_contacts_may_stop_half_way(self, source: AnyConnector) -> None:
        """The source is usable afterwards."""
        if "contacts" not in source.provides:
            pytest.skip("brings no contacts")
        reading: Any = source.contacts(None)
        await anext(reading)
        await reading.aclose()
        assert (await source.check()).status == CheckStatus.OK

    async def test_closing_leaves_no_task_and_no_thread(self, working: AnyConnector) -> None:
        """Also when it was used before."""
        threads = set(threading.enumerate())
        tasks = asyncio.all_tasks()
        await working.check()
        await working.aclose()
        own = {t for t in set(threading.enumerate()) - threads if not t.name.startswith("asyncio")}
        for thread in own:
            await asyncio.to_thread(thread.join, 5)
        assert not any(thread.is_alive() for thread in own)
        assert asyncio.all_tasks() == tasks

    async def test_its_settings_never_show_a_secret(
        self, working: AnyConnector, broken: AnyConnector
    ) -> None:
        """Neither printed nor dumped."""
        for connector in (working, broken):
            self._holds_no_secret(f"{connector.config!r} {connector.config.model_dump_json()}")
            await connector.aclose()

    def _holds_no_secret(self, text: str) -> None:
        for secret in self.secrets:
            assert secret not in text
