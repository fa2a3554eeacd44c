"""Every error is answered as RFC 9457 problem+json, and says nothing about the inside."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from app.errors import AppError, FieldError, UserError
from connectors.sdk.faults import plain_detail

log = structlog.get_logger("api")

TOO_LARGE = "the body is too large; send at most one megabyte"
_HTTP = {
    404: ("not_found", "there is nothing at this address"),
    405: ("method_not_allowed", "this address does not take that method"),
    413: ("too_large", TOO_LARGE),
}


def problem(error: AppError) -> Response:
    """Return the answer for an error."""
    headers = {}
    if error.retry_after_s is not None:
        headers["retry-after"] = str(error.retry_after_s)
    if error.status == 401:
        headers["www-authenticate"] = "Bearer"
    return Response(
        orjson.dumps(error.problem()), error.status, headers, "application/problem+json"
    )


def answer_problems(app: FastAPI) -> None:
    """Make the app answer all its errors as problems."""
    app.add_exception_handler(AppError, _app_error)
    app.add_exception_handler(UserError, _user_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unexpected)


def field_errors(errors: Sequence[Any], prefix: str = "") -> list[FieldError]:
    """Write pydantic's errors as pointers and details, without the values that were sent."""
    return [
        {"pointer": prefix + pointer(error["loc"]), "detail": plain_detail(error)}
        for error in errors
    ]


def pointer(loc: Sequence[str | int]) -> str:
    """Write a location as a JSON pointer (RFC 6901)."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in loc)


async def _app_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, AppError)  # noqa: S101 - tells mypy what the registration says
    return problem(error)


async def _user_error(_request: Request, error: Exception) -> Response:
    # A fault of the surroundings, such as a key that was taken away: for the admin's log.
    log.error("unusable", why=str(error))
    return problem(AppError(500, "unusable", "the server's set-up is at fault: see its log"))


async def _invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    errors: list[FieldError] = []
    for each in error.errors():
        if each["type"] == "json_invalid":
            return problem(AppError(400, "not_json", "the body is not JSON"))
        # The first part says where it was: body, query, path.
        where = each["loc"][1:]
        errors.append({"pointer": pointer(where), "detail": plain_detail(each)})
    detail = "; ".join(f"{e['pointer'] or 'the body'} {e['detail']}" for e in errors[:3])
    return problem(AppError(422, "invalid", detail, errors))


async def _http_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    phrase = HTTPStatus(error.status_code).phrase.lower()
    code, detail = _HTTP.get(error.status_code, (phrase.replace(" ", "_"), phrase))
    answer = problem(AppError(error.status_code, code, detail))
    answer.headers.update(error.headers or {})
    return answer


async def _unexpected(request: Request, error: Exception) -> Response:
    error_id = uuid.uuid4().hex[:12]
    log.error("unexpected", error_id=error_id, path=request.url.path, exc_info=error)
    return problem(
        AppError(500, "unexpected", f"something went wrong; its log entry has the id {error_id}")
    )
