"""A link to a directory (LDAP): guarded, encrypted, signed in. Blocks: to be used in a thread.

The only module that opens LDAP connections. ldap3 speaks the protocol; the address and the
certificate are checked here, as it checks less.
"""

from __future__ import annotations

import socket
import ssl
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from connectors.sdk.address import check_address
from connectors.sdk.types import ErrorKind, SourceError

with warnings.catch_warnings():
    # ldap3 2.9 uses names that pyasn1 0.6 calls deprecated.
    warnings.simplefilter("ignore", DeprecationWarning)
    import ldap3
    from ldap3.core import exceptions as faults
    from ldap3.operation.search import parse_filter

Entry = Mapping[str, list[bytes]]
_PAGED = "1.2.840.113556.1.4.319"


def check_filter(text: str) -> None:
    """Refuse what is no LDAP filter (RFC 4515).

    Raises:
        ValueError: in words for the admin.
    """
    try:
        parse_filter(text, None, True, None, None, False)  # type: ignore[no-untyped-call]
    except faults.LDAPException:
        raise ValueError("must be an LDAP filter such as (objectClass=person)") from None


class _VerifiedTls(ldap3.Tls):
    """TLS checked by Python against the host's name, though an address is connected to."""

    def __init__(self, host: str, ca_file: Path | None) -> None:
        super().__init__(validate=ssl.CERT_REQUIRED)
        self._host = host
        self._context = ssl.create_default_context()
        if ca_file is not None:
            self._context.load_verify_locations(ca_file)

    def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:  # noqa: ARG002
        """Take the place of ldap3's own wrapping, which checks less."""
        connection.socket = self._context.wrap_socket(connection.socket, server_hostname=self._host)


@dataclass(frozen=True, slots=True)
class Page:
    """Some entries, each a DN and its attributes with names in small letters.

    `cookie` asks for the next page, None after the last.
    """

    entries: Sequence[tuple[str, Entry]]
    cookie: bytes | None


