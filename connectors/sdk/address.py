"""Which network addresses a connector may reach. Pure.

An admin may point a source at the company's own network on purpose; nobody may point one at the
metadata service of a cloud, which gives away its credentials.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from connectors.sdk.types import ErrorKind, SourceError

Address = IPv4Address | IPv6Address

# Link-local holds the metadata service of most clouds; the others are those of single clouds.
_NEVER = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "169.254.0.0/16",
        "100.100.100.200/32",
        "168.63.129.16/32",
        "192.0.0.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/128",
        "fe80::/10",
        "fec0::/10",
        "fd00:ec2::/32",
        "fd20:ce::/32",
        "ff00::/8",
    )
)
_NAT64 = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
# A last label that starts like a number is read as an address by some, as a name by others.
_NUMBER = re.compile(r"0x[0-9a-f]*|\d+")


def _refused(text: str) -> SourceError:
    return SourceError(ErrorKind.BAD_CONFIG, text)


def check_address(address: str, *, allow_private: bool) -> None:
    """Refuse an address that a source may not have.

    Raises:
        SourceError: BAD_CONFIG, with the cure where there is one.
    """
    # A zone (`fe80::1%eth0`) says where, not what.
    parsed = ip_address(address.split("%", 1)[0])
    for meant in (parsed, *_embedded(parsed)):
        if any(meant in network for network in _NEVER if network.version == meant.version):
            raise _refused(f"{address} is an address that a source can never have")
        if not meant.is_global and not allow_private:
            raise _refused(
                f"{address} is a private address: for a server in the own network, set"
                " allow_private_network: true (“Server in the own network”)"
            )


def _embedded(address: Address) -> list[Address]:
    """Return the IPv4 addresses that an IPv6 address is a cover for."""
    if isinstance(address, IPv4Address):
        return []
    found: list[Address | None] = [address.ipv4_mapped, address.sixtofour]
    found += address.teredo or ()
    low = IPv4Address(int(address) & 0xFFFFFFFF)
    # ::a.b.c.d is obsolete, but some systems still connect to it.
    compatible = int(address) >> 32 == 0 and int(address) > 1
    if compatible or any(address in network for network in _NAT64):
        found.append(low)
    return [meant for meant in found if meant is not None]


def check_origin(url: str, *, allow_private: bool) -> str:
    """Check the scheme and host of a base URL and return `scheme://host[:port]`.

    Raises:
        SourceError: BAD_CONFIG, in words for the admin.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise _refused("the URL cannot be read: write it as https://host/path") from None
    if parts.scheme not in {"http", "https"} or not host:
        raise _refused("the URL must start with https:// and name a host")
    if re.search(r"[\s\\\x00-\x1f\x7f]", url):
        raise _refused("the URL holds a space, a backslash or a control character")
    if "@" in parts.netloc:
        raise _refused("the URL holds a user name: give it under auth instead")
    if parts.scheme == "http" and not allow_private:
        raise _refused(
            "http is not encrypted: use https or, for a server in the own network, set"
            " allow_private_network: true (“Server in the own network”)"
        )
    name = _check_host(host, allow_private=allow_private)
    return f"{parts.scheme}://{name}" + (f":{port}" if port is not None else "")


def _check_host(host: str, *, allow_private: bool) -> str:
    if ":" in host:
        try:
            check_address(host, allow_private=allow_private)
        except ValueError:
            raise _refused("the host is not an address") from None
        return f"[{host}]"
    name = host.rstrip(".")
    labels = name.split(".")
    if not host.isascii() or not all(_LABEL.fullmatch(label) for label in labels):
        raise _refused("the host is not a plain name: write other letters in their xn-- form")
    if not _NUMBER.fullmatch(labels[-1]):
        return name
    try:
        plain = str(IPv4Address(name))
    except ValueError:
        raise _refused(
            "the host looks like an address: write it as four decimal numbers, 10.1.2.3"
        ) from None
    check_address(plain, allow_private=allow_private)
    return plain
