"""What is asked of Shopify in GraphQL, and what its refusals and costs mean.

Admin API, https://shopify.dev/docs/api/admin-graphql. All values travel as variables.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

from connectors.sdk.answers import Answer
from connectors.sdk.budget import Budget
from connectors.sdk.oauth import ClientCredentials
from connectors.sdk.service import Service
from connectors.sdk.types import ErrorKind, SourceError
from connectors.sdk.vendor import at, records

Record = Mapping[str, Any]
_MONEY = "{ shopMoney { amount currencyCode } }"
_SCOPE = re.compile(r"\b(?:read|write)_[a-z_]{1,40}\b")

SHOP = """
query { shop { myshopifyDomain currencyCode ianaTimezone }
  currentAppInstallation { accessScopes { handle } } }
"""
CUSTOMERS = """
query($first: Int!, $after: String, $query: String) {
  customers(first: $first, after: $after, query: $query) {
    nodes {
      id displayName locale tags updatedAt
      defaultEmailAddress { emailAddress }
      defaultPhoneNumber { phoneNumber }
      defaultAddress { company countryCodeV2 }
      addresses(first: 5) { phone }
    }
    pageInfo { hasNextPage endCursor }
  }
}
"""
_LINES = """
lineItems(first: $lines, after: $after_line) {
  nodes { sku title currentQuantity variant { id }
    discountedUnitPriceSet MONEY discountedTotalSet MONEY }
  pageInfo { hasNextPage endCursor }
}
""".replace("MONEY", _MONEY)
_ORDER = f"""
id name test createdAt cancelledAt displayFinancialStatus displayFulfillmentStatus
currentTotalPriceSet {_MONEY}
"""
PURCHASES = f"""
query($id: ID!, $first: Int!, $lines: Int!, $after_line: String) {{
  customer(id: $id) {{
    numberOfOrders amountSpent {{ amount currencyCode }}
    orders(first: $first, sortKey: CREATED_AT, reverse: true) {{
      nodes {{ {_ORDER} {_LINES} }}
      pageInfo {{ hasNextPage }}
    }}
  }}
}}
"""
OUTSTANDING = f"""
query($id: ID!, $first: Int!, $query: String!) {{
  customer(id: $id) {{
    orders(first: $first, query: $query) {{
      nodes {{
        name test createdAt cancelledAt
        currentTotalPriceSet {_MONEY} totalOutstandingSet {_MONEY}
        paymentTerms {{ paymentSchedules(first: 10) {{ nodes {{ dueAt completedAt }} }} }}
      }}
      pageInfo {{ hasNextPage }}
    }}
  }}
}}
"""
HISTORY = f"""
query($first: Int!, $after: String, $query: String, $lines: Int!, $after_line: String) {{
  orders(first: $first, after: $after, query: $query, sortKey: UPDATED_AT) {{
    nodes {{ {_ORDER} customer {{ id }} {_LINES} }}
    pageInfo {{ hasNextPage endCursor }}
  }}
}}
"""
MORE_LINES = f"""
query($id: ID!, $lines: Int!, $after_line: String) {{ order(id: $id) {{ {_LINES} }} }}
"""
VARIANTS = """
query($first: Int!, $after: String) {
  productVariants(first: $first, after: $after) {
    nodes {
      id sku title price inventoryQuantity inventoryItem { tracked }
      product { id title productType status }
    }
    pageInfo { hasNextPage endCursor }
  }
}
"""


class ShopifyCredentials:
    """A token of the app's own account in the header that Shopify reads."""

    def __init__(self, tokens: ClientCredentials) -> None:
        self._tokens = tokens

    async def headers(self) -> Mapping[str, str]:
        """Return the access token, renewed when it is over (24 hours)."""
        return {"X-Shopify-Access-Token": (await self._tokens.grant()).access_token}

    async def renew(self, used: Mapping[str, str]) -> bool:
        """Get another token than the one that was refused."""
        refused = used.get("X-Shopify-Access-Token", "")
        return await self._tokens.renew({"Authorization": f"Bearer {refused}"})

    async def aclose(self) -> None:
        """Close the connection to the token endpoint."""
        await self._tokens.aclose()


