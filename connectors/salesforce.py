"""Salesforce: accounts, contacts and leads, cases, orders or won opportunities, and products.

REST API, https://developer.salesforce.com/docs/platform/api-rest. What is owed is known only where
an accounting system writes it into fields of the account: their names are settings.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, ClassVar, Literal

from pydantic import Field, SecretStr, model_validator

from connectors._salesforce_api import Record, SalesforceApi, refuse_other_host
from connectors._salesforce_records import (
    CASES,
    ID,
    OBJECTS,
    SALES,
    case_of,
    contact_fields,
    contact_of,
    instant_of,
    order_of,
    page_of,
    product_of,
    products_soql,
    record_id,
    sales_soql,
    searchable,
)
from connectors.sdk.budget import Budget
from connectors.sdk.checks import failed_check
from connectors.sdk.connector import (
    ALL,
    Capability,
    CatalogueItem,
    Connector,
    ConnectorConfig,
    ContactItem,
    Context,
    PurchaseItem,
)
from connectors.sdk.grants import OAuthKind
from connectors.sdk.history import item, purchase
from connectors.sdk.oauth import ClientCredentials, CodeCredentials, token_http
from connectors.sdk.phones import has_number, national_digits
from connectors.sdk.sections import Origin, Reading, answer
from connectors.sdk.service import Service
from connectors.sdk.settings import Currency
from connectors.sdk.types import (
    Checkpoint,
    CheckResult,
    CheckStatus,
    ContactRow,
    CustomerRef,
    Empty,
    Found,
    Number,
    SectionName,
    SourceError,
)
from connectors.sdk.values import Row
from connectors.sdk.vendor import (
    AllowPrivateNetwork,
    MaxConcurrency,
    RequestsPerMinute,
    TimeoutMs,
    at,
    check_url,
    utc_text,
    vendor_http,
)

# Clocks differ, and a transaction may commit later than the time it bears.
_LAG = timedelta(minutes=5)
_FOUND_AT_MOST = 20
_MOST_ORDERS = 200


def _field_name(title: str, description: str) -> Any:
    return Field("", title=title, description=description, pattern=r"^([A-Za-z]\w{0,79})?$")


class SalesforceConfig(ConnectorConfig):
    """Settings of a Salesforce organisation."""

    base_url: str = Field(
        title="My Domain",
        description="The organisation's own address: https://acme.my.salesforce.com.",
    )
    sign_in: Literal["client_credentials", "code"] = Field(
        "client_credentials",
        title="Sign-in",
        description="client_credentials: the app runs as the user named in it. code: somebody"
        " connects it in the browser.",
    )
    client_id: str = Field(title="Consumer key", description="Of the connected app.")
    client_secret: SecretStr = Field(title="Consumer secret", description="Of the connected app.")
    organization_id: str = Field(
        "",
        title="Organisation id",
        description="00D…: if given, another organisation (a sandbox) is refused.",
        pattern=r"^(00D[A-Za-z0-9]{12,15})?$",
    )
    api_version: str = Field(
        "62.0", title="API version", description="Such as 62.0.", pattern=r"^\d{2,3}\.0$"
    )
    leads: bool = Field(True, title="Leads", description="Read leads that are not converted too.")
    person_accounts: bool = Field(
        False,
        title="Person accounts",
        description="Only where the organisation has switched them on.",
    )
    sales: Literal["orders", "opportunities", "none"] = Field(
        "orders", title="Purchases", description="What counts as a purchase."
    )
    external_id_field: str = _field_name(
        "Account number field", "Field of the account with its number in another system."
    )
    balance_field: str = _field_name("Balance field", "Field of the account with what is owed.")
    overdue_field: str = _field_name("Overdue field", "Field of the account, in the same currency.")
    credit_limit_field: str = _field_name("Credit limit field", "Field of the account.")
    payment_terms_field: str = _field_name("Payment terms field", "Field of the account.")
    on_hold_field: str = _field_name("On hold field", "Checkbox of the account.")
    currency: Currency = ""
    multi_currency: bool = Field(
        False,
        title="Several currencies",
        description="The organisation has switched on multiple currencies.",
    )
    requests_per_minute: RequestsPerMinute = 300
    max_concurrency: MaxConcurrency = 8
    timeout_ms: TimeoutMs = 10_000
    allow_private_network: AllowPrivateNetwork = False

    @model_validator(mode="after")
    def _settings_fit_together(self) -> SalesforceConfig:
        check_url("base_url", self.base_url, allow_private=self.allow_private_network)
        money = self.balance_field or self.credit_limit_field
        if money and not (self.currency or self.multi_currency):
            raise ValueError("currency: give the currency of the fields with money")
        if self.overdue_field and not self.balance_field:
            raise ValueError("overdue_field is shown with the balance: give balance_field too")
        return self


class SalesforceConnector(Connector[SalesforceConfig]):
    """A Salesforce organisation. A contact's money and orders are those of its account."""

    kind: ClassVar[str] = "salesforce"
    title: ClassVar[str] = "Salesforce"
    summary: ClassVar[str] = "Accounts, contacts, leads, cases and orders of Salesforce."
    Config: ClassVar[type[Any]] = SalesforceConfig
    brings: ClassVar[frozenset[Capability]] = ALL

    def __init__(self, config: SalesforceConfig, context: Context) -> None:
        super().__init__(config, context)
        kind = _oauth(config)
        http = token_http(
            kind.token_url,
            allow_private_network=config.allow_private_network,
            timeout_s=config.timeout_ms / 1000,
        )
        self._credentials: ClientCredentials | CodeCredentials
        if config.sign_in == "code":
            self._credentials = CodeCredentials(
                http, kind, config, context.grants, name=context.slug
            )
        else:
            self._credentials = ClientCredentials(
                http,
                kind.token_url,
                config.client_id,
                config.client_secret,
                token_auth="post",  # noqa: S106 - a manner, no secret
                keeps=kind.keeps,
            )
        budget = self.budget = Budget(config.requests_per_minute, config.max_concurrency)
        self._service = Service(vendor_http(config), self._credentials, budget)
        self._api = SalesforceApi(self._service, config.api_version, budget)
        self._objects = ["Account", "Contact", *(["Lead"] if config.leads else [])]
        self._sales = SALES.get(config.sales)

    @classmethod
    def oauth_kind(cls, config: SalesforceConfig) -> OAuthKind | None:
        """Return where somebody connects it, None when the app signs in by itself."""
        return _oauth(config) if config.sign_in == "code" else None

    @property
    def provides(self) -> frozenset[Capability]:
        """Money only from the fields that are named."""
        config = self.config
        terms = config.credit_limit_field or config.payment_terms_field or config.on_hold_field
        sales: list[Capability] = ["purchases", "history"] if self._sales else []
        money: list[Capability] = ["balance"] if config.balance_field else []
        money += ["credit_terms"] if terms else []
        return frozenset(("contacts", "find", "tickets", "catalogue", *sales, *money))

    async def contacts(self, since: str | None) -> AsyncIterator[ContactItem]:
        """Read all records by id, or those changed and deleted since.

        A cursor `2026-11-22T08:55:00Z` is a completed read, ` Contact 003…` behind it one under
        way. Deletions are seen while the record is in the recycle bin (15 days).
        """
        begun, name, after = (*(since or "").split(" "), "", "")[:3]
        delta = bool(begun) and not name
        started = utc_text(self.context.now() - _LAG) if delta or not begun else instant_of(begun)
        number = 0
        for each in self._objects[self._objects.index(name) if name in self._objects else 0 :]:
            where = f"SystemModstamp >= {instant_of(begun)}" if delta else "IsDeleted = false"
            if not delta and ID.fullmatch(after):
                where += f" AND Id > '{after}'"
            soql = f"SELECT {self._select(each)} FROM {each} WHERE {where} ORDER BY Id"  # noqa: S608 SOQL of names and checked values, binds nothing
            async for page in self._api.query_all(soql):
                for record in page:
                    number += 1
                    yield self._contact(each, record, number)
                if page and not delta:
                    yield Checkpoint(f"{started} {each} {record_id(page[-1])}")
            after = ""
        yield Checkpoint(started)

    def _select(self, name: str) -> str:
        own, person = self.config.external_id_field, self.config.person_accounts
        return ", ".join(contact_fields(name, own, person_accounts=person))

    def _contact(self, name: str, record: Record, number: int) -> ContactItem:
        return contact_of(name, record, self.config.base_url, self.config.external_id_field, number)

    async def find(self, number: Number) -> list[ContactRow]:
        """Search the phone fields of all objects, then keep those whose number is this one."""
        digits = national_digits(number)
        if not digits:
            return []
        # Digits only: SOSL has no way to bind a value.
        spellings = " OR ".join((digits, f"0{digits}", (number.e164 or "").removeprefix("+")))
        wanted = ", ".join(f"{name}({searchable(self._select(name))})" for name in self._objects)
        found = []
        sosl = f"FIND {{{spellings}}} IN PHONE FIELDS RETURNING {wanted} LIMIT {_FOUND_AT_MOST}"
        for record in await self._api.search(sosl):
            name = str(at(record, "attributes", "type"))
            made = self._contact(name, record, 1) if name in self._objects else None
            if isinstance(made, ContactRow) and has_number(
                (p.raw for p in made.phone_numbers), number, self.context.region
            ):
                found.append(made)
        return found

    async def fetch(self, section: SectionName, ref: CustomerRef) -> Found | Empty:
        """Read a section of an account, or of the account that a contact belongs to."""
        own_id, now = ref.remote_id, self.context.now()
        name = OBJECTS.get(own_id[:3])
        if name is None or not ID.fullmatch(own_id) or name == "Lead":
            return Empty(now)
        page = page_of(self.config.base_url, name, own_id)
        origin = Origin(
            self.context.slug, self.context.today(), now, self.config.currency or None, page
        )
        if section == "tickets":
            rows = await self._cases(name, own_id)
            return answer(section, Reading(rows), origin)
        account = f"= '{own_id}'"
        if name == "Contact":
            account = f"IN (SELECT AccountId FROM Contact WHERE Id = '{own_id}')"  # noqa: S608 an id of letters and digits
        if section == "purchases":
            found = await self._orders(f"AccountId {account}")
            more, found = len(found) > _MOST_ORDERS, found[:_MOST_ORDERS]
            lines = [lines for _, lines in found]
            return answer(section, Reading([row for row, _ in found], more, lines), origin)
        rows = await self._money(section, account)
        return answer(section, Reading(rows), origin)

    async def _cases(self, name: str, own_id: str) -> list[Row]:
        where = f"{name}Id = '{own_id}'"
        found = await self._api.query(
            f"{CASES} WHERE {where} ORDER BY LastModifiedDate DESC LIMIT 20"
        )
        base = self.config.base_url
        return [case_of(case, base, number) for number, case in enumerate(found, 1)]

    async def _money(self, section: SectionName, account: str) -> list[Row]:
        config = self.config
        columns = {
            "balance": {"balance": config.balance_field, "overdue_amount": config.overdue_field},
            "credit_terms": {
                "credit_limit": config.credit_limit_field,
                "credit_used": config.balance_field,
                "payment_terms": config.payment_terms_field,
                "on_hold": config.on_hold_field,
            },
        }[section]
        columns |= {"currency": "CurrencyIsoCode"} if config.multi_currency else {}
        fields = {column: field for column, field in columns.items() if field}
        names = ", ".join(dict.fromkeys(["Id", *fields.values()]))
        found = await self._api.query(f"SELECT {names} FROM Account WHERE Id {account}")  # noqa: S608 names of settings and a checked id
        rows = []
        for number, record in enumerate(found, 1):
            values = {column: self._api.value(record, field) for column, field in fields.items()}
            # An empty field says that nothing is known, which is not 0.
            if section != "balance" or values["balance"] is not None:
                rows.append(Row(values, number, "account"))
        return rows

    async def _orders(self, where: str) -> list[tuple[Row, list[Row]]]:
        sales = self._sales or SALES["orders"]
        where = f"{where} AND {sales.sold}"
        soql = sales_soql(sales, where, multi_currency=self.config.multi_currency)
        found = await self._api.query(f"{soql} ORDER BY {sales.day} DESC LIMIT {_MOST_ORDERS + 1}")
        return [order_of(sales, record, number) for number, record in enumerate(found, 1)]

    async def purchases(self, since: str | None) -> AsyncIterator[PurchaseItem]:
        """Read the orders (or won opportunities) of all accounts, or those changed since."""
        sales = self._sales or SALES["orders"]
        started = utc_text(self.context.now() - _LAG)
        where = f"IsDeleted = false AND {sales.sold}"
        if since:
            where = f"SystemModstamp >= {instant_of(since)}"
        where += " AND AccountId != null"
        soql = sales_soql(sales, where, multi_currency=self.config.multi_currency)
        number = 0
        async for page in self._api.query_all(f"{soql} ORDER BY Id"):
            for record in page:
                number += 1
                row, lines = order_of(sales, record, number)
                yield purchase([row], self.config.currency or None, lines)
        yield Checkpoint(started)

    async def catalogue(self, since: str | None) -> AsyncIterator[CatalogueItem]:  # noqa: ARG002
        """Read all products with their standard price; Salesforce counts no stock."""
        soql = products_soql(multi_currency=self.config.multi_currency)
        number = 0
        async for page in self._api.query_all(soql):
            for record in page:
                number += 1
                row = product_of(record, self.config.base_url, number)
                yield item(row, self.config.currency or None)
        yield Checkpoint(None)

    async def check(self) -> CheckResult:
        """Sign in, see which organisation it is, and read one record of each object used."""
        proved: list[str] = []
        what = "sign-in"
        try:
            instance = (await self._credentials.grant()).extra.get("instance_url", "")
            proved.append("signed in")
            refuse_other_host(self.config.base_url, instance)
            found = await self._api.query("SELECT Id FROM Organization")
            organisation = record_id(found[0]) if found else "unknown"
            if not organisation.startswith(self.config.organization_id[:15]):
                return CheckResult(
                    CheckStatus.BAD_CONFIG,
                    f"this is organisation {organisation}, not {self.config.organization_id}:"
                    " check base_url (a sandbox has its own), or mend organization_id",
                    tuple(proved),
                )
            proved.append(f"organisation {organisation}")
            for what in [*self._objects, "Case", "Product2"]:
                fields = self._select(what) if what in self._objects else "Id"
                found = await self._api.query(f"SELECT {fields} FROM {what} LIMIT 1")  # noqa: S608 our names
                proved.append(f"{what}: {len(found)} read")
            if self._sales:
                what = self._sales.name
                await self._orders("AccountId = '001000000000000'")
                proved.append(f"{what}: can be read")
            for section in ("balance", "credit_terms"):
                what = section
                if section in self.provides:
                    await self._money(section, "= '001000000000000'")
                    proved.append(f"{what}: the fields are there")
            what = "find"
            await self.find(Number("+12025550100", "+12025550100"))
            proved.append("find: the search answers")
        except SourceError as error:
            return failed_check(error, what, tuple(proved))
        return CheckResult(CheckStatus.OK, "", tuple(proved))

    async def aclose(self) -> None:
        """Close the pooled connections."""
        await self._service.aclose()


def _oauth(config: SalesforceConfig) -> OAuthKind:
    base = config.base_url.rstrip("/")
    return OAuthKind(
        f"{base}/services/oauth2/authorize",
        f"{base}/services/oauth2/token",
        ("api", "refresh_token"),
        token_auth="post",  # noqa: S106 - a manner, no secret
        keeps=("instance_url",),
    )
