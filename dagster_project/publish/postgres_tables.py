"""The publication in a PostgreSQL database too: schemas marts and quality, replaced in one transaction.

Rows are deleted and inserted, not truncated or swapped by renaming: readers are never kept waiting and see the old
set until the commit, and grants, indexes and views on the tables stay. Only a table whose columns have changed is
locked, at the very end and for a moment. Our tables say so in their comment; what else is in the schemas is left alone.

`python -m` of this file is the process that postgres.py starts: it ends without closing DuckDB, which aborts where the
server has gone during a transaction.
"""

from __future__ import annotations

import json
import os
import re
import sys
import threading
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import duckdb

from dagster_project import sql
from dagster_project.config.postgres_url import POSTGRES_URL, PostgresUrl, read_postgres_url
from dagster_project.errors import DealtrailError
from dagster_project.published import search_path

SCHEMAS = ("marts", "quality")
#: In the comment of every table of ours, which tells it from a stranger's of the same name.
MARK = "Published by Dealtrail"
#: One publisher at a time, also from two machines: the key of Postgres's advisory lock.
_ADVISORY_LOCK = 0x_DEA1_7A11
_LOADED_BESIDE = "_being_published"
#: What Postgres calls the types of published columns; all others go as text.
_TYPES = {
    "BIGINT": "bigint",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "DOUBLE": "double precision",
    "HUGEINT": "numeric(38,0)",
    "INTEGER": "integer",
    "SMALLINT": "smallint",
    "TIMESTAMP": "timestamp without time zone",
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
    "VARCHAR": "text",
}
_PASSES_BY_ITSELF = re.compile(
    "Connection refused|timeout expired|could not translate host name|No route to host|Network is unreachable|"
    "closed the connection|connection to server was lost|starting up|shutting down|in recovery mode|"
    "too many clients|connection slots|administrator command|lock timeout|deadlock detected|"
    r'PGSQL\.\d+" failed: No such file'
)
_ADVICE = {
    "password|authentication|pg_hba|role .* does not exist": f"Check user and password in {POSTGRES_URL}",
    "database .* does not exist": f"Create the database, or name another one in {POSTGRES_URL}",
    "permission denied|must be owner": "Have the role own the schemas marts and quality, and all of ours in them",
    "read-only transaction": f"Name the primary server in {POSTGRES_URL}, with a role that may write",
    "No space left|[Dd]isk full": "Make room on the server's disk: two sets of the tables have to fit",
    "depend on it": "Drop what depends on it, and create it anew afterwards",
    "lock timeout": "End the session that holds a lock on the tables",
    _PASSES_BY_ITSELF.pattern: f"See that the server of {POSTGRES_URL} runs and takes connections",
}
#: Lines of Postgres and its client that help nobody here.
_NOT_SHOWN = ("HINT:", "CONTEXT:", "LINE ", "^", "Is the server running", "This probably means", "before or while")
STANDS = "Until then Postgres keeps what it had; the local publication stands."


class PostgresError(DealtrailError):
    """The tables could not be published to Postgres, which still has what it had."""


class PostgresUnavailableError(PostgresError):
    """The same, for a reason that passes by itself: worth another try."""


@dataclass(frozen=True)
class Publication:
    """What was published."""

    address: str
    tables: int
    rows: int
    #: Rows with a text that held NUL characters, which Postgres does not store.
    rows_with_nul: int

    @property
    def facts(self) -> dict[str, str | int]:
        """For run.json and Dagster."""
        return {"address": self.address, "tables": self.tables, "rows": self.rows}

    @property
    def warnings(self) -> list[str]:
        """What differs from the local publication."""
        if not self.rows_with_nul:
            return []
        return [f"Postgres stores no NUL characters: \ufffd stands for them in {self.rows_with_nul} rows there"]


@dataclass(frozen=True)
class _Table:
    schema: str
    name: str
    columns: dict[str, str]
    comment: str | None
    column_comments: dict[str, str | None]

    @property
    def sql(self) -> str:
        return f"{self.schema}.{_identifier(self.name)}"

    @property
    def beside(self) -> _Table:
        """The table that is loaded first where the columns have changed."""
        return _Table(self.schema, self.name + _LOADED_BESIDE, self.columns, None, {})


_Tables = dict[tuple[str, str], _Table]


def open_duckdb() -> duckdb.DuckDBPyConnection:
    """A DuckDB that writes no file and asks no network."""
    config: dict[str, Any] = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "temp_directory": "",
    }
    return duckdb.connect(config=config)


