"""Fixtures of the connectors' tests."""

from __future__ import annotations

import pytest

from tests.connectors.real.tryton import connect_tryton, tryton, tryton_databases  # noqa: F401 - fixtures

# Failures inside the inherited contract should show their values, as those of any test do.
pytest.register_assert_rewrite("connectors.sdk.testing")
