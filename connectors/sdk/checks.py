"""Connection tests: what an error of a source means for the person who sets it up."""

from __future__ import annotations

from connectors.sdk.types import CheckResult, CheckStatus, ErrorKind, SourceError

_STATUS = {
    ErrorKind.AUTH_EXPIRED: CheckStatus.INVALID_AUTH,
    ErrorKind.AUTH_DENIED: CheckStatus.MISSING_PERMISSION,
    ErrorKind.RATE_LIMITED: CheckStatus.CANNOT_CONNECT,
    ErrorKind.UNAVAILABLE: CheckStatus.CANNOT_CONNECT,
    ErrorKind.BUSY: CheckStatus.CANNOT_CONNECT,
}


def failed_check(error: SourceError, what: str = "", proved: tuple[str, ...] = ()) -> CheckResult:
    """Say that a test failed at `what`, after `proved` had been seen to work."""
    status = _STATUS.get(error.kind, CheckStatus.BAD_CONFIG)
    return CheckResult(status, f"{what}: {error.text}" if what else error.text, proved)