def replace_tables(
    connection: duckdb.DuckDBPyConnection, database: Path, target: PostgresUrl, version: str
) -> Publication:
    """Replaces the tables in Postgres by those of a published DuckDB file; all of them, or none if it fails."""
    # a server that is cut off is noticed after minutes, not hours
    url = target.with_defaults(
        application_name="dealtrail", connect_timeout="10", keepalives_idle="60", tcp_user_timeout="120000"
    )
    try:
        connection.execute(f"load {sql.text(extension())}")
        connection.execute("set pg_null_byte_replacement = '\ufffd'")
        connection.execute(f"attach {sql.text(database)} as published (read_only)")
        connection.execute("set file_search_path = ?", [search_path(database)])
        connection.execute(f"attach {sql.text(url)} as postgres (type postgres, isolation_level 'read committed')")
        connection.execute("begin")
        publication = _replace_all(connection, target, version)
        connection.execute("commit")
    except duckdb.Error as error:
        problem = _explained(str(error).replace(url, str(target)), target)
    else:
        return publication
    raise problem  # not within the handler: DuckDB's error quotes the URL, and would stand in the traceback


def _replace_all(connection: duckdb.DuckDBPyConnection, target: PostgresUrl, version: str) -> Publication:
    """The statements of the one transaction, those that lock readers out last."""
    _execute(
        connection,
        "set local standard_conforming_strings = on",
        "set local statement_timeout = 0",
        "set local idle_in_transaction_session_timeout = 0",
        "set local lock_timeout = '60s'",
        f"select pg_advisory_xact_lock({_ADVISORY_LOCK})",
        "set local lock_timeout = '10s'",
    )
    tables, present = _published(connection, version), _present(connection)
    _refuse_strangers(tables, present, target)
    missing = [table for key, table in tables.items() if key not in present]
    changed = [table for key, table in tables.items() if key in present and present[key].columns != table.columns]
    gone = [table for key, table in present.items() if key not in tables and MARK in (table.comment or "")]
    _execute(
        connection,
        *(f"create schema {schema}" for schema in _missing_schemas(connection)),
        *(_create(table) for table in (*missing, *(table.beside for table in changed))),
    )
    connection.execute("call pg_clear_cache()")
    rows = rows_with_nul = 0
    for table in tables.values():
        if table not in missing:
            _execute(connection, f"delete from {table.sql}")
        rows += _load(connection, table, table.beside if table in changed else table)
        rows_with_nul += _count_rows_with_nul(connection, table)
    for table in changed:
        _execute(connection, *_reshape(table, present[table.schema, table.name]))
    _execute(
        connection,
        *(f"drop table {table.sql}" for table in gone),
        *(statement for key, table in tables.items() for statement in _comments(table, present.get(key))),
        *(f"analyze {table.sql}" for table in tables.values()),
    )
    return Publication(str(target), len(tables), rows, rows_with_nul)


def _execute(connection: duckdb.DuckDBPyConnection, *statements: str) -> None:
    """Runs statements in Postgres, within the transaction."""
    for statement in statements:
        connection.execute("call postgres_execute('postgres', ?)", [statement])


def _published(connection: duckdb.DuckDBPyConnection, version: str) -> _Tables:
    """The tables to publish, with the types that Postgres has for theirs."""
    rows = connection.execute(
        f"""
        select schema_name, table_name, any_value(tables.comment), list(column_name order by column_index),
            list(data_type order by column_index), list(columns.comment order by column_index)
        from duckdb_columns() as columns
        inner join (
            select database_name, schema_name, table_name, comment from duckdb_tables()
            union all
            select database_name, schema_name, view_name, comment from duckdb_views()
        ) as tables using (database_name, schema_name, table_name)
        where database_name = 'published' and schema_name in {SCHEMAS}
        group by schema_name, table_name
        order by schema_name, table_name
        """
    ).fetchall()
    return {
        (schema, name): _Table(
            schema,
            name,
            {column: _postgres_type(kind) for column, kind in zip(columns, kinds, strict=True)},
            "\n\n".join([*([comment.rstrip()] if comment else []), f"{MARK}, run {version}"]),
            dict(zip(columns, comments, strict=True)),
        )
        for schema, name, comment, columns, kinds, comments in rows
    }


def _present(connection: duckdb.DuckDBPyConnection) -> _Tables:
    """What the schemas in Postgres hold: tables, and views too, whose names are taken as well."""
    rows = connection.execute(
        "from postgres_query('postgres', ?)",
        [
            f"""
            select nspname::text, relname::text, obj_description(pg_class.oid, 'pg_class'),
                attname::text, format_type(atttypid, atttypmod), col_description(pg_class.oid, attnum)
            from pg_catalog.pg_class
            inner join pg_catalog.pg_namespace on pg_namespace.oid = relnamespace
            left join pg_catalog.pg_attribute on attrelid = pg_class.oid and attnum > 0 and not attisdropped
            where nspname in {SCHEMAS} and relkind in ('r', 'p', 'v', 'm', 'f')
            order by relname, attnum
            """
        ],
    ).fetchall()
    tables: _Tables = {}
    for schema, name, comment, column, kind, column_comment in rows:
        table = tables.setdefault((schema, name), _Table(schema, name, {}, comment, {}))
        if column is not None:
            table.columns[column] = kind
            table.column_comments[column] = column_comment
    return tables


