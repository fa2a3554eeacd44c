"""Fixtures of the connectors' tests."""

from __future__ import annotations

import pytest

# Failures inside the inherited contract should show their values, as those of any test do.
pytest.register_assert_rewrite("connectors.sdk.testing")
