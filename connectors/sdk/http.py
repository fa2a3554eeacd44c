"""HTTP for connectors: one pooled client for life, guarded, with bounded answers.

The only module that imports an HTTP client: aiohttp, for its price. A call costs a fraction of
the CPU of httpx, even with aiohttp as the transport of httpx.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import zlib
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote, urlencode, urljoin, urlsplit

import aiohttp
import certifi
from aiohttp.abc import AbstractResolver, ResolveResult
from multidict import CIMultiDictProxy
from yarl import URL

from connectors.sdk.address import check_address, check_origin
from connectors.sdk.types import ErrorKind, SourceError

Lookup = Callable[[str, int], Awaitable[list[str]]]
_MAX_HEADER_WAIT_S = 3_600.0
# Above this, parsing would hold up the event loop for longer than a push may take.
_PARSE_IN_THREAD = 128 * 1024
_HEADERS = {
    "accept": "application/json",
    "accept-encoding": "gzip",
    "user-agent": "screenpop",
}
# RFC 3986: what may stand in a path as it is, escapes among them, and in a whole URL.
_PATH_MARKS = "/:@!$&'()*+,;=%"
_URL_MARKS = _PATH_MARKS + "?#[]"


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer, decompressed. Headers have small letters, repeated ones are joined."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes


async def _system_lookup(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class _GuardedResolver(AbstractResolver):
    """Resolves a name once and gives its addresses, all checked, to be connected to as they are.

    A name that answers differently the next time is checked again: what was checked is what is
    connected to.
    """

    def __init__(self, lookup: Lookup, *, allow_private: bool) -> None:
        self._lookup = lookup
        self._allow_private = allow_private

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002 - aiohttp's signature
    ) -> list[ResolveResult]:
        """Look the host up, and refuse it if any of its addresses is refused."""
        addresses = await self._lookup(host, port)
        for address in addresses:
            check_address(address, allow_private=self._allow_private)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        """Nothing is kept."""


# One thread, so that connectors that start together make one context and not one each.
_TLS_MAKER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="tls")


@lru_cache(maxsize=8)
def _tls(ca_file: Path | None) -> ssl.SSLContext:
    """Return the TLS settings: always verified. Made once, as it costs tens of milliseconds."""
    context = ssl.create_default_context(cafile=certifi.where())
    # The system's own authorities, and those of SSL_CERT_FILE, beside the public ones.
    context.load_default_certs()
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    context.set_alpn_protocols(["http/1.1"])
    return context


@dataclass(slots=True)
class HttpClient:
    """Reads from one origin (scheme, host and port), and no other.

    `timeout_s` bounds a whole exchange, `max_bytes` an answer after decompression.
    """

    base_url: str
    allow_private_network: bool = False
    ca_file: Path | None = None
    timeout_s: float = 10.0
    max_bytes: int = 8 * 1024 * 1024
    max_connections: int = 8
    lookup: Lookup = _system_lookup
    _session: aiohttp.ClientSession | None = field(init=False, default=None)
    _base: str | None = field(init=False, default=None)
    _tls: Future[ssl.SSLContext] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Have the TLS settings made beside the event loop before the first request."""
        if self.base_url.startswith("https:"):
            self._tls = _TLS_MAKER.submit(_tls, self.ca_file)

    async def get(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Read a path below `base_url`; its escapes (`%2F`) are sent as they are.

        Raises:
            SourceError: refused, unreachable, too slow, too large, or a redirect.
        """
        url = f"{self._checked_base()}/{quote(path.lstrip('/'), safe=_PATH_MARKS)}"
        if params:
            url = f"{url}?{urlencode(params, quote_via=quote)}"
        return await self._get(url, headers)

    async def follow(
        self, last: Answer, link: str, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Read what an answer links to, if it is on the same origin: it gets our credentials.

        Raises:
            SourceError: as `get`, or BAD_DATA for a link that leads elsewhere.
        """
        url = urljoin(last.url, link)
        if self._origin(url) != self._origin(self.base_url):
            raise SourceError(ErrorKind.BAD_DATA, "the source links to a page on another host")
        return await self._get(quote(url, safe=_URL_MARKS), headers)

    async def aclose(self) -> None:
        """Close the pooled connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _origin(self, url: str) -> str:
        return check_origin(url, allow_private=self.allow_private_network)

    def _checked_base(self) -> str:
        """Check `base_url` once; the addresses of a name are checked for each connection."""
        if self._base is None:
            path = urlsplit(self.base_url).path.rstrip("/")
            self._base = self._origin(self.base_url) + quote(path, safe=_PATH_MARKS)
        return self._base

    async def _get(self, url: str, headers: Mapping[str, str] | None) -> Answer:
        try:
            async with asyncio.timeout(self.timeout_s):
                return await self._exchange(url, headers)
        except TimeoutError:
            raise SourceError(
                ErrorKind.UNAVAILABLE, f"the source did not answer within {self.timeout_s:g} s"
            ) from None
        except (aiohttp.ClientError, OSError) as error:
            raise _transport_error(error) from None

    async def _exchange(self, url: str, headers: Mapping[str, str] | None) -> Answer:
        session = self._session or await self._open()
        request = session.get(URL(url, encoded=True), headers=headers, allow_redirects=False)
        # Leaving the block with an answer half read closes its connection.
        async with request as response:
            if 300 <= response.status < 400:
                raise SourceError(
                    ErrorKind.BAD_CONFIG,
                    "the source redirects to another address, which is not followed:"
                    " set base_url to the final address",
                )
            body = await self._body(response)
        return Answer(url, response.status, _joined(response.headers), body)

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        """Read and decompress, never holding more than `max_bytes`."""
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in {"identity", "gzip", "x-gzip", ""}:
            raise SourceError(ErrorKind.BAD_DATA, "the answer is compressed in an unknown way")
        unzip = zlib.decompressobj(wbits=31) if "gzip" in encoding else None
        parts: list[bytes] = []
        room = self.max_bytes
        async for chunk in response.content.iter_any():
            try:
                part = unzip.decompress(chunk, room + 1) if unzip else chunk
            except zlib.error:
                raise SourceError(ErrorKind.BAD_DATA, "the answer is damaged (gzip)") from None
            room -= len(part)
            if room < 0:
                size = self.max_bytes / 1024 / 1024
                raise SourceError(ErrorKind.BAD_DATA, f"the answer is larger than {size:g} MiB")
            parts.append(part)
        if unzip is not None and not unzip.eof:
            raise SourceError(ErrorKind.BAD_DATA, "the answer ends too early (gzip)")
        return b"".join(parts)

    async def _open(self) -> aiohttp.ClientSession:
        try:
            tls: ssl.SSLContext | bool = True
            if self._tls is not None:
                tls = await asyncio.wrap_future(self._tls)
        except (OSError, ssl.SSLError):
            raise SourceError(ErrorKind.BAD_CONFIG, "ca_file cannot be read as PEM") from None
        # Another request may have opened it meanwhile.
        if self._session is None:
            connector = aiohttp.TCPConnector(
                resolver=_GuardedResolver(self.lookup, allow_private=self.allow_private_network),
                limit=self.max_connections,
                ssl=tls,
                keepalive_timeout=60,
            )
            # Proxies of the environment would connect in our place, past the guard.
            self._session = aiohttp.ClientSession(
                connector=connector,
                headers=_HEADERS,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                timeout=aiohttp.ClientTimeout(),  # `_get` bounds the whole exchange
            )
        return self._session


def _joined(headers: CIMultiDictProxy[str]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in headers.items():
        key = name.lower()
        joined[key] = f"{joined[key]}, {value}" if key in joined else value
    return joined


def _transport_error(error: Exception) -> SourceError:
    """Say in words why nothing came; the words of the other side are not repeated."""
    chain: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and len(chain) < 8:
        chain.append(cause)
        cause = cause.__cause__ or cause.__context__
    if any(isinstance(e, ssl.SSLError | aiohttp.ClientSSLError) for e in chain):
        return SourceError(
            ErrorKind.UNAVAILABLE,
            "the TLS certificate of the source is not trusted, expired or of another host:"
            " renew it, or name your own authority in ca_file",
        )
    if any(isinstance(e, socket.gaierror | aiohttp.ClientConnectorDNSError) for e in chain):
        text = "the host name of the source is not known: check base_url"
    elif any(isinstance(e, ConnectionRefusedError) for e in chain):
        text = "nothing answers at the source's host and port: check base_url, and that it runs"
    elif any(isinstance(e, aiohttp.InvalidURL) for e in chain):
        return SourceError(ErrorKind.BAD_CONFIG, "the address asked for is not a valid URL")
    else:
        text = "the connection to the source failed or broke off"
    return SourceError(ErrorKind.UNAVAILABLE, text)


def raise_for_status(answer: Answer) -> None:
    """Raise the SourceError that an HTTP status means; 2xx passes.

    Raises:
        SourceError: AUTH_EXPIRED (401), AUTH_DENIED (403), NOT_FOUND (404, 410), RATE_LIMITED
            (429, with the wait the source asks for), UNAVAILABLE (5xx), BAD_CONFIG (other).
    """
    status = answer.status
    if 200 <= status < 300:
        return
    wait = retry_after(answer.headers.get("retry-after"), datetime.now(UTC))
    kind, text = {
        401: (ErrorKind.AUTH_EXPIRED, "the source does not accept the credentials: renew them"),
        403: (ErrorKind.AUTH_DENIED, "the source does not allow this: give the account the right"),
        404: (ErrorKind.NOT_FOUND, "the source has nothing at this address"),
        410: (ErrorKind.NOT_FOUND, "the source has nothing at this address any more"),
        429: (ErrorKind.RATE_LIMITED, "the source asks to be called less often"),
    }.get(status, (ErrorKind.BAD_CONFIG, "the source does not understand the request"))
    if status >= 500 or status == 408:
        kind, text = ErrorKind.UNAVAILABLE, "the source has a fault of its own"
    raise SourceError(kind, f"{text} (HTTP {status})", retry_after_s=wait)


def retry_after(value: str | None, now: datetime) -> float | None:
    """Read a Retry-After header, seconds or a date (RFC 9110 section 10.2.3), as seconds."""
    if not value:
        return None
    if value.strip().isascii() and value.strip().isdigit():
        return min(float(value[:12]), _MAX_HEADER_WAIT_S)
    try:
        when = parsedate_to_datetime(value)
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return min(max(0.0, (when - now).total_seconds()), _MAX_HEADER_WAIT_S)


async def read_json(answer: Answer) -> Any:
    """Parse an answer; numbers with a fraction become exact Decimals.

    Raises:
        SourceError: BAD_DATA, it is not JSON.
    """
    if len(answer.body) < _PARSE_IN_THREAD:
        return _parse(answer.body)
    return await asyncio.to_thread(_parse, answer.body)


def _parse(body: bytes) -> Any:
    try:
        return _JSON.decode(str(body, json.detect_encoding(body)))
    except (ValueError, RecursionError):
        page = body[:200].lstrip()[:1] == b"<"
        what = "a web page" if page else "not JSON"
        raise SourceError(
            ErrorKind.BAD_DATA, f"the answer is {what}: check base_url and the path"
        ) from None


def _no_constant(_name: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


_JSON = json.JSONDecoder(parse_float=Decimal, parse_constant=_no_constant)
