"""A directory (LDAP): the names of colleagues and suppliers behind their numbers.

ldap3 blocks, so each question runs in a thread, which its sockets' time limits end.
"""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import AsyncIterator, Awaitable
from typing import Any, ClassVar, TypeVar
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from connectors._ldap_directory import Directory, Entry, Link, Page, check_filter
from connectors.sdk.checks import failed_check
from connectors.sdk.connector import Capability, Connector, ConnectorConfig, ContactItem, Context
from connectors.sdk.contacts import contact
from connectors.sdk.phones import has_number, national_digits
from connectors.sdk.settings import CustomerUrl
from connectors.sdk.types import (
    Checkpoint,
    CheckResult,
    CheckStatus,
    ContactRow,
    ErrorKind,
    Number,
    SourceError,
)
from connectors.sdk.values import Row

T = TypeVar("T")
_PHONES = ["telephoneNumber", "mobile", "homePhone", "otherTelephone", "otherMobile"]
_ATTRIBUTE = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
# What is read beside the numbers; the first that has a value counts.
_FIELDS = {
    "display_name": ("displayName", "cn"),
    "company_name": ("o", "company"),
    "language": ("preferredLanguage",),
    "region": ("c",),
}
_OTHERS = ("entryUUID", "objectGUID", "mail", "department", "ou", "labeledURI")
_FOUND_AT_MOST = 50
# Fewer digits than this find half the directory.
_LAST_DIGITS = 8
_SAMPLE = 20


class LdapConfig(ConnectorConfig):
    """Settings of a directory."""

    url: str = Field(
        title="Address",
        description="ldaps://directory.example.com, or ldap:// with StartTLS; a port may follow.",
    )
    start_tls: bool = Field(
        True,
        title="StartTLS",
        description="Encrypt an ldap:// connection before anything is said on it.",
    )
    bind_dn: str = Field(
        "",
        title="Account",
        description="Who we are: cn=screenpop,dc=example,dc=com, or ada@example.com for Active"
        " Directory. Empty: anonymous.",
    )
    password: SecretStr = Field(
        SecretStr(""), title="Password", description="The account's password."
    )
    base_dn: str = Field(title="Base", description="Where people are: ou=people,dc=example,dc=com.")
    person_filter: str = Field(
        "(objectClass=person)", title="Filter", description="Which entries are people."
    )
    phone_attributes: list[str] = Field(
        default_factory=lambda: list(_PHONES),
        title="Attributes with numbers",
        description="A name with `mobile` in it is shown as a mobile number.",
        min_length=1,
        max_length=20,
    )
    tag: str = Field(
        "",
        title="Tag",
        description="Put on everybody found here, such as colleague or supplier.",
        max_length=40,
    )
    customer_url: CustomerUrl = ""
    page_size: int = Field(
        500, ge=1, le=1000, title="Page size", description="Entries asked for at once."
    )
    timeout_s: int = Field(
        10, ge=1, le=300, title="Timeout (s)", description="For each question to the directory."
    )
    allow_private_network: bool = Field(
        False,
        title="Server in the own network",
        description="Allow private addresses (10.…, 192.168.…, localhost) and no encryption.",
    )
    ca_file: str = Field(
        "",
        title="Certificate authority",
        description="PEM file in the data folder, for a server with your own certificates.",
    )

    @field_validator("phone_attributes")
    @classmethod
    def _attributes_are_names(cls, names: list[str]) -> list[str]:
        if not all(_ATTRIBUTE.fullmatch(name) for name in names):
            raise ValueError("an attribute is a name such as telephoneNumber")
        return names

    @field_validator("person_filter")
    @classmethod
    def _filter_can_be_read(cls, text: str) -> str:
        check_filter(text)
        return text

    @model_validator(mode="after")
    def _connection_is_safe(self) -> LdapConfig:
        parts = urlsplit(self.url)
        try:
            scheme, host, _ = parts.scheme, parts.hostname, parts.port
        except ValueError:
            raise ValueError("url: the port is not a number") from None
        if scheme not in {"ldap", "ldaps"} or not host or parts.path.strip("/") or "@" in self.url:
            raise ValueError("url must be ldaps://host or ldap://host, with no path behind it")
        if scheme == "ldap" and not self.start_tls and not self.allow_private_network:
            raise ValueError(
                "url: without TLS the password and all names can be read on the way: use ldaps://"
                " or start_tls, or set allow_private_network: true for a server of your own network"
            )
        if self.bind_dn and not self.password.get_secret_value():
            raise ValueError("password is missing: a directory takes an account without one for"
                             " anonymous")  # fmt: skip
        return self


