"""Connecting a connector by OAuth: a person says yes at the vendor, and comes back here."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Path, Request
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ValidationError

from app.api.deps import Admin, RuntimeDep
from app.api.security import Principal
from app.entries import Slug
from app.errors import AppError
from app.runtime import Runtime
from app.store import configuration
from app.store.grants import Begun, StoredGrants, disconnect, keep_request, take_request
from app.store.models import ConnectorRow
from app.store.source_models import OAuthGrant
from app.store.version import bump_config_version
from connectors import registry
from connectors.sdk.grants import ClientSettings, OAuthKind
from connectors.sdk.oauth import TokenEndpoint, authorize_url, exchange_code, token_http
from connectors.sdk.types import SourceError

router = APIRouter(prefix="/api/v1", tags=["connectors"])
log = structlog.get_logger("api")
SlugPath = Annotated[Slug, Path()]
_CALLBACK = "/api/v1/oauth/callback"
_LONGEST_VALUE = 4_096


class AuthorizeOut(BaseModel):
    """Where the vendor asks. `redirect_uri` has to be registered with the application there."""

    authorize_url: str
    redirect_uri: str
    expires_at: datetime


class AuthorisationOut(BaseModel):
    """How a connector's grant stands; `text` says what to do, if anything is.

    `state`: `connected`, `missing`, or `auth_expired` (since `refused_at`). `expires_at` is the
    access token's, which is renewed without anybody.
    """

    state: str
    text: str
    connected_at: datetime | None = None
    connected_by: str | None = None
    expires_at: datetime | None = None
    refused_at: datetime | None = None


class AuthorisationStateOut(AuthorisationOut):
    """The same, with the address to register at the vendor."""

    redirect_uri: str


def authorisation(
    row: ConnectorRow, settings: dict[str, Any], grant: OAuthGrant | None
) -> AuthorisationOut | None:
    """Say how a connector's grant stands; None when it needs none."""
    if _oauth_kind(row, settings) is None:
        return None
    if grant is None or grant.kind != row.kind:
        text = f"nobody has connected {row.slug} yet: connect it"
        return AuthorisationOut(state="missing", text=text)
    given = {
        "connected_at": grant.connected_at,
        "connected_by": grant.connected_by,
        "expires_at": grant.expires_at,
        "refused_at": grant.refused_at,
    }
    if grant.refused_at is None:
        return AuthorisationOut(state="connected", text="", **given)
    text = f"the authorisation has expired or was withdrawn: connect {row.slug} again"
    return AuthorisationOut(state="auth_expired", text=text, **given)


@router.post("/connectors/{slug}/authorisation")
async def begin(
    slug: SlugPath, admin: Admin, runtime: RuntimeDep, request: Request
) -> AuthorizeOut:
    """Begin to connect: open `authorize_url` in the browser that is logged in here."""
    row, settings, kind = await _connector(runtime, slug)
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    redirect_uri = callback_url(runtime, request)
    begun = Begun(slug, _bound_to(admin), verifier, redirect_uri)
    async with runtime.db.begin() as session:
        expires_at = await keep_request(session, runtime.secrets, state, begun, runtime.clock())
    client, _ = _client(row, settings)
    url = authorize_url(kind, client.client_id, redirect_uri, state, verifier)
    return AuthorizeOut(authorize_url=url, redirect_uri=redirect_uri, expires_at=expires_at)


@router.get("/connectors/{slug}/authorisation")
async def get_authorisation(
    slug: SlugPath, _admin: Admin, runtime: RuntimeDep, request: Request
) -> AuthorisationStateOut:
    """Say whether the connector is connected, and since when it has to be connected again."""
    row, settings, _ = await _connector(runtime, slug)
    async with runtime.db.read() as session:
        grant = await session.get(OAuthGrant, slug)
    shown = authorisation(row, settings, grant)
    if shown is None:
        raise _needs_none(row)
    return AuthorisationStateOut(**shown.model_dump(), redirect_uri=callback_url(runtime, request))


