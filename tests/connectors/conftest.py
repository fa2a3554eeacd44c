"""Fixtures of the connectors' tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from tests.connectors.real.tryton import connect_tryton, tryton, tryton_databases  # noqa: F401 - fixtures
from tests.connectors.web import Request, WebServer, web_server

# Failures inside what the tests share should show their values, as those of any test do.
pytest.register_assert_rewrite("connectors.sdk.testing", "tests.connectors.asking")


@pytest.fixture
async def web(vendor: Callable[[Request], bytes]) -> AsyncIterator[WebServer]:
    """Serve the fake `vendor` of the test's own file."""
    async with web_server() as server:
        server.answers["*"] = vendor
        yield server
