"""What is asked of Salesforce: SOQL page by page, SOSL, and what its refusals mean.

https://developer.salesforce.com/docs/platform/api-rest (Query, QueryAll, Search, Errors).
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from connectors.sdk.answers import Answer
from connectors.sdk.budget import Budget
from connectors.sdk.service import Service
from connectors.sdk.types import ErrorKind, SourceError
from connectors.sdk.vendor import records

Record = Mapping[str, Any]
# "api-usage=18/15000", of the day
_USAGE = re.compile(r"api-usage=(\d{1,9})/(\d{1,9})")
_COLUMN = re.compile(r"No such column '([A-Za-z]\w{0,79}(?:\.\w{1,80})?)' on entity")
_TYPE = re.compile(r"sObject type '(\w{1,80})' is not supported")
_HOUR_S = 3_600.0


class SalesforceApi:
    """An organisation, asked through a service whose refusals are read here."""

    def __init__(self, service: Service, version: str, budget: Budget) -> None:
        self._service = service
        self._path = f"/services/data/v{version}"
        self._budget = budget
        service.refused = self._refused

    async def query(self, soql: str) -> list[Record]:
        """Read all records of a query.

        Raises:
            SourceError: in plain words, holding nothing that Salesforce wrote.
        """
        return [record async for page in self._pages("query", soql) for record in page]

    async def query_all(self, soql: str) -> AsyncIterator[list[Record]]:
        """Read a query page by page, deleted records among them.

        Raises:
            SourceError: as `query`.
        """
        async for page in self._pages("queryAll", soql):
            yield page

    async def search(self, sosl: str) -> list[Record]:
        """Read what a search finds.

        Raises:
            SourceError: as `query`.
        """
        document = await self._service.get(f"{self._path}/search", {"q": sosl})
        return records(document.data, "searchRecords")

    async def _pages(self, resource: str, soql: str) -> AsyncIterator[list[Record]]:
        document = await self._service.get(f"{self._path}/{resource}", {"q": soql})
        while True:
            yield records(document.data, "records")
            following = document.data.get("nextRecordsUrl")
            if document.data.get("done") is True or following is None:
                return
            document = await self._service.follow(document, str(following))

    @staticmethod
    def value(record: Record, field: str) -> Any:
        """Return a field that was asked for.

        Raises:
            SourceError: BAD_DATA, the record has it not.
        """
        if field not in record:
            raise SourceError(
                ErrorKind.BAD_DATA, f"Salesforce gave no field {field}: its format has changed"
            )
        return record[field]

    def _refused(self, answer: Answer, data: Any) -> SourceError | None:
        """Say what an error means: `[{"errorCode", "message"}]`."""
        used = _USAGE.search(answer.headers.get("sforce-limit-info", ""))
        if used:
            self._budget.told(int(used[2]) - int(used[1]), _HOUR_S, "day")
        if answer.status < 400 or not isinstance(data, list) or not data:
            return None
        first = data[0] if isinstance(data[0], Mapping) else {}
        code, message = str(first.get("errorCode")), str(first.get("message"))
        if code == "REQUEST_LIMIT_EXCEEDED":
            return SourceError(
                ErrorKind.RATE_LIMITED,
                "the organisation's requests of 24 hours are used up: buy more, or read less often",
                retry_after_s=_HOUR_S,
            )
        if code == "INVALID_FIELD":
            named = _COLUMN.search(message)
            return SourceError(
                ErrorKind.BAD_CONFIG,
                f"Salesforce has no field {named[1] if named else 'of a name that is set'}, or the"
                " user may not see it: check the settings and field-level security",
            )
        if code == "INVALID_TYPE":
            named = _TYPE.search(message)
            return SourceError(
                ErrorKind.AUTH_DENIED,
                f"the user may not read the object {named[1] if named else 'asked for'}, or the"
                " organisation has it not switched on: give a permission set that reads it",
            )
        if code in _MEANINGS:
            return SourceError(*_MEANINGS[code])
        return None


_MEANINGS = {
    "INVALID_SESSION_ID": (
        ErrorKind.AUTH_EXPIRED,
        "Salesforce does not accept the session: check that the app may use the API, and its"
        " address restrictions",
    ),
    "API_DISABLED_FOR_ORG": (
        ErrorKind.AUTH_DENIED,
        "the user lacks the permission API Enabled, or the edition has no API",
    ),
    "API_CURRENTLY_DISABLED": (ErrorKind.AUTH_DENIED, "the API of the user is switched off"),
    "INSUFFICIENT_ACCESS": (ErrorKind.AUTH_DENIED, "the user may not read this record"),
    "INVALID_QUERY_LOCATOR": (
        ErrorKind.UNAVAILABLE,
        "Salesforce gave the list up before it was read: read it again",
    ),
    "QUERY_TIMEOUT": (ErrorKind.UNAVAILABLE, "Salesforce took too long for the query"),
    "MALFORMED_QUERY": (ErrorKind.BAD_CONFIG, "Salesforce does not understand a name that is set"),
}


def refuse_other_host(base_url: str, instance_url: str) -> None:
    """Refuse a token of another organisation: it would be sent to the wrong one.

    Raises:
        SourceError: BAD_CONFIG.
    """
    host = urlsplit(instance_url).hostname
    if host is not None and host != urlsplit(base_url).hostname:
        raise SourceError(
            ErrorKind.BAD_CONFIG,
            "the token is of another organisation than base_url: set base_url to the address that"
            " Salesforce shows under Setup > My Domain",
        )