class ShopifyApi:
    """A shop, asked through a service whose refusals and costs are read here."""

    def __init__(self, service: Service, version: str, budget: Budget) -> None:
        self._service = service
        self._path = f"/admin/api/{version}/graphql.json"
        self._budget = budget
        service.refused = self._refused

    async def ask(self, query: str, /, **variables: Any) -> Record:
        """Return the data of a query.

        Raises:
            SourceError: in plain words, holding nothing that Shopify wrote.
        """
        body = {"query": query, "variables": variables}
        document = (await self._service.post(self._path, json=body)).data
        data = document.get("data") if isinstance(document, Mapping) else None
        if not isinstance(data, Mapping):
            raise SourceError(
                ErrorKind.BAD_DATA, "Shopify's answer has no `data`: check base_url and api_version"
            )
        return data

    async def pages(
        self, query: str, name: str, after: str | None = None, /, **variables: Any
    ) -> AsyncIterator[tuple[list[Record], str | None]]:
        """Read a list page by page, each with where the next begins."""
        while True:
            data = await self.ask(query, after=after, **variables)
            found = nodes(data, name)
            after = next_page(data, name)
            yield found, after
            if after is None:
                return

    def _refused(self, answer: Answer, data: Any) -> SourceError | None:
        """Say what an error means: HTTP 401 and the like, or `errors` with HTTP 200."""
        document = data if isinstance(data, Mapping) else {}
        cost = at(document, "extensions", "cost") if answer.status == 200 else None
        wait = self._learn_cost(cost) if isinstance(cost, Mapping) else None
        if answer.status in _STATUS:
            return SourceError(*_STATUS[answer.status])
        errors = document.get("errors")
        if answer.status != 200 or not errors:
            return None
        first = errors[0] if isinstance(errors, list) and isinstance(errors[0], Mapping) else {}
        extensions = first.get("extensions")
        code = extensions.get("code") if isinstance(extensions, Mapping) else None
        if code == "THROTTLED":
            return SourceError(
                ErrorKind.RATE_LIMITED, "Shopify asks to be called less often", retry_after_s=wait
            )
        if code == "ACCESS_DENIED":
            scopes = ", ".join(dict.fromkeys(_SCOPE.findall(str(first)))) or "for customer data"
            return SourceError(
                ErrorKind.AUTH_DENIED,
                f"the app lacks the access scope {scopes}, or the approval for protected customer"
                " data: grant both and install the app again",
            )
        if code == "INTERNAL_SERVER_ERROR":
            return SourceError(ErrorKind.UNAVAILABLE, "Shopify has a fault of its own")
        return SourceError(
            ErrorKind.BAD_CONFIG, "Shopify does not understand the query: check api_version"
        )

    def _learn_cost(self, cost: Mapping[str, Any]) -> float:
        """Tell the budget how many such queries can be paid for; return the wait for one."""
        status = cost.get("throttleStatus")
        status = status if isinstance(status, Mapping) else {}
        asked = _number(cost.get("requestedQueryCost"), 1.0)
        left = _number(status.get("currentlyAvailable"), asked)
        restored = max(1.0, _number(status.get("restoreRate"), 50.0))
        wait = max(0.0, (asked - left) / restored)
        self._budget.told(int(left // max(1.0, asked)), wait or asked / restored, "cost")
        return wait


_STATUS = {
    401: (
        ErrorKind.AUTH_EXPIRED,
        "Shopify does not accept the access token: it was replaced, or is of another shop",
    ),
    402: (ErrorKind.AUTH_DENIED, "the shop is frozen: its bill has to be paid"),
    403: (ErrorKind.AUTH_DENIED, "the app may not use the API of this shop: install it again"),
    404: (
        ErrorKind.BAD_CONFIG,
        "there is no shop at this address, or no such version: check base_url and api_version",
    ),
    423: (ErrorKind.AUTH_DENIED, "Shopify has locked the shop"),
}


def _number(value: Any, otherwise: float) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return otherwise


def nodes(data: Record, *path: str) -> list[Record]:
    """Return the objects of a list (a connection).

    Raises:
        SourceError: BAD_DATA, there is no such list.
    """
    return records(at(data, *path), "nodes")


def next_page(data: Record, *path: str) -> str | None:
    """Return where the next page of a list begins, None after the last."""
    if at(data, *path, "pageInfo", "hasNextPage") is not True:
        return None
    after = at(data, *path, "pageInfo", "endCursor")
    return None if after is None else str(after)


def number_of(gid: Any) -> str:
    """Return the number at the end of an id such as gid://shopify/Customer/51.

    Raises:
        SourceError: BAD_DATA, it is no such id.
    """
    number = str(gid).rpartition("/")[2]
    if not isinstance(gid, str) or not (number.isascii() and number.isdecimal()):
        raise SourceError(ErrorKind.BAD_DATA, "a record of Shopify has no `id`")
    return number
