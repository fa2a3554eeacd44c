from __future__ import annotations

import pytest

from tests.pbx.installed import need_kamailio_and_sipp


@pytest.fixture(scope="session", autouse=True)
def programs() -> None:
    """Install before anything runs: an installation takes its time."""
    need_kamailio_and_sipp()
