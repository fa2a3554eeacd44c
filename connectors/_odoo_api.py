"""How Odoo is asked: JSON-2 (Odoo 19 and later) or the older JSON-RPC, behind one `call`.

JSON-2: https://www.odoo.com/documentation/19.0/developer/reference/external_api.html. Both take
named arguments; an empty value is `false`, and a link is `[id, name]`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, Literal

from pydantic import SecretStr

from connectors.sdk.answers import Answer
from connectors.sdk.service import Service
from connectors.sdk.types import ErrorKind, SourceError
from connectors.sdk.vendor import Record, records

Protocol = Literal["json2", "jsonrpc"]
Domain = Sequence[Any]

_NOT_ACCEPTED = "Odoo does not accept the API key: make a new one (jsonrpc: check login as well)"
_NO_RIGHT = (
    "the user of the API key may not read this: give it the group that may (for balances and"
    " credit limits a role in Accounting), and access to the company"
)
_NO_MODEL = "Odoo does not have this app: switch it off in the settings of this connector"
_NO_FIELD = "Odoo does not know a field that was asked for: is it older than 17 or newer than 19?"
_NO_DATABASE = "there is no such database: check `database`"
_NO_JSON2 = (
    "there is no JSON-2 API at this address: check base_url and `database`; before Odoo 19 set"
    " `protocol` to jsonrpc"
)
_NO_JSONRPC = "this Odoo has no JSON-RPC any more: check base_url, or set `protocol` to json2"
_FAULT = "Odoo has a fault of its own"


def refused(answer: Answer, data: Any) -> SourceError | None:
    """Say what an error of Odoo means; JSON-RPC brings it with HTTP 200."""
    legacy = answer.url.endswith("/jsonrpc")
    error = data.get("error") if isinstance(data, Mapping) else None
    if legacy and isinstance(error, Mapping):
        if error.get("code") == 404:
            return SourceError(ErrorKind.BAD_CONFIG, _NO_JSONRPC)
        details = error.get("data")
        return _meaning(details if isinstance(details, Mapping) else {}) or SourceError(
            ErrorKind.UNAVAILABLE, _FAULT
        )
    if 200 <= answer.status < 300:
        return None
    if answer.status == 401:
        return SourceError(ErrorKind.AUTH_EXPIRED, _NOT_ACCEPTED)
    if answer.status == 404 and not _is_error(data):
        return SourceError(ErrorKind.BAD_CONFIG, _NO_JSONRPC if legacy else _NO_JSON2)
    return _meaning(data) if _is_error(data) else None


def _is_error(data: Any) -> bool:
    return isinstance(data, Mapping) and isinstance(data.get("name"), str)


def _meaning(error: Record) -> SourceError | None:
    """Read what Odoo writes of an exception: `name`, `message`, `arguments`, `debug`."""
    name = str(error.get("name")).rpartition(".")[2]
    said = str(error.get("message")).lower()
    if name == "OperationalError":
        if "does not exist" in said:
            return SourceError(ErrorKind.BAD_CONFIG, _NO_DATABASE)
        return SourceError(ErrorKind.UNAVAILABLE, "Odoo cannot reach its database")
    if name == "UserError" and "object" in said and "exist" in said:
        return SourceError(ErrorKind.BAD_CONFIG, _NO_MODEL)
    known = {
        "AccessDenied": (ErrorKind.AUTH_EXPIRED, _NOT_ACCEPTED),
        "Unauthorized": (ErrorKind.AUTH_EXPIRED, _NOT_ACCEPTED),
        "SessionExpiredException": (ErrorKind.AUTH_EXPIRED, _NOT_ACCEPTED),
        "AccessError": (ErrorKind.AUTH_DENIED, _NO_RIGHT),
        "NotFound": (ErrorKind.BAD_CONFIG, _NO_MODEL),
        "ValueError": (ErrorKind.BAD_DATA, _NO_FIELD),
        "KeyError": (ErrorKind.BAD_DATA, _NO_FIELD),
        "UserError": (ErrorKind.BAD_CONFIG, "Odoo refuses the request"),
        "ValidationError": (ErrorKind.BAD_CONFIG, "Odoo refuses the request"),
    }.get(name)
    return SourceError(*known) if known else None


class OdooApi:
    """One database of an Odoo server, asked as one user."""

    def __init__(
        self, service: Service, protocol: Protocol, database: str, login: str, key: SecretStr
    ) -> None:
        self._service = service
        self._protocol = protocol
        self._database = database
        self._login = login
        self._key = key
        self._uid: int | None = None
        self._fields: dict[str, frozenset[str]] = {}
        self.context: dict[str, Any] = {}

    async def call(self, model: str, method: str, **named: Any) -> Any:
        """Call a method of a model with named arguments, in the company chosen.

        Raises:
            SourceError: Odoo could not or would not answer.
        """
        if self.context:
            named["context"] = {**self.context, **named.get("context", {})}
        if self._protocol == "json2":
            return (await self._service.post(f"/json/2/{model}/{method}", json=named)).data
        uid, key = await self._user(), self._key.get_secret_value()
        return await self._rpc(
            "object", "execute_kw", [self._database, uid, key, model, method, [], named]
        )

    async def _user(self) -> int:
        if self._uid is None:
            key = self._key.get_secret_value()
            asked = [self._database, self._login, key, {}]
            uid = await self._rpc("common", "authenticate", asked)
            # To a wrong user or key Odoo answers `false`.
            if not isinstance(uid, int) or isinstance(uid, bool):
                raise SourceError(ErrorKind.AUTH_EXPIRED, _NOT_ACCEPTED)
            self._uid = uid
        return self._uid

    async def _rpc(self, service: str, method: str, args: Sequence[Any]) -> Any:
        params = {"service": service, "method": method, "args": args}
        asked = {"jsonrpc": "2.0", "method": "call", "id": 1, "params": params}
        found = (await self._service.post("/jsonrpc", json=asked)).data
        if not isinstance(found, Mapping) or found.get("jsonrpc") != "2.0":
            raise SourceError(
                ErrorKind.BAD_DATA, "the answer is not one of JSON-RPC: check base_url"
            )
        return found.get("result")

    async def search(
        self,
        model: str,
        domain: Domain,
        fields: Sequence[str],
        limit: int,
        order: str = "id",
        **context: Any,
    ) -> list[Record]:
        """Read the first records that match a domain.

        Raises:
            SourceError: as `call`, or BAD_DATA, the answer is no list of records.
        """
        more = {"context": context} if context else {}
        found = await self.call(
            model,
            "search_read",
            domain=list(domain),
            fields=list(fields),
            limit=limit,
            order=order,
            **more,
        )
        return records({model: found}, model)

    async def pages(
        self,
        model: str,
        domain: Domain,
        fields: Sequence[str],
        size: int,
        after: int = 0,
        **context: Any,
    ) -> AsyncGenerator[list[Record]]:
        """Read all that match, by id: what is written meanwhile shifts no page."""
        while True:
            where = [["id", ">", after], *domain]
            page = await self.search(model, where, fields, size, **context)
            if page:
                yield page
            if len(page) < size:
                return
            after = id_of(page[-1])

    async def count(self, model: str, domain: Domain) -> int | None:
        """Return how many records match."""
        found = await self.call(model, "search_count", domain=list(domain))
        return found if isinstance(found, int) else None

    async def fields(self, model: str) -> frozenset[str]:
        """Return the fields of a model that the user may see: apps and rights decide."""
        if model not in self._fields:
            found = await self.call(model, "fields_get", attributes=["type"])
            if not isinstance(found, Mapping):
                raise SourceError(ErrorKind.BAD_DATA, f"Odoo does not say the fields of {model}")
            self._fields[model] = frozenset(found)
        return self._fields[model]

    async def there(self, model: str, needed: Sequence[str], more: Sequence[str] = ()) -> list[str]:
        """Return the fields to ask for: those needed, and of the others those that are there."""
        known = await self.fields(model)
        return [*needed, *(name for name in more if name in known)]

    async def aclose(self) -> None:
        """Close the pooled connections."""
        await self._service.aclose()


def id_of(record: Record) -> int:
    """Return a record's id.

    Raises:
        SourceError: BAD_DATA, it has none.
    """
    found = record.get("id")
    if not isinstance(found, int) or isinstance(found, bool):
        raise SourceError(ErrorKind.BAD_DATA, "a record of Odoo has no number `id`")
    return found