def _refuse_strangers(tables: _Tables, present: _Tables, target: PostgresUrl) -> None:
    strangers = [table.sql for key, table in present.items() if key in tables and MARK not in (table.comment or "")]
    if strangers:
        raise PostgresError(
            f"Postgres at {target}: {', '.join(strangers)} cannot be replaced: not published by Dealtrail, for the "
            f"comment does not say so. Move what is there, or name another database in {POSTGRES_URL}"
        )


def _missing_schemas(connection: duckdb.DuckDBPyConnection) -> list[str]:
    # `create schema if not exists` would ask for the right to create schemas even where both are there
    query = f"select nspname::text from pg_catalog.pg_namespace where nspname in {SCHEMAS}"
    present = {row[0] for row in connection.execute("from postgres_query('postgres', ?)", [query]).fetchall()}
    return [schema for schema in SCHEMAS if schema not in present]


def _create(table: _Table) -> str:
    columns = ", ".join(f"{_identifier(name)} {kind}" for name, kind in table.columns.items())
    return f"create table {table.sql} ({columns})"


def _load(connection: duckdb.DuckDBPyConnection, table: _Table, into: _Table) -> int:
    inserted = connection.execute(f"insert into postgres.{into.sql} by name from published.{table.sql}").fetchone()
    return inserted[0] if inserted else 0


def _count_rows_with_nul(connection: duckdb.DuckDBPyConnection, table: _Table) -> int:
    found = " or ".join(
        f"contains({_identifier(name)}::varchar, chr(0))"
        for name, kind in table.columns.items()
        if kind in ("text", "text[]")
    )
    counted = connection.execute(f"select count(*) from published.{table.sql} where {found or 'false'}").fetchone()
    return counted[0] if counted else 0


def _reshape(table: _Table, present: _Table) -> list[str]:
    """Gives a table new columns and the rows loaded beside it. No `cascade`: what depends on a column is not ours."""
    wrong = [name for name, kind in present.columns.items() if table.columns.get(name) != kind]
    new = [name for name in table.columns if name in wrong or name not in present.columns]
    # dropped and added, not converted: that would write the table anew and show older snapshots an empty one
    changes = [f"drop column {_identifier(name)}" for name in wrong]
    changes += [f"add column {_identifier(name)} {table.columns[name]}" for name in new]
    names = ", ".join(map(_identifier, table.columns))
    return [
        f"alter table {table.sql} {', '.join(changes)}",
        f"insert into {table.sql} ({names}) select {names} from {table.beside.sql}",
        f"drop table {table.beside.sql}",
    ]


def _comments(table: _Table, present: _Table | None) -> list[str]:
    known = {} if present is None else present.column_comments
    columns = {
        f"column {table.sql}.{_identifier(name)}": comment
        for name, comment in table.column_comments.items()
        if comment != known.get(name)
    }
    return [
        f"comment on {what} is {'null' if comment is None else sql.text(comment)}"
        for what, comment in {f"table {table.sql}": table.comment, **columns}.items()
    ]


def _explained(text: str, target: PostgresUrl) -> PostgresError:
    """What Postgres or its client says, and what to do about it."""
    said = re.split(r'(?:ERROR|FATAL): +|Unable to connect to Postgres at "[^"]*": ', text)[-1]
    lines = [re.sub("^DETAIL: +", "", line.strip()) for line in said.splitlines() if line.strip()]
    what = "; ".join(line for line in lines if not line.startswith(_NOT_SHOWN))[:500].rstrip(".")
    advice = next((advice for pattern, advice in _ADVICE.items() if re.search(pattern, what)), f"Check {POSTGRES_URL}")
    kind = PostgresUnavailableError if _PASSES_BY_ITSELF.search(what) else PostgresError
    return kind(f"Postgres at {target}: {what}. {advice}, then run `dealtrail postgres`. {STANDS}")


def _postgres_type(kind: str) -> str:
    if kind.endswith("[]") and not kind.endswith("[][]"):
        return f"{_postgres_type(kind[:-2])}[]"
    return kind.replace("DECIMAL", "numeric") if kind.startswith("DECIMAL") else _TYPES.get(kind, "text")


def extension() -> Path:
    """DuckDB's extension as its wheel brings it: loaded from there, so nothing is downloaded or copied."""
    folder = Path(str(resources.files("duckdb_extension_postgres_scanner"))) / "extensions" / f"v{duckdb.__version__}"
    return folder / "postgres_scanner.duckdb_extension"


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _main(database: str, version: str) -> None:
    """Prints what was published, or why not, as JSON; ends as soon as whoever started it does."""
    threading.Thread(target=_end_with_standard_input, daemon=True).start()
    target = read_postgres_url(os.environ)
    assert target is not None, f"{POSTGRES_URL} is set by whoever starts this"
    try:
        said = asdict(replace_tables(open_duckdb(), Path(database), target, version))
    except PostgresError as error:
        said = {"error": str(error), "passes_by_itself": isinstance(error, PostgresUnavailableError)}
    print(json.dumps(said), flush=True)
    os._exit(0)


def _end_with_standard_input() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    _main(*sys.argv[1:])
