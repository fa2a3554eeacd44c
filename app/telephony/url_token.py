"""A token in the webhook's address (`?token=…`), for providers that sign nothing."""

from __future__ import annotations

from urllib.parse import quote, urlsplit, urlunsplit

from app.telephony.base import HookRequest, NotUnderstood
from app.telephony.body import form_fields


def token_in(request: HookRequest) -> str | None:
    """Return the token of the address, None without one or with a query that cannot be read."""
    try:
        query = dict(form_fields(request.query.encode("utf-8", "surrogateescape")))
    except NotUnderstood:
        return None
    return query.get("token") or None


def with_token(url: str, token: str) -> str:
    """Add the token to an address, keeping the query it has."""
    address = urlsplit(url)
    given = f"token={quote(token, safe='')}"
    return urlunsplit(
        address._replace(query=f"{address.query}&{given}" if address.query else given)
    )
