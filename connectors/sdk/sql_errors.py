"""What a database's error means, in words that tell an admin what to do.

Nothing of the database's own message is repeated, except a plain name of a table or column.
"""

from __future__ import annotations

import re

from sqlalchemy import exc

from connectors.sdk.types import ErrorKind, SourceError

_NAME = r"[\"'`]?([A-Za-z_][\w.$]{0,79})[\"'`]?"
_DENIED, _LOGIN = ErrorKind.AUTH_DENIED, ErrorKind.AUTH_EXPIRED
_CONFIG, _DOWN, _BUSY = ErrorKind.BAD_CONFIG, ErrorKind.UNAVAILABLE, ErrorKind.BUSY

# Looked for in order in the database's message; {} is the name that the pattern captured.
_MEANINGS: tuple[tuple[str, ErrorKind, str], ...] = (
    (
        r"password authentication failed|no password supplied|access denied for user"
        r"|role \".*\" does not exist|login failed",
        _LOGIN,
        "the database does not accept the user name or password: correct them in the URL",
    ),
    (r"no pg_hba\.conf entry", _LOGIN, "the database does not let this host log in (pg_hba.conf)"),
    (
        r"database \".*\" does not exist|unknown database",
        _CONFIG,
        "there is no database of the name at the end of the URL",
    ),
    (
        r"could not translate host name|failed to resolve host|name or service not known"
        r"|nodename nor servname|getaddrinfo failed|no address associated",
        _DOWN,
        "the host name of the database is not known: check it in the URL",
    ),
    (
        r"connection refused",
        _DOWN,
        "nothing answers at the database's host and port: check both, and that it runs",
    ),
    (
        r"connection timeout|timeout expired|timed out|no route to host|network is unreachable",
        _DOWN,
        "the database's host does not answer: check the address and the firewall",
    ),
    (r"too many (?:clients|connections)|remaining connection slots", _BUSY, "the database has no"
     " free connection: lower max_connections or raise the database's own limit"),
    (r"unable to open database file", _DOWN, "the SQLite file is not there or cannot be opened"),
    (r"file is not a database|database disk image is malformed", _CONFIG, "the file is not an "
     "SQLite database, or is damaged"),
    (
        rf"permission denied for (?:table |view |relation |schema |function )+{_NAME}",
        _DENIED,
        "the database user may not read `{}`: grant SELECT on it",
    ),
    (r"permission denied|command denied", _DENIED, "the database user may not read what the query"
     " asks for: grant SELECT"),
    (
        rf"(?:no such column|unknown column):? {_NAME}|column {_NAME} does not exist",
        _CONFIG,
        "there is no column `{}`: was it renamed?",
    ),
    (
        rf"no such table:? {_NAME}|relation {_NAME} does not exist|table {_NAME} doesn't exist",
        _CONFIG,
        "there is no table `{}`: was it renamed?",
    ),
    (
        r"read[- ]only transaction|not authorized|readonly database|prohibited|attempt to write"
        r"|must not contain data-modifying|one statement at a time|multiple commands",
        _CONFIG,
        "the query does more than read: one SELECT is allowed",
    ),
    (
        r"syntax error|error in your sql syntax|incomplete input",
        _CONFIG,
        "the query has a syntax error",
    ),
    (r"database is locked|lock timeout", _BUSY, "the data is locked by another program"),
)  # fmt: skip


def source_error(error: Exception, timeout_ms: int) -> SourceError:
    """Translate what a driver raised into a SourceError."""
    if isinstance(error, ImportError | exc.NoSuchModuleError):
        name = error.name if isinstance(error, ImportError) and error.name else None
        cure = f"install the Python package {name}" if name else "check the start of the URL"
        return SourceError(_CONFIG, f"no driver for this kind of database: {cure}")
    original = error.orig if isinstance(error, exc.DBAPIError) and error.orig else error
    message = str(original)
    state = getattr(original, "sqlstate", None)
    # PostgreSQL, SQLite, MySQL, MariaDB.
    if (
        state == "57014"
        or message == "interrupted"
        or "execution time exceeded" in message
        or "max_statement_time exceeded" in message
    ):
        return SourceError(
            _DOWN, f"the query took longer than {timeout_ms} ms: add an index, or raise the limit"
        )
    for pattern, kind, meaning in _MEANINGS:
        found = re.search(pattern, message, re.IGNORECASE)
        if found:
            return SourceError(kind, meaning.format(_captured(found)))
    if isinstance(state, str) and state[:2] in {"42", "22"}:
        return SourceError(_CONFIG, f"the database refuses the query (SQLSTATE {state})")
    if isinstance(error, exc.ProgrammingError | exc.DataError | exc.ArgumentError):
        return SourceError(_CONFIG, f"the database refuses the query ({type(original).__name__})")
    return SourceError(_DOWN, f"the database cannot be read ({type(original).__name__})")


def _captured(found: re.Match[str]) -> str:
    return next((group for group in found.groups() if group), "")