class LdapConnector(Connector[LdapConfig]):
    """People of a directory, by name and number. It knows nothing of money or orders."""

    kind: ClassVar[str] = "ldap"
    title: ClassVar[str] = "Directory (LDAP)"
    summary: ClassVar[str] = "Names of colleagues and suppliers from LDAP or Active Directory."
    Config: ClassVar[type[Any]] = LdapConfig
    brings: ClassVar[frozenset[Capability]] = frozenset({"contacts", "find"})

    def __init__(self, config: LdapConfig, context: Context) -> None:
        super().__init__(config, context)
        self._directory = Directory(
            url=config.url,
            bind_dn=config.bind_dn,
            password=config.password,
            start_tls=config.start_tls,
            ca_file=context.data_dir / config.ca_file if config.ca_file else None,
            allow_private_network=config.allow_private_network,
            timeout_s=config.timeout_s,
        )
        self._attributes = [*config.phone_attributes, *_OTHERS]
        self._attributes += [name for names in _FIELDS.values() for name in names]
        has_phone = "".join(f"({name}=*)" for name in config.phone_attributes)
        self._everybody = f"(&{config.person_filter}(|{has_phone}))"

    @property
    def provides(self) -> frozenset[Capability]:
        """Contacts, and a search by number."""
        return frozenset({"contacts", "find"})

    async def contacts(self, since: str | None) -> AsyncIterator[ContactItem]:  # noqa: ARG002
        """Read everybody with a number, page by page: a directory does not tell deletions."""
        number = 0
        link = await self._opened()
        try:
            cookie: bytes | None = None
            while True:
                size = self.config.page_size
                page = await self._in_time(
                    asyncio.to_thread(self._page, link, self._everybody, size, cookie)
                )
                for dn, entry in page.entries:
                    number += 1
                    yield contact([self._row(dn, entry, number)], self.config.customer_url)
                cookie = page.cookie
                if not cookie:
                    break
        finally:
            await asyncio.shield(asyncio.to_thread(link.close))
        yield Checkpoint(None)

    async def find(self, number: Number) -> list[ContactRow]:
        """Search the last digits in any spelling, and keep those whose number is this one."""
        digits = national_digits(number)[-_LAST_DIGITS:]
        if not digits:
            return []
        # Digits only: nothing of the caller's text gets into the filter.
        spelled = "*" + "*".join(digits)
        names = self.config.phone_attributes
        anywhere = "".join(f"({name}={spelled}*)" for name in names)
        wanted = f"(&{self.config.person_filter}(|{anywhere}))"
        _, page = await self._in_time(asyncio.to_thread(self._once, wanted, _FOUND_AT_MOST))
        found = []
        for position, (dn, entry) in enumerate(page.entries, 1):
            item = contact([self._row(dn, entry, position)], self.config.customer_url)
            if isinstance(item, ContactRow) and has_number(
                (phone.raw for phone in item.phone_numbers),
                number,
                item.region or self.context.region,
            ):
                found.append(item)
        return found

    async def check(self) -> CheckResult:
        """Connect, sign in and read the first people."""
        try:
            channel, page = await self._in_time(
                asyncio.to_thread(self._once, self._everybody, _SAMPLE)
            )
        except SourceError as error:
            return failed_check(error)
        proved = [
            f"connected, {channel}",
            "signed in" if self.config.bind_dn else "anonymous access is allowed",
        ]
        rows = [self._row(dn, entry, n) for n, (dn, entry) in enumerate(page.entries, 1)]
        people = [item for row in rows if isinstance(item := contact([row]), ContactRow)]
        if not people:
            return CheckResult(
                CheckStatus.BAD_CONFIG,
                "nobody with a name and a number is below base_dn: check base_dn, person_filter,"
                " phone_attributes, and that the account may read them",
                tuple(proved),
            )
        most = " or more" if page.cookie else ""
        return CheckResult(
            CheckStatus.OK, "", (*proved, f"contacts: {len(people)}{most} people with a number")
        )

    def _row(self, dn: str, entry: Entry, number: int) -> Row:
        def texts(name: str) -> list[str]:
            return [value.decode("utf-8", "replace") for value in entry.get(name.lower(), ())]

        values: dict[str, Any] = {"remote_id": _identity(dn, entry), "phone": [], "mobile": []}
        for field, names in _FIELDS.items():
            values[field] = next((v for name in names for v in texts(name) if v.strip()), None)
        if len(values["region"] or "") != 2:
            values["region"] = None
        for name in self.config.phone_attributes:
            values["mobile" if "mobile" in name.lower() else "phone"] += texts(name)
        values["email"] = texts("mail")
        values["tags"] = [self.config.tag, *texts("department"), *texts("ou")]
        # "address label" (RFC 2079)
        values["remote_url"] = next((uri.split(" ")[0] for uri in texts("labeledURI")), None)
        return Row(values, number, "entry")

    async def _in_time(self, work: Awaitable[T]) -> T:
        limit = self.config.timeout_s * 2
        try:
            async with asyncio.timeout(limit):
                return await work
        except TimeoutError:
            raise SourceError(
                ErrorKind.UNAVAILABLE, f"the directory did not answer within {limit} s"
            ) from None

    async def _opened(self) -> Link:
        opening = asyncio.create_task(asyncio.to_thread(self._directory.open))
        try:
            return await self._in_time(asyncio.shield(opening))
        except BaseException:
            # Its thread goes on: what it still opens is closed.
            opening.add_done_callback(_close_unused)
            raise

    def _page(self, link: Link, wanted: str, size: int, cookie: bytes | None = None) -> Page:
        return link.search(self.config.base_dn, wanted, self._attributes, size, cookie)

    def _once(self, wanted: str, size: int) -> tuple[str, Page]:
        link = self._directory.open()
        try:
            return link.channel, self._page(link, wanted, size)
        finally:
            link.close()


def _identity(dn: str, entry: Entry) -> str:
    """Name an entry so that it may be moved: its UUID (RFC 4530, Active Directory), else its DN."""
    for text in entry.get("entryuuid", ()):
        return text.decode("ascii", "replace")
    for binary in entry.get("objectguid", ()):
        if len(binary) == 16:
            return str(uuid.UUID(bytes_le=binary))
    return dn


def _close_unused(opening: asyncio.Task[Link]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()