@router.delete("/connectors/{slug}/authorisation", status_code=204)
async def delete_authorisation(slug: SlugPath, _admin: Admin, runtime: RuntimeDep) -> None:
    """Forget the grant. At the vendor it stands until it is withdrawn there."""
    await _connector(runtime, slug)
    async with runtime.db.begin() as session:
        if not await disconnect(session, slug):
            raise AppError(404, "not_connected", "the connector is not connected")
        await bump_config_version(session)
    log.info("connector_disconnected", connector=slug)
    await runtime.reload()


@router.get("/oauth/callback", response_class=RedirectResponse, status_code=303)
async def callback(admin: Admin, runtime: RuntimeDep, request: Request) -> RedirectResponse:
    """Take the browser that comes back from the vendor; the page says how it went."""
    query = {name: value[:_LONGEST_VALUE] for name, value in request.query_params.items()}
    async with runtime.db.begin() as session:
        begun = await take_request(
            session, runtime.secrets, query.get("state", ""), runtime.clock()
        )
    if begun is None or begun.bound_to not in _bonds(admin):
        raise AppError(
            400,
            "unknown_state",
            "this was not begun in this browser, or is too old: begin to connect once more",
        )
    result = await _finish(runtime, begun, query, admin)
    log.info("connector_authorisation", connector=begun.connector, result=result)
    return RedirectResponse(f"/admin/sources/{begun.connector}?authorisation={result}", 303)


async def _finish(runtime: Runtime, begun: Begun, query: dict[str, str], admin: Principal) -> str:
    """Exchange the code and keep the grant; returns `connected` or why not, as one word."""
    if "code" not in query:
        return "denied" if query.get("error") == "access_denied" else "failed"
    row, settings, kind = await _connector(runtime, begun.connector)
    client, private = _client(row, settings)
    http = token_http(kind.token_url, allow_private_network=private)
    endpoint = TokenEndpoint(
        http, kind.token_url, client.client_id, client.client_secret, kind.token_auth
    )
    try:
        grant = await exchange_code(
            endpoint, kind, query, begun.redirect_uri, begun.verifier, runtime.clock()
        )
    except SourceError as error:
        log.warning("authorisation_failed", connector=row.slug, why=error.text)
        return error.kind.value
    finally:
        await http.aclose()
    grants = StoredGrants(runtime.db, runtime.secrets, row.slug, row.kind, runtime.clock)
    await grants.connect(grant, admin.user.user_id)
    async with runtime.db.begin() as session:
        await bump_config_version(session)
    await runtime.reload()
    return "connected"


async def _connector(runtime: Runtime, slug: str) -> tuple[ConnectorRow, dict[str, Any], OAuthKind]:
    async with runtime.db.read() as session:
        row = await session.get(ConnectorRow, slug)
    if row is None:
        raise AppError(404, "connector_not_found", "there is no connector with this slug")
    settings = configuration.open_settings(row, runtime.secrets)
    kind = _oauth_kind(row, settings)
    if kind is None:
        raise _needs_none(row)
    return row, settings, kind


def _oauth_kind(row: ConnectorRow, settings: dict[str, Any]) -> OAuthKind | None:
    cls = registry.kinds().get(row.kind)
    if cls is None:
        return None
    try:
        return cls.oauth_kind(cls.Config.model_validate(settings))
    except ValidationError:
        return None


def _client(row: ConnectorRow, settings: dict[str, Any]) -> tuple[ClientSettings, bool]:
    """Return client id and secret, and whether the vendor may be in the own network."""
    cls = registry.kinds()[row.kind]
    config = cls.Config.model_validate(settings)
    return cls.oauth_client(config), bool(getattr(config, "allow_private_network", False))


def _needs_none(row: ConnectorRow) -> AppError:
    detail = f"{row.slug} is not connected by OAuth: its settings hold all it needs"
    return AppError(409, "no_authorisation_needed", detail)


def callback_url(runtime: Runtime, request: Request) -> str:
    """Return where the vendor sends the browser back to."""
    base = runtime.settings.public_url or str(request.base_url).rstrip("/")
    return base + _CALLBACK


def _bound_to(principal: Principal) -> str:
    """Return who may finish: this session, or for a program's token any session of its user."""
    return principal.login if principal.via == "session" else _bonds(principal)[1]


def _bonds(principal: Principal) -> tuple[str, str]:
    return principal.login, f"user:{principal.user.user_id}"
