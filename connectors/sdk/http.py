"""HTTP for connectors: one pooled client for life, guarded, with bounded answers.

The only module that imports an HTTP client. httpx is the API, aiohttp its transport, which is
asked directly: what a whole httpx client adds (cookies, redirects, proxies, sign-in flows) is
what must not happen here, and costs as much again as the exchange.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import zlib
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from json import dumps
from pathlib import Path
from time import perf_counter
from typing import Any
from urllib.parse import quote, urlencode, urljoin, urlsplit

import aiohttp
import certifi
import httpx
from aiohttp.abc import AbstractResolver, ResolveResult
from httpx_aiohttp import AiohttpTransport

from connectors.sdk import trace
from connectors.sdk.address import check_address, check_origin
from connectors.sdk.answers import Answer
from connectors.sdk.types import ErrorKind, SourceError

Lookup = Callable[[str, int], Awaitable[list[str]]]
_HEADERS = {
    "accept": "application/json",
    "accept-encoding": "gzip",
    "user-agent": "screenpop",
}
# RFC 3986: what may stand in a path as it is, escapes among them, and in a whole URL.
_PATH_MARKS = "/:@!$&'()*+,;=%"
_URL_MARKS = _PATH_MARKS + "?#[]"
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


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
    """Asks one origin (scheme, host and port), and no other.

    `timeout_s` bounds a whole exchange, `max_bytes` an answer after decompression.
    """

    base_url: str
    allow_private_network: bool = False
    ca_file: Path | None = None
    timeout_s: float = 10.0
    max_bytes: int = 8 * 1024 * 1024
    max_connections: int = 8
    lookup: Lookup = _system_lookup
    _transport: AiohttpTransport | None = field(init=False, default=None)
    _base: str | None = field(init=False, default=None)
    _tls: Future[ssl.SSLContext] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Have the TLS settings made beside the event loop before the first request."""
        if self.base_url.lower().startswith("https:"):
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
        return await self._ask("GET", self._url(path, params), headers)

    async def post(
        self,
        path: str,
        *,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send JSON or a form to a path below `base_url`; Decimals are sent as text.

        Raises:
            SourceError: as `get`.
        """
        body, kind = b"", ""
        if form is not None:
            body, kind = urlencode(form).encode(), "application/x-www-form-urlencoded"
        elif json is not None:
            body, kind = dumps(json, default=str).encode(), "application/json"
        typed = {"content-type": kind} if kind else {}
        return await self._ask("POST", self._url(path, params), {**typed, **(headers or {})}, body)

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
        return await self._ask("GET", _escaped(url, _URL_MARKS), headers)

    async def aclose(self) -> None:
        """Close the pooled connections."""
        transport, self._transport = self._transport, None
        if transport is not None:
            await transport.aclose()

    def _origin(self, url: str) -> str:
        return check_origin(url, allow_private=self.allow_private_network)

    def _checked_base(self) -> str:
        """Check `base_url` once; the addresses of a name are checked for each connection."""
        if self._base is None:
            path = urlsplit(self.base_url).path.rstrip("/")
            self._base = self._origin(self.base_url) + _escaped(path, _PATH_MARKS)
        return self._base

    def _url(self, path: str, params: Mapping[str, str] | None) -> str:
        url = f"{self._checked_base()}/{_escaped(path.lstrip('/'), _PATH_MARKS)}"
        return f"{url}?{urlencode(params, quote_via=quote)}" if params else url

    async def _ask(
        self, method: str, url: str, headers: Mapping[str, str] | None, body: bytes | None = None
    ) -> Answer:
        # Names in small letters, so that ours give way to those that are given.
        named = {name.lower(): value for name, value in (headers or {}).items()}
        try:
            request = httpx.Request(method, url, headers={**_HEADERS, **named}, content=body)
            async with asyncio.timeout(self.timeout_s):
                return await self._exchange(url, request)
        except TimeoutError:
            raise SourceError(
                ErrorKind.UNAVAILABLE, f"the source did not answer within {self.timeout_s:g} s"
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError, OSError) as error:
            raise _transport_error(error) from None

    async def _exchange(self, url: str, request: httpx.Request) -> Answer:
        transport = self._transport or await self._open()
        response = await transport.handle_async_request(request)
        try:
            if 300 <= response.status_code < 400:
                raise SourceError(
                    ErrorKind.BAD_CONFIG,
                    "the source redirects to another address, which is not followed:"
                    " set base_url to the final address",
                )
            body = await self._body(response)
        finally:
            # An answer half read closes its connection.
            await response.aclose()
        return Answer(url, response.status_code, response.headers, body, request.method)

    async def _body(self, response: httpx.Response) -> bytes:
        """Read and decompress, never holding more than `max_bytes`."""
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in {"identity", "gzip", "x-gzip", ""}:
            raise SourceError(ErrorKind.BAD_DATA, "the answer is compressed in an unknown way")
        unzip = zlib.decompressobj(wbits=31) if "gzip" in encoding else None
        parts: list[bytes] = []
        room = self.max_bytes
        async for chunk in response.aiter_raw():
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

    async def _open(self) -> AiohttpTransport:
        try:
            # Without https nothing is trusted, so that no connection can come to need it.
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            if self._tls is not None:
                # A request that is given up must not take the settings from the next.
                tls = await asyncio.shield(asyncio.wrap_future(self._tls))
        except (OSError, ssl.SSLError):
            raise SourceError(ErrorKind.BAD_CONFIG, "ca_file cannot be read as PEM") from None
        # Another request may have opened it meanwhile.
        if self._transport is None:
            connector = aiohttp.TCPConnector(
                resolver=_GuardedResolver(self.lookup, allow_private=self.allow_private_network),
                limit=self.max_connections,
                ssl=tls,
                keepalive_timeout=60,
            )
            # Proxies of the environment would connect in our place, past the guard.
            session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                trace_configs=[_connect_times()] if trace.is_heard() else None,
            )
            self._transport = AiohttpTransport(verify=tls, trust_env=False, client=session)
        return self._transport


def _connect_times() -> aiohttp.TraceConfig:
    """Tell who tries the connector out how long it took to connect (name, TCP, TLS)."""
    times = aiohttp.TraceConfig()

    async def begin(_session: Any, here: Any, _params: Any) -> None:
        here.began = perf_counter()

    async def end(_session: Any, here: Any, _params: Any) -> None:
        trace.tell(trace.TraceEntry("connect", "connected", trace.since(here.began)))

    times.on_connection_create_start.append(begin)
    times.on_connection_create_end.append(end)
    return times


def _escaped(text: str, marks: str) -> str:
    """Escape what may not stand in a URL; escapes that are there already stay as they are."""
    # Bytes of a header that are no UTF-8 are such surrogates.
    return _STRAY_PERCENT.sub("%25", quote(text, safe=marks, errors="surrogateescape"))


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
    elif any(isinstance(e, httpx.InvalidURL | aiohttp.InvalidURL) for e in chain):
        return SourceError(ErrorKind.BAD_CONFIG, "the address asked for is not a valid URL")
    else:
        text = "the connection to the source failed or broke off"
    return SourceError(ErrorKind.UNAVAILABLE, text)
