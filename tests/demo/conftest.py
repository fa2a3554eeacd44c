from __future__ import annotations

from datetime import date

import pytest

from app.demo.business import make_business
from app.demo.records import Business

TODAY = date(2026, 11, 22)


@pytest.fixture(scope="session")
def business() -> Business:
    return make_business(TODAY)
