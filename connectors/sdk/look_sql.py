"""Looking at a database: its tables, sample rows, what a query returns and how it is run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, inspect, text
from sqlalchemy.engine.reflection import ObjectKind

from connectors.sdk import columns
from connectors.sdk.connector import Context
from connectors.sdk.faults import plain_detail
from connectors.sdk.look import Column, Look, TableShape, Wanted
from connectors.sdk.offers import offered
from connectors.sdk.queries import Queries
from connectors.sdk.sql import ReadOnlyDatabase, parameters, parse_url
from connectors.sdk.types import ErrorKind, SourceError

SAMPLE_ROWS = 5
_MOST_TABLES = 500
_TIMEOUT_MS = 10_000
_OWN_IDS = frozenset({"id", "uuid"})
_NOT_THEIRS = frozenset(
    {"information_schema", "pg_catalog", "pg_toast", "mysql", "performance_schema", "sys"}
)


async def look_at_database(settings: Mapping[str, Any], context: Context, wanted: Wanted) -> Look:
    """Read the tables; or five rows of one; or what the query `wanted.name` returns.

    Raises:
        SourceError: the database cannot be read, or the query is none that the connector takes.
    """
    url = settings.get("url")
    if not isinstance(url, str) or not url:
        raise SourceError(ErrorKind.BAD_CONFIG, "give the database URL first")
    database = ReadOnlyDatabase(parse_url(url), context.data_dir, _TIMEOUT_MS, 2)
    try:
        if wanted.table:
            return await _table(database, wanted)
        if wanted.name:
            return await _query(database, settings, wanted)
        return Look(tables=await database.inspect(_tables))
    finally:
        await database.aclose()


def _tables(connection: Connection) -> list[TableShape]:
    inspector = inspect(connection)
    default = inspector.default_schema_name
    others = [s for s in inspector.get_schema_names() if s != default and _is_theirs(s)]
    # On SQLite and MySQL the default is the database itself; MySQL's others are other databases.
    schemas = [None, *(others if connection.dialect.name == "postgresql" else [])]
    found: list[TableShape] = []
    for schema in schemas:
        names = [*inspector.get_table_names(schema), *inspector.get_view_names(schema)]
        room = _MOST_TABLES - len(found)
        if not names or room <= 0:
            continue
        shapes = inspector.get_multi_columns(
            schema, filter_names=sorted(names)[:room], kind=ObjectKind.ANY
        )
        found += [
            TableShape(
                f"{schema}.{name}" if schema else name,
                [Column(each["name"], str(each["type"])) for each in listed],
            )
            for (_, name), listed in sorted(shapes.items(), key=lambda item: item[0][1])
        ]
    return found


def _is_theirs(schema: str) -> bool:
    return schema not in _NOT_THEIRS and not schema.startswith("pg_")


async def _table(database: ReadOnlyDatabase, wanted: Wanted) -> Look:
    def select(connection: Connection) -> tuple[str, TableShape] | None:
        found = next((t for t in _tables(connection) if t.name == wanted.table), None)
        if found is None:
            return None
        quote = connection.dialect.identifier_preparer.quote
        return ".".join(quote(part) for part in found.name.split(".", 1)), found

    known = await database.inspect(select)
    if known is None:
        raise SourceError(ErrorKind.NOT_FOUND, f"there is no table {wanted.table[:100]!r}")
    quoted, shape = known
    # The name is one of the database's own, quoted by its dialect.
    rows = await database.read(f"SELECT * FROM {quoted}", {}, SAMPLE_ROWS)  # noqa: S608 see above
    ours = columns.known(wanted.name) if wanted.name in Queries.model_fields else ()
    names = [c.name for c in shape.columns]
    offers = {theirs: our for our, theirs in offered(ours, names).items()}
    if ours and "remote_id" not in ours:
        offers |= _whose([name for name in names if name not in offers])
    seen = [
        Column(c.name, c.type, ours=offers.get(c.name, ""), is_offered=c.name in offers)
        for c in shape.columns
    ]
    return Look(ours=ours, columns=seen, rows=rows.records, cut=rows.more)


def _whose(names: Sequence[str]) -> dict[str, str]:
    """Find the column that says whose a row of invoices or orders is: hardly the row's own id."""
    found = offered(("remote_id",), [name for name in names if name.casefold() not in _OWN_IDS])
    return {theirs: our for our, theirs in found.items()}


async def _query(database: ReadOnlyDatabase, settings: Mapping[str, Any], wanted: Wanted) -> Look:
    queries = settings.get("queries")
    sql = queries.get(wanted.name, "") if isinstance(queries, Mapping) else ""
    sql = _checked(wanted.name, sql)
    rows = await database.read(sql, wanted.values, SAMPLE_ROWS)
    unused = set(columns.unknown(wanted.name, rows.columns))
    return Look(
        ours=columns.known(wanted.name),
        columns=[Column(c, ours="" if c in unused else c) for c in rows.columns],
        rows=rows.records,
        plan=await _plan(database, sql, wanted.values),
        missing=columns.missing(wanted.name, rows.columns),
        cut=rows.more,
    )


def _checked(name: str, sql: Any) -> str:
    """Return the query as the connector would take it."""
    if name not in Queries.model_fields:
        raise SourceError(ErrorKind.BAD_CONFIG, f"there is no query {name[:40]!r}")
    if not isinstance(sql, str) or not sql.strip():
        raise SourceError(ErrorKind.BAD_CONFIG, f"write the query {name} first")
    try:
        Queries.model_validate({name: sql})
    except ValidationError as error:
        # What it has to go with is said when it is saved.
        fault = next((e for e in error.errors() if e["loc"]), None)
        if fault is not None:
            text_ = plain_detail(fault)
            raise SourceError(ErrorKind.BAD_CONFIG, f"query {name}: {text_}") from None
    return sql


async def _plan(database: ReadOnlyDatabase, sql: str, values: Mapping[str, str]) -> list[str]:
    """Return how the database would run a query, in its own words; empty where it does not say."""
    backend = database.url.get_backend_name()
    one = sql.strip().rstrip(";")
    if ";" in one:
        # Behind EXPLAIN a second statement would be run.
        return []
    if backend == "sqlite":
        rows = await database.read(f"EXPLAIN QUERY PLAN {one}", values, 50)
        return [str(record["detail"]) for record in rows.records]
    if backend not in {"postgresql", "mysql", "mariadb"}:
        return []
    wanted = {name: values.get(name) for name in parameters(one)}
    explained = "EXPLAIN " + one

    def explain(connection: Connection) -> list[str]:
        result = connection.execute(text(explained), wanted)
        return [_words(dict(row)) for row in result.mappings().fetchmany(50)]

    try:
        return await database.inspect(explain)
    except SourceError:
        # A parameter whose type only the run tells; the query itself has just been run.
        return []


def _words(row: Mapping[str, Any]) -> str:
    if len(row) == 1:
        return str(next(iter(row.values())))
    return " · ".join(f"{name} {value}" for name, value in row.items() if value is not None)
