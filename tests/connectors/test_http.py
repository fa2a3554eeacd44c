"""The guarded HTTP client, against servers that behave and servers that do not."""

from __future__ import annotations

import asyncio
import gzip
import re
import ssl
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import connectors
from connectors.sdk.address import check_address, check_origin
from connectors.sdk.answers import Answer, read_json
from connectors.sdk.http import HttpClient
from connectors.sdk.types import ErrorKind, SourceError
from tests.connectors.web import Request, WebServer, reply, web_server


@pytest.fixture
async def web() -> AsyncIterator[WebServer]:
    async with web_server() as server:
        yield server


async def get(url: str, path: str = "/", **options: Any) -> Answer:
    client = HttpClient(url, **{"allow_private_network": True, **options})
    try:
        return await client.get(path)
    finally:
        await client.aclose()


async def failure(url: str, path: str = "/", **options: Any) -> SourceError:
    with pytest.raises(SourceError) as caught:
        await get(url, path, **options)
    return caught.value


def test_only_the_guarded_client_imports_an_http_library() -> None:
    names = r"httpx|httpx_aiohttp|aiohttp|requests|urllib3|urllib\.request|http\.client"
    library = re.compile(rf"^\s*(?:import|from) (?:{names})\b", re.MULTILINE)
    folder = Path(connectors.__file__).parent
    users = {path.name for path in folder.rglob("*.py") if library.search(path.read_text("utf-8"))}
    assert users == {"http.py"}


async def test_one_connection_serves_many_requests(web: WebServer) -> None:
    web.answers["/"] = reply({"a": 1})
    client = HttpClient(web.url, allow_private_network=True)
    for _ in range(5):
        assert (await client.get("/")).body == b'{"a": 1}'
    await client.aclose()
    assert len(web.requests) == 5
    assert web.connections == 1


async def test_paths_are_below_the_base_url_and_keep_their_encoding(web: WebServer) -> None:
    web.answers["/api/c/A%2FB%20%2B%25"] = reply({})
    client = HttpClient(web.url + "/api/", allow_private_network=True)
    answer = await client.get("c/A%2FB%20%2B%25", {"phone": "+44 20&x=1"}, {"X-Key": "k"})
    await client.aclose()
    assert answer.status == 200
    assert web.requests[0].query == {"phone": "+44 20&x=1"}
    assert web.requests[0].headers["x-key"] == "k"


async def test_what_may_not_stand_in_a_url_is_escaped_and_escapes_stay(web: WebServer) -> None:
    client = HttpClient(web.url + "/ü/", allow_private_network=True)
    await client.get("100%/c?#%2f", {"q": "a+b%2F ü"})
    await client.aclose()
    assert web.requests[0].target == "/%C3%BC/100%25/c%3F%23%2F?q=a%2Bb%252F%20%C3%BC"


async def test_cookies_are_not_given_back(web: WebServer) -> None:
    web.answers["/"] = reply({}, set_cookie="session=1")
    client = HttpClient(web.url, allow_private_network=True)
    for _ in range(2):
        await client.get("/")
    await client.aclose()
    assert all("cookie" not in request.headers for request in web.requests)


async def test_a_header_given_twice_is_joined_and_one_that_is_no_text_can_be_followed(
    web: WebServer,
) -> None:
    async def answer(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nLink: <a>; rel=up\r\nlink: </\xff>; rel=next\r\n")
        writer.write(b"content-length: 0\r\n\r\n")

    web.answers["/"] = answer
    client = HttpClient(web.url, allow_private_network=True)
    first = await client.get("/")
    assert first.headers["link"].startswith("<a>; rel=up, </")
    link = first.headers["link"].split("<")[2].split(">")[0]
    assert (await client.follow(first, link)).status == 404
    await client.aclose()
    assert web.requests[1].target == "/%C3%BF"


async def test_a_compressed_answer_is_read(web: WebServer) -> None:
    web.answers["/"] = reply(gzip.compress(b'{"a": 1.10}'), content_encoding="gzip")
    assert await read_json(await get(web.url)) == {"a": Decimal("1.10")}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (reply(b"x" * 3_000_000), "larger than 1 MiB"),
        (reply(gzip.compress(b"\0" * 500_000_000, 9), content_encoding="gzip"), "larger than"),
        (reply(b"not gzip", content_encoding="gzip"), "damaged"),
        (reply(gzip.compress(b"{}" * 9_000)[:-20], content_encoding="gzip"), "ends too early"),
        (reply(b"x", content_encoding="br"), "unknown way"),
    ],
    ids=["huge", "gzip-bomb", "no-gzip", "cut-gzip", "brotli"],
)
async def test_an_answer_too_large_or_damaged_is_refused(
    web: WebServer, answer: bytes, said: str
) -> None:
    web.answers["/"] = answer
    error = await failure(web.url, max_bytes=1024 * 1024)
    assert error.kind == ErrorKind.BAD_DATA
    assert said in error.text


