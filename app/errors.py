"""The product's own errors: for people at a terminal, and for programs over HTTP."""

from __future__ import annotations

from typing_extensions import TypedDict


class FieldError(TypedDict):
    """Where in a request something is wrong (RFC 6901 pointer), and what."""

    pointer: str
    detail: str


class UserError(Exception):
    """A user's mistake or a fault of the surroundings: one line that says what to do."""


class AppError(Exception):
    """An HTTP error with a stable code, answered as RFC 9457 problem+json."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        errors: list[FieldError] | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors or []
        self.retry_after_s = retry_after_s

    def problem(self) -> dict[str, object]:
        """Return the problem document."""
        return {
            "type": "about:blank",
            "title": self.code.replace("_", " "),
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "errors": self.errors,
        }
