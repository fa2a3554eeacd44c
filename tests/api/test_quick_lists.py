"""The console's lists are paged and searched on the server (`bench --lists` times them)."""

from __future__ import annotations

from tests.api.conftest import Site
from tests.large import CONNECTORS, LISTS, make_large

CUSTOMERS = 5_000


async def test_no_list_of_the_console_holds_everything(site: Site) -> None:
    await make_large(site.runtime, CUSTOMERS)
    admin = await site.browser("zoe@example.com")
    longest = {}
    for url in LISTS:
        answer = await admin.get(url)
        assert answer.status_code == 200, (url, answer.text)
        listed = answer.json()
        lists = listed.values() if isinstance(listed, dict) else [listed]
        longest[url] = max((len(each) for each in lists if isinstance(each, list)), default=0)
    # Sources are as many as somebody has configured, one by one.
    assert longest.pop("/api/v1/connectors") == CONNECTORS
    assert longest.pop("/api/v1/health/overview?hours=24") == CONNECTORS
    assert longest.pop("/api/v1/health/overview?hours=336") == CONNECTORS
    # Charts have as many points as can be looked at.
    assert longest.pop("/api/v1/connectors/s3/health?hours=24") in range(144, 146)
    assert longest.pop("/api/v1/connectors/s3/health?hours=336") in range(335, 338)
    assert max(longest.values()) <= 100
    assert longest["/api/v1/users?limit=50"] == 50
    assert longest["/api/v1/customers?q=kestrel"] > 0
