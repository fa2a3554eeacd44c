"""What every route declares: who may call it (`Allow`, or `Public`), and what it works with."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends, Path, Query, Request

from app.api.security import Principal, authenticate, refuse_cross_site, refuse_other_than_json
from app.entries import Role
from app.errors import AppError
from app.runtime import Runtime

EVERYBODY: tuple[Role, ...] = ("agent", "supervisor", "admin")


def runtime_of(request: Request) -> Runtime:
    """Return the running objects of this process."""
    return cast("Runtime", request.app.state.runtime)


class Allow:
    """Dependency: the request comes from a logged-in user with one of these roles."""

    def __init__(self, *roles: Role) -> None:
        self.roles = frozenset(roles)

    async def __call__(self, request: Request) -> Principal:
        """Return who is asking.

        Raises:
            AppError: 401 not logged in, 403 the role may not or another site asks, 415 not JSON.
        """
        runtime = runtime_of(request)
        principal = await authenticate(request.headers, runtime)
        if principal is None:
            raise AppError(401, "not_logged_in", "log in, or send a valid bearer token")
        if principal.via == "session":
            refuse_cross_site(
                request.method, request.headers, runtime.settings.public_url, needed=True
            )
        else:
            refuse_other_than_json(request.headers)
        if principal.user.role not in self.roles:
            needed = " or ".join(role for role in EVERYBODY if role in self.roles)
            raise AppError(403, "not_allowed", f"this needs the role {needed}")
        return principal


class Public:
    """Dependency: anybody may call this, but no other site may make a browser do it."""

    async def __call__(self, request: Request) -> None:
        """Let the request pass.

        Raises:
            AppError: 403 another site made a browser send it, 415 not JSON.
        """
        public_url = runtime_of(request).settings.public_url
        refuse_cross_site(request.method, request.headers, public_url, needed=False)


RuntimeDep = Annotated[Runtime, Depends(runtime_of)]
AnyUser = Annotated[Principal, Depends(Allow(*EVERYBODY))]
Admin = Annotated[Principal, Depends(Allow("admin"))]
Id = Annotated[str, Path(pattern="^[0-9a-f]{32}$")]
Limit = Annotated[int, Query(ge=1, le=200)]
Offset = Annotated[int, Query(ge=0, le=1_000_000)]