class Link:
    """An open connection, signed in."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    @property
    def channel(self) -> str:
        """Say how it is encrypted, `TLSv1.3`, or that it is not."""
        used = self._connection.socket
        return str(used.version()) if isinstance(used, ssl.SSLSocket) else "not encrypted"

    def search(
        self, base: str, wanted: str, attributes: Sequence[str], size: int, cookie: bytes | None
    ) -> Page:
        """Read a page of the entries below `base` that match the filter `wanted`.

        Raises:
            SourceError: the directory refused, or did not answer.
        """
        link = self._connection
        try:
            link.search(
                base,
                wanted,
                search_scope=ldap3.SUBTREE,
                attributes=list(attributes),
                paged_size=size,
                paged_cookie=cookie,
            )
        except faults.LDAPException as error:
            raise source_error(error) from None
        # ldap3 raises nothing for a list that was cut, nor for one that is elsewhere.
        if link.result["result"] != 0:
            raise source_error(faults.LDAPOperationResult(result=link.result["result"]))
        control = (link.result.get("controls") or {}).get(_PAGED, {})
        entries = [
            (found["dn"], {k.lower(): v for k, v in found["raw_attributes"].items()})
            for found in link.response or ()
            if found.get("type") == "searchResEntry"
        ]
        return Page(entries, control.get("value", {}).get("cookie") or None)

    def close(self) -> None:
        """Sign out and close."""
        with suppress(faults.LDAPException, OSError):
            self._connection.unbind()
        # ldap3 leaves a socket open that never came to be connected.
        if self._connection.socket is not None:
            self._connection.socket.close()


@dataclass(frozen=True, slots=True)
class Directory:
    """Where a directory is and who we are there. An empty `bind_dn` is anonymous."""

    url: str
    bind_dn: str
    password: SecretStr
    start_tls: bool
    ca_file: Path | None
    allow_private_network: bool
    timeout_s: int

    def open(self) -> Link:
        """Connect to an address of the host that may be reached, encrypt and sign in.

        Raises:
            SourceError: refused, unreachable, not trusted, or the account is not accepted.
        """
        parts = urlsplit(self.url)
        secure = parts.scheme == "ldaps"
        host, port = parts.hostname or "", parts.port or (636 if secure else 389)
        tls = self._tls(host) if secure or self.start_tls else None
        problem = SourceError(ErrorKind.UNAVAILABLE, "the host of the directory has no address")
        for address in self._addresses(host, port):
            server = ldap3.Server(
                address,
                port=port,
                use_ssl=secure,
                tls=tls,
                get_info=ldap3.NONE,
                connect_timeout=self.timeout_s,
            )
            try:
                return self._sign_in(server)
            except faults.LDAPSocketOpenError as error:
                problem = source_error(error)
            except faults.LDAPException as error:
                raise source_error(error) from None
        raise problem

    def _sign_in(self, server: Any) -> Link:
        connection = ldap3.Connection(
            server,
            user=self.bind_dn or None,
            password=self.password.get_secret_value() or None,
            authentication=ldap3.SIMPLE if self.bind_dn else ldap3.ANONYMOUS,
            read_only=True,
            raise_exceptions=True,
            check_names=False,
            # A referral would carry our password to another server.
            auto_referrals=False,
            receive_timeout=self.timeout_s,
        )
        link = Link(connection)
        try:
            connection.open(read_server_info=False)
            if self.start_tls and not server.ssl:
                connection.start_tls(read_server_info=False)
            connection.bind(read_server_info=False)
        except BaseException:
            link.close()
            raise
        return link

    def _tls(self, host: str) -> _VerifiedTls:
        try:
            return _VerifiedTls(host, self.ca_file)
        except (OSError, ssl.SSLError):
            raise SourceError(ErrorKind.BAD_CONFIG, "ca_file cannot be read as PEM") from None

    def _addresses(self, host: str, port: int) -> list[str]:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError:
            raise SourceError(
                ErrorKind.UNAVAILABLE, "the host name of the directory is not known: check url"
            ) from None
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        for address in addresses:
            check_address(address, allow_private=self.allow_private_network)
        return addresses


# What Active Directory says beside "invalid credentials" (its sub-codes).
_ACCOUNT = {
    "data 532": "the account's password has expired: set a new one",
    "data 533": "the account is disabled",
    "data 701": "the account has expired",
    "data 773": "the account must change its password first",
    "data 775": "the account is locked",
}
_Kind = type[Exception]
_MEANINGS: tuple[tuple[tuple[_Kind, ...], ErrorKind, str], ...] = (
    ((faults.LDAPInvalidCredentialsResult,), ErrorKind.AUTH_EXPIRED,
     "the directory does not accept bind_dn and password"),
    ((faults.LDAPInappropriateAuthenticationResult, faults.LDAPAuthMethodNotSupportedResult),
     ErrorKind.AUTH_EXPIRED, "the directory wants an account: set bind_dn and password"),
    ((faults.LDAPInsufficientAccessRightsResult,), ErrorKind.AUTH_DENIED,
     "the account may not read below base_dn: give it the right"),
    ((faults.LDAPConfidentialityRequiredResult, faults.LDAPStrongerAuthRequiredResult),
     ErrorKind.BAD_CONFIG, "the directory wants encryption: use ldaps:// or start_tls"),
    ((faults.LDAPNoSuchObjectResult, faults.LDAPReferralResult), ErrorKind.BAD_CONFIG,
     "base_dn is not in this directory, or the account may not see it"),
    ((faults.LDAPInvalidDNSyntaxResult, faults.LDAPInvalidDnError), ErrorKind.BAD_CONFIG,
     "base_dn or bind_dn is not written as a DN: ou=people,dc=example,dc=com"),
    ((faults.LDAPSizeLimitExceededResult, faults.LDAPAdminLimitExceededResult),
     ErrorKind.BAD_CONFIG, "the directory does not hand out so many entries to this account:"
     " raise its limit for paged searches, or narrow base_dn or person_filter"),
    ((faults.LDAPTimeLimitExceededResult, faults.LDAPBusyResult, faults.LDAPUnavailableResult),
     ErrorKind.UNAVAILABLE, "the directory is too busy to answer"),
    ((faults.LDAPStartTLSError, faults.LDAPProtocolErrorResult), ErrorKind.BAD_CONFIG,
     "the directory does not speak StartTLS at this port: use ldaps:// or another port"),
)  # fmt: skip


def source_error(error: Exception) -> SourceError:
    """Say what a fault means; the directory's own words are not repeated."""
    said = str(getattr(error, "message", "") or "")
    for mark, text in _ACCOUNT.items():
        if isinstance(error, faults.LDAPInvalidCredentialsResult) and mark in said:
            return SourceError(ErrorKind.AUTH_EXPIRED, text)
    words = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in words or "certificate" in words.lower():
        return SourceError(
            ErrorKind.UNAVAILABLE,
            "the TLS certificate of the directory is not trusted, expired or of another host:"
            " renew it, or name your own authority in ca_file",
        )
    for kinds, kind, text in _MEANINGS:
        if isinstance(error, kinds):
            return SourceError(kind, text)
    if isinstance(error, faults.LDAPSocketOpenError):
        text = "nothing answers at the directory's host and port: check url, and that it runs"
    elif isinstance(error, faults.LDAPOperationResult):
        return SourceError(ErrorKind.BAD_CONFIG, "the directory refuses the search: check filter")
    else:
        text = "the connection to the directory failed or broke off"
    return SourceError(ErrorKind.UNAVAILABLE, text)