async def test_an_endless_answer_is_cut_at_the_limit(web: WebServer) -> None:
    async def endless(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")
            await writer.drain()

    web.answers["/"] = endless
    error = await failure(web.url, max_bytes=1024 * 1024)
    assert error.kind == ErrorKind.BAD_DATA


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"])
async def test_a_silent_server_costs_no_more_than_the_timeout(web: WebServer, start: bytes) -> None:
    async def silent(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        await asyncio.Event().wait()

    web.answers["/"] = silent
    began = time.monotonic()
    error = await failure(web.url, timeout_s=0.2)
    assert error.kind == ErrorKind.UNAVAILABLE
    assert "0.2 s" in error.text
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    "raw",
    [b"", b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{", b"\0" * 99_999],
)
async def test_a_server_that_speaks_no_http_is_unavailable(web: WebServer, raw: bytes) -> None:
    async def broken(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        writer.close()

    web.answers["/"] = broken
    assert (await failure(web.url)).kind == ErrorKind.UNAVAILABLE


async def test_a_redirect_is_not_followed(web: WebServer) -> None:
    web.answers["/"] = reply({}, 302, location="http://169.254.169.254/latest/meta-data")
    error = await failure(web.url)
    assert error.kind == ErrorKind.BAD_CONFIG
    assert "set base_url to the final address" in error.text
    assert "169.254" not in error.text
    assert len(web.requests) == 1


async def test_a_link_to_another_host_is_not_followed(web: WebServer) -> None:
    web.answers["/"] = reply({})
    client = HttpClient(web.url, allow_private_network=True)
    answer = await client.get("/")
    for link in ("http://127.0.0.2/x", "//other.example/x", "https://127.0.0.1/", "file:///etc"):
        with pytest.raises(SourceError):
            await client.follow(answer, link)
    assert (await client.follow(answer, "?page=2")).status == 200
    await client.aclose()
    assert web.requests[-1].target == "/?page=2"


async def test_a_closed_port_and_an_unknown_host_say_what_to_check() -> None:
    async with web_server() as web:
        url = web.url
    assert "host and port" in (await failure(url)).text
    error = await failure("https://no-such-host.invalid")
    assert error.kind == ErrorKind.UNAVAILABLE
    assert "host name" in error.text


def resolving_to(*addresses: str) -> Any:
    async def lookup(_host: str, _port: int) -> list[str]:
        return list(addresses)

    return lookup


@pytest.mark.parametrize(
    "addresses", [("127.0.0.1",), ("93.184.216.34", "10.0.0.1"), ("::ffff:127.0.0.1",)]
)
async def test_a_public_name_with_a_private_address_is_refused(
    addresses: tuple[str, ...],
) -> None:
    error = await failure(
        "https://shop.example", allow_private_network=False, lookup=resolving_to(*addresses)
    )
    assert error.kind == ErrorKind.BAD_CONFIG
    assert "allow_private_network: true" in error.text


async def test_a_name_that_resolves_to_the_metadata_service_is_refused_even_inside() -> None:
    error = await failure("http://meta.example", lookup=resolving_to("169.254.169.254"))
    assert error.kind == ErrorKind.BAD_CONFIG


async def test_the_checked_address_is_the_one_connected_to(web: WebServer) -> None:
    web.answers["/"] = reply({})
    lookups = []

    async def rebinding(_host: str, _port: int) -> list[str]:
        lookups.append(1)
        return ["127.0.0.1"] if len(lookups) == 1 else ["169.254.169.254"]

    answer = await get(f"http://shop.example:{web.port}", lookup=rebinding)
    assert answer.status == 200
    assert web.requests[0].headers["host"] == f"shop.example:{web.port}"
    assert len(lookups) == 1


PRIVATE = [
    "http://127.0.0.1", "https://127.0.0.1", "https://10.1.2.3", "https://192.168.1.1",
    "https://172.16.0.1", "https://100.64.0.1", "https://[::1]", "https://[fc00::1]",
    "https://[::ffff:10.0.0.1]", "https://[::ffff:7f00:1]", "https://[64:ff9b::7f00:1]",
    "https://[2002:7f00:1::]", "https://127.0.0.1.", "https://198.18.0.1",
]  # fmt: skip
NEVER = [
    "https://169.254.169.254", "https://169.254.169.254.", "https://[fe80::1]",
    "https://[fe80::1%25eth0]", "https://[fd00:ec2::254]", "https://[::ffff:169.254.169.254]",
    "https://[::ffff:a9fe:a9fe]", "https://[64:ff9b::a9fe:a9fe]", "https://[2002:a9fe:a9fe::]",
    "https://0.0.0.0", "https://[::]", "https://224.0.0.1", "https://255.255.255.255",
    "https://100.100.100.200", "https://168.63.129.16", "https://[fd20:ce::254]",
    "https://0", "https://127.1", "https://2130706433", "https://0x7f000001",
    "https://0177.0.0.1", "https://0x7f.0.0.1", "https://127.0.0.01", "https://1.2.3.4.5",
    "https://１２７.0.0.1", "https://ⓛocalhost", "https://127。0。0。1",
    "https://user:pass@10.0.0.1", "https://10.0.0.1:99999", "https://", "https:///x",
    "ftp://10.0.0.1", "file:///etc/passwd", "gopher://10.0.0.1", "10.0.0.1", "",
    "https://exa mple.com", "https://example.com\\@10.0.0.1", "https://a..b", "https://-a.com",
    "https://example.com\r\nHost: x", "https://[::1", "https://[nonsense]", "javascript:alert(1)",
]  # fmt: skip


@pytest.mark.parametrize("url", PRIVATE)
def test_private_addresses_need_the_admins_word(url: str) -> None:
    with pytest.raises(SourceError) as caught:
        check_origin(url, allow_private=False)
    assert "allow_private_network: true" in caught.value.text
    check_origin(url, allow_private=True)


@pytest.mark.parametrize("url", NEVER)
def test_metadata_services_and_odd_spellings_are_never_reached(url: str) -> None:
    for allow in (True, False):
        with pytest.raises(SourceError) as caught:
            check_origin(url, allow_private=allow)
        assert caught.value.kind == ErrorKind.BAD_CONFIG


@pytest.mark.parametrize(
    "url", ["https://example.com", "https://example.com.:8443/x", "https://1.1.1.1",
            "https://[2606:4700::1111]", "https://xn--bcher-kva.example", "https://a_b.example"]
)  # fmt: skip
def test_public_addresses_are_open(url: str) -> None:
    check_origin(url, allow_private=False)


def test_plain_http_is_for_the_own_network_only() -> None:
    with pytest.raises(SourceError, match="not encrypted"):
        check_origin("http://example.com", allow_private=False)


def test_an_address_with_a_zone_is_judged_without_it() -> None:
    with pytest.raises(SourceError):
        check_address("fe80::1%eth0", allow_private=True)


def certificate(folder: Path, name: str, valid_days: int) -> tuple[Path, ssl.SSLContext]:
    """Return a self-signed certificate for a name, and a server's TLS settings with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    alternatives: list[x509.GeneralName] = (
        [x509.IPAddress(ip_address(name))] if name[0].isdigit() else [x509.DNSName(name)]
    )
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=30))
        .not_valid_after(now + timedelta(days=valid_days))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "ca.pem", folder / "key.pem"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(public, private)
    return public, server


async def test_a_file_that_is_no_certificate_is_named_as_the_fault(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("not a certificate")
    for ca_file in (tmp_path / "ca.pem", tmp_path / "absent.pem"):
        error = await failure("https://shop.example", ca_file=ca_file)
        assert error.kind == ErrorKind.BAD_CONFIG
        assert "ca_file" in error.text


async def test_a_server_with_a_certificate_of_the_named_authority_is_trusted(
    tmp_path: Path,
) -> None:
    public, tls = certificate(tmp_path, "shop.example", 1)
    async with web_server(tls) as web:
        web.answers["/"] = reply({})
        url = f"https://shop.example:{web.port}"
        lookup = resolving_to("127.0.0.1")
        assert (await get(url, ca_file=public, lookup=lookup)).status == 200
        assert "certificate" in (await failure(url, lookup=lookup)).text


@pytest.mark.parametrize(("name", "days"), [("other.example", 1), ("shop.example", -1)])
async def test_a_certificate_of_another_host_or_expired_is_refused(
    tmp_path: Path, name: str, days: int
) -> None:
    public, tls = certificate(tmp_path, name, days)
    async with web_server(tls) as web:
        error = await failure(
            f"https://shop.example:{web.port}", ca_file=public, lookup=resolving_to("127.0.0.1")
        )
    assert error.kind == ErrorKind.UNAVAILABLE
    assert "certificate" in error.text
