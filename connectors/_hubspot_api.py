"""What is asked of HubSpot: pages, searches, associations, and what its refusals mean.

API version 3 (associations: 4), https://developers.hubspot.com/docs/api-reference.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connectors.sdk.answers import Answer, retry_after
from connectors.sdk.budget import RateHeaders
from connectors.sdk.service import Service
from connectors.sdk.types import ErrorKind, SourceError
from connectors.sdk.values import Row
from connectors.sdk.vendor import at, records

PAGE = 100
# A search gives no more records than this; then it begins again where it was.
_SEARCHED = 10_000
_SCOPE = re.compile(r"[a-z0-9_.-]{1,80}")
RATES = (
    RateHeaders("x-hubspot-ratelimit-remaining", "x-hubspot-ratelimit-max", window_s=10),
    RateHeaders("x-hubspot-ratelimit-daily-remaining", "x-hubspot-ratelimit-daily"),
)
# Seconds until there are requests again, by the policy that a 429 names.
_POLICIES = {"SECONDLY": 1.0, "TEN_SECONDLY_ROLLING": 10.0, "DAILY": 3_600.0}

Record = Mapping[str, Any]


@dataclass(slots=True)
class HubspotApi:
    """A HubSpot account; with `portal_id` it must be that one."""

    service: Service
    portal_id: str = ""
    _details: Record | None = field(init=False, default=None)
    _stages: dict[str, str] | None = field(init=False, default=None)

    async def account(self) -> Record:
        """Return the account's details: portalId, uiDomain, timeZone, companyCurrency.

        Raises:
            SourceError: it is another account, or HubSpot could not answer.
        """
        if self._details is None:
            details = (await self.service.get("/account-info/v3/details")).data
            portal = details.get("portalId") if isinstance(details, Mapping) else None
            if not isinstance(portal, int):
                raise SourceError(
                    ErrorKind.BAD_DATA, "HubSpot does not say which account this is: check base_url"
                )
            if self.portal_id and str(portal) != self.portal_id:
                raise SourceError(
                    ErrorKind.BAD_CONFIG,
                    f"the token is of HubSpot account {portal}, not of {self.portal_id}:"
                    " create one in the right account, or mend portal_id",
                )
            self._details = details
        return self._details

    async def owners(self) -> dict[str, Record]:
        """Return who looks after customers, by id; nobody when the token may not know."""
        found: dict[str, Record] = {}
        query = {"limit": "500"}
        try:
            while True:
                document = (await self.service.get("/crm/v3/owners", query)).data
                found |= {record_id(owner): owner for owner in records(document, "results")}
                after = next_page(document)
                if after is None:
                    return found
                query["after"] = after
        except SourceError as error:
            if error.kind is not ErrorKind.AUTH_DENIED:
                raise
            return {}

    async def ticket_stages(self) -> dict[str, str]:
        """Return the labels of the stages that tickets go through, by id."""
        if self._stages is None:
            document = (await self.service.get("/crm/v3/pipelines/tickets")).data
            self._stages = {
                record_id(stage): str(stage.get("label"))
                for pipeline in records(document, "results")
                for stage in records(pipeline, "stages")
            }
        return self._stages

    async def pages(
        self, name: str, query: Mapping[str, str], after: str | None = None
    ) -> AsyncIterator[tuple[list[Record], str | None]]:
        """Read all records of a kind, page by page, each with where the next begins."""
        while True:
            asked = {"limit": str(PAGE), **query, **({"after": after} if after else {})}
            document = (await self.service.get(f"/crm/v3/objects/{name}", asked)).data
            after = next_page(document)
            yield records(document, "results"), after
            if after is None:
                return

    async def changed(
        self, name: str, modified: str, begun: datetime, properties: str
    ) -> AsyncIterator[Record]:
        """Search what was changed since, oldest first; `modified` is the property that tells."""
        since, after = _milliseconds(begun), 0
        while True:
            wanted = {"propertyName": modified, "operator": "GTE", "value": since}
            body = {
                "filterGroups": [{"filters": [wanted]}],
                "sorts": [{"propertyName": modified, "direction": "ASCENDING"}],
                "properties": properties.split(","),
                "limit": PAGE,
                "after": str(after),
            }
            document = (await self.service.post(f"/crm/v3/objects/{name}/search", json=body)).data
            page = records(document, "results")
            for record in page:
                yield record
            after += len(page)
            if not page or next_page(document) is None:
                return
            if after + PAGE > _SEARCHED:
                newest = Row(page[-1]).instant("updatedAt")
                if newest is None or _milliseconds(newest) == since:
                    raise SourceError(
                        ErrorKind.BAD_DATA,
                        f"more than {_SEARCHED} records of HubSpot were changed at once: read all"
                        " contacts again (sync in full)",
                    )
                since, after = _milliseconds(newest), 0

    async def associated(
        self, where: str, name: str, properties: str, notes: list[str]
    ) -> list[Record]:
        """Read what belongs to a record: the newest hundred, as ids grow with time."""
        path = f"/crm/v4/objects/{where}/associations/{name}"
        try:
            document = (await self.service.get(path, {"limit": "500"})).data
        except SourceError as error:
            if error.kind is not ErrorKind.NOT_FOUND:
                raise
            return []
        ids = {record_id(each, "toObjectId") for each in records(document, "results")}
        if len(ids) > PAGE or next_page(document) is not None:
            notes.append(f"only {PAGE} {name} of this customer were read")
        newest = sorted(ids, key=lambda i: (len(i), i))[-PAGE:]
        return await self.read(name, properties, newest)

    async def read(self, name: str, properties: str, ids: Sequence[str]) -> list[Record]:
        """Read records by their ids; those that are gone are left out."""
        found: list[Record] = []
        for start in range(0, len(ids), PAGE):
            inputs = [{"id": each} for each in ids[start : start + PAGE]]
            body = {"properties": properties.split(","), "inputs": inputs}
            path = f"/crm/v3/objects/{name}/batch/read"
            found += records((await self.service.post(path, json=body)).data, "results")
        return found

    async def links(self, name: str, to: str, ids: Sequence[str]) -> dict[str, list[str]]:
        """Return the ids of what up to a hundred records are associated with."""
        if not ids:
            return {}
        body = {"inputs": [{"id": each} for each in ids]}
        path = f"/crm/v4/associations/{name}/{to}/batch/read"
        found = records((await self.service.post(path, json=body)).data, "results")
        return {
            str(at(link, "from", "id")): [record_id(r, "toObjectId") for r in records(link, "to")]
            for link in found
        }


def record_id(record: Record, name: str = "id") -> str:
    """Return the id of a record, a number that HubSpot writes as one or as text.

    Raises:
        SourceError: BAD_DATA, there is none.
    """
    value = record.get(name)
    if isinstance(value, bool) or not isinstance(value, int | str) or not str(value):
        raise SourceError(ErrorKind.BAD_DATA, f"a record of HubSpot has no `{name}`")
    return str(value)


def next_page(document: Any) -> str | None:
    """Return where the next page begins, None after the last."""
    after = at(document, "paging", "next", "after")
    return None if after is None else str(after)


def _milliseconds(instant: datetime) -> str:
    return str(int(instant.timestamp() * 1000))


def refused(answer: Answer, data: Any) -> SourceError | None:
    """Say what an error of HubSpot means: `{status: error, category, policyName, errors}`."""
    if answer.status < 400 or not isinstance(data, Mapping):
        return None
    category = data.get("category")
    if answer.status == 401:
        return SourceError(
            ErrorKind.AUTH_EXPIRED,
            "HubSpot does not accept the access token, it was replaced or deleted: copy it again"
            " from the private app",
        )
    if answer.status == 403:
        scopes = ", ".join(_scopes(data)) or "of the records that are read"
        return SourceError(
            ErrorKind.AUTH_DENIED,
            f"the private app has not the scopes {scopes}: tick them in HubSpot",
        )
    if answer.status == 429:
        policy = str(data.get("policyName"))
        wait = retry_after(answer.headers.get("retry-after"), datetime.now().astimezone())
        text = "HubSpot's limit of requests is reached"
        if policy == "DAILY":
            text = "HubSpot's daily limit of requests is used up until midnight of its time zone"
        wait = _POLICIES.get(policy, 10.0) if wait is None else wait
        return SourceError(ErrorKind.RATE_LIMITED, text, retry_after_s=wait)
    if answer.status == 400 and category == "VALIDATION_ERROR":
        return SourceError(
            ErrorKind.BAD_CONFIG,
            "HubSpot does not know a property that is asked for: check external_id_property",
        )
    return None


def _scopes(data: Mapping[str, Any]) -> list[str]:
    """Return the scopes that a refusal names; anything else it says is left out."""
    errors = data.get("errors")
    named: list[Any] = []
    for each in errors if isinstance(errors, list) else ():
        context = each.get("context") if isinstance(each, Mapping) else None
        for key in ("requiredGranularScopes", "requiredScopes"):
            found = context.get(key) if isinstance(context, Mapping) else None
            named += found if isinstance(found, list) else []
    scopes = [text for text in named if isinstance(text, str) and _SCOPE.fullmatch(text)]
    return list(dict.fromkeys(scopes))[:10]
